"""Weights of `toon` that know drawn faces: `python -m benchmarks.pretrain draw|judge|train --folder FOLDER`.

`draw` installs `benchmarks.drawn.PACKAGES` from npm (node is needed, here only), draws the faces and writes sheets to
look at. `judge` leaves styles out: it trains on the others and asks for the emotions of those, without any label of the
style and with a few, beside a random start. What is finished is kept in the folder. `train` trains on all and writes
the weights that the package ships, the same bytes again on the same machine.
"""

import argparse
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.drawn import EMOTIONS, PACKAGES, SIZE, choose, rasterise, read_styles, svgs_of, vary
from benchmarks.papers import mean_of
from pipeline.classifier.imagenet import ImageNetFeatures
from pipeline.classifier.inputs import Normalisation, face_input, statistics
from pipeline.classifier.metrics import scores
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.nets import architecture, build
from pipeline.nets.layers import probabilities
from pipeline.nets.toon import MARGIN
from pipeline.tables import write_json
from pipeline.training.run import Examples, Run, logits_of
from pipeline.training.start import PACE, WEIGHTS, put

NORMALISE: Final = Normalisation((127.5,) * 3, (70.0,) * 3)
"""`toon` brings each picture to mean 0 and deviation 1 itself: this only sets the scale of varied brightness."""
HELD: Final = (
    ("adventurer", "avataaars", "croodles", "dylan"),
    ("bigEars", "bigSmile", "funEmoji", "lorelei"),
    ("micah", "openPeeps", "personas", "toonHead"),
)
"""Avatars left out together by `judge`."""
CHUNK: Final = 250
"""Drawings that a process makes at a time."""
RECIPE: Final = architecture("toon").recipe
TIMES: Final = 2
"""Variations of each drawing."""
IMAGENET: Final = "ImageNet, frozen"
TILES: Final = 4
"""Faces of a style and an emotion on a sheet."""


def draw(folder: Path, count: int, seed: int, processes: int) -> None:
    """Draw `count` faces, each varied `TIMES` times: images.npy (uint8 [N, SIZE, SIZE, 3]), faces.csv, sheet.png."""
    packages = folder / "npm"
    packages.mkdir(parents=True, exist_ok=True)
    if not (packages / "node_modules").is_dir():
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".", *PACKAGES]
        subprocess.run(command, cwd=packages, check=True)
    styles = read_styles()
    faces = choose(styles, count, seed)
    svgs = svgs_of(faces, styles, packages)
    chunks = range(0, len(faces), CHUNK)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = (
            [[face.style for face in faces[start : start + CHUNK]] for start in chunks],
            [svgs[start : start + CHUNK] for start in chunks],
            [(seed, start) for start in chunks],
        )
        images = np.concatenate(list(pool.map(_pictures, *parts)))
    table = pd.DataFrame(
        [(one.style, one.emotion, drawing) for drawing, one in enumerate(faces) for _ in range(TIMES)],
        columns=["style", "emotion", "drawing"],
    )
    table.to_csv(folder / "faces.csv", index=False, lineterminator="\n")
    np.save(folder / "images.npy", images, allow_pickle=False)
    cv2.imwrite(str(folder / "sheet.png"), _sheet(images, table)[..., ::-1])
    print(table.groupby(["style", "emotion"]).size().unstack(fill_value=0).to_string())
    print(f"images sha256 {hashlib.sha256(images.tobytes()).hexdigest()}")


def _pictures(names: list[str], svgs: list[str], seed: tuple[int, int]) -> NDArray[np.uint8]:
    """The variations of some drawings; the same however many processes there are."""
    cv2.setNumThreads(1)
    styles, dice = read_styles(), np.random.default_rng(seed)
    rasters = (rasterise(svg, styles[name]) for name, svg in zip(names, svgs, strict=True))
    return np.stack([vary(raster, dice) for raster in rasters for _ in range(TIMES)])


def _sheet(images: NDArray[np.uint8], table: pd.DataFrame) -> NDArray[np.uint8]:
    """A row for each style, `TILES` pictures for each emotion."""
    rows = []
    for style in table["style"].unique():
        cells = []
        for emotion in EMOTIONS:
            own = table.index[(table["style"] == style) & (table["emotion"] == emotion)][:TILES]
            white = np.full((TILES - len(own), SIZE, SIZE, 3), 255, dtype=np.uint8)
            cells += [*images[own], *white]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def fit(folder: Path, epochs: int, seed: int, without: Sequence[str] = ()) -> torch.nn.Module:
    """`toon` trained by its own recipe, but without mixing, on the faces of all styles but `without`; one thread."""
    images, table = np.load(folder / "images.npy", mmap_mode="r"), pd.read_csv(folder / "faces.csv")
    rows = np.flatnonzero(~table["style"].isin(without))
    targets = np.array([EMOTIONS.index(one) for one in table["emotion"][rows]])
    data = Examples(torch.from_numpy(images[rows]), torch.from_numpy(targets))
    with reproducible(seed, 1):
        net: torch.nn.Module = build("toon", len(EMOTIONS), {})
        run = Run(net, NORMALISE, data, None, replace(RECIPE, epochs=epochs, mixup=0.0), seed, len(EMOTIONS))
        for _ in range(epochs):
            point = run.step()
            print(f"epoch {point.epoch}: loss {point.train_loss:.3f}, accuracy {point.train_accuracy:.3f}", flush=True)
    net.eval()
    return net


def judge(folder: Path, epochs: int, seeds: int, labels: int, imagenet: bool) -> None:
    """Print how well the emotions of styles that were left out are named, a row for each style.

    imagenet: a column for what ImageNet's features give, frozen, of the same labels and the same faces.
    """
    images, table = np.load(folder / "images.npy", mmap_mode="r"), pd.read_csv(folder / "faces.csv")
    faces = hashlib.sha256(images.tobytes()).hexdigest()
    found = []
    for seed, held in product(range(seeds), HELD):
        what = [faces, epochs, labels, seed, held, repr(RECIPE), architecture("toon").options]
        key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
        kept = folder / "judged" / f"{seed}-{held[0]}-{key}.json"
        if not kept.exists():
            net = fit(folder, epochs, seed, held)
            write_json(kept, [judged(style, net, images, table, labels, seed) for style in held])
        found += json.loads(kept.read_text(encoding="utf-8"))
    if imagenet:
        figures = {style: of_imagenet(style, folder, images, table, faces, seeds, labels) for style in sum(HELD, ())}
        found = [row | {IMAGENET: figures[row["style"]][row["seed"]]} for row in found]
    print("\n".join(judged_table(pd.DataFrame(found), labels)))


def of_imagenet(
    style: str, folder: Path, images: NDArray[np.uint8], table: pd.DataFrame, faces: str, seeds: int, labels: int
) -> list[float]:
    """Macro F1 by seed of a logistic regression on EfficientNet-Lite0's features, as in `benchmarks.transfer`.

    It is given the faces that `judged` gives, and asked for one variation of each drawing that it asks for: half as
    many, because these features take most of the time. Kept in the folder.
    """
    key = hashlib.sha256(json.dumps([faces, seeds, labels]).encode()).hexdigest()[:16]
    kept = folder / "judged" / f"imagenet-{style}-{key}.json"
    if not kept.exists():
        own = table[table["style"] == style]
        names = tuple(one for one in EMOTIONS if (own["emotion"] == one).any())
        first = own.drop_duplicates("drawing").index
        wide = np.stack([face_input(images[row], MARGIN, ImageNetFeatures.shape) for row in first])
        features = pd.DataFrame(ImageNetFeatures().features(wide), index=first)
        targets = pd.Series([names.index(one) for one in own["emotion"]], index=own.index)
        found = []
        for seed in range(seeds):
            known, both = told(own, labels, seed)
            asked = first[first.isin(both)]
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
            guess = model.fit(features.loc[known].to_numpy(), targets[known]).predict(features.loc[asked].to_numpy())
            actual = np.asarray(targets[asked], dtype=np.int64)
            found.append(scores(actual, guess, names)["macro_f1"])
        write_json(kept, found)
    figures: list[float] = json.loads(kept.read_text(encoding="utf-8"))
    return figures


def judged(
    style: str, net: torch.nn.Module, images: NDArray[np.uint8], table: pd.DataFrame, labels: int, seed: int
) -> dict[str, Any]:
    """Macro F1 on the drawings of one style that are not labelled: no label, random start, this start.

    net: has not learned from the style. A style that cannot show an emotion is not asked about it.
    """
    own = table[table["style"] == style]
    known, asked = told(own, labels, seed)
    names = tuple(one for one in EMOTIONS if (own["emotion"] == one).any())
    there = [EMOTIONS.index(one) for one in names]
    known_y, asked_y = (np.array([names.index(one) for one in own["emotion"][rows]]) for rows in (known, asked))
    few = Examples(torch.from_numpy(images[known]), torch.from_numpy(known_y))
    pictures = torch.from_numpy(images[asked])
    guesses = {"none": probabilities(net, logits_of(net, NORMALISE, pictures)).numpy()[:, there].argmax(axis=1)}
    weights = {name: values for name, values in net.state_dict().items() if "num_batches" not in name}
    for name, pace in (("random start", 1.0), ("drawn start", PACE)):
        with reproducible(seed, 1):
            own_net: torch.nn.Module = build("toon", len(names), {})
            if name == "drawn start":
                put(own_net, names, weights)
            normalise = statistics(few.images.numpy())
            run = Run(own_net, normalise, few, None, RECIPE, seed, len(names), pace)
            for _ in range(RECIPE.epochs):
                run.step()
            guesses[name] = logits_of(own_net, normalise, pictures).numpy().argmax(axis=1)
    figures = {name: scores(asked_y, guess, names)["macro_f1"] for name, guess in guesses.items()}
    return {"style": style, "seed": seed, "emotions": len(names), "labels": len(known), "asked": len(asked), **figures}


def told(own: pd.DataFrame, labels: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of a style whose labels are known, one variation of `labels` drawings an emotion; rows of other drawings."""
    order = np.random.default_rng(seed).permutation(own["drawing"].unique())
    drawings = own.drop_duplicates("drawing").set_index("drawing").loc[order]
    chosen = drawings.groupby("emotion").head(labels).index
    known = own[own["drawing"].isin(chosen)].drop_duplicates("drawing")
    return known.index.to_numpy(), own[~own["drawing"].isin(chosen)].index.to_numpy()


def judged_table(found: pd.DataFrame, labels: int) -> Iterator[str]:
    """Means over seeds as Markdown; in the last row the mean over styles, ± the deviation of its values over seeds."""
    ways = ["none", "random start", "drawn start", *([IMAGENET] if IMAGENET in found else [])]
    titles = ("style left out", "emotions", "faces asked", "no label", f"{labels} labels, random start")
    yield f"| {' | '.join([*titles, *(f'{labels}, {way}' for way in ways[2:])])} |"
    yield "|---" * (3 + len(ways)) + "|"
    for style, own in found.groupby("style"):
        cells = [str(style), str(own["emotions"].iloc[0]), str(own["asked"].iloc[0])]
        yield "| " + " | ".join([*cells, *(mean_of(own[way]) for way in ways)]) + " |"
    means = found.groupby("seed")[ways].mean()
    yield "| " + " | ".join(["mean", "", "", *(mean_of(means[way]) for way in ways)]) + " |"
    by_style = found.groupby("style")
    ahead = by_style["drawn start"].mean() > by_style["random start"].mean()
    chance = (1 / by_style["emotions"].first()).mean()
    yield f"\nThe drawn start is ahead in {ahead.sum()} of {len(ahead)} styles. Accuracy by chance: {chance:.3f}"
    if IMAGENET in found:
        behind = by_style["drawn start"].mean() < by_style[IMAGENET].mean()
        yield f"ImageNet's features are ahead of the drawn start in {behind.sum()}."


def write(net: torch.nn.Module, path: Path) -> str:
    """Write the weights with the emotions of their head; their sha256."""
    tensors = {name: tensor.contiguous() for name, tensor in net.state_dict().items() if "num_batches" not in name}
    # One key: safetensors writes several in an order by chance, so the bytes would differ from run to run.
    data = save(tensors, {"toonset": json.dumps({"net": "toon", "emotions": EMOTIONS})})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    """Parse the command line, draw, judge or train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("job", choices=("draw", "judge", "train"))
    parser.add_argument("--folder", type=Path, required=True, help="where drawn faces are kept")
    parser.add_argument("--count", type=int, default=20000, help="faces to draw, each varied twice")
    parser.add_argument("--processes", type=int, default=1, help="that draw; changes nothing drawn")
    parser.add_argument("--epochs", type=int, default=12, help="one takes about a minute with 20,000 drawings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=2, help="of `judge`")
    parser.add_argument("--labels", type=int, default=10, help="an emotion, of a style that `judge` leaves out")
    parser.add_argument("--imagenet", action="store_true", help="`judge` ImageNet's features too, 3 CPU minutes")
    parser.add_argument("--without", nargs="*", default=[], help="styles that are not learned from")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    cv2.setNumThreads(1)
    with reproducible(options.seed, 1):
        if options.job == "draw":
            draw(options.folder, options.count, options.seed, options.processes)
        elif options.job == "judge":
            judge(options.folder, options.epochs, options.seeds, options.labels, options.imagenet)
        else:
            sha256 = write(fit(options.folder, options.epochs, options.seed, options.without), options.weights)
            print(f"{options.weights}: {options.weights.stat().st_size} bytes, sha256 {sha256}")
    print(f"CPU minutes: {time.process_time() / 60:.1f}")


if __name__ == "__main__":
    main()
