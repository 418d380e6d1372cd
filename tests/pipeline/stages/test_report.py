"""Tables of the report that are computed, not copied."""

import pandas as pd

from pipeline.stages.report import repeats_part, shares
from tests.support.worlds import params

PARAMS = params(characters=["cat", "mouse"])


def manifest(**columns: object) -> pd.DataFrame:
    base = {"episode_id": "d", "scene": 0, "track": 0, "character": "cat", "frame": 3, "split": "train", "status": "ok"}
    rows = pd.DataFrame({"face_id": list("abcdef")}).assign(**base, episodes=1, repeated=False)
    return rows.assign(**columns)


def test_shares_are_of_the_characters_own_faces_in_use() -> None:
    rows = manifest(
        character=["cat", "cat", "cat", "cat", "mouse", "mouse"],
        split=["train", "train", "test", "test", "test", "validation"],
        status=["ok", "ok", "ok", "rejected", "ok", "rejected"],
    )
    shown = shares(rows)
    assert list(shown.columns) == ["character", "train", "validation", "test"]
    assert shown.to_numpy().tolist() == [
        ["cat", "2 (67 %)", "0 (0 %)", "1 (33 %)"],
        ["mouse", "0 (0 %)", "0 (0 %)", "1 (100 %)"],
    ]
    assert shares(rows.head(0)).empty


def test_repeated_tracks_are_listed_those_of_most_episodes_first() -> None:
    rows = manifest(
        track=[0, 0, 1, 1, 1, 2],
        frame=[9, 7, 20, 21, 22, 30],
        episodes=[3, 1, 2, 2, 2, 1],
        repeated=[True] * 5 + [False],
    )
    part = repeats_part(rows, PARAMS)
    assert [row[2:] for row in part.rows] == [[0, "cat", 7, 2, 3], [1, "cat", 20, 3, 2]]
    assert repeats_part(rows.assign(repeated=False), PARAMS).text == "No two episodes share a track."
