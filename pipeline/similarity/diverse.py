"""Which faces people should label: few of each character, spread over episodes, scenes, tracks and appearance."""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from pipeline.images import Pixels

PLACES = ("episode_id", "scene", "track")


def diverse(
    faces: pd.DataFrame,
    thumbnails: Pixels,
    rank: NDArray[np.int64],
    count: int,
    before: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Rows of at most `count` of the faces (of one character), in the order in which they are taken.

    The next face is taken from the episode with the fewest faces so far, in it from the scene with the fewest, and in
    that from the track with the fewest. Among these it is the face that looks least like any face taken so far
    (farthest-point sampling: Gonzalez 1985), in gray levels between thumbnails. If all are equal, the face of lower
    `rank` is taken.

    faces: episode_id, scene, track. thumbnails: uint8 [N, S, S]. rank: int64 [N]. before: rows that were taken before
    and are not taken again. Costs count × N distances.
    """
    order = np.argsort(rank)
    first = np.zeros(0, np.int64) if before is None else np.argsort(order)[before]
    count = min(count + len(first), len(faces))
    pixels = np.ascontiguousarray(thumbnails.reshape(len(thumbnails), -1)[order])
    groups = [
        faces.iloc[order].groupby(list(PLACES[: depth + 1]), sort=False).ngroup().to_numpy(np.int64)
        for depth in range(len(PLACES))
    ]
    taken = np.zeros(count, np.int64)
    taken[: len(first)] = first
    _take(pixels, np.stack(groups), taken, len(first))
    return np.asarray(order[taken[len(first) :]], dtype=np.int64)


@njit(cache=True, nogil=True)
def _take(pixels, groups, taken, first):
    """Fill taken int64 [K] with rows, in the order they are taken; the `first` ones are there already.

    pixels uint8 [N, P]; groups int64 [3, N]: the number of each row's episode, scene and track
    """
    rows = pixels.shape[0]
    given = np.zeros((groups.shape[0], rows), np.int64)
    distance = np.full(rows, np.int64(2**62))
    for turn in range(taken.size):
        best = taken[turn] if turn < first else np.int64(-1)
        for row in range(rows if turn >= first else 0):
            if distance[row] >= 0 and (best < 0 or _goes_before(row, best, groups, given, distance)):
                best = np.int64(row)
        taken[turn] = best
        for level in range(groups.shape[0]):
            given[level, groups[level, best]] += 1
        for row in range(rows):
            if distance[row] >= 0:
                distance[row] = min(distance[row], total_difference(pixels[row], pixels[best]))
        distance[best] = -1  # taken


@njit(cache=True, nogil=True)
def _goes_before(row, best, groups, given, distance):
    """Whether `row` is taken rather than `best`, which comes first among equals."""
    for level in range(groups.shape[0]):
        one = given[level, groups[level, row]]
        other = given[level, groups[level, best]]
        if one != other:
            return one < other
    return distance[row] > distance[best]


@njit(cache=True, nogil=True)
def total_difference(first, second):
    """Sum of |first − second| over uint8 [P] pixels."""
    total = np.int64(0)
    for k in range(first.size):
        total += np.int64(abs(np.int32(first[k]) - np.int32(second[k])))
    return total


def select(faces: pd.DataFrame, thumbnails: Pixels, rank: NDArray[np.int64], per_character: int) -> NDArray[np.bool_]:
    """Which faces are offered for labelling: of each character at most `per_character` (0: all).

    faces: character, episode_id, scene, track; all distinct. thumbnails: uint8 [N, S, S]. rank: int64 [N].
    """
    chosen = np.full(len(faces), per_character == 0)
    for own in faces.reset_index(drop=True).groupby("character").indices.values() if per_character else ():
        rows = np.sort(own)
        chosen[rows[diverse(faces.iloc[rows], thumbnails[rows], rank[rows], per_character)]] = True
    return chosen
