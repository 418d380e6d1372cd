"""Linking the faces found in single frames into tracks: one face followed through a scene."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cascades.boxes import intersection_over_union as iou
from pipeline.params import Faces
from pipeline.schemas import OK, REJECTED

MIN_IOU = 0.2
"""Least overlap of a face with its track's last box; faces of drawn characters jump, so it is low."""
SAME_FACE_IOU = 0.4
"""From this overlap on, two characters' cascades are held to claim one and the same face."""
MAX_MISSES = 2
"""A track goes on after at most this many looked-at frames without its face (a blink of the cascade, a prop)."""


def link(frames: NDArray[np.int64], boxes: NDArray[np.int64], every: int) -> NDArray[np.int64]:
    """Track number of each detection of one character in one scene.

    frames: int64 [N], ascending frame indices, a multiple of `every` apart. boxes: int64 [N, 4], x, y, w, h px.
    Returns int64 [N]: tracks numbered from 0 by first appearance. In each frame, detections and live tracks are paired
    for the largest total overlap (Hungarian assignment).
    """
    tracks = np.full(len(frames), -1, dtype=np.int64)
    last: dict[int, int] = {}  # track -> index of its last detection
    for frame in np.unique(frames):
        here = np.flatnonzero(frames == frame)
        live = [track for track, index in last.items() if frame - frames[index] <= (MAX_MISSES + 1) * every]
        overlap = iou(boxes[here], boxes[np.array([last[track] for track in live], dtype=np.int64)])
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            if overlap[row, column] >= MIN_IOU:
                tracks[here[row]] = live[column]
        for index in here[tracks[here] < 0]:
            tracks[index] = tracks.max() + 1
        last |= {int(tracks[index]): int(index) for index in here}
    return tracks


def judge(rows: pd.DataFrame, params: Faces) -> pd.DataFrame:
    """Track numbers, status and reason for the detections of one scene.

    A detection gives way where another character's track claims the same face more strongly; what is left of a track
    must have at least `params.min_track` detections, which is what lone false alarms do not.
    """
    rows = rows.sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["track"] = -1
    for _, own in rows.groupby("character"):
        numbers = link(own["frame"].to_numpy(np.int64), own[["x", "y", "w", "h"]].to_numpy(np.int64), params.every)
        rows.loc[own.index, "track"] = numbers
    tracks = rows.assign(track=number_tracks(list(zip(rows["scene"], rows["character"], rows["track"], strict=True))))
    winner = settle(tracks)
    standing = winner == ""
    length = tracks["track"].where(standing).map(tracks["track"][standing].value_counts()).fillna(0)
    short = standing & (length < params.min_track)
    rows["reason"] = np.where(standing, "", "the " + winner + " cascade claims this face more strongly")
    rows.loc[short, "reason"] = [
        f"a track of {int(count)}; faces.min_track is {params.min_track}" for count in length[short]
    ]
    rows["status"] = np.where(rows["reason"] == "", OK, REJECTED)
    return rows


def settle(rows: pd.DataFrame) -> pd.Series:
    """Which detections give way because another character's cascade claims the same face in the same frame.

    rows: frame, character, x, y, w, h, track, margin (score over the typical score of the cascade's true faces, which
    compares between cascades). Of two that overlap, the one whose track has the higher mean margin stays. Returns, per
    row, the character it gives way to, or an empty string.
    """
    strength = rows.groupby("track")["margin"].transform("mean").to_numpy()
    boxes = rows[["x", "y", "w", "h"]].to_numpy(np.int64)
    characters = rows["character"].to_numpy()
    winner = np.full(len(rows), "", dtype=object)
    for indices in rows.groupby("frame").indices.values():
        overlap = iou(boxes[indices], boxes[indices])
        for a, b in zip(*np.nonzero(overlap >= SAME_FACE_IOU), strict=True):
            first, second = indices[a], indices[b]
            if characters[first] == characters[second]:
                continue
            # Equal strength is settled by name, so that the order of the rows does not matter.
            if (strength[first], characters[second]) < (strength[second], characters[first]):
                winner[first] = characters[second]
    return pd.Series(winner, index=rows.index)


def number_tracks(keys: Sequence[tuple[int, str, int]]) -> NDArray[np.int64]:
    """Give each distinct (scene, character, track number in it) a number of its own, in order of first appearance."""
    numbers: dict[tuple[int, str, int], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
