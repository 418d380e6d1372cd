"""Integral images: of whole pyramid levels for the detector, of many small windows for the trainer.

The sum over a rectangle is four look-ups (Crow 1984; Viola & Jones 2001, §2.1); over one turned by 45° four look-ups
in the tilted integral image (Lienhart & Maydt 2002).
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def upright_integral(image, buffer, step, stride, rows, squared):
    """Fill the integral image of a level, of its pixels or of their squares, in phases (see `pyramid.Layout`).

    image  uint8[H, W]; buffer int32[step² · rows · stride]; sums may wrap around, differences of them are right
    modulo 2³²
    """
    height, width = image.shape
    sums = np.zeros(width + width % 2, np.int32)  # of the rows so far, by column
    for phase in range(min(step, 2)):  # the row above the image, of even y
        buffer[phase * rows * stride : phase * rows * stride + stride] = 0
    for y in range(height):
        pixels = image[y]
        if squared:
            for x in range(width):
                sums[x] += np.int32(pixels[x]) * np.int32(pixels[x])
        else:
            for x in range(width):
                sums[x] += np.int32(pixels[x])
        total = np.int32(0)
        # Two columns at a time: the chain of additions, which is what takes the time, is half as long.
        if step == 1:
            row = buffer[(y + 1) * stride : (y + 2) * stride]
            row[0] = 0
            for x in range(0, width - 1, 2):
                pair = sums[x] + sums[x + 1]
                row[x + 1] = total + sums[x]
                total += pair
                row[x + 2] = total
            if width % 2:
                row[width] = total + sums[width - 1]
        else:
            base = ((y + 1) % 2 * 2 * rows + (y + 1) // 2) * stride
            even = buffer[base : base + stride]
            odd = buffer[base + rows * stride : base + (rows + 1) * stride]
            even[0] = 0
            for x in range(width // 2):
                pair = sums[2 * x] + sums[2 * x + 1]
                odd[x] = total + sums[2 * x]
                total += pair
                even[x + 1] = total
            if width % 2:
                odd[width // 2] = total + sums[width - 1]


@njit(cache=True, nogil=True)
def gray_integrals(image, buffer, step, stride, rows):
    """The upright integral image and that of the squares, one after the other: see `upright_integral`."""
    size = step * step * rows * stride
    upright_integral(image, buffer[:size], step, stride, rows, False)
    upright_integral(image, buffer[size : 2 * size], step, stride, rows, True)


@njit(cache=True, nogil=True)
def tilted_integral(image):
    """uint8[H, W] → int32[H+1, W+1]: T[y, x] sums the pixels of rows < y in the 45° triangle whose tip is at (x, y).

    T[Y, X] = Σ image[y, x] over y < Y, |x − X + 1| ≤ Y − y − 1 (Lienhart & Maydt 2002, eq. 4, as OpenCV counts).
    """
    height, width = image.shape
    out = np.zeros((height + 1, width + 1), np.int32)
    for y in range(1, height + 1):
        row, above = out[y], out[y - 1]
        pixels = image[y - 1]
        if y == 1:
            for x in range(1, width + 1):
                row[x] = pixels[x - 1]
            continue
        # The two neighbouring triangles one row up, less their overlap, and the tip's two pixels. Outside the image a
        # triangle is the one of the edge a row further up: T[Y, −1] = T[Y−1, 0], T[Y, W+1] = T[Y−1, W].
        overlap, more = out[y - 2], image[y - 2]
        row[0] = above[1]
        for x in range(1, width):
            row[x] = above[x - 1] + above[x + 1] - overlap[x] + np.int32(pixels[x - 1]) + np.int32(more[x - 1])
        row[width] = above[width - 1] + np.int32(pixels[width - 1]) + np.int32(more[width - 1])
    return out


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
            out[planes * cells :, i] = tilted_integral(patches[i, 0]).ravel()
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
