"""How far apart two faces are where one is laid over the other as well as it goes.

A detector's box trembles: the same drawing comes out moved by some pixels and a few per cent larger. So the middle of
one thumbnail is compared with the middle of the other at every shift of up to REACH px, as they are and with either of
them enlarged. The distance is the least mean difference found, in gray levels. All arithmetic is in whole numbers.

    shift t      along each axis: one window moves by t/2, the other by −t/2, so that neither face is preferred
    enlarged     ZOOMS: half px cut off on each side before the rest is brought to the full size again, 1 to 1.14 times
    softened     outlines that lie half a pixel apart would count as much as another drawing: every picture is blurred
                 first (SOFT px, sigma 1.4)
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.images import Pixels

SIDE = 32
"""Thumbnails are SIDE × SIDE px, gray."""
SLACK = 2
"""px on each side of a thumbnail that windows may move into."""
WINDOW = SIDE - 2 * SLACK
"""Side of what is compared, px."""
PIXELS = WINDOW * WINDOW
PLACES = 2 * SLACK + 1
"""Places of a window along an axis."""
REACH = 3
"""Greatest shift of one face against the other, px of a thumbnail: 7 to 8 px of a crop of 128."""
ZOOMS = (0, 1, 2, 3, 4)
SOFT = 7
BLOCK = 2048
"""Thumbnails worked on at once: bounds the memory."""
HALF = WINDOW // 2

_COSINES = np.array(
    [[round(4096 * math.cos(math.pi * k * (2 * n + 1) / (2 * WINDOW))) for n in range(WINDOW)] for k in range(8)],
    dtype=np.float64,
)  # whole numbers whose sums stay far below 2**53: exact in any order, so the hash has the same bits on any machine


def middle(pictures: Pixels) -> Pixels:
    """What is compared of faces that are not moved: uint8 [..., SIDE, SIDE] → uint8 [..., WINDOW, WINDOW]."""
    return pictures[..., SLACK : SIDE - SLACK, SLACK : SIDE - SLACK]


def enlarged(thumbnails: Pixels, zooms: Sequence[int] = ZOOMS) -> Pixels:
    """The thumbnails, softened, at each zoom: uint8 [N, SIDE, SIDE] → uint8 [Z, N, SIDE, SIDE]."""
    out = np.empty((len(zooms), *thumbnails.shape), np.uint8)
    for row, face in enumerate(thumbnails):
        double = cv2.resize(face, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_LINEAR_EXACT)
        for level, cut in enumerate(zooms):
            inner = double[cut : 2 * SIDE - cut, cut : 2 * SIDE - cut]
            full = cv2.resize(inner, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR_EXACT)
            cv2.GaussianBlur(full, (SOFT, SOFT), 0, dst=out[level, row])
    return out


def hashes(windows: Pixels) -> NDArray[np.uint64]:
    """64-bit DCT hashes (Zauner 2010, "pHash"): the signs of the 8×8 lowest frequencies against their median.

    windows: uint8 [N, WINDOW, WINDOW]; returns uint64 [N].
    """
    codes = np.empty(len(windows), np.uint64)
    for start in range(0, len(windows), BLOCK):
        low = _COSINES @ windows[start : start + BLOCK].astype(np.float64) @ _COSINES.T
        flat = low.reshape(-1, 64)
        median = np.sort(flat, axis=1)[:, 31:33].mean(axis=1, keepdims=True)  # np.median takes ten times as long
        bits = flat > median
        codes[start : start + BLOCK] = np.packbits(bits, axis=1).view(">u8").reshape(-1)
    return codes


def moved_hashes(pictures: Pixels) -> NDArray[np.uint64]:
    """The hash of every second place of the window at every zoom: uint64 [9 Z, N], the unmoved one first.

    pictures: uint8 [Z, N, SIDE, SIDE] of `enlarged`. Two faces are candidates where a hash of one is near the first
    hash of the other.
    """
    places = [(zoom, y, x) for zoom in range(len(ZOOMS)) for y in range(0, PLACES, 2) for x in range(0, PLACES, 2)]
    places.sort(key=lambda place: place != (0, SLACK, SLACK))
    codes = [hashes(pictures[zoom, :, y : y + WINDOW, x : x + WINDOW]) for zoom, y, x in places]
    return np.stack(codes)


def quarter_sums(pictures: Pixels) -> NDArray[np.int32]:
    """The sums of the four quarters of the window at every place: int32 [N, Z, PLACES, PLACES, 4].

    pictures: uint8 [Z, N, SIDE, SIDE]. Two sums never differ more than the pixels they are made of, all together.
    """
    zooms, count = pictures.shape[:2]
    out = np.empty((count, zooms, PLACES, PLACES, 4), np.int32)
    for start in range(0, count, BLOCK):
        part = pictures[:, start : start + BLOCK]
        whole = np.zeros((*part.shape[:2], SIDE + 1, SIDE + 1), np.int32)
        whole[..., 1:, 1:] = part.cumsum(axis=2, dtype=np.int32).cumsum(axis=3, dtype=np.int32)
        for index, (top, left) in enumerate(((0, 0), (0, HALF), (HALF, 0), (HALF, HALF))):
            y0, x0 = slice(top, top + PLACES), slice(left, left + PLACES)
            y1, x1 = slice(top + HALF, top + HALF + PLACES), slice(left + HALF, left + HALF + PLACES)
            sums = whole[..., y1, x1] - whole[..., y0, x1] - whole[..., y1, x0] + whole[..., y0, x0]
            out[start : start + BLOCK, ..., index] = sums.transpose(1, 0, 2, 3)
    return out


def _spiral() -> NDArray[np.int64]:
    """All shifts (y, x), the smallest first: a near pair is mostly found at once, and what follows is cut short."""
    reach = range(-REACH, REACH + 1)
    return np.array(sorted(((y, x) for y in reach for x in reach), key=lambda t: (t[0] ** 2 + t[1] ** 2, t)), np.int64)


SHIFTS = _spiral()


@njit(cache=True, nogil=True)
def _overlay(one, other, y, x, v, u, best):
    """Sum of |differences| of two windows of uint8 [SIDE, SIDE]; where it reaches `best`, any number from it on."""
    total = np.int64(0)
    for top in range(0, WINDOW, 4):
        part = np.int32(0)
        for row in range(top, top + 4):
            for column in range(WINDOW):
                part += abs(np.int32(one[y + row, x + column]) - np.int32(other[v + row, u + column]))
        total += np.int64(part)
        if total >= best:
            break
    return total


@njit(cache=True, nogil=True)
def _slid(one, other, sums, others, best):
    """The least sum of |differences| over all shifts; `best` where none is below it.

    one, other  uint8 [SIDE, SIDE]; sums, others  int32 [PLACES, PLACES, 4], their quarter sums
    """
    for k in range(SHIFTS.shape[0]):
        down, right = SHIFTS[k, 0], SHIFTS[k, 1]
        v, u = SLACK - down // 2, SLACK - right // 2
        y, x = v + down, u + right
        bound = np.int64(0)
        for quarter in range(4):
            bound += abs(np.int64(sums[y, x, quarter]) - np.int64(others[v, u, quarter]))
        if bound < best:
            best = min(best, _overlay(one, other, y, x, v, u, best))
    return best


@njit(cache=True, nogil=True)
def aligned(pictures, others, sums, other_sums, first, second, limit):
    """The least sum of |differences| of a pair over all shifts and zooms; limit + 1 where none is within `limit`.

    pictures, others  uint8 [Z, N, SIDE, SIDE]; sums, other_sums  int32 [N, Z, PLACES, PLACES, 4]
    """
    best = np.int64(limit + 1)
    best = _slid(pictures[0, first], others[0, second], sums[first, 0], other_sums[second, 0], best)
    for zoom in range(1, pictures.shape[0]):
        best = _slid(pictures[zoom, first], others[0, second], sums[first, zoom], other_sums[second, 0], best)
        best = _slid(pictures[0, first], others[zoom, second], sums[first, 0], other_sums[second, zoom], best)
    return best


@njit(cache=True, nogil=True)
def _nearest(pictures, others, sums, other_sums, limit, found):
    """Fill found int64 [N] with each picture's least difference to any of the others, at most limit + 1."""
    for row in range(found.size):
        best = np.int64(limit)
        for column in range(others.shape[1]):
            best = min(best, aligned(pictures, others, sums, other_sums, row, column, best - 1))
        found[row] = best


def nearest(thumbnails: Pixels, others: Pixels, within: float) -> NDArray[np.float64]:
    """How far each face is from the nearest of the others, mean gray levels; infinite where none is within `within`.

    thumbnails, others: uint8 [N, SIDE, SIDE], [M, SIDE, SIDE]. Every pair is looked at: some µs each.
    """
    limit = int(within * PIXELS)
    found = np.empty(len(thumbnails), np.int64)
    mine, theirs = enlarged(thumbnails), enlarged(others)
    _nearest(mine, theirs, quarter_sums(mine), quarter_sums(theirs), limit + 1, found)
    return np.where(found <= limit, found / PIXELS, np.inf)
