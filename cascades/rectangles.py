"""Groups of rectangles exactly as OpenCV's `groupRectangles` makes them: same groups, same order, same rounding.

`grouping` is this library's own way, which ranks detections better. This one is for programs that were written for
OpenCV: two rectangles are similar when every edge differs by at most a share of their size, a group is everything that
is linked through similar rectangles, and its rectangle is the mean.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Rectangles = NDArray[np.int32]
Answer = NDArray[Any] | tuple[()]
"""An array, or the empty tuple that OpenCV's Python functions return where there is nothing."""

EPS = 0.2  # what OpenCV's detector groups with


class Levels(NamedTuple):
    """The number of stages that each rectangle passed, int32[N], and the sum of its last stage, float64[N]."""

    levels: NDArray[np.int32]
    weights: NDArray[np.float64]


class Groups(NamedTuple):
    """Mean rectangles int32[G, 4], how many rectangles each has int32[G], and the best `Levels` among them."""

    rectangles: Rectangles
    counts: NDArray[np.int32]
    best: Levels


@njit(cache=True, nogil=True)
def _similar(rects, i, j, eps):
    """OpenCV's SimilarRects: rects int64[N, 4]."""
    delta = eps * np.float64(min(rects[i, 2], rects[j, 2]) + min(rects[i, 3], rects[j, 3])) * 0.5
    return (
        abs(rects[i, 0] - rects[j, 0]) <= delta
        and abs(rects[i, 1] - rects[j, 1]) <= delta
        and abs(rects[i, 0] + rects[i, 2] - rects[j, 0] - rects[j, 2]) <= delta
        and abs(rects[i, 1] + rects[i, 3] - rects[j, 1] - rects[j, 3]) <= delta
    )


@njit(cache=True, nogil=True)
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _labels(rects, order, eps):
    """The group of every rectangle, int64[N], numbered by first members; order int64[N] sorts them by x.

    OpenCV compares all pairs. Sorted by x, what is too far to the right ends the search, with the same groups.
    """
    count = len(rects)
    parent = np.arange(count)
    for a in range(count):
        i = order[a]
        reach = eps * np.float64(rects[i, 2] + rects[i, 3]) * 0.5
        for b in range(a + 1, count):
            j = order[b]
            if rects[j, 0] - rects[i, 0] > reach:
                break
            if _similar(rects, i, j, eps):
                parent[_root(parent, j)] = _root(parent, i)
    labels = np.full(count, -1, np.int64)
    of_root = np.full(count, -1, np.int64)
    groups = 0
    for i in range(count):
        root = _root(parent, i)
        if of_root[root] < 0:
            of_root[root] = groups
            groups += 1
        labels[i] = of_root[root]
    return labels, groups


@njit(cache=True, nogil=True)
def _best(labels, groups, levels, weights):
    """Of every group the highest level, int32[G], and the greatest weight at that level, float64[G]."""
    best_level = np.zeros(groups, np.int32)
    best_weight = np.full(groups, 2.2250738585072014e-308)  # DBL_MIN, with which OpenCV begins
    for i in range(len(labels)):
        k = labels[i]
        if levels[i] > best_level[k]:
            best_level[k] = levels[i]
            best_weight[k] = weights[i]
        elif levels[i] == best_level[k] and weights[i] > best_weight[k]:
            best_weight[k] = weights[i]
    return best_level, best_weight


@njit(cache=True, nogil=True)
def _kept(mean, counts, threshold, eps):
    """Which groups stay, bool[G]: large enough, and not inside a stronger one."""
    groups = len(mean)
    kept = np.zeros(groups, np.bool_)
    for i in range(groups):
        if counts[i] <= threshold:
            continue
        kept[i] = True
        for j in range(groups):
            if j == i or counts[j] <= threshold:
                continue
            dx = round(mean[j, 2] * eps)
            dy = round(mean[j, 3] * eps)
            if (
                mean[i, 0] >= mean[j, 0] - dx
                and mean[i, 1] >= mean[j, 1] - dy
                and mean[i, 0] + mean[i, 2] <= mean[j, 0] + mean[j, 2] + dx
                and mean[i, 1] + mean[i, 3] <= mean[j, 1] + mean[j, 3] + dy
                and (counts[j] > max(3, counts[i]) or counts[i] < 3)
            ):
                kept[i] = False
                break
    return kept


def group(rects: Rectangles, threshold: int, eps: float, found: Levels | None = None) -> Groups:
    """Rectangles int32[N, 4] in groups of more than `threshold`; 0 or less: every rectangle is its own group."""
    if found is None:
        found = Levels(np.zeros(len(rects), np.int32), np.zeros(len(rects)))
    if threshold <= 0 or len(rects) == 0:
        return Groups(rects, np.ones(len(rects), np.int32), found)
    wide = rects.astype(np.int64)
    labels, groups = _labels(wide, np.argsort(wide[:, 0], kind="stable"), eps)
    counts = np.bincount(labels, minlength=groups).astype(np.int32)
    sums = np.zeros((groups, 4), np.int64)
    np.add.at(sums, labels, wide)
    # OpenCV's mean: the reciprocal and the product are float32, and halves are rounded to even.
    scale = np.float32(1) / counts.astype(np.float32)
    mean = np.rint(sums.astype(np.float32) * scale[:, None]).astype(np.int64)
    levels, weights = _best(labels, groups, found.levels, found.weights)
    kept = _kept(mean, counts, threshold, eps)
    return Groups(mean[kept].astype(np.int32), counts[kept], Levels(levels[kept], weights[kept]))


def group_rectangles(
    rects: Sequence[Sequence[int]] | NDArray[Any], threshold: int, eps: float
) -> tuple[Answer, Answer]:
    """`cv2.groupRectangles`: the mean rectangles int32[G, 4] and the number of rectangles in each, int32[G]."""
    table = np.asarray(rects)
    if table.size == 0:
        return (), ()
    if table.ndim != 2 or table.shape[1] != 4 or not np.issubdtype(table.dtype, np.integer):
        raise TypeError(
            f"rectList is {table.dtype}{list(table.shape)}, expected rectangles of four whole numbers x, y, w, h"
        )
    groups = group(table.astype(np.int32), threshold, eps)
    if len(groups.rectangles) == 0:
        return (), ()
    return groups.rectangles, groups.counts
