"""annotations/emotions.csv, manifest → one label per labelled face, with its votes; nothing said is dropped."""

from pathlib import Path

import pandas as pd

from pipeline.annotations import EMOTIONS, read_emotions
from pipeline.consensus import NO_FACE, faces_to_label, match, pairwise_agreement, settle_labels
from pipeline.console import say_counts
from pipeline.params import Params, load_params
from pipeline.schemas import EPISODES, LABELS, MANIFEST, OK
from pipeline.tables import read_frame, to_table, write_table

OUTPUT = Path("data/labels.parquet")


def main() -> None:
    """Read annotations/emotions.csv, data/episodes.parquet and data/manifest.parquet, write data/labels.parquet."""
    params = load_params()
    episodes = read_frame(Path("data/episodes.parquet"), EPISODES)
    annotations = read_emotions(EMOTIONS, episodes, params.characters, params.emotions)
    labels, agreement = make_labels(annotations, read_frame(Path("data/manifest.parquet"), MANIFEST), params)
    write_table(OUTPUT, to_table(labels, LABELS))
    ok = labels["status"] == OK
    say_counts(
        "labels",
        {
            "annotations": len(annotations),
            "faces labelled": int(ok.sum()),
            "by near-duplicates only": int((ok & (labels["label_source"] == "cluster")).sum()),
            "rejected": int((~ok).sum()),
            "found no face": int(labels["reason"].str.endswith(NO_FACE).sum()),
            "agreement of pairs": "–" if agreement is None else f"{agreement:.2f}",
        },
    )


def make_labels(annotations: pd.DataFrame, manifest: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, float | None]:
    """Rows of LABELS, and the share of annotator pairs who agree on a face."""
    faces = faces_to_label(manifest)
    matched = match(annotations, faces, params.labels)
    labels = settle_labels(annotations, matched, faces.set_index("face_id")["cluster"])
    return labels, pairwise_agreement(annotations, matched)
