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
from cascades.lbp_blocks import lbp_stage_mask, lbp_tree_mask
from cascades.model import Cascade
from cascades.pyramid import Layout, Level, grid
from cascades.scan import LevelWindows, add_survivors, visited
from cascades.vectors import BLOCK


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
    kernel = _scan_stumps if flat.stumps else _scan_trees
    cells, scores = kernel(level.buffer, existing_windows(lay, flat.window, stripe_count), nodes)
    return LevelWindows(*lay.places(cells), scores, nx * ny)


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
def _scan_trees(buffer, existing, nodes):
    """Scan a level with a cascade of trees; returns what `_scan_stumps` does. Each compiles only what it needs."""
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
        mask = lbp_tree_mask(buffer, cell, existing[block], nodes, 0, sums)
        mask, skip = visited(mask, existing[block], skip)
        for stage in range(1, nodes.stage_threshold.size):
            if mask == 0:
                break
            mask = lbp_tree_mask(buffer, cell, mask, nodes, stage, sums)
        if mask == 0:
            continue
        out_cells, out_total, found = add_survivors(out_cells, out_total, found, cell, mask, sums)
    return out_cells[:found], out_total[:found]
