"""The dataset's files as training and evaluation read them."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from pipeline import paths
from pipeline.errors import StageError, nearest

COLUMNS: Final = ["face_id", "image", "margin", "emotion", "character", "episode_id", "scene", "votes"]
"""What training and evaluation read of the dataset."""
WIDEST: Final = 2.0
"""The largest margin of a crop, as of `faces.crop_margin`."""


def margins_of(rows: pd.DataFrame) -> list[float]:
    """The margin of each row's image. Raises StageError where one is not known: the wrong part would be looked at."""
    margins = rows["margin"].astype(float)
    unknown = margins[~margins.between(0, WIDEST)]
    if len(unknown):
        raise StageError(
            f"{len(unknown)} of {len(rows)} faces do not say how closely they were cut: their `margin` is "
            f"{unknown.iloc[0]}, expected 0 (the picture is all face) to {WIDEST:g}. `dvc repro dataset` writes it for "
            "faces from episodes; state it for pictures from elsewhere."
        )
    return margins.tolist()


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
