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
BAND = 8  # rows whose survivors share a list: long enough to amortize, short enough to stay in the cache


@dataclass(frozen=True, eq=False)
class FlatHaar:
    """A Haar cascade as plain arrays, in the order they are read.

    corners     int16[N, 3, 4, 2]  per node, window px
    tilted      bool[N]
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


def scan(flat: FlatHaar, level: Level, stripe_count: int) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order. stripe_count: see `pyramid.grid`."""
    lay = level.layout
    width, height = flat.window
    nx, ny = grid(lay, flat.window, stripe_count)
    if nx == 0 or ny == 0:
        empty = np.zeros(0, np.int32)
        return LevelWindows(empty, empty, np.zeros(0), 0)
    norm = np.array([[[[1, 1], [width - 1, 1], [1, height - 1], [width - 1, height - 1]]] * 3], np.int16)
    norm_offsets = level.offsets(norm, np.zeros(1, np.bool_))[0, :4]
    area = (width - 2) * (height - 2)
    cells, scores = _scan_stumps(
        level.buffer, lay.plane_size, lay.stride, ny, nx, lay.step, norm_offsets, np.float64(area),
        level.offsets(flat.corners, flat.tilted), flat.weights, flat.threshold, flat.left, flat.right,
        flat.links, flat.leaves, flat.trees, flat.stages, flat.stage_threshold, flat.stumps,
    )  # fmt: skip
    y = cells // lay.stride
    x = cells - y * lay.stride
    return LevelWindows((x * lay.step).astype(np.int32), y.astype(np.int32), scores, nx * ny)


@njit(cache=True, nogil=True)
def _row_norms(buffer, sq_base, base, norm, area, count, inverse):
    """1/√(area·Σx² − (Σx)²) of a row of windows, zero where OpenCV refuses the window."""
    a = buffer[base + norm[0] : base + norm[0] + count]
    b = buffer[base + norm[1] : base + norm[1] + count]
    c = buffer[base + norm[2] : base + norm[2] + count]
    d = buffer[base + norm[3] : base + norm[3] + count]
    base += sq_base
    e = buffer[base + norm[0] : base + norm[0] + count]
    f = buffer[base + norm[1] : base + norm[1] + count]
    g = buffer[base + norm[2] : base + norm[2] + count]
    h = buffer[base + norm[3] : base + norm[3] + count]
    for i in range(count):
        total = np.float64(a[i] - b[i] - c[i] + d[i])
        squares = np.float64(np.uint32(np.int32(e[i] - f[i] - g[i] + h[i])))
        variance = area * squares - total * total
        value = np.float32(1.0 / np.sqrt(max(variance, 1.0)))
        inverse[i] = value if (variance > 0.0) and (area * np.float64(value) < 0.1) else np.float32(0)


@njit(cache=True, nogil=True)
def _row_rect(buffer, base, o0, o1, o2, o3, weight, count, first, value):
    """value (+)= weight · rectangle sum, for a row of windows."""
    a = buffer[base + o0 : base + o0 + count]
    b = buffer[base + o1 : base + o1 + count]
    c = buffer[base + o2 : base + o2 + count]
    d = buffer[base + o3 : base + o3 + count]
    if first:
        for i in range(count):
            value[i] = weight * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))
    else:
        for i in range(count):
            value[i] += weight * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))


@njit(cache=True, nogil=True)
def _row_stump(buffer, base, offset, weight, threshold, left, right, count, inverse, value, total):
    """total += left or right leaf of one stump, for a row of windows."""
    _row_rect(buffer, base, offset[0], offset[1], offset[2], offset[3], weight[0], count, True, value)
    _row_rect(buffer, base, offset[4], offset[5], offset[6], offset[7], weight[1], count, False, value)
    if weight[2] != 0:
        _row_rect(buffer, base, offset[8], offset[9], offset[10], offset[11], weight[2], count, False, value)
    low = np.float64(left)
    high = np.float64(right)
    for i in range(count):
        total[i] += low if value[i] * inverse[i] < threshold else high


@njit(cache=True, nogil=True)
def _feature(buffer, cell, offset, weight):
    """One feature of one window, before normalization."""
    value = weight[0] * np.float32(
        np.int32(
            buffer[cell + offset[0]] - buffer[cell + offset[1]] - buffer[cell + offset[2]] + buffer[cell + offset[3]]
        )
    )
    value += weight[1] * np.float32(
        np.int32(
            buffer[cell + offset[4]] - buffer[cell + offset[5]] - buffer[cell + offset[6]] + buffer[cell + offset[7]]
        )
    )
    if weight[2] != 0:
        value += weight[2] * np.float32(
            np.int32(
                buffer[cell + offset[8]]
                - buffer[cell + offset[9]]
                - buffer[cell + offset[10]]
                + buffer[cell + offset[11]]
            )
        )
    return value


@njit(cache=True, nogil=True)
def _list_stump(buffer, cells, count, offset, weight, threshold, left, right, inverse, total):
    """total += left or right leaf of one stump, for a list of windows."""
    low = np.float64(left)
    high = np.float64(right)
    o0, o1, o2, o3 = np.uint64(offset[0]), np.uint64(offset[1]), np.uint64(offset[2]), np.uint64(offset[3])
    o4, o5, o6, o7 = np.uint64(offset[4]), np.uint64(offset[5]), np.uint64(offset[6]), np.uint64(offset[7])
    w0, w1, w2 = weight[0], weight[1], weight[2]
    if w2 == 0:
        for i in range(count):
            c = np.uint64(cells[i])
            value = w0 * np.float32(np.int32(buffer[c + o0] - buffer[c + o1] - buffer[c + o2] + buffer[c + o3]))
            value += w1 * np.float32(np.int32(buffer[c + o4] - buffer[c + o5] - buffer[c + o6] + buffer[c + o7]))
            total[i] += low if value * inverse[i] < threshold else high
    else:
        o8, o9, oa, ob = np.uint64(offset[8]), np.uint64(offset[9]), np.uint64(offset[10]), np.uint64(offset[11])
        for i in range(count):
            c = np.uint64(cells[i])
            value = w0 * np.float32(np.int32(buffer[c + o0] - buffer[c + o1] - buffer[c + o2] + buffer[c + o3]))
            value += w1 * np.float32(np.int32(buffer[c + o4] - buffer[c + o5] - buffer[c + o6] + buffer[c + o7]))
            value += w2 * np.float32(np.int32(buffer[c + o8] - buffer[c + o9] - buffer[c + oa] + buffer[c + ob]))
            total[i] += low if value * inverse[i] < threshold else high


@njit(cache=True, nogil=True)
def _list_tree(
    buffer, cells, count, first_node, first_leaf, offsets, weights, threshold, links, leaves, inverse, total
):
    """total += the leaf a tree leads to, for a list of windows."""
    for i in range(count):
        node = 0
        while True:
            k = first_node + node
            value = _feature(buffer, cells[i], offsets[k], weights[k]) * inverse[i]
            node = links[k, 0] if value < threshold[k] else links[k, 1]
            if node <= 0:
                break
        total[i] += np.float64(leaves[first_leaf - node])


@njit(cache=True, nogil=True)
def _later_stages(
    buffer, cells, inverse, total, count, first_stage, offsets, weights, threshold, left, right,
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
                    buffer, cells, count, offsets[t], weights[t], threshold[t], left[t], right[t], inverse, total
                )
            else:
                _list_tree(
                    buffer, cells, count, trees[t, 0], trees[t, 1], offsets, weights, threshold, links, leaves,
                    inverse, total,
                )  # fmt: skip
        kept = 0
        for i in range(count):
            if total[i] >= stage_threshold[s]:
                cells[kept] = cells[i]
                inverse[kept] = inverse[i]
                total[kept] = total[i]
                kept += 1
        count = kept
    return count


@njit(cache=True, nogil=True)
def _scan_stumps(
    buffer, sq_base, stride, ny, nx, step, norm, area, offsets, weights, threshold, left, right,
    links, leaves, trees, stages, stage_threshold, stumps,
):  # fmt: skip
    """Scan a level; returns the surviving windows' cells int64[M] and last stage sums float64[M]."""
    out_cells: NDArray[np.int64] = np.empty(256, np.int64)
    out_total: NDArray[np.float64] = np.empty(256, np.float64)
    found = 0
    inverse = np.empty(nx, np.float32)
    value = np.empty(nx, np.float32)
    total = np.empty(nx, np.float64)
    cells = np.empty(nx * BAND, np.int64)
    cell_inverse = np.empty(nx * BAND, np.float32)
    cell_total = np.empty(nx * BAND, np.float64)
    count = 0
    for y in range(ny):
        base = y * step * stride
        _row_norms(buffer, sq_base, base, norm, area, nx, inverse)
        if stumps:
            total[:] = 0.0
            for t in range(stages[1]):
                _row_stump(
                    buffer, base, offsets[t], weights[t], threshold[t], left[t], right[t], nx, inverse, value, total
                )
        x = 0
        while x < nx:
            passed = False
            if inverse[x] != 0:
                if stumps:
                    passed = total[x] >= stage_threshold[0]
                else:
                    cells[count] = base + x
                    cell_inverse[count] = inverse[x]
                    cell_total[count] = 0.0
                    for t in range(stages[1]):
                        _list_tree(
                            buffer, cells[count:], 1, trees[t, 0], trees[t, 1], offsets, weights, threshold,
                            links, leaves, cell_inverse[count:], cell_total[count:],
                        )  # fmt: skip
                    total[x] = cell_total[count]
                    passed = total[x] >= stage_threshold[0]
                if not passed:
                    x += 2  # OpenCV skips the neighbour of a window that the first stage rejects
                    continue
            if passed:
                cells[count] = base + x
                cell_inverse[count] = inverse[x]
                cell_total[count] = total[x]
                count += 1
            x += 1
        if (y + 1) % BAND == 0 or y == ny - 1:
            kept = _later_stages(
                buffer, cells, cell_inverse, cell_total, count, 1, offsets, weights, threshold, left, right,
                links, leaves, trees, stages, stage_threshold, stumps,
            )  # fmt: skip
            while found + kept > out_cells.size:
                out_cells = np.concatenate((out_cells, np.empty_like(out_cells)))
                out_total = np.concatenate((out_total, np.empty_like(out_total)))
            out_cells[found : found + kept] = cells[:kept]
            out_total[found : found + kept] = cell_total[:kept]
            found += kept
            count = 0
    return out_cells[:found], out_total[:found]
