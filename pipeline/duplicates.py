"""Near-duplicate faces: a perceptual hash for candidates, a real distance on small pictures, connected clusters.

The distance is stated and the search is exact: every pair in the whole set whose hashes differ in at most `max_bits`
of 64 and whose thumbnails differ by at most `max_distance` grey levels on average is linked; clusters are the connected
components. The same faces in any order give the same clusters.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.images import Pixels, grey, shrink

SIDE = 32
"""Thumbnails are SIDE × SIDE px, grey."""
BLOCK = 512
"""Rows compared with all others at once: bounds the memory to BLOCK × N numbers."""

_COSINES = np.array(
    [[round(4096 * math.cos(math.pi * k * (2 * n + 1) / (2 * SIDE))) for n in range(SIDE)] for k in range(8)],
    dtype=np.int64,
)  # integers, so that the hash has the same bits on any machine


def thumbnail(crop: Pixels, margin: float) -> Pixels:
    """The face itself (the crop without its context margin) as grey uint8 [SIDE, SIDE].

    The background moves behind a face that stays the same; it is left out.
    """
    side = crop.shape[0]
    edge = round(side * margin / (1 + 2 * margin))
    return shrink(grey(crop[edge : side - edge, edge : side - edge]), SIDE, SIDE)


def hashes(thumbnails: Pixels) -> NDArray[np.uint64]:
    """64-bit DCT hashes (Zauner 2010, "pHash"): the signs of the 8×8 lowest frequencies against their median.

    thumbnails: uint8 [N, SIDE, SIDE]; returns uint64 [N].
    """
    low = _COSINES @ thumbnails.astype(np.int64) @ _COSINES.T
    flat = low.reshape(len(thumbnails), 64)
    bits = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).reshape(-1)


def near_pairs(thumbnails: Pixels, max_bits: int, max_distance: float) -> pd.DataFrame:
    """All pairs of near-duplicates: first, second (row numbers, first < second), distance (mean grey levels)."""
    codes = hashes(thumbnails)
    flat = thumbnails.reshape(len(thumbnails), SIDE * SIDE).astype(np.int16)
    found = []
    for start in range(0, len(codes), BLOCK):
        differing = np.bitwise_count(codes[start : start + BLOCK, None] ^ codes[None, start:])
        rows, columns = np.nonzero(differing <= max_bits)
        ahead = rows < columns
        first, second = rows[ahead] + start, columns[ahead] + start
        for part in range(0, len(first), 65536):
            a, b = first[part : part + 65536], second[part : part + 65536]
            distance = np.abs(flat[a] - flat[b]).sum(axis=1, dtype=np.int64) / flat.shape[1]
            near = distance <= max_distance
            found.append(pd.DataFrame({"first": a[near], "second": b[near], "distance": distance[near]}))
    empty = pd.DataFrame({"first": np.empty(0, int), "second": np.empty(0, int), "distance": np.empty(0)})
    return pd.concat(found, ignore_index=True) if found else empty


def clusters(count: int, pairs: pd.DataFrame) -> NDArray[np.int64]:
    """Cluster number of each of `count` faces: connected components of the pairs (single linkage)."""
    graph = coo_array((np.ones(len(pairs)), (pairs["first"], pairs["second"])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
