"""The inner loop: slide a cascade over one pyramid level.

A row of windows goes through the first stage together, over contiguous memory (cheap per window, SIMD); the few that
pass are collected over a band of rows and go through the later stages as a list, which shrinks stage by stage.

Sums and comparisons are done in the precision OpenCV uses (features float32, stage sums float64), so that the windows
that pass are the same ones.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.features import HaarFeatures
from cascades.model import Cascade
from cascades.pyramid import Level, grid

STAGE_EPSILON = np.float32(1e-5)  # OpenCV lowers every stage threshold by this when it loads a cascade
BAND = 64  # rows whose survivors share a list: long enough to amortize, short enough to stay in the cache


@dataclass(frozen=True, eq=False)
class FlatHaar:
    """A Haar cascade as plain arrays, in the order they are read.

    corners     int16[N, 3, 4, 2]  per node, window px
    tilted      bool[N]
    plane       uint8[N]           0 is grey, whose values are divided by the window's contrast
    weights     float32[N, 3]
    threshold   float32[N]
    left, right float32[N] leaf values of stumps; for trees int32-valued links in `links`
    links       int32[N, 2]        k > 0 node k of the tree, k ≤ 0 leaf −k
    leaves      float32[L]
    trees       int32[T+1, 2]      first node and first leaf of every tree
    stages      int32[S+1]         first tree of every stage
    stage_threshold float32[S]     lowered as OpenCV does
    stumps      every tree has one node
    """

    window: tuple[int, int]
    corners: NDArray[np.int16]
    tilted: NDArray[np.bool_]
    plane: NDArray[np.uint8]
    weights: NDArray[np.float32]
    threshold: NDArray[np.float32]
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    links: NDArray[np.int32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.int32]
    stages: NDArray[np.int32]
    stage_threshold: NDArray[np.float32]
    stumps: bool


def flatten(cascade: Cascade) -> FlatHaar:
    """Lay a Haar cascade out for the scan."""
    features = cascade.features
    assert isinstance(features, HaarFeatures)
    trees = [tree for stage in cascade.stages for tree in stage.trees]
    nodes = [len(tree.feature) for tree in trees]
    used = features.take(_join([tree.feature for tree in trees], np.int32).astype(np.int64))
    stumps = all(n == 1 for n in nodes)
    # A stump may be written with its leaves swapped (left leaf 1, right leaf 0): resolve the links here.
    left = [tree.leaves[-tree.left[0]] if stumps else 0 for tree in trees]
    right = [tree.leaves[-tree.right[0]] if stumps else 0 for tree in trees]
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in nodes])])
    return FlatHaar(
        cascade.window,
        used.corners(),
        used.tilted,
        used.plane,
        used.weights,
        _join([tree.threshold for tree in trees], np.float32),
        np.array(left, np.float32),
        np.array(right, np.float32),
        np.stack([_join([t.left for t in trees], np.int32), _join([t.right for t in trees], np.int32)], axis=1),
        _join([tree.leaves for tree in trees], np.float32),
        np.stack([first_node, first_leaf], axis=1).astype(np.int32),
        np.concatenate([[0], np.cumsum([len(stage.trees) for stage in cascade.stages])]).astype(np.int32),
        np.array([np.float32(s.threshold) - STAGE_EPSILON for s in cascade.stages], np.float32),
        stumps,
    )


def _join(parts: list[NDArray], dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


@dataclass(frozen=True, eq=False)
class LevelWindows:
    """Windows that passed every stage: x, y int32 in level px, the last stage's sum float64, windows looked at."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    score: NDArray[np.float64]
    scanned: int


def level_norms(level: Level, window: tuple[int, int], stripe_count: int) -> NDArray[np.float32]:
    """Inverse norms of every window looked at: float32[ny, nx], zero where OpenCV refuses the window."""
    width, height = window
    nx, ny = grid(level.layout, window, stripe_count)
    inner = np.array([[[[1, 1], [width - 1, 1], [1, height - 1], [width - 1, height - 1]]] * 3], np.int16)
    offsets = level.offsets(inner, np.zeros(1, np.bool_), np.zeros(1, np.uint8))[0, :4]
    norms = np.empty((ny, nx), np.float32)
    lay = level.layout
    _norms(level.buffer, lay.plane_size, lay.step * lay.stride, offsets, float((width - 2) * (height - 2)), norms)
    return norms


def scan(flat: FlatHaar, level: Level, stripe_count: int, norms: NDArray[np.float32] | None = None) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order.

    stripe_count: see `pyramid.grid`; norms: from `level_norms`, where several cascades share them.
    """
    lay = level.layout
    if norms is None:
        norms = level_norms(level, flat.window, stripe_count)
    cells, scores = _scan_level(
        level.buffer, lay.stride, lay.step, norms, level.offsets(flat.corners, flat.tilted, flat.plane), flat.plane,
        flat.weights, flat.threshold, flat.left, flat.right, flat.links, flat.leaves, flat.trees, flat.stages,
        flat.stage_threshold, flat.stumps,
    )  # fmt: skip
    y = cells // lay.stride
    x = cells - y * lay.stride
    return LevelWindows((x * lay.step).astype(np.int32), y.astype(np.int32), scores, norms.size)


@njit(cache=True, nogil=True)
def _norms(buffer, sq_base, row_cells, offsets, area, norms):
    """1/√(area·Σx² − (Σx)²) of every window, zero where OpenCV refuses it. See `level_norms`."""
    count = norms.shape[1]
    total = np.empty(count, np.int32)
    squares = np.empty(count, np.int32)
    for y in range(norms.shape[0]):
        _row_sum(buffer, y * row_cells, offsets, total)
        _row_sum(buffer, y * row_cells + sq_base, offsets, squares)
        inverse = norms[y]
        for i in range(count):
            sum_x = np.float64(total[i])
            variance = area * np.float64(np.uint32(squares[i])) - sum_x * sum_x
            value = np.float32(1.0 / np.sqrt(variance if variance > 1.0 else 1.0))
            fine = (variance > 0.0) & (area * np.float64(value) < 0.1)
            inverse[i] = value if fine else np.float32(0)


@njit(cache=True, nogil=True)
def _row_sum(buffer, base, offsets, out):
    """The sum of one rectangle for a row of windows. Few arrays a loop: the compiler must prove they do not overlap."""
    count = out.size
    a = buffer[base + offsets[0] : base + offsets[0] + count]
    b = buffer[base + offsets[1] : base + offsets[1] + count]
    c = buffer[base + offsets[2] : base + offsets[2] + count]
    d = buffer[base + offsets[3] : base + offsets[3] + count]
    for i in range(count):
        out[i] = a[i] - b[i] - c[i] + d[i]


@njit(cache=True, nogil=True)
def _row_rect(buffer, base, offsets, t, k, weight, count, value):
    """value (+)= weight · sum of rectangle k of node t, for a row of windows; k = 0 overwrites."""
    a = buffer[base + offsets[t, 4 * k] : base + offsets[t, 4 * k] + count]
    b = buffer[base + offsets[t, 4 * k + 1] : base + offsets[t, 4 * k + 1] + count]
    c = buffer[base + offsets[t, 4 * k + 2] : base + offsets[t, 4 * k + 2] + count]
    d = buffer[base + offsets[t, 4 * k + 3] : base + offsets[t, 4 * k + 3] + count]
    if k == 0:
        for i in range(count):
            value[i] = weight * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))
    else:
        for i in range(count):
            value[i] += weight * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))


@njit(cache=True, nogil=True)
def _row_stump(buffer, base, offsets, weights, t, threshold, left, right, count, inverse, value, total):
    """total += left or right leaf of stump t, for a row of windows."""
    _row_rect(buffer, base, offsets, t, 0, weights[t, 0], count, value)
    _row_rect(buffer, base, offsets, t, 1, weights[t, 1], count, value)
    if weights[t, 2] != 0:
        _row_rect(buffer, base, offsets, t, 2, weights[t, 2], count, value)
    low = np.float64(left)
    high = np.float64(right)
    for i in range(count):
        total[i] += low if value[i] * inverse[i] < threshold else high


@njit(cache=True, nogil=True)
def _feature(buffer, cell, offsets, weights, k):
    """One feature of one window, before normalization."""
    o = offsets[k]
    value = weights[k, 0] * np.float32(
        np.int32(buffer[cell + o[0]] - buffer[cell + o[1]] - buffer[cell + o[2]] + buffer[cell + o[3]])
    )
    value += weights[k, 1] * np.float32(
        np.int32(buffer[cell + o[4]] - buffer[cell + o[5]] - buffer[cell + o[6]] + buffer[cell + o[7]])
    )
    if weights[k, 2] != 0:
        value += weights[k, 2] * np.float32(
            np.int32(buffer[cell + o[8]] - buffer[cell + o[9]] - buffer[cell + o[10]] + buffer[cell + o[11]])
        )
    return value


@njit(cache=True, nogil=True)
def _list_stump(buffer, cells, count, offsets, weights, t, threshold, left, right, inverse, total):
    """total += left or right leaf of stump t, for a list of windows. Unsigned cells: no wrap-around to check for."""
    low = np.float64(left)
    high = np.float64(right)
    o0, o1, o2, o3 = (
        np.uint32(offsets[t, 0]),
        np.uint32(offsets[t, 1]),
        np.uint32(offsets[t, 2]),
        np.uint32(offsets[t, 3]),
    )
    o4, o5, o6, o7 = (
        np.uint32(offsets[t, 4]),
        np.uint32(offsets[t, 5]),
        np.uint32(offsets[t, 6]),
        np.uint32(offsets[t, 7]),
    )
    w0, w1, w2 = weights[t, 0], weights[t, 1], weights[t, 2]
    if w2 == 0:
        for i in range(count):
            c = cells[i]
            value = w0 * np.float32(np.int32(buffer[c + o0] - buffer[c + o1] - buffer[c + o2] + buffer[c + o3]))
            value += w1 * np.float32(np.int32(buffer[c + o4] - buffer[c + o5] - buffer[c + o6] + buffer[c + o7]))
            total[i] += low if value * inverse[i] < threshold else high
    else:
        o8, o9 = np.uint32(offsets[t, 8]), np.uint32(offsets[t, 9])
        oa, ob = np.uint32(offsets[t, 10]), np.uint32(offsets[t, 11])
        for i in range(count):
            c = cells[i]
            value = w0 * np.float32(np.int32(buffer[c + o0] - buffer[c + o1] - buffer[c + o2] + buffer[c + o3]))
            value += w1 * np.float32(np.int32(buffer[c + o4] - buffer[c + o5] - buffer[c + o6] + buffer[c + o7]))
            value += w2 * np.float32(np.int32(buffer[c + o8] - buffer[c + o9] - buffer[c + oa] + buffer[c + ob]))
            total[i] += low if value * inverse[i] < threshold else high


@njit(cache=True, nogil=True)
def _list_tree(
    buffer, cells, count, first_node, first_leaf, offsets, plane, weights, threshold, links, leaves, inverse, total
):
    """total += the leaf a tree leads to, for a list of windows."""
    for i in range(count):
        node = 0
        while True:
            k = first_node + node
            value = _feature(buffer, np.int64(cells[i]), offsets, weights, k)
            if plane[k] == 0:
                value *= inverse[i]
            node = links[k, 0] if value < threshold[k] else links[k, 1]
            if node <= 0:
                break
        total[i] += np.float64(leaves[first_leaf - node])


@njit(cache=True, nogil=True)
def _later_stages(
    buffer, cells, inverse, ones, total, count, first_stage, offsets, plane, weights, threshold, left, right,
    links, leaves, trees, stages, stage_threshold, stumps,
):  # fmt: skip
    """Run a list of windows through the stages from first_stage on, keeping those that pass; returns how many do."""
    for s in range(first_stage, stage_threshold.size):
        if count == 0:
            break
        total[:count] = 0.0
        for t in range(stages[s], stages[s + 1]):
            if stumps:
                _list_stump(
                    buffer, cells, count, offsets, weights, t, threshold[t], left[t], right[t],
                    ones if plane[t] else inverse, total,
                )  # fmt: skip
            else:
                _list_tree(
                    buffer, cells, count, trees[t, 0], trees[t, 1], offsets, plane, weights, threshold, links, leaves,
                    inverse, total,
                )  # fmt: skip
        kept = np.int64(0)
        for i in range(count):
            cells[kept] = cells[i]
            inverse[kept] = inverse[i]
            total[kept] = total[i]
            kept += np.int64(total[i] >= stage_threshold[s])
        count = kept
    return count


@njit(cache=True, nogil=True)
def visit_row(base, first_total, first_threshold, row_inverse, count, cells, inverse, total, nx):
    """Append the windows of a row that are visited and pass the first stage to the list; returns its new length.

    OpenCV skips the neighbour of a window that the first stage rejects (but not of one refused for its contrast).
    Written without branches: what a window does is as good as random to the processor.
    """
    skip = np.int64(0)
    for x in range(nx):
        contrast = np.int64(row_inverse[x] != 0)
        passed = np.int64(first_total[x] >= first_threshold)
        visited = contrast & (1 - skip)
        cells[count] = base + x
        inverse[count] = row_inverse[x]
        total[count] = first_total[x]
        count += visited & passed
        skip = visited & (1 - passed)
    return count


@njit(cache=True, nogil=True)
def _scan_level(
    buffer, stride, step, norms, offsets, plane, weights, threshold, left, right,
    links, leaves, trees, stages, stage_threshold, stumps,
):  # fmt: skip
    """Scan a level; returns the surviving windows' cells int64[M] and last stage sums float64[M]."""
    out_cells: NDArray[np.int64] = np.empty(256, np.int64)
    out_total: NDArray[np.float64] = np.empty(256, np.float64)
    found = 0
    ny, nx = norms.shape
    value = np.empty(nx, np.float32)
    row_total = np.empty(nx, np.float64)
    row_cells = np.empty(nx, np.uint32)
    cells = np.empty(nx * BAND + 1, np.uint32)
    inverse = np.empty(nx * BAND + 1, np.float32)
    total = np.empty(nx * BAND + 1, np.float64)
    ones = np.ones(nx * BAND + 1, np.float32)  # what colour features are divided by
    count = 0
    for y in range(ny):
        base = y * step * stride
        row_inverse = norms[y]
        row_total[:] = 0.0
        for t in range(stages[1]):
            if stumps:
                _row_stump(
                    buffer, base, offsets, weights, t, threshold[t], left[t], right[t], nx,
                    ones if plane[t] else row_inverse, value, row_total,
                )  # fmt: skip
            else:
                for x in range(nx):
                    row_cells[x] = base + x
                _list_tree(
                    buffer, row_cells, nx, trees[t, 0], trees[t, 1], offsets, plane, weights, threshold, links, leaves,
                    row_inverse, row_total,
                )  # fmt: skip
        count = visit_row(base, row_total, stage_threshold[0], row_inverse, count, cells, inverse, total, nx)
        if (y + 1) % BAND == 0 or y == ny - 1:
            kept = _later_stages(
                buffer, cells, inverse, ones, total, count, 1, offsets, plane, weights, threshold, left, right,
                links, leaves, trees, stages, stage_threshold, stumps,
            )  # fmt: skip
            while found + kept > out_cells.size:
                out_cells = np.concatenate((out_cells, np.empty_like(out_cells)))
                out_total = np.concatenate((out_total, np.empty_like(out_total)))
            for i in range(kept):
                out_cells[found + i] = cells[i]
                out_total[found + i] = total[i]
            found += kept
            count = 0
    return out_cells[:found], out_total[:found]
