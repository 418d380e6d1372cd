"""Does it help to cut the face out before its emotion is asked? `python -m benchmarks.masks PROJECT [PROJECT …]`.

PROJECT is a folder in which `dvc repro dataset` has run. A mask says which pixels of a crop are face: GrabCut (Rother,
Kolmogorov & Blake 2004), told that the middle of the box is face and that what lies far outside is not, or with `--net
FILE` the U-Net of `benchmarks.mask_net`. `toon` is trained as it is and with the mask, in several ways, and judged by
folds over the scenes that are not held out; with `--held-out` once on those that are. Finished runs are kept in
`--runs`. `--sheet` writes crops and masks to look at.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from benchmarks.grabcut import FAR, LIKELY, ROUNDS, SURE, Mask, cut_out
from benchmarks.mask_net import UNet, face_masks, read_net
from benchmarks.papers import digest_of, mean_of, parts_of
from pipeline import paths
from pipeline.classifier.inputs import InputShape, decode, face_input, statistics
from pipeline.classifier.metrics import scores
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.dataset.files import margins_of
from pipeline.images import Pixels
from pipeline.nets import architecture
from pipeline.nets.layers import part_seen, standardised
from pipeline.nets.recipe import Recipe
from pipeline.nets.toon import MARGIN, SEEN, SIZE, Toon, middle
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import read_rows, write_json
from pipeline.training.augment import VARIATIONS, Variation, mix, vary
from pipeline.training.run import Examples, Run, logits_of
from pipeline.training.start import PACE, SHA256, WEIGHTS, put

RECIPE: Final = architecture("toon").recipe
STRONG: Final = VARIATIONS[RECIPE.augment] or Variation()
MIDDLE: Final = middle()
"""The rows, and the columns, that `toon` looks at."""
WIDE: Final = (SIZE / SEEN - 1) / 2
"""The margin with which `toon` sees the whole box instead of four fifths of it."""


@dataclass(frozen=True)
class Way:
    """One row of the table."""

    name: str
    margin: float = MARGIN
    removed: bool = False
    """What is not face gets the mean color of the face."""
    channel: bool = False
    """The mask is a fourth channel."""
    learned: bool = field(default=False, repr=False)
    """The mask is a network's (`benchmarks.mask_net`), not GrabCut's; its name says so."""


WAYS: Final = (
    Way("as it is: the middle of the box"),
    Way("the middle, background removed", removed=True),
    Way("the middle, mask as fourth channel", channel=True),
    Way("the whole box", WIDE),
    Way("the whole box, background removed", WIDE, removed=True),
    Way("the whole box, mask as fourth channel", WIDE, channel=True),
)
LEARNED: Final = tuple(
    replace(way, name=f"{way.name}, U-Net", learned=True) for way in WAYS if way.removed or way.channel
)
"""Only with `--net`."""


def removed(rgb: Pixels, mask: Mask) -> Pixels:
    """The picture with the mean color of the face in the place of all else."""
    color = np.rint(rgb[mask].mean(axis=0)).astype(np.uint8)
    return np.where(mask[..., None], rgb, color)


class MaskedToon(nn.Module):
    """`toon` with a mask as its fourth channel: float32 [N, 4, 92, 92] → logits. It starts as `toon` without a mask."""

    seen = MIDDLE

    def __init__(self, toon: Toon) -> None:
        super().__init__()
        self.features, self.head = toon.features, toon.head
        stem = self.features[0].weight
        assert isinstance(stem, torch.Tensor)
        wider = nn.Conv2d(4, len(stem), 3, stride=2, padding=1, bias=False)
        with torch.no_grad():
            wider.weight.zero_()
            wider.weight[:, :3] = stem
        self.features[0] = wider

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x = part_seen(x, self.seen)
        x = torch.cat([standardised(x[:, :3].contiguous()), x[:, 3:]], dim=1)
        logits: torch.Tensor = self.head(self.features(x).mean(dim=(2, 3)))
        return logits


MOVES: Final = replace(STRONG, brightness=0.0, contrast=0.0, saturation=0.0)
"""How the mask is varied: as its picture, but for the colors."""


class MaskedRun(Run):
    """A training whose pictures have a fourth channel: it is moved as the picture is, but keeps its values."""

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = self._order()
        for start in range(0, len(order), self.recipe.batch):
            rows = order[start : start + self.recipe.batch]
            images = self.normalise(self.train.images[rows])
            before = self.generator.get_state()
            color = vary(images[:, :3].contiguous(), STRONG, self.generator, MIDDLE)
            self.generator.set_state(before)
            mask = vary(images[:, 3:].repeat(1, 3, 1, 1), MOVES, self.generator, MIDDLE)[:, :1]
            yield mix(torch.cat([color, mask], dim=1), self.smoothed[rows], self.recipe.mixup, self.generator)


def pictures(rows: pd.DataFrame, way: Way, net: UNet | None = None) -> Pixels:
    """What `toon` reads, uint8 [N, 92, 92, 3 or 4]. net: makes the masks where the way says so."""
    encoded = [image["bytes"] for image in rows["image"]]
    plain, kept = decode(encoded, margins_of(rows), InputShape(SIZE, 3, way.margin))
    assert len(kept) == len(rows), "every picture of the dataset decodes"
    if not (way.removed or way.channel):
        return plain
    if way.learned:
        assert net is not None
        usual, _ = decode(encoded, margins_of(rows), InputShape(SIZE, 3, MARGIN))
        masks = [reframed(mask, way.margin) for mask in face_masks(net, usual)]
    else:
        masks = [cut_out(picture, way.margin) for picture in plain]
    if way.removed:
        return np.stack([removed(picture, mask) for picture, mask in zip(plain, masks, strict=True)])
    return np.concatenate([plain, np.stack(masks)[..., None].astype(np.uint8) * 255], axis=3)


def reframed(mask: Mask, margin: float) -> Mask:
    """The mask of a crop with the margin `MARGIN`, as that of the same face's crop with another, bool [92, 92]."""
    white = np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)
    return face_input(white, MARGIN, InputShape(SIZE, 3, margin))[..., 0] > 127


def answers(
    known: Examples, asked: torch.Tensor, way: Way, emotions: tuple[str, ...], seed: int, recipe: Recipe
) -> NDArray[np.int64]:
    """Indices of emotions of the asked pictures, by a `toon` that starts from the shipped weights."""
    with reproducible(seed, 1):
        toon = Toon(len(emotions))
        put(toon, emotions, load_file(WEIGHTS))
        net = MaskedToon(toon) if way.channel else toon
        normalise = statistics(known.images.numpy())
        kind = MaskedRun if way.channel else Run
        run = kind(net, normalise, known, None, recipe, seed, len(emotions), PACE)
        for _ in range(recipe.epochs):
            run.step()
        return np.asarray(logits_of(net, normalise, asked).numpy().argmax(axis=1), dtype=np.int64)


def measure(
    rows: dict[str, pd.DataFrame],
    params: Params,
    way: Way,
    seed: int,
    folds: int,
    recipe: Recipe,
    net: UNet | None = None,
) -> dict[str, float]:
    """Macro F1 and accuracy over all judged faces, CPU seconds of masks and of training."""
    emotions, begun = params.emotions, time.process_time()
    whole = pd.concat(rows.values(), ignore_index=True)
    images = torch.from_numpy(pictures(whole, way, net))
    masked = time.process_time()
    place = pd.Series(whole.index, index=whole["face_id"])
    targets = torch.tensor([emotions.index(one) for one in whole["emotion"]])
    guessed, actual = [], []
    for trained, stopping, judged in parts_of(rows, folds):
        known = place[pd.concat([trained, stopping])["face_id"]].to_numpy(copy=True)
        asked = place[judged["face_id"]].to_numpy(copy=True)
        guessed.append(answers(Examples(images[known], targets[known]), images[asked], way, emotions, seed, recipe))
        actual.append(targets[asked].numpy())
    figures = scores(np.concatenate(actual), np.concatenate(guessed), emotions)
    spent = {"masks_s": masked - begun, "cpu_s": time.process_time() - masked}
    return {name: figures[name] for name in ("macro_f1", "accuracy")} | {k: round(v, 2) for k, v in spent.items()}


def sheet(rows: pd.DataFrame, net: UNet | None, count: int = 12) -> Pixels:
    """Crops, and under each its face on magenta: GrabCut's, then the network's."""
    few = rows.sort_values("face_id").head(count)
    plain = pictures(few, WAYS[0])
    ways: list[list[Mask]] = [[cut_out(one, MARGIN) for one in plain]]
    if net is not None:
        ways.append(list(face_masks(net, plain)))
    magenta = np.array([255, 0, 255], np.uint8)
    faces = [
        np.hstack([np.where(mask[..., None], one, magenta) for one, mask in zip(plain, masks, strict=True)])
        for masks in ways
    ]
    return np.vstack([np.hstack(list(plain)), *faces]).astype(np.uint8)


def table(found: dict[str, list[dict[str, float]]]) -> Iterator[str]:
    """One set's results as Markdown."""
    yield "| what the network sees | seeds | macro F1 | accuracy | CPU s: masks, training |\n|---|---|---|---|---|"
    for name, results in found.items():
        own = pd.DataFrame(results)
        cells = [name, str(len(own)), mean_of(own["macro_f1"]), mean_of(own["accuracy"])]
        yield "| " + " | ".join([*cells, f"{own['masks_s'].mean():.0f}, {own['cpu_s'].mean():.0f}"]) + " |"


def main() -> None:
    """Parse the command line, run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("projects", type=Path, nargs="+", help="folders in which `dvc repro dataset` has run")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--held-out", action="store_true", help="train on all other scenes, judge those held out")
    parser.add_argument("--only", nargs="*", help="names of rows")
    parser.add_argument("--net", type=Path, help="mask_net.safetensors of `benchmarks.mask_net`: its masks too")
    parser.add_argument("--runs", type=Path, default=Path("data/cache/masks"), help="where finished runs are kept")
    parser.add_argument("--sheet", type=Path, help="write a picture of crops and masks and stop")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    cv2.setNumThreads(1)
    net, sha256 = (None, "") if options.net is None else read_net(options.net)
    ways = [way for way in (*WAYS, *(LEARNED if net else ())) if not options.only or way.name in options.only]
    folds, recipe = 0 if options.held_out else options.folds, replace(RECIPE, epochs=options.epochs)
    for project in options.projects:
        rows: dict[str, pd.DataFrame] = {
            split: read_rows(project / paths.split_table(split), DATASET) for split in SPLITS
        }
        params = load_params(project / paths.PARAMS)
        if options.sheet:
            cv2.imwrite(str(options.sheet.with_stem(f"{options.sheet.stem}-{project.name}")),
                        sheet(rows["train"], net)[..., ::-1])  # fmt: skip
            continue
        found: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
        for seed, way in product(range(options.seeds), ways):
            what = [digest_of(rows), folds, seed, repr(way), repr(recipe), SURE, LIKELY, FAR, ROUNDS]
            what += [SEEN, SHA256, *([sha256] if way.learned else [])]
            key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
            path = options.runs / f"{key}.json"
            if not path.exists():
                write_json(path, measure(rows, params, way, seed, folds, recipe, net))
            found[way.name].append(json.loads(path.read_text(encoding="utf-8")))
        judged = f"{len(rows['test'])} held-out faces" if options.held_out else f"{folds} folds over the other scenes"
        print(f"\n{project.name}: {judged}\n\n" + "\n".join(table(found)), flush=True)


if __name__ == "__main__":
    main()
