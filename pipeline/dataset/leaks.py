"""Checks that the test is fair: no scene, and no pair of near-duplicate faces, is in two splits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cascades.words import counted
from pipeline.errors import StageError
from pipeline.images import decode_rgb
from pipeline.params import Manifest
from pipeline.similarity.alignment import nearest
from pipeline.similarity.pairs import near_pairs_of_each, read_thumbnails

DISTANCES = (1.0, 1.5, 2.0, 3.0)
"""Distances at which look-alikes are counted, in units of `manifest.duplicate_distance`."""
LOOKED_AT = 500
"""Test faces that are compared with all training faces, taken by face_id, which is a hash: a fair sample of all."""


def check_leaks(rows: pd.DataFrame, params: Manifest) -> None:
    """Raise StageError if a scene or near-duplicates are in two splits. rows: of all splits, with `split`."""
    check_scenes(rows)
    sound, images = decodable(rows)
    check_no_leak(sound, images, params)


def decodable(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[bytes]]:
    """The rows whose crop decodes, and these crops."""
    crops = [image["bytes"] or b"" for image in rows["image"]]
    decodes = pd.Series([decode_rgb(crop) is not None for crop in crops], index=rows.index, dtype=bool)
    sound = rows[decodes].reset_index(drop=True)
    return sound, [image["bytes"] for image in sound["image"]]


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
            f"{counted(len(leaks), 'pairs')} of near-duplicates in different splits, such as {face_id[a]} ({split[a]}) "
            f"and {face_id[b]} ({split[b]}); the manifest was made with other settings: run `dvc repro`"
        )


def look_alikes(rows: pd.DataFrame, crops: Sequence[bytes], params: Manifest) -> dict[str, float | None]:
    """The share of test faces that have a look-alike among the training faces of their character, by distance.

    rows: columns face_id, character, margin and split, one row per crop. Returns distance (gray levels, as
    text) → share; None without test faces. Every pair is compared, whatever its hashes say: so more may be found than
    `check_no_leak` looks for.
    """
    ids = rows.loc[rows["split"] == "test", "face_id"].sort_values()[:LOOKED_AT]
    kept = ((rows["split"] == "train") | rows["face_id"].isin(ids)).to_numpy()
    own = rows[kept].reset_index(drop=True)
    chosen = [crop for crop, keep in zip(crops, kept, strict=True) if keep]
    small, _ = read_thumbnails(chosen, own["margin"].to_numpy(np.float64))
    levels = [times * params.duplicate_distance for times in DISTANCES]
    train, test = ((own["split"] == name).to_numpy() for name in ("train", "test"))
    apart = np.full(len(own), np.inf)
    for character in own["character"].unique():
        here = (own["character"] == character).to_numpy()
        apart[here & test] = nearest(small[here & test], small[here & train], levels[-1])
    return {f"{level:g}": round(float((apart[test] <= level).mean()), 4) if test.any() else None for level in levels}


def check_scenes(rows: pd.DataFrame) -> None:
    """Raise StageError if a scene has faces in two splits. rows: columns episode_id, scene and split."""
    splits = rows.dropna(subset=["scene"]).groupby(["episode_id", "scene"])["split"].unique()
    shared = splits[splits.map(len) > 1]
    if len(shared):
        episode, scene = shared.index[0]
        raise StageError(
            f"{counted(len(shared), 'scenes')} with faces in more than one split, such as scene {scene:.0f} of "
            f"{episode} ({', '.join(sorted(shared.iloc[0]))}): the test would measure memory; run `dvc repro`"
        )
