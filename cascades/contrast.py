"""The contrast of every window of a level: what its gray features are divided by, and which windows are looked at."""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.integral import sum_row
from cascades.pyramid import Layout, Level, grid
from cascades.rows import inverse_norms_row
from cascades.scratch import Scratch
from cascades.vectors import BLOCK


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


def level_contrast(
    level: Level, window: tuple[int, int], stripe_count: int, scratch: Scratch | None = None
) -> Contrast:
    """The contrast of every window of this size (w, h).

    stripe_count  see `pyramid.grid`
    scratch       where it is kept until that of the next level is computed; without one it has its own memory
    """
    lay = level.layout
    nx, ny = grid(lay, window, stripe_count)
    count = -(-ny * lay.stride // BLOCK)
    scratch, name = scratch or Scratch(), (window, stripe_count)
    inverse = scratch.array(("inverse", name), count * BLOCK, np.float32)
    fine = scratch.array(("fine", name), count, np.uint32)
    image = level.planes[0]
    _inverse_norms(image, level.buffer, lay.step, lay.stride, _inner(lay, window), window, nx, ny, inverse, fine)
    return Contrast(inverse, fine, nx * ny)


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def _inner(lay: Layout, window: tuple[int, int]) -> NDArray[np.int64]:
    """Cells of the corners of the window less its one pixel border: int64[4]."""
    width, height = window
    return lay.cells(np.array([1, width - 1, 1, width - 1]), np.array([1, 1, height - 1, height - 1]))


@njit(cache=True, nogil=True)
def _change(squares, entering, leaving):
    """Add the squares of a row of pixels to sums by column, take off those of another."""
    for x in range(squares.size):
        squares[x] += np.int32(entering[x]) * np.int32(entering[x]) - np.int32(leaving[x]) * np.int32(leaving[x])


@njit(cache=True, nogil=True)
def _inverse_norms(image, buffer, step, stride, corners, window, nx, ny, inverse, fine):
    """Fill `Contrast.inverse` and `Contrast.fine`.

    The squares need no integral image: their sums by column follow the windows down the image, and a row of windows
    needs only sums along that one row.
    """
    if ny == 0:
        return
    width, height = window
    area = np.float64((width - 2) * (height - 2))
    squares = np.zeros(image.shape[1], np.int32)  # of the rows inside the windows, by column
    black = np.zeros(image.shape[1], np.uint8)
    half = image.shape[1] // step + 1 + BLOCK
    run = np.zeros(2 * step * half, np.int32)  # their sums along the row, in phases as in a level; then a row of zeros
    odd = half if step == 2 else 0
    left, right = 1 // step + odd, (width - 1) // step + (width - 1) % step * odd
    for y in range(1, height - 1):
        _change(squares, image[y], black)
    for y in range(ny):
        if y > 0:
            for gone in range((y - 1) * step + 1, y * step + 1):
                _change(squares, image[gone + height - 2], image[gone])
        sum_row(squares, 0, squares.size, run, step * half, 0, odd)
        groups = -(-nx // BLOCK)
        inverse_norms_row(buffer, y * stride, corners, run, left, right, area, inverse, fine, nx, groups)
        inverse[y * stride + groups * BLOCK : (y + 1) * stride] = 0
        fine[y * stride // BLOCK + groups : (y + 1) * stride // BLOCK] = 0


@njit(cache=True, nogil=True)
def has_contrast(image, x, y, window):
    """Which windows at x, y int32[N] of an image uint8[H, W] OpenCV looks at: bool[N], see `integral.inverse_norms`."""
    width, height = window
    area = np.float64((width - 2) * (height - 2))
    found: NDArray[np.bool_] = np.empty(x.size, np.bool_)
    for i in range(x.size):
        total = np.int64(0)
        squares = np.int64(0)
        for row in range(y[i] + 1, y[i] + height - 1):
            for value in image[row, x[i] + 1 : x[i] + width - 1]:
                total += np.int64(value)
                squares += np.int64(value) * np.int64(value)
        variance = area * squares - np.float64(total * total)
        inverse = np.float32(1.0 / np.sqrt(max(variance, 1.0)))
        found[i] = variance > 0 and area * np.float64(inverse) < 0.1
    return found
