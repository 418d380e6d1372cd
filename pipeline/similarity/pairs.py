"""Near-duplicate faces: a perceptual hash and a distance between small pictures.

Two faces are near-duplicates if their hashes differ in at most `max_bits` of 64 bits and their thumbnails differ by at
most `max_distance` gray levels on average. The search is exact: it finds every such pair.
"""

import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_gray, shrink
from pipeline.processors import usable
from pipeline.similarity.pair_search import all_near

SIDE = 32
"""Thumbnails are SIDE × SIDE px, gray."""
PIXELS = SIDE * SIDE
BLOCK = 4096
"""Thumbnails hashed at once: bounds the memory."""

_COSINES = np.array(
    [[round(4096 * math.cos(math.pi * k * (2 * n + 1) / (2 * SIDE))) for n in range(SIDE)] for k in range(8)],
    dtype=np.float64,
)  # whole numbers whose sums stay far below 2**53: exact in any order, so the hash has the same bits on any machine


def thumbnail(crop: Pixels, margin: float) -> Pixels:
    """The face itself (the gray crop without its context margin) as uint8 [SIDE, SIDE].

    The background moves behind a face that stays the same; it is left out.
    """
    side = crop.shape[0]
    edge = round(side * margin / (1 + 2 * margin))
    return shrink(crop[edge : side - edge, edge : side - edge], SIDE, SIDE)


def read_thumbnails(encoded: Sequence[bytes], margin: float) -> tuple[Pixels, NDArray[np.bool_]]:
    """The thumbnails of encoded crops, uint8 [N, SIDE, SIDE], and which of them decode; black where one does not."""
    small = np.zeros((len(encoded), SIDE, SIDE), np.uint8)
    decodes = np.zeros(len(encoded), np.bool_)

    def make(row: int) -> None:
        crop = decode_gray(encoded[row])
        if crop is not None:
            small[row], decodes[row] = thumbnail(crop, margin), True

    with ThreadPoolExecutor(usable()) as pool:
        deque(pool.map(make, range(len(encoded))), maxlen=0)
    return small, decodes


def hashes(thumbnails: Pixels) -> NDArray[np.uint64]:
    """64-bit DCT hashes (Zauner 2010, "pHash"): the signs of the 8×8 lowest frequencies against their median.

    thumbnails: uint8 [N, SIDE, SIDE]; returns uint64 [N].
    """
    codes = np.empty(len(thumbnails), np.uint64)
    for start in range(0, len(thumbnails), BLOCK):
        low = _COSINES @ thumbnails[start : start + BLOCK].astype(np.float64) @ _COSINES.T
        flat = low.reshape(-1, 64)
        bits = flat > np.median(flat, axis=1, keepdims=True)
        codes[start : start + BLOCK] = np.packbits(bits, axis=1).view(">u8").reshape(-1)
    return codes


def near_pairs(thumbnails: Pixels, max_bits: int, max_distance: float, threads: int | None = None) -> pd.DataFrame:
    """All pairs of near-duplicates: first, second (row numbers, first < second), distance (mean gray levels).

    int32, int32, float32: 12 bytes a pair, sorted by both numbers. threads: None takes every core; changes no row.
    """
    flat = thumbnails.reshape(len(thumbnails), PIXELS)
    first, second, difference = all_near(hashes(thumbnails), flat, max_bits, int(max_distance * PIXELS), threads)
    return pd.DataFrame({"first": first, "second": second, "distance": difference.astype(np.float32) / PIXELS})


def near_pairs_of_each(kinds: pd.Series, thumbnails: Pixels, max_bits: int, max_distance: float) -> pd.DataFrame:
    """`near_pairs` among rows of one kind (whose face it is said to be), for every kind: [N] rows in `thumbnails`."""
    found = []
    for own in kinds.reset_index(drop=True).groupby(kinds.to_numpy()).indices.values():
        rows = np.sort(own).astype(np.int32)
        pairs = near_pairs(thumbnails[rows], max_bits, max_distance)
        found.append(pairs.assign(first=rows[pairs["first"]], second=rows[pairs["second"]]))
    return pd.concat([near_pairs(thumbnails[:0], max_bits, max_distance), *found], ignore_index=True)
