"""Faces laid over each other: held to a plain numpy twin, to scipy's filters, and to faces moved on purpose."""

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import correlate1d

from pipeline.similarity import pair_search
from pipeline.similarity.alignment import (
    PIXELS,
    PLACES,
    REACH,
    SIDE,
    SLACK,
    WINDOW,
    ZOOMS,
    enlarged,
    hashes,
    nearest,
    quarter_sums,
)
from pipeline.similarity.pairs import bits_apart, near_pairs, unmoved_pairs
from tests.support.trembling import drawing, seen


def plain_distance(pictures: np.ndarray, first: int, second: int) -> int:
    """The definition: the least sum of differences of two windows over all shifts and zooms."""
    least = WINDOW * WINDOW * 255
    zooms = [(0, 0), *((zoom, 0) for zoom in range(1, len(ZOOMS))), *((0, zoom) for zoom in range(1, len(ZOOMS)))]
    for zoom, other in zooms:
        for down in range(-REACH, REACH + 1):
            for right in range(-REACH, REACH + 1):
                v, u = SLACK - down // 2, SLACK - right // 2
                one = pictures[zoom, first, v + down :, u + right :][:WINDOW, :WINDOW].astype(int)
                least = min(least, int(np.abs(one - pictures[other, second, v : v + WINDOW, u : u + WINDOW]).sum()))
    return least


def plain_bits(pictures: np.ndarray, first: int, second: int) -> int:
    """The least difference of a hash of one, at every second place and every zoom, from the other's in the middle."""
    found = []
    for one, other in ((first, second), (second, first)):
        still = int(hashes(pictures[0, other : other + 1, SLACK:-SLACK, SLACK:-SLACK])[0])
        for zoom in range(len(ZOOMS)):
            for y in range(0, PLACES, 2):
                for x in range(0, PLACES, 2):
                    code = int(hashes(pictures[zoom, one : one + 1, y : y + WINDOW, x : x + WINDOW])[0])
                    found.append((still ^ code).bit_count())
    return min(found)


def world() -> np.ndarray:
    """Twelve drawings, each seen as it is and twice by boxes that tremble."""
    rng = np.random.default_rng(5)
    shown = []
    for number in range(12):
        picture = drawing(number)
        shown.append(seen(picture))
        shown += [seen(picture, *rng.uniform(-2, 2, 2), rng.uniform(0.95, 1.05)) for _ in range(2)]
    return np.array(shown, np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(("max_bits", "max_distance"), [(10, 8.0), (64, 30.0), (6, 255.0), (64, 0.0)])
def test_every_pair_is_found_as_the_plain_twin_finds_it(
    max_bits: int, max_distance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = world()
    pictures = enlarged(faces)
    expected = {}
    for i in range(len(faces)):
        for j in range(i + 1, len(faces)):
            total = plain_distance(pictures, i, j)
            if total <= int(max_distance * PIXELS) and plain_bits(pictures, i, j) <= max_bits:
                expected[i, j] = np.float32(total) / PIXELS
    monkeypatch.setattr(pair_search, "ROWS", 7)
    monkeypatch.setattr(pair_search, "ROOM", 3)
    found = near_pairs(faces, max_bits, max_distance)
    assert {(row.first, row.second): row.distance for row in found.itertuples(index=False)} == expected
    assert len(expected) >= {8.0: 20, 30.0: 36, 255.0: 20, 0.0: 0}[max_distance]


def test_a_drawing_that_is_moved_and_enlarged_is_found_and_another_drawing_is_not() -> None:
    faces = world()
    found = near_pairs(faces, 10, 4.5)
    same = found["first"] // 3 == found["second"] // 3
    assert same.all()
    assert len(found) >= 24  # of the 36 pairs there are
    assert len(unmoved_pairs(faces, 10, 4.5)) <= 6


def test_what_is_near_unmoved_is_near_and_no_farther_apart() -> None:
    faces = world()
    still, moved = (search(faces, 12, 12.0) for search in (unmoved_pairs, near_pairs))
    both = still.merge(moved, on=["first", "second"], suffixes=("_still", "_moved"))
    assert len(both) == len(still) >= 8
    assert (both["distance_moved"] <= both["distance_still"]).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_threads_nor_order_matter(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = world()
    expected = near_pairs(faces, 12, 15.0)
    monkeypatch.setattr(pair_search, "ROWS", 5)
    pd.testing.assert_frame_equal(near_pairs(faces, 12, 15.0, threads), expected)
    order = np.random.default_rng(0).permutation(len(faces))
    again = near_pairs(faces[order], 12, 15.0, threads)
    back = {
        (min(order[row.first], order[row.second]), max(order[row.first], order[row.second])): row.distance
        for row in again.itertuples(index=False)
    }
    assert back == {(row.first, row.second): row.distance for row in expected.itertuples(index=False)}


def test_pictures_are_softened_with_whole_numbers() -> None:
    """OpenCV's 7 × 7 Gaussian is (8, 28, 56, 72, 56, 28, 8)/256 along each axis, rounded once."""
    rng = np.random.default_rng(1)
    faces = rng.integers(0, 256, (20, SIDE, SIDE), dtype=np.uint8)
    weights = np.array([8, 28, 56, 72, 56, 28, 8])
    for face, mine in zip(faces, enlarged(faces, (0,))[0], strict=True):
        double = cv2.resize(face, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_LINEAR_EXACT)
        back = cv2.resize(double, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR_EXACT).astype(np.int64)
        soft = correlate1d(correlate1d(back, weights, axis=0, mode="mirror"), weights, axis=1, mode="mirror")
        assert ((soft + 2**15) >> 16 == mine).all()


def test_quarters_are_added_up_at_every_place() -> None:
    pictures = enlarged(world()[:4])
    sums = quarter_sums(pictures)
    half = WINDOW // 2
    for zoom, row, y, x in [(0, 0, 0, 0), (1, 3, 4, 1), (len(ZOOMS) - 1, 2, 2, 3)]:
        window = pictures[zoom, row, y : y + WINDOW, x : x + WINDOW].astype(int)
        quarters = [window[a : a + half, b : b + half].sum() for a in (0, half) for b in (0, half)]
        assert sums[row, zoom, y, x].tolist() == quarters


def test_the_nearest_is_the_least_of_all_distances_to_the_others() -> None:
    faces = world()
    pictures = enlarged(faces)
    expected = [min(plain_distance(pictures, i, j) for j in range(9, len(faces))) / PIXELS for i in range(9)]
    found = nearest(faces[:9], faces[9:], 40.0)
    assert found.tolist() == [value if value <= 40.0 else np.inf for value in expected]
    assert np.isinf(nearest(faces[:2], faces[:0], 40.0)).all()


def test_bits_are_the_least_over_all_places() -> None:
    faces = world()[:6]
    pictures = enlarged(faces)
    first, second = np.triu_indices(6, 1)
    found = bits_apart(faces, first.astype(np.int32), second.astype(np.int32))
    assert found.tolist() == [plain_bits(pictures, i, j) for i, j in zip(first, second, strict=True)]
