"""From detections to rows: lone finds and lost claims are put aside with a reason, identity is content."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.faces.find import face_id, judge
from pipeline.params import Faces


def found(frame: int, x: int, character: str = "cat", strength: float = 2.0) -> dict[str, Any]:
    place = {"scene": 0, "frame": frame, "character": character, "x": x, "y": 0, "w": 40, "h": 40}
    return place | {"strength": strength, "thumbnail": np.full(4, 99, np.uint8)}


def test_lone_finds_are_put_aside_and_tracks_stand() -> None:
    rows = judge(pd.DataFrame([found(0, 0), found(3, 4), found(3, 300)]), Faces(every=3, min_track=2))
    assert rows["status"].tolist() == ["ok", "ok", "rejected"]
    assert rows["reason"][2] == "track length 1; faces.min_track is 2"


def test_a_weak_find_stands_in_a_strong_track_and_a_strong_one_not_in_a_weak_one() -> None:
    strong = [found(frame, 0, strength=0.6 if frame == 6 else 3.0) for frame in range(0, 15, 3)]
    weak = [found(frame, 300, strength=1.1 if frame == 6 else 0.6) for frame in range(0, 15, 3)]
    rows = judge(pd.DataFrame(strong + weak), Faces(every=3, min_track=2))
    first = rows[rows["x"] == 0]
    assert set(first["status"]) == {"ok"}
    # By hand: (4 × 3.0 + 0.6) / 6 = 2.1, with its own 0.6: √(0.6 × 2.1).
    assert first["track_score"].iloc[2] == pytest.approx((0.6 * 2.1) ** 0.5)
    assert set(rows.loc[rows["x"] == 300, "status"]) == {"rejected"}
    # √(1.1 × (4 × 0.6 + 1.1) / 6)
    assert rows.loc[rows["x"] == 300, "reason"].iloc[2] == "track score 0.801; below 1: not kept"


def test_the_order_of_the_rows_changes_nothing() -> None:
    dice = np.random.default_rng(3)
    detections = [
        found(3 * int(dice.integers(9)), int(dice.integers(99)), str(dice.choice(["cat", "mouse"])), dice.random() * 4)
        for _ in range(60)
    ]
    rows = pd.DataFrame(detections).drop_duplicates(["frame", "character", "x"])
    expected = judge(rows, Faces(every=3)).drop(columns="thumbnail")
    assert expected["status"].nunique() == 2
    for _ in range(3):
        shuffled = judge(rows.sample(frac=1, random_state=int(dice.integers(99))), Faces(every=3))
        pd.testing.assert_frame_equal(shuffled.drop(columns="thumbnail"), expected)


def test_a_track_that_loses_its_faces_to_another_character_does_not_stand_on_what_is_left() -> None:
    detections = [found(frame, 0, "cat", 5.0) for frame in (0, 3)] + [found(frame, 3, "mouse") for frame in (0, 3, 6)]
    rows = judge(pd.DataFrame(detections), Faces(every=3, min_track=2))
    mouse = rows[rows["character"] == "mouse"]
    assert rows.loc[rows["character"] == "cat", "status"].tolist() == ["ok", "ok"]
    assert mouse["status"].tolist() == ["rejected"] * 3
    assert mouse["reason"].tolist()[0] == "the cat cascade has a stronger track for this face"
    assert mouse["reason"].tolist()[2] == "track length 1; faces.min_track is 2"


def test_a_face_is_its_content() -> None:
    row = SimpleNamespace(pts=512, character="cat", x=1, y=2, w=3, h=4)
    assert face_id("ab", row) == face_id("ab", row)
    changes: list[dict[str, Any]] = [{"pts": 513}, {"character": "mouse"}, {"x": 2}, {"h": 5}]
    others = {face_id("ab", SimpleNamespace(**(vars(row) | change))) for change in changes}
    assert len(others | {face_id("ab", row), face_id("cd", row)}) == 6
