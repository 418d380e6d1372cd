"""The contrast of every window of a level: what its gray features are divided by, and which windows are looked at."""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.pyramid import BLOCK, Layout, Level, grid


@dataclass(frozen=True, eq=False)
class Contrast:
    """Which windows of a level are looked at, and what their gray features are divided by.

    inverse  float32[8·B]  inverse norm by cell, zero where OpenCV refuses the window or there is none
    fine     uint32[B]      the same for blocks: a bit for each window that is looked at
    windows  how many windows there are
    """

    inverse: NDArray[np.float32]
    fine: NDArray[np.uint32]
    windows: int


def level_contrast(level: Level, window: tuple[int, int], stripe_count: int) -> Contrast:
    """The contrast of every window of this size (w, h); stripe_count: see `pyramid.grid`."""
    width, height = window
    lay = level.layout
    nx, ny = grid(lay, window, stripe_count)
    inverse = np.zeros(-(-ny * lay.stride // BLOCK) * BLOCK, np.float32)
    fine = _inverse_norms(
        level.buffer,
        lay.plane_size,
        lay.stride,
        _inner(lay, window),
        float((width - 2) * (height - 2)),
        nx,
        ny,
        inverse,
    )
    return Contrast(inverse, fine, nx * ny)


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def _inner(lay: Layout, window: tuple[int, int]) -> NDArray[np.int64]:
    """Cells of the corners of the window less its one pixel border: int64[4]."""
    width, height = window
    return lay.cells(np.array([1, width - 1, 1, width - 1]), np.array([1, 1, height - 1, height - 1]))


@njit(cache=True, nogil=True)
def _fine(inverse):
    """A bit for each window of a block that has an inverse norm: uint32[B]."""
    fine = np.empty(inverse.size // BLOCK, np.uint32)
    for block in range(fine.size):
        bits = np.uint32(0)
        for lane in range(BLOCK):
            bits |= np.uint32(inverse[BLOCK * block + lane] != 0) << np.uint32(lane)
        fine[block] = bits
    return fine


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
def _inverse_norms(buffer, sq_base, stride, corners, area, nx, ny, inverse):
    """1/√(area·Σx² − (Σx)²) of every window, zero where OpenCV refuses it; returns `Contrast.fine`."""
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
    return _fine(inverse)
