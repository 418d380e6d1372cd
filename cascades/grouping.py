"""From many overlapping windows to one box and one score per face.

A face is found by a bunch of neighbouring windows, a false alarm mostly by one or two. So the score of a group is the
sum over its windows of (last stage's sum − its threshold + 1): it counts windows, and weighs each by how clearly it
passed. Groups form as OpenCV's `groupRectangles` forms them (windows whose edges differ by less than a share of their
size are linked); then weaker groups that overlap a stronger one are dropped (non-maximum suppression).
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit
from numpy.typing import NDArray

LINK = 0.2  # windows are linked when every edge differs by at most this share of their mean size
MAX_WINDOWS = 20_000  # the strongest are kept: an image that passes more is noise, and grouping compares pairs


@njit(cache=True, nogil=True)
def link_windows(boxes, eps):
    """Group numbers int64[N] of windows int64[N, 4] linked directly or through others; numbered by first member.

    Rows must be sorted by x: only windows whose left edges are near are compared.
    """
    count = len(boxes)
    parent = np.arange(count)
    widest = 0
    for i in range(count):
        widest = max(widest, boxes[i, 2] + boxes[i, 3])
    for i in range(count):
        for j in range(i + 1, count):
            if boxes[j, 0] - boxes[i, 0] > eps * widest:
                break
            near = eps * (min(boxes[i, 2], boxes[j, 2]) + min(boxes[i, 3], boxes[j, 3])) * 0.5
            if (
                abs(boxes[i, 0] - boxes[j, 0]) <= near
                and abs(boxes[i, 1] - boxes[j, 1]) <= near
                and abs(boxes[i, 0] + boxes[i, 2] - boxes[j, 0] - boxes[j, 2]) <= near
                and abs(boxes[i, 1] + boxes[i, 3] - boxes[j, 1] - boxes[j, 3]) <= near
            ):
                a, b = i, j
                while parent[a] != a:
                    a = parent[a]
                while parent[b] != b:
                    b = parent[b]
                low, high = min(a, b), max(a, b)
                parent[high] = low
                parent[i] = low
                parent[j] = low
    label = np.empty(count, np.int64)
    groups = 0
    for i in range(count):
        root = i
        while parent[root] != root:
            root = parent[root]
        if root == i:
            label[i] = groups
            groups += 1
        else:
            label[i] = label[root]
    return label


@njit(cache=True, nogil=True)
def merge_groups(boxes, scores, label, groups):
    """Score-weighted mean box float64[G, 4], summed score float64[G] and number of windows int64[G]."""
    mean = np.zeros((groups, 4))
    total = np.zeros(groups)
    members = np.zeros(groups, np.int64)
    for i in range(len(label)):
        g = label[i]
        for k in range(4):
            mean[g, k] += boxes[i, k] * scores[i]
        total[g] += scores[i]
        members[g] += 1
    for g in range(groups):
        for k in range(4):
            mean[g, k] /= total[g]
    return mean, total, members


def suppress(boxes: NDArray[np.float64], scores: NDArray[np.float64], overlap: float) -> NDArray[np.int64]:
    """Indices, strongest first, of the groups that overlap no stronger kept one by more than `overlap`.

    Overlap is the shared area over the smaller area: a small group inside a large one is the same face.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for i in order:
        x, y, w, h = boxes[i]
        clear = True
        for k in kept:
            shared_w = min(x + w, boxes[k, 0] + boxes[k, 2]) - max(x, boxes[k, 0])
            shared_h = min(y + h, boxes[k, 1] + boxes[k, 3]) - max(y, boxes[k, 1])
            smaller = min(w * h, boxes[k, 2] * boxes[k, 3])
            if shared_w > 0 and shared_h > 0 and shared_w * shared_h > overlap * smaller:
                clear = False
                break
        if clear:
            kept.append(int(i))
    return np.array(kept, np.int64)


def group_windows(
    boxes: NDArray[np.int64], scores: NDArray[np.float64], overlap: float = 0.4
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Windows int64[N, 4] px, scores float64[N] → boxes float64[G, 4], scores, window counts; strongest first."""
    if len(boxes) == 0:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    if len(boxes) > MAX_WINDOWS:
        strongest = np.argsort(-scores, kind="stable")[:MAX_WINDOWS]
        boxes, scores = boxes[strongest], scores[strongest]
    order = np.lexsort((boxes[:, 2], boxes[:, 1], boxes[:, 0]))
    boxes, scores = boxes[order], scores[order]
    label = link_windows(boxes, LINK)
    mean, total, members = merge_groups(boxes, scores, label, int(label.max()) + 1)
    kept = suppress(mean, total, overlap)
    return mean[kept], total[kept], members[kept]
