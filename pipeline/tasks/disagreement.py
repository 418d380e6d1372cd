"""Frames in which the detectors disagree: with each other, with their tracks, or with themselves a frame later.

A person who corrects such a frame tells the detectors something new. In a frame in which all agree, the boxes that are
drawn already are mostly right.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.faces.tracks import RIVAL
from pipeline.schemas import OK
from pipeline.tasks.boxes import APART

RIVALS: Final = "two detectors claim one face"
ASIDE: Final = "a strong find was put aside"
WEAK: Final = "a weak find was kept for its track"
LOST: Final = "a face is lost for a moment"
"""What may be doubtful in a frame."""
PLACE: Final = ["episode_id", "frame", "scene"]


def doubts(faces: pd.DataFrame, least: Mapping[str, float], every: int) -> pd.DataFrame:
    """A row for each doubt: episode_id, frame, scene, why.

    faces: rows of FACES. least: the least score of each character's cascade. every: frames between looked-at frames.
    """
    strong = faces["score"] >= faces["character"].map(dict(least)).astype(float)
    kept = faces["status"] == OK
    rival = faces["reason"].str.endswith(RIVAL).astype(bool)
    found = [
        faces.loc[strong & rival, PLACE].assign(why=RIVALS),
        faces.loc[strong & ~kept & ~rival, PLACE].assign(why=ASIDE),
        faces.loc[~strong & kept, PLACE].assign(why=WEAK),
        _lost(faces[kept], every).assign(why=LOST),
    ]
    return pd.concat(found, ignore_index=True)


def _lost(kept: pd.DataFrame, every: int) -> pd.DataFrame:
    """PLACE of the first looked-at frame of each gap in a track."""
    rows: list[tuple[Any, ...]] = []
    for (episode_id, scene, _), own in kept.groupby(["episode_id", "scene", "track"]):
        frames = np.sort(own["frame"].to_numpy(np.int64))
        rows += [(episode_id, int(frame) + every, scene) for frame in frames[:-1][np.diff(frames) > every]]
    return pd.DataFrame(rows, columns=PLACE).astype({"frame": np.int64})


def frames_in_doubt(found: pd.DataFrame, seen: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` frames with doubts: episode_id, frame, scene, doubts (how many), why (the commonest).

    Each scene in turn gives its frame with most doubts, then each its second one, and so on. No frame is near a
    frame that is chosen before or was looked at (`seen`: episode_id, frame): it would show nothing new.
    """
    looked = {str(name): own["frame"].to_numpy(np.int64).tolist() for name, own in seen.groupby("episode_id")}
    frames = found.groupby(PLACE)["why"].agg(doubts="size", why=_commonest).reset_index()
    frames = frames.sort_values(["doubts", "episode_id", "frame"], ascending=[False, True, True])
    rows = []
    for (episode_id, _), own in frames.groupby(["episode_id", "scene"]):
        near, turn = list(looked.get(str(episode_id), [])), 0
        for row in own.to_dict("records"):
            if all(abs(row["frame"] - other) >= APART for other in near):
                near.append(row["frame"])
                rows.append(row | {"turn": turn})
                turn += 1
    chosen = pd.DataFrame(rows, columns=[*frames.columns, "turn"])
    chosen = chosen.sort_values(["turn", "doubts", "episode_id", "frame"], ascending=[True, False, True, True])
    return chosen.head(count).drop(columns="turn").reset_index(drop=True)


def _commonest(whys: pd.Series) -> str:
    return str(whys.value_counts().sort_index().idxmax())
