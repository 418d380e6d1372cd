"""From many overlapping windows to one box and one score per face.

A face is found by a bunch of neighbouring windows, a false alarm mostly by one or two. So the score of a group is the
sum over its windows of (last stage's sum − its threshold + 1): it counts windows, and weighs each by how clearly it
passed. Raw stage sums, which can be negative, rank far worse.

Windows are near when every edge differs by at most a share of their size, as in OpenCV's `groupRectangles`. But groups
are not chains: linking near windows through others turns a page of text, where windows pass everywhere, into one huge
group that outranks every face. Here the window with the strongest neighbourhood takes its own neighbours, then the
strongest of those left, and so on. Then weaker groups that overlap a stronger one are dropped.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit
from numpy.typing import NDArray

LINK = 0.15  # windows are near when every edge differs by at most this share of their mean size
MAX_WINDOWS = 20_000  # the strongest are kept: an image that passes more is noise, and grouping compares pairs


@njit(cache=True, nogil=True)
def _near(boxes, i, j, eps):
    """Whether every edge of two windows int64[N, 4] differs by at most eps of the smaller one's mean side."""
    near = eps * (min(boxes[i, 2], boxes[j, 2]) + min(boxes[i, 3], boxes[j, 3])) * 0.5
    return (
        abs(boxes[i, 0] - boxes[j, 0]) <= near
        and abs(boxes[i, 1] - boxes[j, 1]) <= near
        and abs(boxes[i, 0] + boxes[i, 2] - boxes[j, 0] - boxes[j, 2]) <= near
        and abs(boxes[i, 1] + boxes[i, 3] - boxes[j, 1] - boxes[j, 3]) <= near
    )


@njit(cache=True, nogil=True)
def neighbourhoods(boxes, scores, eps):
    """Sum of the scores of all windows near each one, itself included: float64[N]. Rows must be sorted by x."""
    count = len(boxes)
    total = scores.copy()
    for i in range(count):
        reach = eps * (boxes[i, 2] + boxes[i, 3]) * 0.5
        for j in range(i + 1, count):
            if boxes[j, 0] - boxes[i, 0] > reach:
                break
            if _near(boxes, i, j, eps):
                total[i] += scores[j]
                total[j] += scores[i]
    return total


@njit(cache=True, nogil=True)
def gather_groups(boxes, scores, order, eps):
    """Groups around the windows taken in `order` int64[N]: score-weighted mean boxes float64[G, 4], summed scores
    float64[G] and numbers of windows int64[G]. Rows must be sorted by x."""
    count = len(boxes)
    free = np.ones(count, np.bool_)
    mean = np.zeros((count, 4))
    total = np.zeros(count)
    members = np.zeros(count, np.int64)
    groups = 0
    for i in order:
        if not free[i]:
            continue
        reach = eps * (boxes[i, 2] + boxes[i, 3]) * 0.5
        first = i
        while first > 0 and boxes[i, 0] - boxes[first - 1, 0] <= reach:
            first -= 1
        for j in range(first, count):
            if boxes[j, 0] - boxes[i, 0] > reach:
                break
            if free[j] and _near(boxes, i, j, eps):
                free[j] = False
                for k in range(4):
                    mean[groups, k] += boxes[j, k] * scores[j]
                total[groups] += scores[j]
                members[groups] += 1
        for k in range(4):
            mean[groups, k] /= total[groups]
        groups += 1
    return mean[:groups], total[:groups], members[:groups]


def suppress(boxes: NDArray[np.float64], scores: NDArray[np.float64], overlap: float) -> NDArray[np.int64]:
    """Indices, strongest first, of the groups that overlap no stronger kept one by more than `overlap`.

    Overlap is the shared area over the smaller area: a small group inside a large one is the same face.
    """
    order = np.argsort(-scores, kind="stable")
    clear: NDArray[np.bool_] = _clear(boxes[order], overlap)
    return order[clear]


@njit(cache=True, nogil=True)
def _clear(boxes, overlap):
    """Which boxes float64[N, 4], strongest first, overlap none before them that is clear itself: bool[N]."""
    clear = np.zeros(len(boxes), np.bool_)
    for i in range(len(boxes)):
        x, y, w, h = boxes[i]
        clear[i] = True
        for k in range(i):
            if not clear[k]:
                continue
            shared_w = min(x + w, boxes[k, 0] + boxes[k, 2]) - max(x, boxes[k, 0])
            shared_h = min(y + h, boxes[k, 1] + boxes[k, 3]) - max(y, boxes[k, 1])
            smaller = min(w * h, boxes[k, 2] * boxes[k, 3])
            if shared_w > 0 and shared_h > 0 and shared_w * shared_h > overlap * smaller:
                clear[i] = False
                break
    return clear


def group_windows(
    boxes: NDArray[np.int64], scores: NDArray[np.float64], overlap: float = 0.4, link: float = LINK
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Windows int64[N, 4] px, scores float64[N] → boxes float64[G, 4], scores, window counts; strongest first.

    overlap  see `suppress`; link: see `LINK`
    """
    if len(boxes) == 0:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    if len(boxes) > MAX_WINDOWS:
        strongest = np.argsort(-scores, kind="stable")[:MAX_WINDOWS]
        boxes, scores = boxes[strongest], scores[strongest]
    order = np.lexsort((boxes[:, 2], boxes[:, 1], boxes[:, 0]))
    boxes, scores = boxes[order], scores[order]
    order = np.argsort(-neighbourhoods(boxes, scores, link), kind="stable")
    mean, total, members = gather_groups(boxes, scores, order, link)
    kept = suppress(mean, total, overlap)
    return mean[kept], total[kept], members[kept]
