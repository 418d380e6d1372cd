"""Many labels of close crops, in a style that nobody has seen: `python -m benchmarks.close_crops --folder FOLDER`.

FOLDER is one in which `benchmarks.pretrain draw` has run. For each avatar style a network learns from half of its
drawings, cut to the face's box as the pictures of most data sets of faces are, and is asked for the other half. It
starts from random weights, because the weights that the package ships know these styles. Prints accuracies, mean ±
standard deviation over seeds. Every finished run is a file in FOLDER/close/, and what is there is not run again.
"""

import argparse
import hashlib
import json
import time
from itertools import product
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.drawn import EMOTIONS, SHOWN, SIZE
from benchmarks.papers import mean_of
from benchmarks.pretrain import HELD
from pipeline.classifier.inputs import InputShape, face_input, statistics
from pipeline.classifier.metrics import scores
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.nets import architecture, build
from pipeline.tables import write_json
from pipeline.training.run import Examples, Run, logits_of

NETS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "toon": ("toon", {}),
    "toon, seen 40": ("toon", {"seen": 40}),
    "toon, seen 64": ("toon", {"seen": 64}),
    "li2022": ("li2022", {}),
    "vanilla": ("vanilla", {}),
    "hill2017": ("hill2017", {}),
}
BOX: Final = round(SIZE / SHOWN)
"""px, side of the face's box in a drawn picture."""

Halves = tuple[NDArray[np.int64], NDArray[np.int64]]


def halves(own: pd.DataFrame, seed: int) -> Halves:
    """Rows of a style to learn from and to be asked for: half of its drawings each, with all their variations."""
    drawings = np.random.default_rng(seed).permutation(own["drawing"].unique())
    known = own["drawing"].isin(drawings[: len(drawings) // 2])
    return own.index[known].to_numpy(), own.index[~known].to_numpy()


def cut_close(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The face's box alone."""
    begin = (len(image) - BOX) // 2
    return np.ascontiguousarray(image[begin : begin + BOX, begin : begin + BOX])


def measure(name: str, images: NDArray[np.uint8], own: pd.DataFrame, seed: int) -> dict[str, float]:
    """Accuracy and macro F1 of one network on one style, the labels it had, CPU seconds."""
    net_name, options = NETS[name]
    known = architecture(net_name)
    shape = InputShape(known.size, known.channels, known.margin or 0.0)
    names = tuple(one for one in EMOTIONS if (own["emotion"] == one).any())
    learned, asked = (
        (
            np.stack([face_input(cut_close(images[row]), 0.0, shape) for row in rows]),
            np.array([names.index(one) for one in own["emotion"][rows]]),
        )
        for rows in halves(own, seed)
    )
    begun = time.process_time()
    with reproducible(seed, 1):
        net = build(net_name, len(names), options)
        data = Examples(torch.from_numpy(learned[0]), torch.from_numpy(learned[1]))
        normalise = statistics(learned[0])
        run = Run(net, normalise, data, None, known.recipe, seed, len(names))
        for _ in range(known.recipe.epochs):
            run.step()
        guess = logits_of(net, normalise, torch.from_numpy(asked[0])).numpy().argmax(axis=1)
    spent = time.process_time() - begun
    figures = scores(asked[1], guess, names)
    return {"accuracy": figures["accuracy"], "macro_f1": figures["macro_f1"], "n": len(data), "cpu_s": round(spent)}


def table(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """By network and style, as Markdown: a column for each style, then the mean over the styles that every row has."""
    styles = sorted({style for own in found.values() for style in own})
    shared = [style for style in styles if all(style in own for own in found.values())]
    lines = [f"| network | {' | '.join(styles)} | mean of {len(shared)} | CPU s |", "|---" * (len(styles) + 3) + "|"]
    for name, own in found.items():
        cells = [mean_of(pd.DataFrame(own[style])["accuracy"]) if style in own else "" for style in styles]
        mean = np.mean([np.mean([one["accuracy"] for one in own[style]]) for style in shared]) if shared else np.nan
        spent = np.mean([one["cpu_s"] for runs in own.values() for one in runs])
        lines.append(f"| {name} | {' | '.join(cells)} | {mean:.3f} | {spent:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="where drawn faces are kept")
    parser.add_argument("--styles", nargs="*", default=[style for group in HELD for style in group])
    parser.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    cv2.setNumThreads(1)
    images, faces = np.load(options.folder / "images.npy", mmap_mode="r"), pd.read_csv(options.folder / "faces.csv")
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for seed, style, name in product(options.seeds, options.styles, options.nets):
        net_name, own_options = NETS[name]
        own = faces[faces["style"] == style]
        known = architecture(net_name)
        key = [len(faces), style, net_name, known.options | own_options, repr(known.recipe), seed]
        kept = options.folder / "close" / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.json"
        if not kept.exists():
            if options.list:
                continue
            write_json(kept, measure(name, images, own, seed))
        figures = json.loads(kept.read_text(encoding="utf-8"))
        found.setdefault(name, {}).setdefault(style, []).append(figures)
        print(f"{name}, {style}, seed {seed}: {figures}", flush=True)
    print("\n" + table(found))


if __name__ == "__main__":
    main()
