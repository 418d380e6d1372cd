"""The exact search for near-duplicates: all pairs in one set, compiled, with the same result for any number of threads.

Two pictures are near if their 64-bit hashes differ in at most `max_bits` bits *and* their pixels differ by at most
`limit` gray levels in all (L1). Pairs whose sums of pixels differ by more than `limit` are skipped: the difference of
two sums is never larger than the sum of the differences, so they cannot be near. The rows are sorted by their sums, so
the rows to compare with one row are one contiguous run.

Cost: about 0.2 ns per pair of hashes where the processor counts bits in vectors, and 12 bytes per pair found.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.processors import usable

STRIP = 1024
"""Hashes compared in one go before any match is looked for."""
ROWS = 512
"""Rows a thread takes at once."""
ROOM = 65536
"""Pairs a thread finds before it hands them over."""
PART = 256
"""Pixels compared before looking whether the limit is passed already."""

Found = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


@njit(cache=True, nogil=True)
def bits_set(value):
    """Number of ones in a uint64 (Warren, Hacker's Delight, fig. 5-2); the compiler knows it."""
    value = value - ((value >> np.uint64(1)) & np.uint64(0x5555555555555555))
    value = (value & np.uint64(0x3333333333333333)) + ((value >> np.uint64(2)) & np.uint64(0x3333333333333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (value * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True, nogil=True)
def _matches(codes, code, max_bits):
    """How many of `codes` (uint64 [N]) differ from `code` in at most max_bits."""
    count = np.int64(0)
    for j in range(codes.size):
        count += np.int64(bits_set(codes[j] ^ code) <= max_bits)
    return count


@njit(cache=True, nogil=True)
def _difference(first, second, limit):
    """Sum of |first − second| over uint8 [P] pixels; where it passes `limit`, any number above it."""
    total = np.int64(0)
    for start in range(0, first.size, PART):
        a = first[start : start + PART]
        b = second[start : start + PART]
        part = np.int32(0)
        for k in range(a.size):
            part += abs(np.int32(a[k]) - np.int32(b[k]))
        total += np.int64(part)
        if total > limit:
            break
    return total


@njit(cache=True, nogil=True)
def search(codes, pixels, sums, begin, stop, max_bits, limit, found):
    """Near pairs whose first row is in begin[0] … stop − 1, until all are found or there is no more room.

    codes uint64 [N]; pixels uint8 [N, P]; sums int64 [N], ascending: each row's pixels added up
    begin (row, column) to go on from; max_bits uint64; limit int64
    found int32 [3, R]: out, a pair's rows and the difference of its pixels; R is at least STRIP
    Returns (pairs found, row, column to go on from); row is `stop` at the end.
    """
    count = 0
    row, column = begin
    while row < stop:
        reach = np.searchsorted(sums, sums[row] + limit, side="right")
        while column < reach:
            strip = codes[column : min(column + STRIP, reach)]
            if _matches(strip, codes[row], max_bits) > 0:
                if count + strip.size > found.shape[1]:
                    return count, row, column
                for j in range(strip.size):
                    if bits_set(strip[j] ^ codes[row]) <= max_bits:
                        difference = _difference(pixels[row], pixels[column + j], limit)
                        if difference <= limit:
                            found[0, count] = row
                            found[1, count] = column + j
                            found[2, count] = difference
                            count += 1
            column += strip.size
        row += 1
        column = row + 1
    return count, row, column


def all_near(
    codes: NDArray[np.uint64], pixels: NDArray[np.uint8], max_bits: int, limit: int, threads: int | None = None
) -> Found:
    """Every near pair as (first, second, difference), int32 [K] each, first < second, sorted by both.

    codes: uint64 [N]. pixels: uint8 [N, P]. limit: greatest sum of absolute differences, gray levels.
    """
    totals = pixels.sum(axis=1, dtype=np.int64)
    order = np.argsort(totals, kind="stable")
    codes, pixels, totals = codes[order], pixels[order], totals[order]

    def part(begin: int) -> list[NDArray[np.int32]]:
        stop = min(begin + ROWS, len(codes))
        place = (begin, begin + 1)
        kept = []
        while place[0] < stop:
            found = np.empty((3, ROOM), np.int32)
            count, *place_ = search(codes, pixels, totals, place, stop, np.uint64(max_bits), limit, found)
            place = (place_[0], place_[1])
            kept.append(found[:, :count].copy())
        return kept

    pairs = np.concatenate([np.empty((3, 0), np.int32), *_in_threads(part, len(codes), threads)], axis=1)
    a, b = order[pairs[0]], order[pairs[1]]
    first, second = np.minimum(a, b).astype(np.int32), np.maximum(a, b).astype(np.int32)
    place = np.argsort(first.astype(np.int64) * len(codes) + second)
    return first[place], second[place], pairs[2][place]


def _in_threads(
    part: Callable[[int], list[NDArray[np.int32]]], rows: int, threads: int | None
) -> Iterator[NDArray[np.int32]]:
    """The pairs of every run of ROWS rows, in their order."""
    with ThreadPoolExecutor(threads or usable()) as pool:
        for kept in pool.map(part, range(0, rows, ROWS)):
            yield from kept
