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

from cascades.model import Cascade, LbpFeatures
from cascades.pyramid import Level, grid
from cascades.scan import STAGE_EPSILON, LevelWindows


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
    rects = features.rects[np.concatenate([t.feature for t in trees])].astype(np.int16)
    steps = np.arange(4, dtype=np.int16)
    x = rects[:, 0, None] + steps * rects[:, 2, None]
    y = rects[:, 1, None] + steps * rects[:, 3, None]
    corners = np.empty((len(rects), 4, 4, 2), np.int16)
    corners[..., 0] = x[:, None, :]
    corners[..., 1] = y[:, :, None]
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in nodes])])
    return FlatLbp(
        cascade.window,
        corners,
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
    offsets = lay.cells(flat.corners[..., 0], flat.corners[..., 1]).reshape(-1, 16).astype(np.int32)
    cells, scores = _scan_lbp(
        level.buffer, lay.stride, ny, nx, offsets, flat.subset, flat.links, flat.leaves, flat.trees,
        flat.stages, flat.stage_threshold,
    )  # fmt: skip
    return LevelWindows(*lay.places(cells), scores, nx * ny)


@njit(cache=True, nogil=True)
def lbp_code(buffer, cell, o):
    """The eight outer blocks compared with the middle one, clockwise from the top left: 0–255. o int32[16] corners."""
    block = np.empty(9, np.int32)
    for row in range(3):
        for column in range(3):
            a = 4 * row + column
            block[3 * row + column] = (
                buffer[cell + o[a]] - buffer[cell + o[a + 1]] - buffer[cell + o[a + 4]] + buffer[cell + o[a + 5]]
            )
    code = 0
    for k in (0, 1, 2, 5, 8, 7, 6, 3):
        code = 2 * code + (1 if block[k] >= block[4] else 0)
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
        skip = False  # OpenCV skips the neighbour of a window that the first stage rejects
        for x in range(nx):
            if skip:
                skip = False
                continue
            cell = y * stride + x
            value = 0.0
            passed = True
            for s in range(stage_threshold.size):
                value = _stage_sum(buffer, cell, stages[s], stages[s + 1], offsets, subset, links, leaves, trees)
                if value < stage_threshold[s]:
                    passed = False
                    skip = s == 0
                    break
            if passed:
                out_cells.append(cell)
                out_sums.append(value)
    return np.array([np.int64(c) for c in out_cells]), np.array([np.float64(v) for v in out_sums])
