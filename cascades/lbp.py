"""Running LBP cascades: multi-block local binary patterns (Zhang et al. 2007) in trees that test sets of codes.

Nothing is normalized and no window is refused for its contrast; scales, steps and the skipping of neighbours are those
of the Haar scan.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.features import LbpFeatures
from cascades.flat import STAGE_EPSILON
from cascades.model import Cascade
from cascades.pyramid import Level, grid
from cascades.scan import LevelWindows


@dataclass(frozen=True, eq=False)
class FlatLbp:
    """An LBP cascade as plain arrays.

    corners  int16[N, 4, 4, 2]  per node the 4×4 grid of corners of its nine blocks, x, y in window px
    subset   int32[N, 8]        go left when the code's bit is set
    links    int32[N, 2]        k > 0 node k of the tree, k ≤ 0 leaf −k
    leaves   float32[L]
    trees    int32[T+1, 2]      first node and first leaf of every tree
    stages   int32[S+1]         first tree of every stage
    stage_threshold float32[S]  lowered as OpenCV does
    """

    window: tuple[int, int]
    corners: NDArray[np.int16]
    subset: NDArray[np.int32]
    links: NDArray[np.int32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.int32]
    stages: NDArray[np.int32]
    stage_threshold: NDArray[np.float32]
    tilted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, np.bool_))


def flatten_lbp(cascade: Cascade) -> FlatLbp:
    """Lay an LBP cascade out for the scan."""
    features = cascade.features
    assert isinstance(features, LbpFeatures)
    trees = [tree for stage in cascade.stages for tree in stage.trees]
    nodes = [len(tree.feature) for tree in trees]
    used = features.take(np.concatenate([t.feature for t in trees]).astype(np.int64))
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in nodes])])
    return FlatLbp(
        cascade.window,
        used.corners(),
        np.concatenate([t.subset for t in trees]).astype(np.int32),
        np.stack([np.concatenate([t.left for t in trees]), np.concatenate([t.right for t in trees])], axis=1),
        np.concatenate([t.leaves for t in trees]).astype(np.float32),
        np.stack([first_node, first_leaf], axis=1).astype(np.int32),
        np.concatenate([[0], np.cumsum([len(stage.trees) for stage in cascade.stages])]).astype(np.int32),
        np.array([np.float32(s.threshold) - STAGE_EPSILON for s in cascade.stages], np.float32),
    )


def scan_lbp(flat: FlatLbp, level: Level, stripe_count: int) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order."""
    lay = level.layout
    nx, ny = grid(lay, flat.window, stripe_count)
    offsets = lay.cells(flat.corners[..., 0], flat.corners[..., 1]).reshape(-1, 16).astype(np.uint64)
    cells, scores = _scan_lbp(
        level.buffer, lay.stride, ny, nx, offsets, flat.subset, flat.links, flat.leaves, flat.trees,
        flat.stages, flat.stage_threshold,
    )  # fmt: skip
    return LevelWindows(*lay.places(cells), scores, nx * ny)


@njit(cache=True, nogil=True)
def lbp_code(buffer, cell, o):
    """The eight outer blocks compared with the middle one, clockwise from the top left: 0–255. o uint64[16] corners."""
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
def _stage_sum(buffer, cell, first, last, offsets, subset, links, leaves, trees):
    """Sum of the trees first ≤ t < last for one window."""
    total = 0.0
    for t in range(first, last):
        node = 0
        while True:
            k = trees[t, 0] + node
            code = lbp_code(buffer, cell, offsets[k])
            node = links[k, 0] if (subset[k, code >> 5] >> (code & 31)) & 1 else links[k, 1]
            if node <= 0:
                break
        total += np.float64(leaves[trees[t, 1] - node])
    return total


@njit(cache=True, nogil=True)
def _scan_lbp(buffer, stride, ny, nx, offsets, subset, links, leaves, trees, stages, stage_threshold):
    """Scan a level; returns the surviving windows' cells int64[M] and last stage sums float64[M]."""
    out_cells = []
    out_sums = []
    for y in range(ny):
        x = 0
        while x < nx:
            cell = y * stride + x
            value = _stage_sum(buffer, cell, stages[0], stages[1], offsets, subset, links, leaves, trees)
            if value < stage_threshold[0]:
                x += 2  # as OpenCV: the neighbour of a window that the first stage rejects is skipped
                continue
            x += 1
            passed = True
            for s in range(1, stage_threshold.size):
                value = _stage_sum(buffer, cell, stages[s], stages[s + 1], offsets, subset, links, leaves, trees)
                if value < stage_threshold[s]:
                    passed = False
                    break
            if passed:
                out_cells.append(cell)
                out_sums.append(value)
    return np.array([np.int64(c) for c in out_cells]), np.array([np.float64(v) for v in out_sums])
