"""Near-duplicate faces: perceptual hashes and a distance between small pictures.

Two faces are near-duplicates if, with one laid over the other as well as possible (`alignment`), they differ by at most
`max_distance` gray levels on average, and a hash of one is within `max_bits` of 64 bits of the other's. The search is
exact: it finds every such pair.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_gray, reframe, shrink
from pipeline.processors import usable
from pipeline.similarity.alignment import PIXELS, SIDE, ZOOMS, enlarged, hashes, middle, moved_hashes
from pipeline.similarity.pair_search import Found, all_aligned, all_near


def thumbnail(crop: Pixels, margin: float) -> Pixels:
    """The face itself (the gray crop without its context margin) as uint8 [SIDE, SIDE].

    The background moves behind a face that stays the same; it is left out.
    """
    return shrink(reframe(crop, margin, 0.0), SIDE, SIDE)


def read_thumbnails(encoded: Sequence[bytes], margin: float | NDArray[np.float64]) -> tuple[Pixels, NDArray[np.bool_]]:
    """The thumbnails of encoded crops, uint8 [N, SIDE, SIDE], and which of them decode; black where one does not.

    margin: of all crops, or [N] of each.
    """
    margins = np.broadcast_to(margin, len(encoded)).tolist()
    small = np.zeros((len(encoded), SIDE, SIDE), np.uint8)
    decodes = np.zeros(len(encoded), np.bool_)

    def make(row: int) -> None:
        crop = decode_gray(encoded[row])
        if crop is not None:
            small[row], decodes[row] = thumbnail(crop, margins[row]), True

    with ThreadPoolExecutor(usable()) as pool:
        deque(pool.map(make, range(len(encoded))), maxlen=0)
    return small, decodes


def near_pairs(thumbnails: Pixels, max_bits: int, max_distance: float, threads: int | None = None) -> pd.DataFrame:
    """All pairs of near-duplicates: first, second (row numbers, first < second), distance (mean gray levels).

    int32, int32, float32: 12 bytes a pair, sorted by both numbers. threads: None takes every core; changes no row.
    """
    return _as_frame(all_aligned(thumbnails, max_bits, int(max_distance * PIXELS), threads))


def unmoved_pairs(thumbnails: Pixels, max_bits: int, max_distance: float, threads: int | None = None) -> pd.DataFrame:
    """The pairs that are near as they are, not moved or enlarged: some of `near_pairs`, found much faster."""
    windows = np.ascontiguousarray(middle(enlarged(thumbnails, ZOOMS[:1])[0]))
    flat = windows.reshape(len(windows), PIXELS)
    return _as_frame(all_near(hashes(windows), flat, max_bits, int(max_distance * PIXELS), threads))


def _as_frame(found: Found) -> pd.DataFrame:
    first, second, difference = found
    return pd.DataFrame({"first": first, "second": second, "distance": difference.astype(np.float32) / PIXELS})


def of_each(
    search: Callable[[Pixels, int, float], pd.DataFrame],
    kinds: pd.Series,
    thumbnails: Pixels,
    max_bits: int,
    max_distance: float,
) -> pd.DataFrame:
    """The pairs of `search` among rows of one kind (whose face it is said to be), for every kind."""
    found = [search(thumbnails[:0], max_bits, max_distance)]
    for own in kinds.reset_index(drop=True).groupby(kinds.to_numpy()).indices.values():
        rows = np.sort(own).astype(np.int32)
        pairs = search(thumbnails[rows], max_bits, max_distance)
        found.append(pairs.assign(first=rows[pairs["first"]], second=rows[pairs["second"]]))
    return pd.concat(found, ignore_index=True)


def near_pairs_of_each(kinds: pd.Series, thumbnails: Pixels, max_bits: int, max_distance: float) -> pd.DataFrame:
    """`near_pairs` among rows of one kind, for every kind: [N] rows in `thumbnails`."""
    return of_each(near_pairs, kinds, thumbnails, max_bits, max_distance)


def unmoved_pairs_of_each(kinds: pd.Series, thumbnails: Pixels, max_bits: int, max_distance: float) -> pd.DataFrame:
    """`unmoved_pairs` among rows of one kind, for every kind: [N] rows in `thumbnails`."""
    return of_each(unmoved_pairs, kinds, thumbnails, max_bits, max_distance)


def bits_apart(thumbnails: Pixels, first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.uint8]:
    """In how many bits the hashes of each pair differ at least, at any place of one of the two: uint8 [K]."""
    codes = moved_hashes(enlarged(thumbnails))
    least = np.full(len(first), 64, np.uint8)
    for place in codes:
        for one, other in ((first, second), (second, first)):
            least = np.minimum(least, np.bitwise_count(place[one] ^ codes[0, other]))
    return least
