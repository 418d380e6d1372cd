"""Accuracy against labels bought, on the sample show: `python -m benchmarks.active_learning [PROJECT]`, after `dvc
repro`.

The pool is every distinct face that PROJECT's cascades find when every frame is looked at, false alarms among them: a
label bought for one of those teaches nothing. Answers are the truth, wrong as often as the sample's annotators are.
Accuracy is on true faces of scenes held out, others with each seed. Prints Markdown tables, draws PICTURE.

`--net 2` also trains the network of the `train` stage, for two of the seeds: some minutes for each.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from benchmarks.sample import true_expressions
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.faces.crops import read_crops
from pipeline.images import decode_rgb
from pipeline.pages.plots import new_figure, save, style
from pipeline.params import Params, load_params
from pipeline.sample.annotate import MISTAKES, WRONG
from pipeline.schemas import OK
from pipeline.tasks.order import labelling_order
from pipeline.tasks.quick_model import NO_LABEL, describe, fit_quick
from pipeline.training.train import train

PICTURE = Path("docs/active-learning.png")
HELD_OUT = 0.3
"""Share of the scenes that accuracy is measured on."""
BATCH = 25
"""Labels bought before the model is trained again and the order made anew."""
COLD = 25
"""Labels bought by variety alone, before there is a model; chosen with other seeds, of 25, 50 and 100."""
BUDGETS = (*range(50, 401, 50), *range(500, 1001, 100))
AIM = 1000
"""Labels in random order whose accuracy is to be reached."""

NET_BUDGETS = {"random": (400, AIM), "uncertainty and variety": (400,)}
"""Labels that the network of the `train` stage learns from, by order."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Faces, some of them false alarms, with what a person would answer; and which are held out."""

    faces: pd.DataFrame
    """Rows of MANIFEST, with `truth`, an expression or None."""
    crops: Sequence[bytes]
    looks: NDArray[np.uint8]
    truth: Rows
    """Index into `emotions`; NO_LABEL for a false alarm."""
    answers: Rows
    """`truth`, wrong here and there."""
    test: NDArray[np.bool_]
    """Faces in held-out scenes."""


def make_pool(project: Path, folder: Path) -> None:
    """All distinct faces of the project's episodes, every frame looked at, in a project of its own in `folder`."""
    for name in ("data/episodes", "data/episodes.parquet", "data/scenes.parquet", "models/cascades"):
        copy: Callable[..., Any] = shutil.copytree if (project / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(project / name, folder / name)
    values = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    values["faces"]["every"], values["manifest"]["per_character"] = 1, 0
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", "stage"]
    for stage in ("faces", "manifest"):
        subprocess.run([*program, stage], cwd=folder, check=True, stdout=sys.stderr)


def read_pool(folder: Path, params: Params, seed: int) -> Pool:
    """The pool in `folder` as one seed has it: which scenes are held out, which answers are wrong."""
    faces = true_expressions(folder)
    faces = faces[faces["status"] == OK].reset_index(drop=True)
    crops = read_crops(faces, folder / "data/faces")
    index = {name: number for number, name in enumerate(params.emotions)}
    truth = np.array([index.get(name, NO_LABEL) for name in faces["truth"]], np.int64)
    dice = Random(seed)
    answers = truth.copy()
    for row, name in enumerate(faces["truth"]):
        if name is not None and dice.random() < WRONG:
            answers[row] = index[dice.choice(MISTAKES[name])]
    scenes = faces["episode_id"] + " " + faces["scene"].astype(str)
    names = np.random.default_rng(seed).permutation(sorted(set(scenes)))
    test = scenes.isin(names[: round(HELD_OUT * len(names))]).to_numpy()
    return Pool(faces, crops, describe(crops, params.faces.crop_margin), truth, answers, test)


def random_order(pool: Pool, seed: int, classes: int) -> Rows:
    """AIM faces of the pool, drawn."""
    return np.random.default_rng(1000 + seed).permutation(np.flatnonzero(~pool.test))[:AIM]


def by_variety(pool: Pool, seed: int, classes: int) -> Rows:
    """AIM faces in the order that needs no model."""
    return labelling_order(pool.faces, pool.looks, pool.test)[:AIM]


def ours(pool: Pool, seed: int, classes: int) -> Rows:
    """AIM faces by uncertainty and variety, the model trained anew after each BATCH."""
    bought = by_variety(pool, seed, classes)[:COLD]
    own = np.flatnonzero(~pool.test)
    while len(bought) < AIM:
        targets = np.full(len(pool.faces), NO_LABEL)
        targets[bought] = pool.answers[bought]
        model = fit_quick(pool.looks, targets, classes)
        probabilities = None if model is None else model.predict(pool.looks[own])
        labelled = np.isin(own, bought)
        order = labelling_order(pool.faces.iloc[own], pool.looks[own], labelled, probabilities, BATCH)
        bought = np.concatenate([bought, own[order[:BATCH]]])
    return bought[:AIM]


ORDERS: dict[str, Callable[[Pool, int, int], Rows]] = {
    "random": random_order,
    "variety only": by_variety,
    "uncertainty and variety": ours,
}


def quick_accuracy(pool: Pool, bought: Rows, classes: int) -> float:
    """Share of the true faces of held-out scenes that the quick model gets right after learning from these labels."""
    targets = np.full(len(pool.faces), NO_LABEL)
    targets[bought] = pool.answers[bought]
    model = fit_quick(pool.looks, targets, classes)
    test = pool.test & (pool.truth != NO_LABEL)
    return 0.0 if model is None else float((model.predict(pool.looks[test]).argmax(axis=1) == pool.truth[test]).mean())


def net_accuracy(pool: Pool, bought: Rows, params: Params) -> float:
    """The same with the network of the `train` stage."""
    rows = bought[pool.answers[bought] != NO_LABEL]
    table = pd.DataFrame(
        {
            "image": [{"bytes": pool.crops[row], "path": ""} for row in rows],
            "margin": params.faces.crop_margin,
            "emotion": [params.emotions[pool.answers[row]] for row in rows],
            "votes": None,
        }
    )
    with reproducible(params.train.seed, params.train.threads):
        classifier = train(table, table.head(0), params).classifier
        test = np.flatnonzero(pool.test & (pool.truth != NO_LABEL))
        pictures = [picture for row in test if (picture := decode_rgb(pool.crops[row])) is not None]
        return float((classifier.predict(pictures).argmax(axis=1) == pool.truth[test]).mean())


@style()
def draw(path: Path, curves: dict[str, NDArray[np.float64]]) -> None:
    """Mean accuracy against labels bought, and the spread of the seeds; curves: [seeds, BUDGETS] by order."""
    figure = new_figure(7.2, 4.4)
    axes = figure.add_subplot()
    aim = float(curves["random"][:, -1].mean())
    axes.axhline(aim, color="#999999", linewidth=1, linestyle="--")
    axes.text(
        BUDGETS[-1], aim - 0.065, f"dashed: {AIM} labels in random order, {aim:.3f}", ha="right", va="top", size=8.5
    )
    for (name, values), color in zip(curves.items(), ("#999999", "#2a9d8f", "#d1495b"), strict=True):
        axes.plot(BUDGETS, values.mean(axis=0), color=color, label=name, linewidth=2, marker="o", markersize=3)
        axes.fill_between(BUDGETS, values.min(axis=0), values.max(axis=0), color=color, alpha=0.12, linewidth=0)
    axes.set(xlabel="labels bought", ylabel="accuracy on held-out scenes", xlim=(0, AIM + 20))
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.05))
    axes.grid(alpha=0.25)
    axes.set_title(f"Sample show, {len(curves['random'])} seeds: mean, least and most", size=11)
    save(figure, path)


def report(curves: dict[str, NDArray[np.float64]]) -> None:
    """Print the curves, and how many labels each order needs to reach the aim."""
    print("| labels | " + " | ".join(curves) + " |\n|---|" + "---|" * len(curves))
    for column, budget in enumerate(BUDGETS):
        cells = [f"{values[:, column].mean():.3f} ± {values[:, column].std(ddof=1):.3f}" for values in curves.values()]
        print(f"| {budget} | " + " | ".join(cells) + " |")
    aim = curves["random"][:, -1]
    for name, values in curves.items():
        reached = [b for column, b in enumerate(BUDGETS) if values[:, column].mean() >= aim.mean()]
        each = [
            next((b for c, b in enumerate(BUDGETS) if own[c] >= one), None)
            for own, one in zip(values, aim, strict=True)
        ]
        print(f"\n{name}: the mean reaches {aim.mean():.3f} with {min(reached, default=None)} labels; by seed: {each}")


def main() -> None:
    """Parse the command line, run, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path, nargs="?", default=Path())
    parser.add_argument("--pool", type=Path, help="a folder to keep the pool in; made where it is not there")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--net", type=int, default=0, help="seeds with which the train stage's network is trained too")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    params = load_params(options.project / "params.yaml")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.pool or Path(temporary)
        if not (folder / "data/manifest.parquet").exists():
            make_pool(options.project, folder)
        curves = {name: np.zeros((options.seeds, len(BUDGETS))) for name in ORDERS}
        for seed in range(options.seeds):
            pool = read_pool(folder, params, seed)
            sizes = f"{int((~pool.test).sum())} faces to choose from, {int(pool.test.sum())} held out"
            print(f"seed {seed}: {sizes}, {int((pool.truth == NO_LABEL).sum())} false alarms", file=sys.stderr)
            for name, order in ORDERS.items():
                bought = order(pool, seed, len(params.emotions))
                found = [quick_accuracy(pool, bought[:budget], len(params.emotions)) for budget in BUDGETS]
                curves[name][seed] = found
                for budget in NET_BUDGETS.get(name, ()) if seed < options.net else ():
                    accuracy = net_accuracy(pool, bought[:budget], params)
                    print(f"network, seed {seed}, {budget} labels, {name}: {accuracy:.3f}", flush=True)
    report(curves)
    draw(PICTURE, curves)


if __name__ == "__main__":
    main()
