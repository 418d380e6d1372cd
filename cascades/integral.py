"""Integral images: of whole pyramid levels for the detector, of many small windows for the trainer.

The sum over a rectangle is four look-ups (Crow 1984; Viola & Jones 2001, §2.1); over one turned by 45° four look-ups
in the tilted integral image (Lienhart & Maydt 2002).
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.rows import sum_along, sum_along_pairs
from cascades.vectors import BLOCK


@njit(cache=True, nogil=True)
def upright_integral(image, buffer, step, stride, rows):
    """Fill the integral image of a level in phases (see `pyramid.Layout`).

    image  uint8[H, W], contiguous; buffer int32[step² · rows · stride]
    """
    height, width = image.shape
    pixels = image.reshape(-1)
    odd = rows * stride  # from a cell of an even column to that of the odd one after it
    for phase in range(step):  # the row above the image
        buffer[phase * odd : phase * odd + stride] = 0
    for y in range(height):
        above = (y % step * step * rows + y // step) * stride
        row = ((y + 1) % step * step * rows + (y + 1) // step) * stride
        buffer[row] = 0
        sum_row(pixels, y * width, width, buffer, above, row, odd if step == 2 else 0)


@njit(cache=True, nogil=True)
def sum_row(values, start, width, buffer, above, row, odd):
    """A row of an integral image: the cells of the row above, plus the sums of the values up to each column.

    values  uint8[·] or int32[·], `width` of them from `start` on
    buffer  int32[·]: the cells begin at `row`, those above at `above`; the first stays as it is
    odd     0, or how far from the even columns' cells the odd columns' lie, each kind side by side
    """
    if odd == 0:
        done = width // BLOCK * BLOCK
        total = np.int32(sum_along(values, start, buffer, above, row, width // BLOCK))
        for x in range(done, width):
            total += np.int32(values[start + x])
            buffer[row + x + 1] = buffer[above + x + 1] + total
        return
    done = width // 2 // BLOCK * BLOCK * 2
    total = np.int32(sum_along_pairs(values, start, buffer, above, row, odd, width // 2 // BLOCK))
    for x in range(done, width):
        total += np.int32(values[start + x])
        cell = (x + 1) // 2 + (x + 1) % 2 * odd
        buffer[row + cell] = buffer[above + cell] + total


@njit(cache=True, nogil=True)
def tilted_integral(image, buffer, step, stride, rows):
    """Fill the tilted integral image of a level in phases; arguments as `upright_integral`'s.

    T[Y, X] = Σ image[y, x] over y < Y, |x − X + 1| ≤ Y − y − 1: the pixels in the 45° triangle whose tip is at (X, Y)
    (Lienhart & Maydt 2002, eq. 4, as OpenCV counts).
    """
    height, width = image.shape
    odd = rows * stride if step == 2 else 0
    for phase in range(step):  # the row above the image
        buffer[phase * rows * stride : phase * rows * stride + stride] = 0
    black = np.zeros(width, np.uint8)
    for y in range(1, height + 1):
        row, above = _row(y, step, stride, rows), _row(y - 1, step, stride, rows)
        overlap = _row(max(y - 2, 0), step, stride, rows)
        pixels, more = image[y - 1], image[y - 2] if y > 1 else black
        # The two neighbouring triangles one row up, less their overlap, and the tip's two pixels. Outside the image a
        # triangle is the one of the edge a row further up: T[Y, −1] = T[Y−1, 0], T[Y, W+1] = T[Y−1, W].
        buffer[row] = buffer[above + 1 // step + odd]
        last, before = width // step + width % step * odd, (width - 1) // step + (width - 1) % step * odd
        buffer[row + last] = buffer[above + before] + np.int32(pixels[width - 1]) + np.int32(more[width - 1])
        if step == 1:
            one_up, two_up = buffer[above:], buffer[overlap + 1 :]
            _tilt(buffer[row + 1 :], one_up, one_up[2:], two_up, pixels, more, width - 1)
            continue
        one_up, two_up = buffer[above:], buffer[overlap + odd :]
        _tilt_pairs(buffer[row + odd :], one_up, one_up[1:], two_up, pixels, more, width // 2)
        one_up, two_up = buffer[above + odd :], buffer[overlap + 1 :]
        _tilt_pairs(buffer[row + 1 :], one_up, one_up[1:], two_up, pixels[1:], more[1:], (width - 1) // 2)


@njit(cache=True, nogil=True)
def _row(y, step, stride, rows):
    """The first cell of a row of a level."""
    return (y % step * step * rows + y // step) * stride


@njit(cache=True, nogil=True)
def _tilt(out, left, right, overlap, pixels, more, count):
    """Cells side by side: two triangles less their overlap, and two pixels."""
    for i in range(count):
        out[i] = left[i] + right[i] - overlap[i] + np.int32(pixels[i]) + np.int32(more[i])


@njit(cache=True, nogil=True)
def _tilt_pairs(out, left, right, overlap, pixels, more, count):
    """The same for every second pixel."""
    for i in range(count):
        out[i] = left[i] + right[i] - overlap[i] + np.int32(pixels[2 * i]) + np.int32(more[2 * i])


def window_integrals(patches: NDArray[np.uint8], tilted: bool) -> NDArray[np.int32]:
    """Integral images of N small windows, cell by cell: uint8[N, P, H, W] → int32[C, N].

    C is (H+1)·(W+1) cells of the upright image of every plane, followed by as many of the tilted one of plane 0 when
    asked for. A cell's values for all windows lie side by side, so that evaluating one feature on every window reads
    contiguous rows.
    """
    count, planes, height, width = patches.shape
    cells = (height + 1) * (width + 1)
    out = np.zeros((cells * (planes + (1 if tilted else 0)), count), np.int32)
    for plane in range(planes):
        upright = out[plane * cells : (plane + 1) * cells].reshape(height + 1, width + 1, count)
        np.cumsum(patches[:, plane].transpose(1, 2, 0), axis=0, dtype=np.int32, out=upright[1:, 1:])
        np.cumsum(upright[1:, 1:], axis=1, out=upright[1:, 1:])
    if tilted:
        for i in range(count):
            one = np.empty(cells, np.int32)
            tilted_integral(patches[i, 0], one, 1, width + 1, height + 1)
            out[planes * cells :, i] = one
    return out


def inverse_norms(patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """1 / √(area·Σx² − (Σx)²) over the window less its one pixel border: uint8[N, H, W] → float32[N].

    Zero where OpenCV refuses the window: a standard deviation of 10 gray levels or less. Sums are integers and the
    square root is IEEE, so every machine gives the same bits.
    """
    inner = patches[:, 1:-1, 1:-1].astype(np.int64)
    area = inner.shape[1] * inner.shape[2]
    total = inner.sum(axis=(1, 2))
    variance = area * (inner * inner).sum(axis=(1, 2)) - total * total
    inverse = (1.0 / np.sqrt(np.maximum(variance, 1).astype(np.float64))).astype(np.float32)
    flat = (variance <= 0) | ~(area * inverse.astype(np.float64) < 0.1)
    return np.where(flat, np.float32(0), inverse)
