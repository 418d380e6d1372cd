"""Which labels need a second look: annotators disagree, or the label is probably wrong.

Each label is compared with two kinds of evidence: the other votes on the face, and the answer of a model that was
trained on other scenes. Bayes' rule combines them: P(emotion | votes, picture) ∝ P(emotion | picture) × Π P(vote |
emotion). Annotators are assumed to be wrong in one answer of ten, with all wrong answers equally likely. So a label
that two people agree on needs a surer model to be doubted than a single vote.

(Goh, Tkachenko & Mueller, "CROWDLAB", 2022, weigh both by estimated reliability instead. cleanlab's scores use the
model alone; on the sample show they find fewer wrong labels, see docs/benchmarks.md.)
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from labeling.answers import NOT_THEIRS
from labeling.config import NO_NAMES
from pipeline.labels.consensus import AGAINST
from pipeline.rows import LabelRow, ManifestRow, Row
from pipeline.schemas import OK
from pipeline.tables import rows_of
from pipeline.tasks.quick_model import NO_LABEL, describe, out_of_fold

ERROR_RATE = 0.1
"""Assumed probability that an annotator is wrong."""
LEAST = 0.001
"""Least probability of any emotion, whatever the model says: the model is wrong in one case of ten itself."""
NOT_AN_EMOTION = 0.02
"""Probability of each answer that is no emotion, about which the model knows nothing."""


class Doubt(Row):
    """A label that may be wrong."""

    face_id: str
    why: str
    score: float


COLUMNS = ["face_id", "why", "score"]


def review_queue(
    labels: pd.DataFrame, probabilities: pd.DataFrame | None = None, names: Mapping[str, str] = NO_NAMES
) -> pd.DataFrame:
    """Both queues in one, each face once: face_id, why, score; the labels that most need a second look come first.

    The score is the probability that a second look corrects a label: 1 if the votes are tied, so that there is no label
    yet; otherwise the probability that the label is wrong. Every labelled face is in the queue: take as many from the
    top as people have time for. labels: rows of LABELS. probabilities: index face_id, a column per emotion, as
    `out_of_fold_probabilities` returns them; a row of NaN, a missing row or None means: no answer of a model.
    """
    split = disagreement_queue(labels, names)
    doubted = label_error_queue(labels, probabilities, names)
    tied = split[~split["face_id"].isin(doubted["face_id"])]
    rows = [*rows_of(tied, Doubt), *rows_of(doubted, Doubt)]
    return _in_order([(row.face_id, row.why, row.score) for row in rows])


def disagreement_queue(labels: pd.DataFrame, names: Mapping[str, str] = NO_NAMES) -> pd.DataFrame:
    """The faces whose votes differ: face_id, why, score, ties first, then by how probably the majority errs."""
    found = []
    for row in rows_of(labels[labels["face_id"].notna()], LabelRow):
        votes = _votes(row.votes)
        if len(votes) > 1 and (row.status == OK or row.reason.startswith("a tie")):
            wrong = 1.0 if row.status != OK else _doubt(row.emotion, votes, None)
            found.append((row.face_id, f"{_said(row, names)}, voted {_counted(votes, names)}", wrong))
    return _in_order(found)


def label_error_queue(
    labels: pd.DataFrame, probabilities: pd.DataFrame | None, names: Mapping[str, str] = NO_NAMES
) -> pd.DataFrame:
    """The labelled faces: face_id, why, score, the probability that the label is wrong, the likeliest first."""
    found = []
    known: dict[str, dict[str, float]] = {}
    if probabilities is not None:
        told = probabilities.dropna()
        rows = zip(told.index, told.to_numpy(), strict=True)
        known = {str(name): dict(zip(told.columns, map(float, row), strict=True)) for name, row in rows}
    for row in rows_of(labels[(labels["status"] == OK) & labels["face_id"].notna()], LabelRow):
        votes, model = _votes(row.votes), known.get(row.face_id)
        why = f"{_said(row, names)}, voted {_counted(votes, names)}"
        if model is not None:
            probability, best = max((value, name) for name, value in model.items())
            why += f"; the model says {names.get(best, best)} ({probability:.2f})"
        found.append((row.face_id, why, _doubt(row.emotion, votes, model)))
    return _in_order(found)


def out_of_fold_probabilities(
    labels: pd.DataFrame, manifest: pd.DataFrame, crops: Sequence[bytes], margin: float, emotions: Sequence[str]
) -> pd.DataFrame:
    """The probabilities of each labelled face by a quick model that saw no face of its scene: index face_id, a column
    per emotion.

    labels: rows of LABELS. manifest: the rows of MANIFEST of these faces, whose crops are `crops`; faces without a
    label get probabilities too, but are not trained on. margin: `faces.crop_margin`.
    """
    emotion = labels[labels["status"] == OK].set_index("face_id")["emotion"]
    index = {name: number for number, name in enumerate(emotions)}
    targets = [index.get(name, NO_LABEL) for name in manifest["face_id"].map(emotion.to_dict())]
    scenes = [f"{row.episode_id} {row.scene}" for row in rows_of(manifest, ManifestRow)]
    found = out_of_fold(describe(crops, margin), np.array(targets, np.int64), scenes, len(emotions))
    return pd.DataFrame(found, index=pd.Index(manifest["face_id"], name="face_id"), columns=list(emotions))


def _doubt(label: str, votes: dict[str, int], model: dict[str, float] | None) -> float:
    """Probability that `label` is wrong, given the votes and what a model says of the emotions."""
    others = sorted({*votes, label} - set(model or ()))
    if model is None:
        # Nothing is known of answers nobody gave: one more stands for all of them.
        names, weights = [*others, ""], [1.0] * (len(others) + 1)
    else:
        names = [*model, *others]
        weights = [*(max(LEAST, value) for value in model.values()), *[NOT_AN_EMOTION] * len(others)]
    posterior = [weight * _likelihood(name, votes, len(names)) for weight, name in zip(weights, names, strict=True)]
    return 1 - posterior[names.index(label)] / sum(posterior)


def _likelihood(true: str, votes: dict[str, int], answers: int) -> float:
    """Probability of the votes if `true` is what the face shows."""
    right, every = votes.get(true, 0), sum(votes.values())
    return float((1 - ERROR_RATE) ** right * (ERROR_RATE / (answers - 1)) ** (every - right))


def _votes(text: str) -> dict[str, int]:
    """The votes of a row of LABELS, those that say one thing in several words taken together."""
    counted: dict[str, int] = {}
    for answer, count in json.loads(text).items():
        name = AGAINST if answer in NOT_THEIRS else answer
        counted[name] = counted.get(name, 0) + count
    return counted


def _said(row: LabelRow, names: Mapping[str, str]) -> str:
    return f"labelled {names.get(row.emotion, row.emotion)}" if row.status == OK else "no label"


def _counted(votes: dict[str, int], names: Mapping[str, str]) -> str:
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{names.get(answer, answer)} {count}" for answer, count in ranked)


def _in_order(rows: Sequence[tuple[str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["score"] = table["score"].astype(float).round(4)
    return table.sort_values(["score", "face_id"], ascending=[False, True], ignore_index=True)
