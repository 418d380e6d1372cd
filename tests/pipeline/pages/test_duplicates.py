"""The evidence for the distance: every pair is counted once, in its group, and examples lie in their bands."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.images import encode_jpeg
from pipeline.pages import duplicates
from pipeline.pages.duplicates import ACROSS, BANDS, draw_evidence, gather
from pipeline.params import Manifest
from pipeline.similarity.pairs import bits_apart, near_pairs

PARAMS = Manifest(duplicate_bits=20, duplicate_distance=6.0)


def world(count: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Faces of two characters in two episodes and six tracks, many of them changed copies of others."""
    rng = np.random.default_rng(seed)
    base = np.array([cv2.GaussianBlur(rng.integers(0, 256, (32, 32)).astype(np.uint8), (0, 0), 4) for _ in range(8)])
    stretch = rng.integers(-14, 15, (count, 1, 1)) + rng.integers(-4, 5, (count, 32, 32))
    thumbnails = np.clip(base[rng.integers(0, 8, count)].astype(int) + stretch, 0, 255).astype(np.uint8)
    faces = pd.DataFrame(
        {
            "face_id": [f"{number:05d}" for number in rng.permutation(count)],
            "episode_id": rng.choice(["d", "e"], count),
            "track": rng.integers(0, 3, count),
            "character": rng.choice(["cat", "mouse"], count),
        }
    )
    return faces, thumbnails


def distances(small: np.ndarray, within: float) -> dict[tuple[int, int], float]:
    """All pairs within a distance, laid over each other (tests/pipeline/similarity holds that to a plain twin)."""
    return {(row.first, row.second): row.distance for row in near_pairs(small, 64, within).itertuples(index=False)}


@pytest.mark.slow
def test_every_pair_is_counted_where_it_belongs() -> None:
    faces, small = world(90)
    apart = distances(small, 15.0)
    expected = []
    for (i, j), distance in apart.items():
        one, other = faces.iloc[i], faces.iloc[j]
        if one["character"] != other["character"]:
            continue
        kind = 2 if one["episode_id"] != other["episode_id"] else int(one["track"] != other["track"])
        bits = int(bits_apart(small, np.array([i], np.int32), np.array([j], np.int32))[0])
        expected.append((distance, kind, bits <= 20))
    found = gather(faces, small, PARAMS)
    assert sorted(found.pairs.itertuples(index=False, name=None)) == sorted(expected)
    assert {kind for _, kind, _ in expected} == {0, 1, 2}
    assert (found.sampled, found.total) == (90, 90)


@pytest.mark.slow
def test_examples_lie_in_their_bands_and_show_different_tracks() -> None:
    faces, small = world(120)
    found = gather(faces.set_index(np.arange(500, 620)), small, PARAMS)
    row_of = {name: row for row, name in enumerate(faces["face_id"])}
    apart = distances(small, 15.0)
    shown = 0
    for (low, high), pairs in zip(BANDS, found.examples, strict=True):
        tracks = set()
        for row in pairs:
            ends = found.faces.iloc[row]
            first, second = sorted(row_of[name] for name in ends["face_id"])
            assert low * 6.0 <= apart[first, second] <= high * 6.0
            tracks.add(frozenset(zip(ends["episode_id"], ends["track"], strict=True)))
        assert len(tracks) == len(pairs) <= ACROSS
        shown += len(pairs)
    assert shown > 20


def test_of_many_faces_a_sample_is_looked_at_whatever_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST", 60)
    faces, small = world(100)
    found = gather(faces, small, PARAMS)
    order = np.random.default_rng(2).permutation(100)
    again = gather(faces.iloc[order], small[order], PARAMS)
    assert (found.sampled, found.total) == (60, 100)
    assert sorted(found.pairs["distance"]) == sorted(again.pairs["distance"])
    whole = {frozenset(found.faces["face_id"].iloc[row]) for pairs in found.examples for row in pairs}
    assert set().union(*whole) <= {f"{number:05d}" for number in range(60)}


@pytest.mark.slow
def test_the_picture_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    faces, small = world(60)
    found = gather(faces, small, PARAMS)
    crops = [encode_jpeg(np.full((40, 40, 3), 3 * row, np.uint8)) for row in range(len(found.faces))]
    for name in ("a.png", "b.png"):
        draw_evidence(tmp_path / name, found, crops, PARAMS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape[1] == 1320
    assert picture.std() > 10


@pytest.mark.slow
def test_no_faces_give_an_empty_picture(tmp_path: Path) -> None:
    faces, small = world(5)
    for count, distance in ((0, 6.0), (1, 6.0), (5, 0.0)):
        params = Manifest(duplicate_distance=distance)
        found = gather(faces.head(count), small[:count], params)
        draw_evidence(tmp_path / "a.png", found, [b""] * len(found.faces), params)
        assert cv2.imread(str(tmp_path / "a.png")) is not None
