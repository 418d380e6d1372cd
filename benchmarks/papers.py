"""Every published network and ours on the same faces: `python -m benchmarks.papers --sample PROJECT --film FOOTAGE`.

Trains network × optimiser × seed on the sample show (PROJECT: a folder in which `dvc repro dataset` has run) and on the
film's annotated faces, each by its own recipe (`pipeline/nets/`), and prints a table for each: accuracy and macro F1
on held-out scenes, mean ± standard deviation over seeds. Every finished run is a file in `--runs`, so a sweep that is
stopped goes on where it was, and `--list` says what is missing. Nothing is to be chosen by the held-out faces: `--folds
5` leaves them alone and judges by folds over the scenes of the others.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.film import EMOTIONS
from benchmarks.film_faces import film_faces
from pipeline import paths
from pipeline.classifier.calibration import expected_calibration_error
from pipeline.classifier.metrics import scores
from pipeline.classifier.scoring import score_classifier
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.params import Params
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import read_rows, write_json
from pipeline.training.recipes import plan_of
from pipeline.training.train import train

OPTIMISERS: Final = ("sgd", "adam", "adadelta", "adagrad", "rmsprop")


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    name: str
    train: dict[str, Any] = field(default_factory=dict)
    """Settings of the section `train`."""
    seeds: int = 5
    heavy: bool = False
    """Whether a run takes many minutes of one core; only with `--heavy`."""


VARIANTS: Final = (
    Variant("toon, random start", {"net": "toon", "start": None}),
    Variant("toon", {"net": "toon"}),
    Variant("hill2017", {"net": "hill2017"}),
    Variant("ho2023", {"net": "ho2023"}),
    Variant("li2022", {"net": "li2022"}),
    Variant("vanilla", {"net": "vanilla"}),
    Variant("vanilla, batch norm", {"net": "vanilla", "options": {"batch_norm": True}}),
    *(Variant(f"hill2017, {one}", {"net": "hill2017", "optimizer": one}) for one in OPTIMISERS[1:]),
    Variant("hill2017, dropout 0.2", {"net": "hill2017", "dropout": 0.2}),
    Variant("hill2017, two blocks", {"net": "hill2017", "options": {"blocks": 2}}),
    Variant("hill2017, one block", {"net": "hill2017", "options": {"blocks": 1}}),
    Variant("vanilla, leaky ReLU", {"net": "vanilla", "options": {"leaky": True}}),
    Variant("dikshit2022", {"net": "dikshit2022"}, 1, heavy=True),
    Variant("resnet18, random start", {"net": "resnet18", "pretrained": "none"}, 1, heavy=True),
    Variant("googlenet", {"net": "googlenet"}, 1, heavy=True),
    Variant("googlenet, batch norm", {"net": "googlenet", "options": {"batch_norm": True}}, 1, heavy=True),
    Variant("googlenet, deeper", {"net": "googlenet", "options": {"deeper": True}}, 1, heavy=True),
    Variant("resnet50, random start", {"net": "resnet50", "pretrained": "none"}, 1, heavy=True),
)


@dataclass(frozen=True)
class Task:
    """One training."""

    data: str
    variant: Variant
    seed: int


def tasks(sets: list[str], heavy: bool, only: list[str]) -> Iterator[Task]:
    """All trainings, first seeds of all variants first: a sweep that is cut short has something of each."""
    chosen = [one for one in VARIANTS if (heavy or not one.heavy) and (not only or one.name in only)]
    for seed in range(max(one.seeds for one in chosen)):
        for variant in chosen:
            if seed < variant.seeds:
                yield from (Task(data, variant, seed) for data in sets)


def params_of(task: Task, epochs: int | None) -> Params:
    """The parameters of one training."""
    settings = {"seed": task.seed, **task.variant.train} | ({} if epochs is None else {"epochs": epochs})
    values = {"toonset": "0.1", "episodes": (), "characters": ("any",), "emotions": EMOTIONS, "train": settings}
    return Params.model_validate(values)


def path_of(task: Task, params: Params, digest: str, runs: Path, folds: int = 0) -> Path:
    """Where the result of a training with these settings on these faces is kept."""
    plan = plan_of(params.train)
    made = plan.net.options | plan.arguments
    what = [params.train.model_dump(mode="json"), asdict(plan.recipe), made, digest, *([folds] if folds else [])]
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
    return runs / f"{task.data}-{params.train.net}-{task.seed}-{key}.json"


def parts_of(rows: dict[str, pd.DataFrame], folds: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    """What is trained on, what may stop the training, what is judged: once, or `folds` times without the test faces."""
    if not folds:
        yield rows["train"], rows["validation"], rows["test"]
        return
    known = pd.concat([rows["train"], rows["validation"]], ignore_index=True)
    scenes = known["episode_id"].astype(str) + " " + known["scene"].astype(str)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for trained, judged in dealer.split(known, known["emotion"], scenes):
        yield known.iloc[trained], known.head(0), known.iloc[judged]


def run(task: Task, rows: dict[str, pd.DataFrame], params: Params, runs: Path, folds: int = 0) -> dict[str, Any]:
    """Train and test once, or once a fold, all faces judged together then."""
    plan_of(params.train)  # wrong options stop here, not after the faces are decoded
    cache = runs / "decoded"
    cache.mkdir(parents=True, exist_ok=True)
    spent, found = 0.0, []
    for known, stopping, judged in parts_of(rows, folds):
        started = time.process_time()
        trained = train(known, stopping, params, cache)
        spent += time.process_time() - started
        with reproducible(task.seed, params.train.threads):
            found.append(score_classifier(judged, trained.classifier, cache))
    actual = np.concatenate([one.actual for one in found])
    probabilities = np.concatenate([one.probabilities for one in found])
    figures = scores(actual, probabilities.argmax(axis=1).astype(np.int64), params.emotions)
    error = expected_calibration_error(probabilities, actual)
    return {name: figures[name] for name in ("accuracy", "macro_f1", "weighted_f1", "n")} | {
        "calibration_error": None if error is None else round(error, 6),
        "name": task.variant.name,
        "data": task.data,
        "seed": task.seed,
        "cpu_s": round(spent, 1),
        "epochs": trained.metrics["epochs"],
        "parameters": trained.metrics["parameters"],
        "train_accuracy": trained.metrics["train_accuracy"],
    }


def load_sets(sample: Path | None, footage: Path | None, runs: Path) -> dict[str, dict[str, pd.DataFrame]]:
    """The faces of each set, by split."""
    found: dict[str, dict[str, pd.DataFrame]] = {}
    if sample is not None:
        found["sample"] = {one: read_rows(sample / paths.split_table(one), DATASET) for one in SPLITS}
    if footage is not None:
        faces = film_faces(footage, runs / "film.parquet")
        found["film"] = {one: faces[faces["split"] == one].reset_index(drop=True) for one in SPLITS}
    return found


def digest_of(rows: dict[str, pd.DataFrame]) -> str:
    """What identifies a set: its faces, labels and splits."""
    whole = pd.concat(rows.values())[["face_id", "emotion", "split"]].sort_values("face_id")
    return hashlib.sha256(whole.to_csv(index=False).encode()).hexdigest()


def table(results: list[dict[str, Any]]) -> str:
    """One set's results as Markdown, the best macro F1 first."""
    lines = [
        "| network | parameters | seeds | epochs | accuracy | macro F1 | CPU s a training |",
        "|---|---|---|---|---|---|---|",
    ]
    grouped = [own for _, own in pd.DataFrame(results).groupby("name")]
    for own in sorted(grouped, key=lambda one: -one["macro_f1"].mean()):
        first = own.iloc[0]
        cells = [first["name"], f"{first['parameters']:,}", str(len(own)), f"{own['epochs'].mean():.0f}"]
        cells += [mean_of(own[name]) for name in ("accuracy", "macro_f1")]
        lines.append("| " + " | ".join([*cells, f"{own['cpu_s'].mean():.0f}"]) + " |")
    return "\n".join(lines)


def mean_of(values: "pd.Series[float]") -> str:
    """Mean ± standard deviation; the mean alone of one seed."""
    return f"{values.mean():.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def main() -> None:
    """Parse the command line, run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=Path, help="a project in which `dvc repro dataset` has run")
    parser.add_argument("--film", type=Path, help="the folder with the film, boxes.csv and scenes.csv")
    parser.add_argument("--runs", type=Path, default=Path("data/cache/papers"), help="where finished runs are kept")
    parser.add_argument("--heavy", action="store_true", help="the networks at 224 px too: hours on two cores")
    parser.add_argument("--folds", type=int, default=0, help="judge by so many folds over scenes that are not held out")
    parser.add_argument("--epochs", type=int, help="for all, instead of the published number")
    parser.add_argument("--only", nargs="*", default=[], help="names of variants")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no run after so many CPU minutes")
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    sets = load_sets(options.sample, options.film, options.runs)
    digests = {name: digest_of(rows) for name, rows in sets.items()}
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in sets}
    missing = 0
    for task in tasks(list(sets), options.heavy, options.only):
        params = params_of(task, options.epochs)
        path = path_of(task, params, digests[task.data], options.runs, options.folds)
        if not path.exists():
            if options.list or time.process_time() > 60 * options.minutes:
                missing += 1
                continue
            write_json(path, run(task, sets[task.data], params, options.runs, options.folds))
        results[task.data].append(json.loads(path.read_text(encoding="utf-8")))
    for name, rows in sets.items():
        sizes = ", ".join(f"{len(own)} {split}" for split, own in rows.items())
        how = f", by {options.folds} folds without the test faces" if options.folds else ""
        print(f"\n{name}: {sizes}{how}\n\n{table(results[name]) if results[name] else 'nothing yet'}")
    if missing:
        print(f"\n{missing} runs are missing")


if __name__ == "__main__":
    main()
