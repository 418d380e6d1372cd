"""Checks that the test is fair: no scene, and no pair of near-duplicate faces, is in two splits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.errors import StageError
from pipeline.params import Manifest
from pipeline.similarity.pairs import near_pairs_of_each, read_thumbnails


def check_no_leak(rows: pd.DataFrame, crops: Sequence[bytes], params: Manifest) -> None:
    """Raise StageError if two near-duplicates are in different splits: the test would then measure memory.

    rows: columns face_id, character, margin and split, one row per crop.
    """
    small, _ = read_thumbnails(crops, rows["margin"].to_numpy(np.float64))
    pairs = near_pairs_of_each(rows["character"], small, params.duplicate_bits, params.duplicate_distance)
    split, face_id = rows["split"].to_numpy(), rows["face_id"].to_numpy()
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    leaks = np.flatnonzero(split[first] != split[second])
    if len(leaks):
        a, b = first[leaks[0]], second[leaks[0]]
        raise StageError(
            f"{len(leaks)} pairs of near-duplicates are in different splits, such as {face_id[a]} ({split[a]}) and "
            f"{face_id[b]} ({split[b]}); the manifest was made with other settings: run `dvc repro`"
        )


def check_scenes(rows: pd.DataFrame) -> None:
    """Raise StageError if a scene has faces in two splits. rows: columns episode_id, scene and split."""
    splits = rows.dropna(subset=["scene"]).groupby(["episode_id", "scene"])["split"].unique()
    shared = splits[splits.map(len) > 1]
    if len(shared):
        episode, scene = shared.index[0]
        raise StageError(
            f"{len(shared)} scenes have faces in more than one split, such as scene {scene:.0f} of {episode} "
            f"({', '.join(sorted(shared.iloc[0]))}): the test would measure memory; run `dvc repro`"
        )
