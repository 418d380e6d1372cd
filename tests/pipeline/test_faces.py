"""From detections to rows: lone finds and lost claims are put aside with a reason, identity is content."""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from pipeline.face_finding import face_id, judge
from pipeline.params import Faces


def found(frame: int, x: int, character: str = "cat", margin: float = 1.0) -> dict[str, Any]:
    return {"scene": 0, "frame": frame, "character": character, "x": x, "y": 0, "w": 40, "h": 40, "margin": margin}


def test_lone_finds_are_put_aside_and_tracks_stand() -> None:
    rows = judge(pd.DataFrame([found(0, 0), found(3, 4), found(3, 300)]), Faces(every=3, min_track=2))
    assert rows["status"].tolist() == ["ok", "ok", "rejected"]
    assert rows["reason"][2] == "a track of 1; faces.min_track is 2"


def test_a_track_that_loses_its_faces_to_another_character_does_not_stand_on_what_is_left() -> None:
    detections = [found(frame, 0, "cat", 5.0) for frame in (0, 3)] + [found(frame, 3, "mouse") for frame in (0, 3, 6)]
    rows = judge(pd.DataFrame(detections), Faces(every=3, min_track=2))
    mouse = rows[rows["character"] == "mouse"]
    assert rows.loc[rows["character"] == "cat", "status"].tolist() == ["ok", "ok"]
    assert mouse["status"].tolist() == ["rejected"] * 3
    assert mouse["reason"].tolist()[0] == "the cat cascade claims this face more strongly"
    assert mouse["reason"].tolist()[2] == "a track of 1; faces.min_track is 2"


def test_a_face_is_its_content() -> None:
    row = SimpleNamespace(pts=512, character="cat", x=1, y=2, w=3, h=4)
    assert face_id("ab", row) == face_id("ab", row)
    changes: list[dict[str, Any]] = [{"pts": 513}, {"character": "mouse"}, {"x": 2}, {"h": 5}]
    others = {face_id("ab", SimpleNamespace(**(vars(row) | change))) for change in changes}
    assert len(others | {face_id("ab", row), face_id("cd", row)}) == 6
