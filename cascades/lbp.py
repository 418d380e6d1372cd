"""Running LBP cascades: multi-block local binary patterns (Zhang et al. 2007) in trees that test sets of codes.

Nothing is normalized and no window is refused for its contrast; scales, steps, the skipping of neighbours and the way
blocks of windows go through the stages are those of the Haar scan (`scan`).
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.features import LbpFeatures
from cascades.flat import STAGE_EPSILON, limits
from cascades.lbp_blocks import lbp_stage_mask
from cascades.model import Cascade
from cascades.pyramid import BLOCK, Layout, Level, grid
from cascades.scan import LevelWindows, add_survivors, visited


class LbpNodes(NamedTuple):
    """An LBP cascade as the kernels take it: N nodes in trees, trees in stages.

    offsets  int32[N, 16]     the 4×4 grid of corners of a node's nine blocks, row by row, cells from the window's own
    subset   int32[N, 8]      go left when the code's bit is set
    stump    float32[N, 3]    zero, left and right leaf, where every tree has one node; else empty
    limit    float64[T]       a window whose sum is below this after the tree fails its stage
    links    int32[N, 2]      k > 0 node k of the tree, k ≤ 0 leaf −k
    leaves   float32[L]
    trees    int32[T+1, 2]    first node and first leaf of every tree
    stages   int32[S+1]       first tree of every stage
    stage_threshold float32[S]  lowered as OpenCV does
    """

    offsets: NDArray[np.int32]
    subset: NDArray[np.int32]
    stump: NDArray[np.float32]
    limit: NDArray[np.float64]
    links: NDArray[np.int32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.int32]
    stages: NDArray[np.int32]
    stage_threshold: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FlatLbp:
    """An LBP cascade laid out for the scan.

    corners  int16[N, 16, 2]  per node the 4×4 grid of corners of its nine blocks, x, y in window px
    nodes    everything else; its offsets are those of no level yet: see `lbp_on_level`
    stumps   every tree has one node
    """

    window: tuple[int, int]
    corners: NDArray[np.int16]
    nodes: LbpNodes
    stumps: bool
    tilted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, np.bool_))

    @property
    def stage_threshold(self) -> NDArray[np.float32]:
        return self.nodes.stage_threshold


def flatten_lbp(cascade: Cascade) -> FlatLbp:
    """Lay an LBP cascade out for the scan."""
    features = cascade.features
    assert isinstance(features, LbpFeatures)
    trees = [tree for stage in cascade.stages for tree in stage.trees]
    sizes = [len(tree.feature) for tree in trees]
    used = features.take(np.concatenate([t.feature for t in trees]).astype(np.int64))
    first_node = np.concatenate([[0], np.cumsum(sizes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in sizes])])
    stages = np.concatenate([[0], np.cumsum([len(stage.trees) for stage in cascade.stages])]).astype(np.int32)
    stage_threshold = np.array([np.float32(s.threshold) - STAGE_EPSILON for s in cascade.stages], np.float32)
    stumps = all(n == 1 for n in sizes)
    stump = np.zeros((len(trees) if stumps else 0, 3), np.float32)
    if stumps:
        stump[:, 1:] = [(tree.leaves[-tree.left[0]], tree.leaves[-tree.right[0]]) for tree in trees]
    nodes = LbpNodes(
        np.zeros((len(used), 16), np.int32),
        np.concatenate([t.subset for t in trees]).astype(np.int32),
        stump,
        limits([tree.leaves for tree in trees], stages, stage_threshold),
        np.stack([np.concatenate([t.left for t in trees]), np.concatenate([t.right for t in trees])], axis=1),
        np.concatenate([t.leaves for t in trees]).astype(np.float32),
        np.stack([first_node, first_leaf], axis=1).astype(np.int32),
        stages,
        stage_threshold,
    )
    return FlatLbp(cascade.window, used.corners().reshape(len(used), 16, 2), nodes, stumps)


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def lbp_on_level(flat: FlatLbp, lay: Layout) -> LbpNodes:
    """The cascade's nodes with the offsets of a level's buffer."""
    return flat.nodes._replace(offsets=lay.cells(flat.corners[..., 0], flat.corners[..., 1]).astype(np.int32))


@lru_cache(maxsize=1024)
def existing_windows(lay: Layout, window: tuple[int, int], stripe_count: int) -> NDArray[np.uint32]:
    """Which cells of a level's blocks are windows, a bit for each: uint32[B]; stripe_count: see `pyramid.grid`."""
    nx, ny = grid(lay, window, stripe_count)
    row = np.zeros(lay.stride, np.uint32)
    row[:nx] = 1
    blocks = (row.reshape(-1, BLOCK) << np.arange(BLOCK, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
    return np.tile(blocks, ny)


def scan_lbp(flat: FlatLbp, level: Level, stripe_count: int) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order."""
    lay = level.layout
    nx, ny = grid(lay, flat.window, stripe_count)
    nodes = lbp_on_level(flat, lay)
    if flat.stumps:
        cells, scores = _scan_stumps(level.buffer, existing_windows(lay, flat.window, stripe_count), nodes)
    else:
        cells, scores = _scan_trees(level.buffer, lay.stride, ny, nx, nodes)
    return LevelWindows(*lay.places(cells), scores, nx * ny)


@njit(cache=True, nogil=True)
def lbp_code(buffer, cell, o):
    """The eight outer blocks compared with the middle one, clockwise from the top left: 0–255. o int[16] corners."""
    # Sixteen cells and differences of them, no array: this is called for every window and node.
    c = np.uint64(cell)
    a0, a1, a2, a3 = buffer[c + o[0]], buffer[c + o[1]], buffer[c + o[2]], buffer[c + o[3]]
    b0, b1, b2, b3 = buffer[c + o[4]], buffer[c + o[5]], buffer[c + o[6]], buffer[c + o[7]]
    c0, c1, c2, c3 = buffer[c + o[8]], buffer[c + o[9]], buffer[c + o[10]], buffer[c + o[11]]
    d0, d1, d2, d3 = buffer[c + o[12]], buffer[c + o[13]], buffer[c + o[14]], buffer[c + o[15]]
    middle = np.int32(b1 - b2 - c1 + c2)
    code = np.int64(np.int32(a0 - a1 - b0 + b1) >= middle) << 7
    code |= np.int64(np.int32(a1 - a2 - b1 + b2) >= middle) << 6
    code |= np.int64(np.int32(a2 - a3 - b2 + b3) >= middle) << 5
    code |= np.int64(np.int32(b2 - b3 - c2 + c3) >= middle) << 4
    code |= np.int64(np.int32(c2 - c3 - d2 + d3) >= middle) << 3
    code |= np.int64(np.int32(c1 - c2 - d1 + d2) >= middle) << 2
    code |= np.int64(np.int32(c0 - c1 - d0 + d1) >= middle) << 1
    code |= np.int64(np.int32(b0 - b1 - c0 + c1) >= middle)
    return code


@njit(cache=True, nogil=True)
def _stage_sum(buffer, cell, nodes, stage):
    """The sum of a stage's trees for one window."""
    total = 0.0
    for t in range(nodes.stages[stage], nodes.stages[stage + 1]):
        node = 0
        while True:
            k = nodes.trees[t, 0] + node
            code = lbp_code(buffer, cell, nodes.offsets[k])
            node = nodes.links[k, 0] if (nodes.subset[k, code >> 5] >> (code & 31)) & 1 else nodes.links[k, 1]
            if node <= 0:
                break
        total += np.float64(nodes.leaves[nodes.trees[t, 1] - node])
    return total


@njit(cache=True, nogil=True)
def _scan_stumps(buffer, existing, nodes):
    """Scan a level with a cascade of stumps; the surviving windows' cells int64[M] and last stage sums float64[M].

    existing  from `existing_windows`
    """
    out_cells: NDArray[np.int64] = np.empty(256, np.int64)
    out_total: NDArray[np.float64] = np.empty(256, np.float64)
    found = 0
    sums = np.empty(BLOCK, np.float64)
    skip = np.uint32(0)
    for block in range(existing.size):
        if existing[block] == 0:
            skip = np.uint32(0)
            continue
        cell = block * BLOCK
        mask = lbp_stage_mask(buffer, cell, existing[block], nodes, 0, sums)
        mask, skip = visited(mask, existing[block], skip)
        for stage in range(1, nodes.stage_threshold.size):
            if mask == 0:
                break
            mask = lbp_stage_mask(buffer, cell, mask, nodes, stage, sums)
        if mask == 0:
            continue
        out_cells, out_total, found = add_survivors(out_cells, out_total, found, cell, mask, sums)
    return out_cells[:found], out_total[:found]


@njit(cache=True, nogil=True)
def _scan_trees(buffer, stride, ny, nx, nodes):
    """Scan a level window by window, with a cascade of any trees; returns what `_scan_stumps` does."""
    out_cells = []
    out_total = []
    for y in range(ny):
        x = 0
        while x < nx:
            cell = y * stride + x
            value = _stage_sum(buffer, cell, nodes, 0)
            if value < nodes.stage_threshold[0]:
                x += 2  # as OpenCV: the neighbour of a window that the first stage rejects is skipped
                continue
            x += 1
            passed = True
            for stage in range(1, nodes.stage_threshold.size):
                value = _stage_sum(buffer, cell, nodes, stage)
                if value < nodes.stage_threshold[stage]:
                    passed = False
                    break
            if passed:
                out_cells.append(cell)
                out_total.append(value)
    return np.array([np.int64(c) for c in out_cells]), np.array([np.float64(v) for v in out_total])
