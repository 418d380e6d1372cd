"""The inner loop: slide a cascade over one pyramid level.

All windows of a level lie in one row of cells (`pyramid.Layout`), eight to a block. A few hundred blocks go through a
stage, a few at a time (`stages`), and those that have windows left go on to the next. A block costs little more than a
single window.

Sums and comparisons are done in the precision OpenCV uses (features float32, stage sums float64), so that the windows
that pass are the same ones.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.contrast import Contrast, level_contrast
from cascades.flat import FlatHaar, on_level
from cascades.pyramid import Level
from cascades.stages import TOGETHER, stage_masks
from cascades.vectors import BLOCK


@dataclass(frozen=True, eq=False)
class LevelWindows:
    """Windows that passed every stage: x, y int32 in level px, the last stage's sum float64, windows looked at."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    score: NDArray[np.float64]
    scanned: int


def scan(flat: FlatHaar, level: Level, stripe_count: int, contrast: Contrast | None = None) -> LevelWindows:
    """Every window of a level that passes the cascade, in reading order.

    stripe_count: see `pyramid.grid`; contrast: from `level_contrast`, where several cascades share it.
    """
    if contrast is None:
        contrast = level_contrast(level, flat.window, stripe_count)
    nodes = on_level(flat, level.layout, level.has_tilted)
    cells, scores = scan_blocks(level.buffer, contrast.inverse, contrast.fine, nodes)
    return LevelWindows(*level.layout.places(cells), scores, contrast.windows)


def _skipped_windows() -> NDArray[np.uint32]:
    """uint32[2, 256]: which windows of a block are skipped (bits 0–7), and whether the one after it is (bit 8).

    OpenCV skips the neighbour of a window that it looked at and the first stage rejected. By whether the block's first
    is to be skipped, and by which of its windows the stage rejects (a bit for each).
    """
    table = np.zeros((2, 2**BLOCK), np.uint32)
    for first in range(2):
        for rejected in range(2**BLOCK):
            skip = first
            for lane in range(BLOCK):
                table[first, rejected] |= skip << lane
                skip = (rejected >> lane & 1) & (1 - skip)
            table[first, rejected] |= skip << BLOCK
    return table


SKIPPED = _skipped_windows()
EVERY = np.uint32(2**BLOCK - 1)
CHUNK = 256  # blocks that go through the stages together: what they read stays in the cache meanwhile


@njit(cache=True, nogil=True)
def visited(passed, contrast, skip):
    """Which windows of a block are looked at and pass the first stage, and whether the next block's first is skipped.

    passed, contrast: a bit for each window; skip 0 or 1. A window refused for its contrast skips nothing.
    """
    skipped = SKIPPED[skip, contrast & ~passed & EVERY]
    return passed & contrast & ~skipped, skipped >> BLOCK


@njit(cache=True, nogil=True)
def add_survivors(cells, totals, found, cell, mask, sums):
    """Put the windows of a block that are left behind the first `found` of all, in longer arrays where these are full.

    cells int64[N], totals float64[N]; cell: of the block's first window; mask: a bit for each window; sums
    float64[BLOCK]. Returns the arrays and how many windows are in them now.
    """
    if found + BLOCK > cells.size:
        cells = np.concatenate((cells, np.empty_like(cells)))
        totals = np.concatenate((totals, np.empty_like(totals)))
    for lane in range(BLOCK):
        cells[found] = cell + lane
        totals[found] = sums[lane]
        found += (mask >> np.uint32(lane)) & np.uint32(1)
    return cells, totals, found


@njit(cache=True, nogil=True)
def scan_blocks(buffer, inverse, existing, nodes):
    """Scan a level: the surviving windows' cells int64[M] and last stage sums float64[M].

    existing  uint32[B]: a bit for each window of a block that is looked at
    The other arguments are those of `stages.stage_masks`; numba compiles this for each kind of nodes.
    """
    out_cells: NDArray[np.int64] = np.empty(256, np.int64)
    out_total: NDArray[np.float64] = np.empty(256, np.float64)
    found, skip, neighbour = 0, np.uint32(0), 0
    blocks, masks = np.zeros(CHUNK + TOGETHER, np.int64), np.zeros(CHUNK + TOGETHER, np.uint32)
    sums = np.empty((CHUNK + TOGETHER) * BLOCK, np.float64)
    stages = nodes.stage_threshold.size
    for first in range(0, existing.size, CHUNK):
        count = 0
        for block in range(first, min(first + CHUNK, existing.size)):
            blocks[count], masks[count] = block, existing[block]
            count += existing[block] != 0
        for stage in range(stages):
            masks[count : count + TOGETHER] = 0  # the last group's blocks that are none
            for at in range(0, count, TOGETHER):
                stage_masks(buffer, blocks, masks, at, inverse, nodes, stage, sums)
            if stage == 0:
                for i in range(count):
                    if blocks[i] != neighbour:  # a window that is not looked at skips none
                        skip = np.uint32(0)
                    masks[i], skip = visited(masks[i], existing[blocks[i]], skip)
                    neighbour = blocks[i] + 1
            if stage == stages - 1:
                for i in range(count):
                    if masks[i] != 0:
                        place = sums[i * BLOCK : (i + 1) * BLOCK]
                        out_cells, out_total, found = add_survivors(
                            out_cells, out_total, found, blocks[i] * BLOCK, masks[i], place
                        )
                break
            left = 0
            for i in range(count):
                blocks[left], masks[left] = blocks[i], masks[i]
                left += masks[i] != 0
            count = left
            if count == 0:
                break
    return out_cells[:found], out_total[:found]
