"""Bilinear resizing with the bits of OpenCV's INTER_LINEAR_EXACT, in less than half its time.

Most of what a short cascade costs used to be resizing. Shares are whole 256ths; a row is first resized across, to
16 bits, then two of them are blended and rounded once. tests/cascades/test_resizing.py compares it with OpenCV.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.rows import blend_across, blend_down
from cascades.vectors import BLOCK


def resized(image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Resize uint8[H, W], contiguous, into out uint8[h, w]."""
    if min(image.shape) < 2:  # nothing to blend
        cv2.resize(image, out.shape[::-1], dst=out, interpolation=cv2.INTER_LINEAR_EXACT)
        return
    columns, rows = (shares(image.shape[i], out.shape[i]) for i in (1, 0))
    _resize(image, *columns, *rows, out)


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def shares(source: int, target: int) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """For every place of the target the first of two neighbours, int32, and the second's share in 256ths, uint16."""
    place = 1.0 / (target / source) * (np.arange(target) + 0.5) - 0.5
    first = np.floor(place).astype(np.int64)
    share = np.rint((place - first) * 256).astype(np.int64)
    share[first < 0] = 0
    share[first > source - 2] = 256
    return np.clip(first, 0, source - 2).astype(np.int32), share.astype(np.uint16)


@njit(cache=True, nogil=True)
def _resize(image, columns, column_shares, rows, row_shares, out):
    """The image uint8[H, W] into out uint8[h, w], with what `shares` says of columns and rows."""
    height, width = out.shape
    source, target = image.reshape(-1), out.reshape(-1)
    groups, done = width // BLOCK, width // BLOCK * BLOCK
    lines = np.empty((2, width), np.uint16)  # rows of the image resized across, even and odd ones
    held = np.full(2, -1, np.int64)  # which rows they are
    for y in range(height):
        for row in range(rows[y], rows[y] + 2):
            line = lines[row % 2]
            if held[row % 2] == row:
                continue
            held[row % 2] = row
            blend_across(source, row * image.shape[1], columns, column_shares, line, groups)
            for x in range(done, width):
                left, right = np.int64(image[row, columns[x]]), np.int64(image[row, columns[x] + 1])
                line[x] = 256 * left + np.int64(column_shares[x]) * (right - left)
        above, below = lines[rows[y] % 2], lines[(rows[y] + 1) % 2]
        share = np.int64(row_shares[y])
        blend_down(above, below, share, target, y * width, groups)
        for x in range(done, width):
            total = (256 - share) * np.int64(above[x]) + share * np.int64(below[x])
            target[y * width + x] = (total + 2**15) >> 16
