"""Near-duplicates as they are, not moved: the search is exact, held to a plain double loop in any order."""

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.fft import dctn

from pipeline.images import encode_jpeg
from pipeline.similarity import alignment, pair_search, pairs
from pipeline.similarity.alignment import enlarged, hashes, middle


def faces(count: int, copies: int = 0, seed: int = 0) -> np.ndarray:
    """Smooth random thumbnails, and slightly changed copies of the first of them."""
    rng = np.random.default_rng(seed)
    fresh = [cv2.GaussianBlur(rng.integers(0, 256, (32, 32), dtype=np.uint8), (0, 0), 3) for _ in range(count)]
    stretched = [cv2.normalize(face, None, 0, 255, cv2.NORM_MINMAX) for face in fresh]
    changed = [
        np.clip(stretched[i % count].astype(int) + rng.integers(-9, 10, (32, 32)), 0, 255) for i in range(copies)
    ]
    return np.array([*stretched, *changed]).astype(np.uint8)


def plain(thumbnails: np.ndarray, max_bits: int, max_distance: float) -> dict[tuple[int, int], np.float32]:
    """The stated distance of faces as they are, pair by pair."""
    thumbnails = middle(enlarged(thumbnails, (0,))[0])
    codes = [int(code) for code in hashes(thumbnails)]
    found = {}
    for i in range(len(codes)):
        for j in range(i + 1, len(codes)):
            total = np.abs(thumbnails[i].astype(int) - thumbnails[j]).sum()
            distance = np.float32(total) / np.float32(thumbnails[i].size)
            if (codes[i] ^ codes[j]).bit_count() <= max_bits and total <= int(max_distance * thumbnails[i].size):
                found[i, j] = distance
    return found


def as_dict(pairs: pd.DataFrame) -> dict[tuple[int, int], float]:
    return {(row.first, row.second): row.distance for row in pairs.itertuples(index=False)}


def test_hashes_are_the_signs_of_the_low_frequencies_of_scipys_dct() -> None:
    thumbnails = middle(faces(50))
    mine = hashes(thumbnails)
    low = dctn(thumbnails.astype(float), axes=(1, 2))[:, :8, :8].reshape(-1, 64)
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(">u8").reshape(-1)
    differing = np.bitwise_count(mine ^ bits.astype(np.uint64))
    assert (differing == 0).mean() >= 0.9  # integer cosines may flip a bit that lies at the median itself
    assert differing.max() <= 2


def test_hashes_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnails = middle(faces(40))
    whole = hashes(thumbnails)
    monkeypatch.setattr(alignment, "BLOCK", 7)
    assert (hashes(thumbnails) == whole).all()


def test_bits_are_counted_as_python_counts_them() -> None:
    values = np.random.default_rng(1).integers(0, 2**64, 200, dtype=np.uint64)
    edges = np.array([0, 1, 2**63, 2**64 - 1], dtype=np.uint64)
    for value in np.concatenate([values, edges]):
        assert pair_search.bits_set(value) == int(value).bit_count()


@pytest.mark.parametrize(("max_bits", "max_distance"), [(12, 6.0), (4, 6.0), (64, 30.0), (64, 255.0), (0, 0.0)])
def test_every_pair_within_the_distance_is_found_and_no_other(
    max_bits: int, max_distance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With rows, strips and room so small that every hand-over happens; distances are equal to the last bit."""
    thumbnails = faces(60, copies=80)
    expected = plain(thumbnails, max_bits, max_distance)
    monkeypatch.setattr(pair_search, "ROWS", 17)
    monkeypatch.setattr(pair_search, "ROOM", 1100)
    assert as_dict(pairs.unmoved_pairs(thumbnails, max_bits, max_distance)) == expected
    assert len(expected) >= {0.0: 0, 6.0: 30, 30.0: 80, 255.0: 140 * 139 // 2}[max_distance]


def test_a_distance_that_lies_at_the_limit_is_within_it() -> None:
    thumbnails = np.zeros((3, 32, 32), np.uint8)
    thumbnails[1] += 8
    thumbnails[2] += 17
    assert as_dict(pairs.unmoved_pairs(thumbnails, 64, 8.0)) == {(0, 1): 8.0}


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_finds_the_same_rows_in_the_same_order(threads: int) -> None:
    thumbnails = faces(300, copies=900, seed=2)
    found = pairs.unmoved_pairs(thumbnails, 10, 8.0, threads)
    pd.testing.assert_frame_equal(found, pairs.unmoved_pairs(thumbnails, 10, 8.0))
    assert found.equals(found.sort_values(["first", "second"], ignore_index=True))
    assert len(found) > 900


def test_the_same_faces_in_any_order_give_the_same_pairs() -> None:
    thumbnails = faces(20, copies=40)
    order = np.random.default_rng(3).permutation(60)
    found = as_dict(pairs.unmoved_pairs(thumbnails, 12, 6.0))
    shuffled = as_dict(pairs.unmoved_pairs(thumbnails[order], 12, 6.0))
    assert {(min(order[i], order[j]), max(order[i], order[j])): d for (i, j), d in shuffled.items()} == found
    assert len(found) >= 40


def test_only_faces_of_one_character_are_near_duplicates() -> None:
    thumbnails = faces(30, copies=60)
    kinds = pd.Series(np.random.default_rng(4).choice(["cat", "mouse"], 90), index=np.arange(500, 590))
    found = as_dict(pairs.unmoved_pairs_of_each(kinds, thumbnails, 12, 6.0))
    own = kinds.to_numpy()
    every = plain(thumbnails, 12, 6.0)
    assert found == {(i, j): distance for (i, j), distance in every.items() if own[i] == own[j]}
    assert 0 < len(found) < len(every)


def test_a_thumbnail_leaves_the_margin_out() -> None:
    crop = np.full((96, 96), 255, np.uint8)
    crop[16:80, 16:80] = 50
    assert np.unique(pairs.thumbnail(crop, 0.25)).tolist() == [50]


def test_thumbnails_are_read_in_order_and_what_does_not_decode_is_told() -> None:
    crops = [encode_jpeg(np.full((64, 64, 3), level, np.uint8)) for level in range(0, 250, 10)]
    small, decodes = pairs.read_thumbnails([*crops, b"", b"no picture", crops[3][:100]], 0.25)
    assert [np.unique(face).tolist() for face in small] == [[level] for level in range(0, 250, 10)] + [[0]] * 3
    assert decodes.tolist() == [True] * 25 + [False] * 3


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one(count: int) -> None:
    assert pairs.unmoved_pairs(faces(5)[:count], 10, 8.0).empty
    assert pairs.near_pairs(faces(5)[:count], 10, 8.0).empty
    assert pairs.unmoved_pairs_of_each(pd.Series(["cat"] * count), faces(5)[:count], 10, 8.0).empty
