"""Linking the faces found in single frames into tracks, one face followed through a scene, and judging them together.

A true face is detected in many frames with a high score. A false alarm is detected in few frames, or with a low score.
So a detection is judged by its own score and by its track: a weak detection is kept if its track is strong; a strong
detection without a track may be dropped. On the film's held-out shots this gives a quarter to a half fewer false alarms
at the same recall (docs/benchmarks.md).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cascades.boxes import intersection_over_union as iou
from pipeline.params import Faces
from pipeline.schemas import OK, REJECTED

BOX = ["x", "y", "w", "h"]
MIN_IOU = 0.2
"""Least overlap of a face with its track's last box; faces of drawn characters jump, so it is low."""
SAME_FACE_IOU = 0.4
"""From this overlap on, detections of two characters' cascades count as the same face."""
MAX_GAP = 9
"""A track bridges at most this many frames without a detection, or the step to the next searched frame."""
UNLIKE = 64.0
"""Mean difference of two thumbnails, in gray levels, from which on they count as not alike at all."""
WEAK = 0.5
"""A detection below this share of its cascade's least score is dropped before tracks are made."""
STANDS = 1.0
"""Least track score of a face that is kept."""
RIVAL = "cascade has a stronger track for this face"
"""How the reason ends where a face is another character's."""


def link(
    frames: NDArray[np.int64], boxes: NDArray[np.int64], thumbnails: NDArray[np.uint8], every: int
) -> NDArray[np.int64]:
    """Track number of each detection of one character in one scene.

    frames: int64 [N], ascending frame indices, a multiple of `every` apart. boxes: int64 [N, 4], x, y, w, h px.
    thumbnails: uint8 [N, P], what the faces look like. Returns int64 [N]: tracks numbered from 0 by first appearance.
    In each frame, detections and live tracks are paired for the largest sum of overlap times likeness (Hungarian
    assignment).
    """
    tracks = np.full(len(frames), -1, dtype=np.int64)
    last: dict[int, int] = {}  # track -> index of its last detection
    for frame in np.unique(frames):
        here = np.flatnonzero(frames == frame)
        live = [track for track, index in last.items() if frame - frames[index] <= max(MAX_GAP, every)]
        before = np.array([last[track] for track in live], dtype=np.int64)
        overlap = iou(boxes[here], boxes[before])
        alike = overlap * likeness(thumbnails[here], thumbnails[before])
        for row, column in zip(*linear_sum_assignment(alike, maximize=True), strict=True):
            if overlap[row, column] >= MIN_IOU:
                tracks[here[row]] = live[column]
        for index in here[tracks[here] < 0]:
            tracks[index] = tracks.max() + 1
        last |= {int(tracks[index]): int(index) for index in here}
    return tracks


def likeness(thumbnails: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How alike pictures are, 0.1 to 1: uint8 [N, P] against uint8 [M, P] → float64 [N, M].

    Never 0: a face that turns looks different, and then only its overlap links it.
    """
    difference = np.abs(thumbnails[:, None].astype(np.int64) - others[None]).sum(axis=2) / max(1, thumbnails.shape[1])
    return np.asarray(np.maximum(0.1, 1 - difference / UNLIKE), dtype=np.float64)


def judge(rows: pd.DataFrame, params: Faces) -> pd.DataFrame:
    """Tracks, track scores, status and reason for the detections of one scene.

    rows: scene, frame, character, x, y, w, h, strength (score over its cascade's least score), thumbnail (uint8 [P]).

    A track's strength is the sum of its detections' strengths divided by (their number + 1). So a single detection
    gives half of its own strength, and a long track nearly the mean. The track score of a detection is the geometric
    mean of its own strength and its track's. A detection is kept if its track score is at least `STANDS`, no stronger
    track of another character has the same face, and at least `params.min_track` detections of its track fulfil both.
    """
    rows = rows.sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["track"] = -1
    for _, own in rows.groupby("character"):
        thumbnails = np.stack(list(own["thumbnail"]))
        numbers = link(own["frame"].to_numpy(np.int64), own[BOX].to_numpy(np.int64), thumbnails, params.every)
        rows.loc[own.index, "track"] = numbers
    tracks = rows.groupby(["character", "track"])["strength"]
    together = tracks.transform("sum") / (tracks.transform("size") + 1)
    rows["track_score"] = np.sqrt(rows["strength"] * together)
    winner = rival_of_each(rows.assign(together=together))
    claimed, weak = winner != "", rows["track_score"] < STANDS
    stands = ~claimed & ~weak
    length = stands.groupby([rows["character"], rows["track"]]).transform("sum")
    short = stands & (length < params.min_track)
    rows["reason"] = np.where(claimed, "the " + winner + f" {RIVAL}", "")
    scores = [f"track score {score:.3f}; below {STANDS:g}: not kept" for score in rows["track_score"]]
    rows["reason"] = np.where(weak & ~claimed, scores, rows["reason"])
    least = params.min_track
    rows.loc[short, "reason"] = [f"track length {count}; faces.min_track is {least}" for count in length[short]]
    rows["status"] = np.where(rows["reason"] == "", OK, REJECTED)
    return rows


def rival_of_each(rows: pd.DataFrame) -> pd.Series:
    """Which detections are dropped because another character's cascade detects the same face in the same frame.

    rows: frame, character, x, y, w, h, together (the track's strength). Of two that overlap, the one with
    the stronger track is kept. Returns, per row, the character whose detection is kept instead, or an empty string.
    """
    strength = rows["together"].to_numpy()
    boxes = rows[BOX].to_numpy(np.int64)
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
