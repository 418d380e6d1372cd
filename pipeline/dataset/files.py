"""The dataset's files as training and evaluation read them."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from pipeline import paths
from pipeline.errors import StageError, nearest

COLUMNS: Final = ["face_id", "image", "emotion", "character", "episode_id", "scene", "votes"]
"""What training and evaluation read of the dataset."""


def check_labels(labels: "pd.Series[str]", emotions: Sequence[str], split: str) -> None:
    """Raise StageError if a label is not among `emotions`."""
    unknown = {label: n for label, n in sorted(Counter(map(str, labels)).items()) if label not in emotions}
    if unknown:
        found = ", ".join(f"{label!r} on {n} face{'s' * (n != 1)}" for label, n in unknown.items())
        raise StageError(
            f"{paths.split_table(split)} has labels that are not among the emotions of this model and "
            f"params.yaml ({', '.join(emotions)}): {found}.{nearest(next(iter(unknown)), emotions)} "
            "Add them to `emotions` in params.yaml or correct annotations/emotions.csv."
        )
