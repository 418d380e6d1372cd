"""The inner loop: slide a cascade over one pyramid level.

All windows of a level lie in one row of cells (`pyramid.Layout`). They go through the first stages in blocks of
sixteen, which costs little more than a single window (`blocks`); blocks without a window left fall out. When few windows
are left in a block, those go through the rest as a list, which shrinks stage by stage.

Sums and comparisons are done in the precision OpenCV uses (features float32, stage sums float64), so that the windows
that pass are the same ones.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.blocks import stage_mask
from cascades.features import HaarFeatures
from cascades.model import Cascade
from cascades.pyramid import BLOCK, Level, grid

STAGE_EPSILON = np.float32(1e-5)  # OpenCV lowers every stage threshold by this when it loads a cascade
BAND = 512  # blocks taken through all stages before the next ones: few enough to stay in the cache
CROWDED = 3  # windows left in a block on average, from which on it is cheaper to go on with whole blocks


@dataclass(frozen=True, eq=False)
class FlatHaar:
    """A Haar cascade as plain arrays, in the order they are read.

    corners     int16[N, 3, 4, 2]  per node, window px
    tilted      bool[N]
    plane       uint8[N]           0 is grey, whose values are divided by the window's contrast
    weights     float32[N, 3]
    threshold   float32[N]
    stump       float32[N, 3]      threshold, left and right leaf, where every tree has one node
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
    stump: NDArray[np.float32]
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
    thresholds = _join([tree.threshold for tree in trees], np.float32)
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in nodes])])
    return FlatHaar(
        cascade.window,
        used.corners(),
        used.tilted,
        used.plane,
        used.weights,
        thresholds,
        np.stack([thresholds, np.array(left, np.float32), np.array(right, np.float32)], axis=1)
        if stumps
        else np.zeros((0, 3), np.float32),
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


@dataclass(frozen=True, eq=False)
class Contrast:
    """Which windows of a level are looked at, and what their grey features are divided by.

    inverse  float32[C]  inverse norm by cell, zero where OpenCV refuses the window or there is none; C is a multiple of
             the block
    windows  how many windows there are
    """

    inverse: NDArray[np.float32]
    windows: int


def level_contrast(level: Level, window: tuple[int, int], stripe_count: int) -> Contrast:
    """The contrast of every window of this size (w, h); stripe_count: see `pyramid.grid`."""
    width, height = window
    lay = level.layout
    nx, ny = grid(lay, window, stripe_count)
    x = np.array([1, width - 1, 1, width - 1])
    y = np.array([1, 1, height - 1, height - 1])
    inverse = np.zeros(-(-ny * lay.stride // BLOCK) * BLOCK, np.float32)
    _inverse_norms(
        level.buffer, lay.plane_size, lay.stride, lay.cells(x, y), float((width - 2) * (height - 2)), nx, ny, inverse
    )
    return Contrast(inverse, nx * ny)


def scan(flat: FlatHaar, level: Level, stripe_count: int, contrast: Contrast | None = None) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order.

    stripe_count: see `pyramid.grid`; contrast: from `level_contrast`, where several cascades share it.
    """
    lay = level.layout
    if contrast is None:
        contrast = level_contrast(level, flat.window, stripe_count)
    offsets = level.offsets(flat.corners, flat.tilted, flat.plane)
    kernel = _scan_stumps if flat.stumps else _scan_trees
    cells, scores = kernel(
        level.buffer, contrast.inverse, offsets, flat.plane, flat.weights, flat.threshold, flat.stump, flat.links,
        flat.leaves, flat.trees, flat.stages, flat.stage_threshold,
    )  # fmt: skip
    return LevelWindows(*lay.places(cells), scores, contrast.windows)


@njit(cache=True, nogil=True)
def _inverse_norms(buffer, sq_base, stride, corners, area, nx, ny, inverse):
    """1/√(area·Σx² − (Σx)²) of every window, zero where OpenCV refuses it. See `level_contrast`."""
    total = np.empty(nx, np.int32)
    squares = np.empty(nx, np.int32)
    for y in range(ny):
        _row_sum(buffer, y * stride, corners, total)
        _row_sum(buffer, y * stride + sq_base, corners, squares)
        row = inverse[y * stride : y * stride + nx]
        for i in range(nx):
            sum_x = np.float64(total[i])
            variance = area * np.float64(np.uint32(squares[i])) - sum_x * sum_x
            value = np.float32(1.0 / np.sqrt(variance if variance > 1.0 else 1.0))
            fine = (variance > 0.0) & (area * np.float64(value) < 0.1)
            row[i] = value if fine else np.float32(0)


@njit(cache=True, nogil=True)
def _row_sum(buffer, base, corners, out):
    """The sum of one rectangle for a row of windows. Few arrays a loop: the compiler must prove they do not overlap."""
    count = out.size
    a = buffer[base + corners[0] : base + corners[0] + count]
    b = buffer[base + corners[1] : base + corners[1] + count]
    c = buffer[base + corners[2] : base + corners[2] + count]
    d = buffer[base + corners[3] : base + corners[3] + count]
    for i in range(count):
        out[i] = a[i] - b[i] - c[i] + d[i]


@njit(cache=True, nogil=True)
def visited(passed, inverse, first, skip):
    """Which windows of a block are visited and pass the first stage, and whether the next block's first is skipped.

    OpenCV skips the neighbour of a window that the first stage rejects (but not of one refused for its contrast).
    passed: a bit for each window; inverse from `first` on; skip 0 or 1.
    """
    kept = np.uint32(0)
    for lane in range(BLOCK):
        contrast = np.uint32(inverse[first + lane] != 0)
        bit = (passed >> np.uint32(lane)) & np.uint32(1)
        visit = contrast & (np.uint32(1) - skip)
        kept |= (visit & bit) << np.uint32(lane)
        skip = visit & (np.uint32(1) - bit)
    return kept, skip


@njit(cache=True, nogil=True)
def _bits(mask):
    """How many bits of a block's mask are set."""
    count = 0
    while mask:
        mask &= mask - np.uint32(1)
        count += 1
    return count


@njit(cache=True, nogil=True)
def _scan_stumps(
    buffer, inverse, offsets, plane, weights, threshold, stump, links, leaves, trees, stages, stage_threshold
):
    """Scan a level with a cascade of stumps; the surviving windows' cells int64[M] and last stage sums float64[M]."""
    out_cells: NDArray[np.int64] = np.empty(256, np.int64)
    out_total: NDArray[np.float64] = np.empty(256, np.float64)
    found = 0
    block_cell = np.empty(BAND, np.int64)
    block_mask = np.empty(BAND, np.uint32)
    cells = np.empty(BAND * BLOCK, np.uint32)
    scale = np.empty(BAND * BLOCK, np.float32)
    ones = np.ones(BAND * BLOCK, np.float32)  # what colour features are divided by
    total = np.empty(BAND * BLOCK, np.float64)
    last = stage_threshold.size - 1
    skip = np.uint32(0)
    for band in range(0, inverse.size, BAND * BLOCK):
        blocks = 0
        windows = 0
        for cell in range(band, min(band + BAND * BLOCK, inverse.size), BLOCK):
            mask = stage_mask(
                buffer, cell, inverse, offsets, plane, weights, stump, stages[0], stages[1], stage_threshold[0]
            )
            mask, skip = visited(mask, inverse, cell, skip)
            block_cell[blocks] = cell
            block_mask[blocks] = mask
            blocks += mask != 0
            windows += _bits(mask)
        stage = 1
        while stage < last and windows >= CROWDED * blocks:
            kept = 0
            windows = 0
            for i in range(blocks):
                mask = block_mask[i] & stage_mask(
                    buffer, block_cell[i], inverse, offsets, plane, weights, stump, stages[stage], stages[stage + 1],
                    stage_threshold[stage],
                )  # fmt: skip
                block_cell[kept] = block_cell[i]
                block_mask[kept] = mask
                kept += mask != 0
                windows += _bits(mask)
            blocks = kept
            stage += 1
        count = 0
        for i in range(blocks):
            for lane in range(BLOCK):
                cells[count] = block_cell[i] + lane
                scale[count] = inverse[block_cell[i] + lane]
                count += (block_mask[i] >> np.uint32(lane)) & np.uint32(1)
        if last == 0:
            stage = 0  # the blocks know who passed, not with what sum
        for s in range(stage, last + 1):
            if count == 0:
                break
            total[:count] = 0.0
            for t in range(stages[s], stages[s + 1]):
                _list_stump(buffer, cells, count, offsets, weights, t, stump, ones if plane[t] else scale, total)
            count = _keep(cells, scale, total, count, stage_threshold[s])
        while found + count > out_cells.size:
            out_cells = np.concatenate((out_cells, np.empty_like(out_cells)))
            out_total = np.concatenate((out_total, np.empty_like(out_total)))
        for i in range(count):
            out_cells[found + i] = cells[i]
            out_total[found + i] = total[i]
        found += count
    return out_cells[:found], out_total[:found]


@njit(cache=True, nogil=True)
def _keep(cells, scale, total, count, least):
    """Move the windows whose sum reaches `least` to the front of the list; returns how many they are."""
    kept = np.int64(0)
    for i in range(count):
        cells[kept] = cells[i]
        scale[kept] = scale[i]
        total[kept] = total[i]
        kept += np.int64(total[i] >= least)
    return kept


@njit(cache=True, nogil=True)
def _list_stump(buffer, cells, count, offsets, weights, t, stump, scale, total):
    """total += left or right leaf of stump t, for a list of windows. Unsigned cells: no wrap-around to check for."""
    threshold = stump[t, 0]
    low = np.float64(stump[t, 1])
    high = np.float64(stump[t, 2])
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
            total[i] += low if value * scale[i] < threshold else high
    else:
        o8, o9 = np.uint32(offsets[t, 8]), np.uint32(offsets[t, 9])
        oa, ob = np.uint32(offsets[t, 10]), np.uint32(offsets[t, 11])
        for i in range(count):
            c = cells[i]
            value = w0 * np.float32(np.int32(buffer[c + o0] - buffer[c + o1] - buffer[c + o2] + buffer[c + o3]))
            value += w1 * np.float32(np.int32(buffer[c + o4] - buffer[c + o5] - buffer[c + o6] + buffer[c + o7]))
            value += w2 * np.float32(np.int32(buffer[c + o8] - buffer[c + o9] - buffer[c + oa] + buffer[c + ob]))
            total[i] += low if value * scale[i] < threshold else high


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
def _stage_sum(buffer, cell, scale, first, last, offsets, plane, weights, threshold, links, leaves, trees):
    """The sum of the trees first ≤ t < last for one window."""
    total = 0.0
    for t in range(first, last):
        node = 0
        while True:
            k = trees[t, 0] + node
            value = _feature(buffer, cell, offsets, weights, k)
            if plane[k] == 0:
                value *= scale
            node = links[k, 0] if value < threshold[k] else links[k, 1]
            if node <= 0:
                break
        total += np.float64(leaves[trees[t, 1] - node])
    return total


@njit(cache=True, nogil=True)
def _scan_trees(
    buffer, inverse, offsets, plane, weights, threshold, stump, links, leaves, trees, stages, stage_threshold
):
    """Scan a level with a cascade of trees, window by window; returns what `_scan_stumps` does."""
    out_cells = []
    out_total = []
    skip = False  # OpenCV skips the neighbour of a window that the first stage rejects
    for cell in range(inverse.size):
        if skip or inverse[cell] == 0:
            skip = False
            continue
        total = 0.0
        passed = True
        for s in range(stage_threshold.size):
            total = _stage_sum(
                buffer, cell, inverse[cell], stages[s], stages[s + 1], offsets, plane, weights, threshold, links,
                leaves, trees,
            )  # fmt: skip
            if total < stage_threshold[s]:
                passed = False
                skip = s == 0
                break
        if passed:
            out_cells.append(cell)
            out_total.append(total)
    return np.array([np.int64(c) for c in out_cells]), np.array([np.float64(v) for v in out_total])
