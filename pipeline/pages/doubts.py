"""Where the detectors may be wrong: the strongest detections that were not kept, the weakest that were."""

import re

import pandas as pd

from pipeline.rows import ManifestRow
from pipeline.tables import is_face


def kind(reason: str) -> str:
    """A reason without the figures and names of one face, so that equal reasons of several faces are the same text."""
    return re.sub(r"\d+(\.\d+)?(?=;)", "…", re.sub(r"^the .+ cascade has", "another cascade has", reason))


def put_aside(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows of MANIFEST that are no faces, with their `kind`."""
    rows = manifest[~is_face(manifest)]
    return rows.assign(kind=rows["reason"].map(kind))


def strongest_alarms(manifest: pd.DataFrame, count: int) -> pd.DataFrame:
    """The strongest detections that were not kept: `count` for each kind and character, at most one per track.

    Rows of MANIFEST with `kind` and `all`, the number of such detections; the most frequent kind first. The scores of
    two cascades have different scales, so characters are not mixed.
    """
    rows = put_aside(manifest)
    together = ["kind", "character"]
    rows["all"] = rows.groupby(together)["face_id"].transform("size")
    rows["common"] = rows.groupby("kind")["face_id"].transform("size")
    rows = rows.sort_values(["score", "face_id"], ascending=[False, True])
    rows = rows.drop_duplicates([*together, "episode_id", "track"]).groupby(together).head(count)
    order = ["common", "kind", "character", "score", "face_id"]
    return rows.sort_values(order, ascending=[False, True, True, False, True]).drop(columns="common")


class WeakTrack(ManifestRow):
    """A row of `weakest_tracks`."""

    median: float
    faces: int


def weakest_tracks(manifest: pd.DataFrame, count: int) -> pd.DataFrame:
    """Of each character's tracks, the `count` with the lowest median track score, each by its weakest face.

    Rows of MANIFEST with `median` and `faces`, their number, of the track; the most doubtful first.
    """
    rows = manifest[is_face(manifest)]
    own = ["episode_id", "track", "character"]
    tracks = rows.groupby(own)
    rows = rows.assign(median=tracks["track_score"].transform("median"), faces=tracks["face_id"].transform("size"))
    rows = rows.sort_values(["median", "track_score", "face_id"]).drop_duplicates(own)
    return rows.groupby("character").head(count)
