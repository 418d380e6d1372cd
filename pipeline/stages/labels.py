"""annotations/emotions.csv, manifest → one label per labelled face, with its votes. No answer is dropped.

How far annotators agree, and whether seeing a guess biased their answers, goes to `reports/labels/`: `agreement.json`,
and `confusion.csv`, in which every two answers to one face stand in both orders.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from labeling.agreement import measure, pairs
from labeling.anchoring import anchoring
from pipeline import paths
from pipeline.console import say_counts, say_reasons
from pipeline.escape import plot_cell
from pipeline.labels.annotations import read_emotions
from pipeline.labels.consensus import (
    AGAINST,
    NO_EMOTION_GIVEN,
    NO_FACE,
    cast_votes,
    faces_to_label,
    in_common,
    match,
    settle_labels,
)
from pipeline.params import Params, load_params
from pipeline.schemas import EPISODES, LABELS, MANIFEST, OK
from pipeline.tables import read_rows, replacing, to_table, write_json, write_table


@dataclass(frozen=True)
class Labelled:
    """What the stage makes."""

    labels: pd.DataFrame
    """Rows of LABELS."""
    pairs: pd.DataFrame
    """`labeling.agreement.pairs` of the answers to each face; `item` is its face_id."""
    report: dict[str, Any]
    """`labeling.agreement.measure`, and `anchoring`."""


def main() -> None:
    """Read emotions.csv, episodes and manifest, write data/labels.parquet and reports/labels/."""
    params = load_params()
    episodes = read_rows(paths.EPISODES, EPISODES)
    annotations = read_emotions(paths.EMOTIONS, episodes, params.characters, params.emotions)
    made = make_labels(annotations, read_rows(paths.MANIFEST, MANIFEST), params)
    write_table(paths.LABELS, to_table(made.labels, LABELS))
    write_json(paths.AGREEMENT / "agreement.json", made.report)
    with replacing(paths.AGREEMENT / "confusion.csv") as temporary:
        shown = made.pairs.assign(
            annotator=made.pairs["annotator"].map(plot_cell),
            other_annotator=made.pairs["other_annotator"].map(plot_cell),
        )
        shown.rename(columns={"item": "face_id"}).to_csv(temporary, index=False, lineterminator="\n")
    say_reasons("labels", "annotations", in_common(made.labels.loc[made.labels["status"] != OK, "reason"]))
    ok, alpha = made.labels["status"] == OK, made.report["alpha"]["value"]
    given_none = made.labels["reason"].str.startswith(NO_EMOTION_GIVEN)
    say_counts(
        "labels",
        {
            "annotations": len(annotations),
            "faces labelled": int(ok.sum()),
            "of these by near-duplicates only": int((ok & (made.labels["label_source"] == "cluster")).sum()),
            "without an emotion (unclear, no face)": int(given_none.sum()),
            "rejected": int((~ok & ~given_none).sum()),
            "without a matching face": int(made.labels["reason"].str.endswith(NO_FACE).sum()),
            "faces judged by several people": made.report["items_with_several"],
            "alpha": "–" if alpha is None else f"{alpha:.2f}",
        },
    )


def make_labels(annotations: pd.DataFrame, manifest: pd.DataFrame, params: Params) -> Labelled:
    """Labels by `labels.consensus`, and what the annotators' answers say about themselves."""
    faces = faces_to_label(manifest)
    matched = match(annotations, faces, params.labels)
    clusters = faces.set_index("face_id")["cluster"]
    labels = settle_labels(annotations, matched, clusters, params.labels.consensus)
    votes = cast_votes(annotations, matched, clusters).rename(columns={"face_id": "item"})
    report = measure(votes[["item", "annotator", "answer"]], [*params.emotions, "unclear", AGAINST])
    report["anchoring"] = anchoring(votes[["answer", "suggested", "guess", "given_by"]])
    return Labelled(labels, pairs(votes[["item", "annotator", "answer"]]), report)
