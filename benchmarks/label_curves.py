"""What few labels are worth: `python -m benchmarks.label_curves --sample PROJECT --film FOOTAGE`.

Trains `toon` on 10, 25, … labels, drawn by chance from the faces that are not held out, from random weights and from
the weights that the package ships, and prints tables of macro F1 and accuracy on held-out scenes, mean ± standard
deviation over seeds. `--folds 5` leaves the held-out scenes alone and judges by folds over the scenes of the others:
what is chosen is chosen so. Every finished run is a file in `--runs`, and what is there is not run again, so several
processes may share the work (`--starts`, `--labels`).
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.film import EMOTIONS
from benchmarks.papers import digest_of, load_sets, mean_of, parts_of
from pipeline.classifier.inputs import InputShape, Normalisation, statistics
from pipeline.classifier.metrics import scores
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.nets import architecture, build
from pipeline.tables import write_json
from pipeline.training.run import Examples, Run, logits_of
from pipeline.training.start import PACE, WEIGHTS, put
from pipeline.training.train import examples

LABELS: Final = (10, 25, 50, 100, 200, 400)
NET: Final = architecture("toon")
SHAPE: Final = InputShape(NET.size, NET.channels, NET.margin or 0.0)


@dataclass(frozen=True)
class Start:
    """First weights and how they are trained on."""

    weights: Path | None = None
    pace: float = 1.0
    named: bool = True
    """Whether the head's rows are taken along for emotions of the same name."""
    frozen: bool = False
    """Whether only a new head is learned: logistic regression on what the layers before it say of a face."""


STARTS: Final = {
    "scratch": Start(),
    "toon-faces": Start(WEIGHTS, PACE),
    "toon-faces, frozen": Start(WEIGHTS, frozen=True),
    "toon-faces, pace 1": Start(WEIGHTS, 1.0),
    "toon-faces, pace 0.3": Start(WEIGHTS, 0.3),
    "toon-faces, pace 0.1": Start(WEIGHTS, 0.1),
    "toon-faces, pace 0.3, new head": Start(WEIGHTS, 0.3, named=False),
}

Split = tuple[Examples, Examples]
"""What labels are drawn from, and what is judged."""


def splits_of(rows: dict[str, pd.DataFrame], folds: int) -> list[Split]:
    """The held-out scenes and all others, or folds over the others."""
    if folds:
        parts = [(known, judged) for known, _, judged in parts_of(rows, folds)]
    else:
        parts = [(pd.concat([rows["train"], rows["validation"]], ignore_index=True), rows["test"])]
    both = ([examples(one, EMOTIONS, SHAPE, "train")[0] for one in pair] for pair in parts)
    return [(known, judged) for known, judged in both]


def learn(known: Examples, judged: Examples, start: Start, labels: int, seed: int) -> np.ndarray[Any, Any]:
    """Train on `labels` of the known faces; the answers for the judged ones, indices of emotions."""
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(1000 + seed))[:labels]
    few = Examples(known.images[order], known.targets[order])
    with reproducible(seed, 1):
        net = build("toon", len(EMOTIONS), {})
        if start.weights is not None:
            put(net, EMOTIONS, load_file(start.weights), start.named)
        normalise = statistics(few.images.numpy())
        if start.frozen:
            return head_only(net, normalise, few, judged)
        run = Run(net, normalise, few, None, NET.recipe, seed, len(EMOTIONS), start.pace)
        for _ in range(NET.recipe.epochs):
            run.step()
        return logits_of(net, normalise, judged.images).argmax(dim=1).numpy()


def head_only(net: nn.Module, normalise: Normalisation, few: Examples, judged: Examples) -> np.ndarray[Any, Any]:
    """Answers of a logistic regression on the network's last layer before its head; faces and their mirror images."""
    net.head = nn.Identity()
    mirrored = torch.cat([few.images, few.images.flip(2)])
    known, asked = (logits_of(net, normalise, images).numpy() for images in (mirrored, judged.images))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    answers: np.ndarray[Any, Any] = model.fit(known, np.tile(few.targets.numpy(), 2)).predict(asked)
    return answers


def measure(splits: list[Split], start: Start, labels: int, seed: int) -> dict[str, float]:
    """Macro F1 and accuracy over all judged faces, and CPU seconds."""
    begun = time.process_time()
    actual = np.concatenate([judged.targets.numpy() for _, judged in splits])
    guess = np.concatenate([learn(known, judged, start, labels, seed) for known, judged in splits])
    figures = scores(actual, guess, EMOTIONS)
    spent = (time.process_time() - begun) / len(splits)
    return {"macro_f1": figures["macro_f1"], "accuracy": figures["accuracy"], "cpu_s": spent}


def path_of(runs: Path, what: list[Any]) -> Path:
    """Where the result of a run is kept; other faces, weights or settings are another run."""
    return runs / f"curve-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]}.json"


def lines_of(found: dict[tuple[str, int], list[dict[str, float]]]) -> Iterator[str]:
    """The table of one set as Markdown."""
    yield "| first weights | labels | seeds | macro F1 | accuracy | CPU s a training |\n|---|---|---|---|---|---|"
    for (start, labels), results in found.items():
        table = pd.DataFrame(results)
        cells = [start, str(labels), str(len(table)), mean_of(table["macro_f1"]), mean_of(table["accuracy"])]
        yield "| " + " | ".join([*cells, f"{table['cpu_s'].mean():.1f}"]) + " |"


def main() -> None:
    """Parse the command line, run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=Path, help="a project in which `dvc repro dataset` has run")
    parser.add_argument("--film", type=Path, help="the folder with the film, boxes.csv and scenes.csv")
    parser.add_argument("--runs", type=Path, default=Path("data/cache/curves"), help="where finished runs are kept")
    parser.add_argument("--folds", type=int, default=0, help="judge by so many folds over scenes that are not held out")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(5)))
    parser.add_argument("--labels", type=int, nargs="*", default=list(LABELS))
    parser.add_argument("--starts", nargs="*", default=["scratch", "toon-faces"], choices=STARTS)
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    options.runs.mkdir(parents=True, exist_ok=True)
    sets = load_sets(options.sample, options.film, options.runs)
    shipped = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() if WEIGHTS.exists() else ""
    for name, rows in sets.items():
        splits: list[Split] = []
        found: dict[tuple[str, int], list[dict[str, float]]] = {}
        for seed, start, labels in product(options.seeds, options.starts, options.labels):
            how = STARTS[start]
            key = [
                digest_of(rows),
                options.folds,
                labels,
                seed,
                how.pace,
                how.named,
                how.frozen,
                how.weights and shipped,
                NET.options,
            ]
            path = path_of(options.runs, key)
            if not path.exists():
                if options.list:
                    continue
                splits = splits or splits_of(rows, options.folds)
                write_json(path, measure(splits, how, labels, seed))
            found.setdefault((start, labels), []).append(json.loads(path.read_text(encoding="utf-8")))
        known = len(rows["train"]) + len(rows["validation"])
        print(f"\n{name}: {known} faces known, {len(rows['test'])} held out, folds: {options.folds}\n")
        print("\n".join(lines_of(dict(sorted(found.items())))), flush=True)


if __name__ == "__main__":
    main()
