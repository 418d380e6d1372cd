"""The exact search for near-duplicates: all pairs in one set, compiled, with the same result for any number of threads.

Two searches. `all_near` compares faces as they are: they are near if their 64-bit hashes differ in at most `max_bits`
bits *and* their pixels differ by at most `limit` gray levels in all (L1). `all_aligned` lays one face over the other at
every shift and zoom of `alignment`; a hash of one face, at any of its places, must be near the unmoved hash of the
other. Pairs whose sums of pixels differ by more than `limit` are skipped: the difference of two sums is never larger
than the sum of the differences, so they cannot be near. The rows are sorted by their sums, so the rows to compare with
one row are one contiguous run.

Cost: about 0.2 ns per pair of hashes where the processor counts bits in vectors (54 hashes a pair when aligned), 10 µs
per pair that is aligned, and 12 bytes per pair found.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.processors import usable
from pipeline.similarity.alignment import aligned, enlarged, moved_hashes, quarter_sums

STRIP = 1024
"""Hashes compared in one go before any match is looked for."""
ROWS = 512
"""Rows a thread takes at once."""
ROOM = 65536
"""Pairs a thread finds before it hands them over."""
PART = 256
"""Pixels compared before looking whether the limit is passed already."""

Place = tuple[int, int]
"""Row and column from which a search goes on."""
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


@njit(cache=True, nogil=True)
def _mark_alike(codes, row, column, max_bits, alike):
    """Fill alike bool [K]: whether a hash of `row` is near the unmoved hash of row column + k, or the other way round.

    codes uint64 [V, N]. One place after the other over all K rows: the compiler makes vectors of the inner loop.
    """
    unmoved = codes[0, column : column + alike.size]
    alike[:] = False
    for place in range(codes.shape[0]):
        theirs = codes[place, column : column + alike.size]
        for k in range(alike.size):
            near = bits_set(unmoved[k] ^ codes[place, row]) <= max_bits
            alike[k] |= near | (bits_set(theirs[k] ^ codes[0, row]) <= max_bits)


@njit(cache=True, nogil=True)
def search_aligned(codes, pictures, sums, bounds, begin, stop, max_bits, limit, found):
    """As `search`, for faces laid over each other.

    codes uint64 [V, N]; pictures uint8 [Z, N, SIDE, SIDE]; sums int32 [N, Z, PLACES, PLACES, 4]
    bounds int64 [2, N]: the least and greatest sum of a window of each row, at any place; ascending by the least
    """
    count = 0
    row, column = begin
    alike = np.empty(STRIP, np.bool_)
    while row < stop:
        reach = np.searchsorted(bounds[0], bounds[1, row] + limit, side="right")
        while column < reach:
            strip = alike[: min(STRIP, reach - column)]
            _mark_alike(codes, row, column, max_bits, strip)
            for k in range(strip.size):
                if strip[k]:
                    if count == found.shape[1]:
                        return count, row, column + k
                    difference = aligned(pictures, pictures, sums, sums, row, column + k, limit)
                    if difference <= limit:
                        found[0, count] = row
                        found[1, count] = column + k
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

    def some(place: Place, stop: int, found: NDArray[np.int32]) -> tuple[int, int, int]:
        return search(codes, pixels, totals, place, stop, np.uint64(max_bits), limit, found)  # type: ignore[no-any-return]

    return _in_order(_in_threads(some, len(codes), threads), order)


def all_aligned(thumbnails: Pixels, max_bits: int, limit: int, threads: int | None = None) -> Found:
    """`all_near` for faces laid over each other: uint8 [N, SIDE, SIDE]."""
    pictures = enlarged(thumbnails)
    sums = quarter_sums(pictures)
    totals = sums.sum(axis=-1, dtype=np.int64)
    bounds = np.stack([totals.min(axis=(1, 2, 3)), totals.max(axis=(1, 2, 3))])
    order = np.argsort(bounds[0], kind="stable")
    codes, bounds = np.ascontiguousarray(moved_hashes(pictures)[:, order]), np.ascontiguousarray(bounds[:, order])
    pictures, sums = np.ascontiguousarray(pictures[:, order]), sums[order]

    def some(place: Place, stop: int, found: NDArray[np.int32]) -> tuple[int, int, int]:
        return search_aligned(codes, pictures, sums, bounds, place, stop, np.uint64(max_bits), limit, found)  # type: ignore[no-any-return]

    return _in_order(_in_threads(some, len(thumbnails), threads), order)


def _in_order(parts: Iterator[NDArray[np.int32]], order: NDArray[np.int64]) -> Found:
    """The pairs with the numbers that rows had before they were put in `order`, sorted by them."""
    pairs = np.concatenate([np.empty((3, 0), np.int32), *parts], axis=1)
    a, b = order[pairs[0]], order[pairs[1]]
    first, second = np.minimum(a, b).astype(np.int32), np.maximum(a, b).astype(np.int32)
    place = np.argsort(first.astype(np.int64) * len(order) + second)
    return first[place], second[place], pairs[2][place]


def _in_threads(
    some: Callable[[Place, int, NDArray[np.int32]], tuple[int, int, int]], rows: int, threads: int | None
) -> Iterator[NDArray[np.int32]]:
    """The pairs of every run of ROWS rows, in their order. some: a search from a place until there is no more room."""

    def part(begin: int) -> list[NDArray[np.int32]]:
        stop = min(begin + ROWS, rows)
        place = (begin, begin + 1)
        kept = []
        while place[0] < stop:
            found = np.empty((3, ROOM), np.int32)
            count, row, column = some(place, stop, found)
            place = (row, column)
            kept.append(found[:, :count].copy())
        return kept

    with ThreadPoolExecutor(threads or usable()) as pool:
        for kept in pool.map(part, range(0, rows, ROWS)):
            yield from kept
