"""Selection for labelling: spread over episodes, scenes and tracks, then over appearance."""

import numpy as np
import pandas as pd
import pytest

from pipeline.similarity.diverse import diverse, select


def faces_of(*places: tuple[str, int, int], character: str = "cat") -> pd.DataFrame:
    rows = pd.DataFrame(list(places), columns=["episode_id", "scene", "track"])
    return rows.assign(character=character)


def gray(*levels: int) -> np.ndarray:
    return np.array([np.full((32, 32), level) for level in levels], np.uint8).reshape(-1, 32, 32)


def plain(faces: pd.DataFrame, thumbnails: np.ndarray, rank: np.ndarray, count: int) -> list[int]:
    """The definition, one choice after another."""
    keys = [
        [tuple(row) for row in faces[names].itertuples(index=False)]
        for names in (["episode_id"], ["episode_id", "scene"], ["episode_id", "scene", "track"])
    ]
    taken: list[int] = []
    for _ in range(min(count, len(faces))):

        def order(row: int) -> tuple[int, ...]:
            given = [sum(key[other] == key[row] for other in taken) for key in keys]
            looks = [int(np.abs(thumbnails[row].astype(int) - thumbnails[other]).sum()) for other in taken]
            return (*given, -min(looks, default=0), int(rank[row]))

        taken.append(min(set(range(len(faces))) - set(taken), key=order))
    return taken


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_is_the_plain_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = [(str(rng.choice(["d", "e"])), int(rng.integers(3)), int(rng.integers(5))) for _ in range(40)]
    faces, rank = faces_of(*places), rng.permutation(40)
    thumbnails = rng.integers(0, 256, (40, 32, 32), dtype=np.uint8)
    thumbnails[20:] = thumbnails[:20]  # ties
    assert diverse(faces, thumbnails, rank, 25).tolist() == plain(faces, thumbnails, rank, 25)


def test_the_first_is_the_sharpest_and_the_next_looks_least_like_it() -> None:
    faces = faces_of(*[("e", 0, 0)] * 4)
    assert diverse(faces, gray(100, 110, 10, 250), np.array([1, 0, 2, 3]), 3).tolist() == [1, 3, 2]


def test_a_long_scene_gives_no_more_than_a_short_one() -> None:
    faces = faces_of(*[("e", 0, track % 3) for track in range(30)], ("e", 1, 9), ("e", 1, 9), ("d", 0, 0))
    levels = np.random.default_rng(0).permutation(33) * 7
    taken = faces.iloc[diverse(faces, gray(*levels), np.arange(33), 5)]
    assert taken.groupby(["episode_id", "scene"]).size().to_dict() == {("d", 0): 1, ("e", 0): 2, ("e", 1): 2}
    assert taken.query("scene == 0 and episode_id == 'e'")["track"].nunique() == 2


def test_each_character_has_its_own_quota_and_none_means_all() -> None:
    cats, mice = faces_of(*[("e", 0, 0)] * 5), faces_of(("e", 0, 1), ("e", 1, 2), character="mouse")
    faces = pd.concat([cats, mice]).set_index(np.arange(70, 77))
    thumbnails = gray(*range(0, 70, 10))
    assert select(faces, thumbnails, np.arange(7), 3).tolist() == [True, False, True, False, True, True, True]
    assert select(faces, thumbnails, np.arange(7), 0).all()
    assert select(faces.head(0), thumbnails[:0], np.arange(0), 3).tolist() == []


def test_the_order_of_the_rows_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    faces = faces_of(*[("e", int(rng.integers(3)), int(rng.integers(3))) for _ in range(30)])
    thumbnails = rng.integers(0, 256, (30, 32, 32), dtype=np.uint8)
    rank, order = rng.permutation(30), rng.permutation(30)
    shuffled = diverse(faces.iloc[order], thumbnails[order], rank[order], 12)
    assert order[shuffled].tolist() == diverse(faces, thumbnails, rank, 12).tolist()


def test_what_was_taken_before_counts_and_is_not_taken_again() -> None:
    rng = np.random.default_rng(4)
    faces = faces_of(*[("e", int(rng.integers(3)), int(rng.integers(3))) for _ in range(30)])
    thumbnails = rng.integers(0, 256, (30, 32, 32), dtype=np.uint8)
    rank = rng.permutation(30)
    whole = diverse(faces, thumbnails, rank, 30)
    assert diverse(faces, thumbnails, rank, 7, before=whole[:10]).tolist() == whole[10:17].tolist()
    assert sorted(diverse(faces, thumbnails, rank, 99, before=whole[:10])) == sorted(whole[10:])
