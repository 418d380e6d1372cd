"""In which order faces are labelled, so that few labels teach a model much: uncertainty and variety.

The next face is the one with the largest product of two numbers: how unsure the model is of it, and how different it
looks from every face that is labelled or already chosen. Uncertainty alone would choose many similar faces, such as
neighbouring frames. Variety alone would choose faces that the model already knows. (Farthest-point sampling, Gonzalez
1985, weighted by the margin of Scheffer, Decomain & Wrobel 2001.)
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import math

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.similarity.diverse import diverse, total_difference

STEPS = 1000
"""Grades of uncertainty: whole numbers, so that a last bit of a probability moves no face."""
CHOSEN = 1000
"""How many faces are chosen one by one. Those after them are sorted by uncertainty; they are chosen again before their
turn.
"""


def labelling_order(
    faces: pd.DataFrame,
    looks: Pixels,
    labelled: NDArray[np.bool_],
    probabilities: NDArray[np.float64] | None = None,
    count: int = CHOSEN,
) -> NDArray[np.int64]:
    """Rows of the faces that are not labelled, in the order in which to ask for them; the same for the same input.

    faces: character, episode_id, scene, track, one row a face, N of them, labelled or not. looks: uint8 [N, ...], such
    as thumbnails or `quick_model.describe`. labelled: bool [N]. probabilities: [N, classes] of a model, a row of NaN
    where it has no opinion (as unsure as can be), or None: then the order is by variety alone, the characters taking
    turns. Costs count × N distances.
    """
    left = np.flatnonzero(~labelled)
    if probabilities is None:
        return _by_variety(faces, looks, labelled)
    unsure = uncertainty(probabilities)
    flat = np.ascontiguousarray(looks.reshape(len(looks), math.prod(looks.shape[1:])))
    characters = pd.factorize(faces["character"])[0].astype(np.int64)
    taken = np.zeros(min(count, len(left)), np.int64)
    _take(flat, characters, labelled, unsure, taken)
    rest = np.setdiff1d(left, taken)
    return np.concatenate([taken, rest[np.argsort(-unsure[rest], kind="stable")]])


def uncertainty(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 (sure) to STEPS + 1: how little the likeliest class leads the second, int64 [N]."""
    padded = np.pad(np.nan_to_num(probabilities, nan=0.0), ((0, 0), (0, 2)))
    ranked = np.sort(padded, axis=1)
    lead = ranked[:, -1] - ranked[:, -2]
    return 1 + np.rint(STEPS * (1 - lead)).astype(np.int64)


def _by_variety(faces: pd.DataFrame, looks: Pixels, labelled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The characters in turn, each in the order of `selection.diverse`, as if the labelled had been taken first."""
    turns: list[tuple[int, int]] = []
    for own in faces.reset_index(drop=True).groupby("character").indices.values():
        rows = np.sort(own).astype(np.int64)
        done = np.flatnonzero(labelled[rows])
        flat = looks[rows].reshape(len(rows), -1)
        order = diverse(faces.iloc[rows], flat, np.arange(len(rows)), len(rows) - len(done), done)
        turns += [(turn, int(rows[row])) for turn, row in enumerate(order)]
    return np.array([row for _, row in sorted(turns)], dtype=np.int64)


@njit(cache=True, nogil=True)
def _take(looks, characters, labelled, unsure, taken):
    """Fill taken int64 [K] with rows, in the order they are taken: the largest unsure × distance, the first of equals.

    looks uint8 [N, P]; characters int64 [N]; labelled bool [N]; unsure int64 [N], at least 1
    """
    rows = looks.shape[0]
    # Farther than any two can be: a character of whom nothing is known yet is asked for first.
    distance = np.full(rows, np.int64(256 * looks.shape[1]))
    for row in range(rows):
        if labelled[row]:
            _nearer(looks, characters, distance, row)
    for row in range(rows):
        if labelled[row]:
            distance[row] = -1
    for turn in range(taken.size):
        best, most = np.int64(-1), np.int64(-1)
        for row in range(rows):
            score = unsure[row] * distance[row]
            if distance[row] >= 0 and score > most:
                best, most = np.int64(row), score
        taken[turn] = best
        _nearer(looks, characters, distance, best)
        distance[best] = -1


@njit(cache=True, nogil=True)
def _nearer(looks, characters, distance, row):
    """Shorten distance int64 [N] of the faces of row's character to their distance from it."""
    for other in range(looks.shape[0]):
        if distance[other] >= 0 and characters[other] == characters[row]:
            distance[other] = min(distance[other], total_difference(looks[other], looks[row]))
