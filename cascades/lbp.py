"""Running LBP cascades: multi-block local binary patterns (Zhang et al. 2007) in trees that test sets of codes.

Nothing is normalized and no window is refused for its contrast; scales, steps, the skipping of neighbours and the way
blocks of windows go through the stages are those of the Haar scan (`scan`).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cascades.flat_lbp import FlatLbp, lbp_on_level
from cascades.pyramid import Layout, Level, grid
from cascades.scan import LevelWindows, scan_blocks
from cascades.vectors import BLOCK

NO_NORMS = np.zeros(0, np.float32)


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
    existing = existing_windows(lay, flat.window, stripe_count)
    cells, scores = scan_blocks(level.buffer, NO_NORMS, existing, nodes)
    return LevelWindows(*lay.places(cells), scores, nx * ny)
