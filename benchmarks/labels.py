"""Wrong labels found, and consensus compared, on the sample show: `python -m benchmarks.labels [PROJECT]`, after `dvc
repro`.

The truth is known, and so is which of the annotations that come with the show are wrong: 5 % on purpose. What is
measured is how many of the wrong labels stand in the first part of the review queue. Prints Markdown tables.
"""

import argparse
import json
import time
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from benchmarks.sample import true_expressions
from pipeline import paths
from pipeline.faces.crops import read_crops
from pipeline.labels.annotations import read_emotions
from pipeline.labels.consensus import faces_to_label, match, settle_labels
from pipeline.params import Params, load_params
from pipeline.sample.annotate import MISTAKES, WRONG
from pipeline.schemas import EPISODES, OK
from pipeline.tables import read_rows
from pipeline.tasks.review import disagreement_queue, label_error_queue, out_of_fold_probabilities

SHARES = (0.05, 0.1, 0.2)
SEEDS = 5


def judged(labels: pd.DataFrame, faces: pd.DataFrame, project: Path, params: Params) -> tuple[pd.DataFrame, float]:
    """Out-of-fold probabilities of the labelled faces, and the CPU seconds they took, reading the crops included."""
    begin = time.process_time()
    own = faces[faces["face_id"].isin(labels.loc[labels["status"] == OK, "face_id"])]
    crops = read_crops(own, project / "data/faces")
    found = out_of_fold_probabilities(labels, own, crops, params.faces.crop_margin, params.emotions)
    return found, time.process_time() - begin


def caught(queue: pd.DataFrame, wrong: set[str]) -> list[str]:
    """Precision and recall of the wrong labels among the first SHARES of the queue, as table cells."""
    cells = []
    for share in SHARES:
        looked_at = queue["face_id"].head(round(share * len(queue)))
        hits = int(looked_at.isin(wrong).sum())
        cells.append(f"{hits / len(looked_at):.2f} / {hits / len(wrong):.2f} ({hits} of {len(looked_at)})")
    return cells


def wrong_labels(labels: pd.DataFrame, truth: dict[str, str | None]) -> set[str]:
    """The faces whose label is not what they show."""
    ok = labels[labels["status"] == OK]
    return {face for face, said in zip(ok["face_id"], ok["emotion"], strict=True) if truth.get(face) != said}


def queues(labels: pd.DataFrame, faces: pd.DataFrame, project: Path, params: Params) -> None:
    """The queue of the shipped annotations: by votes and model, by the model alone, by the votes alone."""
    truth = dict(zip(faces["face_id"], faces["truth"], strict=True))
    wrong = wrong_labels(labels, truth)
    found, seconds = judged(labels, faces, project, params)
    ok = labels[labels["status"] == OK].set_index("face_id")["emotion"]
    model_says = found.loc[ok.index]
    own = np.array([model_says.at[face, emotion] for face, emotion in ok.items()])
    alone = pd.DataFrame({"face_id": ok.index, "score": 1 - own}).sort_values(
        ["score", "face_id"], ascending=[False, True]
    )
    right = np.mean([truth[face] == name for face, name in model_says.idxmax(axis=1).items()])
    print(f"{len(ok)} labels, {len(wrong)} wrong; out-of-fold accuracy {right:.3f}; {seconds:.1f} CPU s\n")
    print("| order, precision / recall in the first | 5 % | 10 % | 20 % |\n|---|---|---|---|")
    for name, queue in (
        ("votes and model (`label_error_queue`)", label_error_queue(labels, found)),
        ("model alone", alone),
        ("votes alone", label_error_queue(labels, None)),
    ):
        print(f"| {name} | " + " | ".join(caught(queue, wrong)) + " |")
    tied = disagreement_queue(labels)
    print(f"\ndisagreement queue: {len(tied)} faces, {int((tied['score'] == 1).sum())} of them ties without a label")


def redrawn(faces: pd.DataFrame, project: Path, params: Params) -> None:
    """One vote on every true face, wrong as often as the sample's annotators are, drawn anew with each seed."""
    true = faces[(faces["status"] == OK) & faces["truth"].notna()]
    cells = []
    for seed in range(SEEDS):
        dice = Random(seed)
        said = [dice.choice(MISTAKES[name]) if dice.random() < WRONG else name for name in true["truth"]]
        labels = pd.DataFrame({"face_id": true["face_id"].to_numpy(), "emotion": said, "status": OK, "reason": ""})
        labels["votes"] = [json.dumps({name: 1}) for name in said]
        wrong = wrong_labels(labels, dict(zip(true["face_id"], true["truth"], strict=True)))
        queue = label_error_queue(labels, judged(labels, faces, project, params)[0])
        counts = [round(share * len(queue)) for share in SHARES]
        hits = [int(queue["face_id"].head(count).isin(wrong).sum()) for count in counts]
        cells.append(
            [value for hit, count in zip(hits, counts, strict=True) for value in (hit / count, hit / len(wrong))]
        )
    mean = np.mean(cells, axis=0)
    print(f"\none vote on each of {len(true)} faces, {SEEDS} seeds: precision / recall in the first 5, 10, 20 %:")
    print(", ".join(f"{mean[i]:.2f} / {mean[i + 1]:.2f}" for i in (0, 2, 4)))


def consensus(project: Path, faces: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Labels by majority; prints how many are right by either way of settling them."""
    episodes = read_rows(project / paths.EPISODES, EPISODES)
    annotations = read_emotions(project / paths.EMOTIONS, episodes, params.characters, params.emotions)
    known = faces_to_label(faces)
    matched = match(annotations, known, params.labels)
    made = {
        name: settle_labels(annotations, matched, known.set_index("face_id")["cluster"], name)
        for name in ("majority", "dawid-skene")
    }
    truth = dict(zip(faces["face_id"], faces["truth"], strict=True))
    print("| consensus | faces labelled | ties | labels that are wrong |\n|---|---|---|---|")
    for name, labels in made.items():
        ties = int(labels["reason"].str.startswith("a tie").sum())
        print(f"| {name} | {int((labels['status'] == OK).sum())} | {ties} | {len(wrong_labels(labels, truth))} |")
    print()
    return made["majority"]


def main() -> None:
    """Parse the command line, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path, nargs="?", default=Path())
    project = parser.parse_args().project
    params = load_params(project / "params.yaml")
    faces = true_expressions(project)
    labels = consensus(project, faces, params)
    queues(labels, faces, project, params)
    redrawn(faces, project, params)


if __name__ == "__main__":
    main()
