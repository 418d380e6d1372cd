"""Near-duplicates: the search is exact, held to a plain double loop; the order of the faces does not matter."""

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.fft import dctn

from pipeline import duplicates


def faces(count: int, copies: int = 0) -> np.ndarray:
    """Smooth random thumbnails, and slightly changed copies of the first of them."""
    rng = np.random.default_rng(0)
    fresh = [cv2.GaussianBlur(rng.integers(0, 256, (32, 32), dtype=np.uint8), (0, 0), 3) for _ in range(count)]
    stretched = [cv2.normalize(face, None, 0, 255, cv2.NORM_MINMAX) for face in fresh]
    changed = [
        np.clip(stretched[i % count].astype(int) + rng.integers(-9, 10, (32, 32)), 0, 255) for i in range(copies)
    ]
    return np.array([*stretched, *changed]).astype(np.uint8)


def test_hashes_are_the_signs_of_the_low_frequencies_of_scipys_dct() -> None:
    thumbnails = faces(50)
    mine = duplicates.hashes(thumbnails)
    low = dctn(thumbnails.astype(float), axes=(1, 2))[:, :8, :8].reshape(-1, 64)
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(">u8").reshape(-1)
    differing = np.bitwise_count(mine ^ bits.astype(np.uint64))
    assert (differing == 0).mean() >= 0.9  # integer cosines may flip a bit that lies at the median itself
    assert differing.max() <= 2


def test_every_pair_within_the_distance_is_found_and_no_other() -> None:
    thumbnails = faces(60, copies=80)
    codes = [int(code) for code in duplicates.hashes(thumbnails)]
    plain = {
        (i, j)
        for i in range(len(codes))
        for j in range(i + 1, len(codes))
        if (codes[i] ^ codes[j]).bit_count() <= 12 and np.abs(thumbnails[i].astype(int) - thumbnails[j]).mean() <= 6.0
    }
    duplicates.BLOCK, kept = 17, duplicates.BLOCK
    try:
        found = duplicates.near_pairs(thumbnails, 12, 6.0)
    finally:
        duplicates.BLOCK = kept
    assert set(zip(found["first"], found["second"], strict=True)) == plain
    assert len(plain) >= 80


def test_the_same_faces_in_any_order_give_the_same_clusters() -> None:
    thumbnails = faces(20, copies=40)
    order = np.random.default_rng(3).permutation(60)

    def partition(stack: np.ndarray, names: np.ndarray) -> set[frozenset[int]]:
        numbers = duplicates.clusters(len(stack), duplicates.near_pairs(stack, 12, 6.0))
        return {frozenset(names[numbers == number].tolist()) for number in np.unique(numbers)}

    assert partition(thumbnails, np.arange(60)) == partition(thumbnails[order], order)


def test_a_thumbnail_leaves_the_margin_out() -> None:
    crop = np.full((96, 96, 3), 255, np.uint8)
    crop[16:80, 16:80] = 50
    assert np.unique(duplicates.thumbnail(crop, 0.25)).tolist() == [50]


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one(count: int) -> None:
    pairs = duplicates.near_pairs(faces(5)[:count], 10, 8.0)
    assert pairs.empty
    assert len(duplicates.clusters(count, pairs)) == count


def test_clusters_are_connected_components() -> None:
    pairs = pd.DataFrame({"first": [0, 1, 4], "second": [1, 2, 5]})
    numbers = duplicates.clusters(6, pairs)
    assert [set(np.flatnonzero(numbers == number)) for number in dict.fromkeys(numbers)] == [{0, 1, 2}, {3}, {4, 5}]
