"""Annotations find their faces by place and time; votes settle on one label a cluster; nothing said is lost."""

import json
from typing import Any

import pandas as pd

from pipeline.consensus import match, pairwise_agreement, settle_labels
from pipeline.params import Labels

PARAMS = Labels(min_iou=0.4, frame_tolerance=2)


def face(face_id: str, frame: int, x: int = 0, **more: Any) -> dict[str, Any]:
    row = {
        "face_id": face_id,
        "episode_id": "pilot",
        "frame": frame,
        "character": "cat",
        "x": x,
        "y": 0,
        "w": 40,
        "h": 40,
    }
    return row | {"cluster": face_id} | more


def said(frame: int, emotion: str, annotator: str = "anna", x: int = 0, **more: Any) -> dict[str, Any]:
    row = {"episode_id": "pilot", "frame": frame, "character": "cat", "x": x, "y": 0, "w": 40, "h": 40}
    return row | {"line": 2, "emotion": emotion, "annotator": annotator, "status": "ok", "reason": ""} | more


def labels(annotations: list[dict[str, Any]], faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    said_rows, face_rows = pd.DataFrame(annotations), pd.DataFrame(faces)
    matched = match(said_rows, face_rows, PARAMS)
    return settle_labels(said_rows, matched, face_rows.set_index("face_id")["cluster"]).to_dict("records")


def test_the_best_overlap_wins_then_the_nearest_frame() -> None:
    faces = [face("far", 8), face("near", 11), face("aside", 10, x=15), face("mouse", 10, character="mouse")]
    rows = pd.DataFrame([said(10, "happy"), said(10, "happy", x=13), said(10, "happy", x=200), said(30, "happy")])
    assert match(rows, pd.DataFrame(faces), PARAMS).tolist() == ["near", "aside", None, None]


def test_an_annotation_outlives_a_moved_box_and_another_frame_choice() -> None:
    rows = pd.DataFrame([said(10, "happy")])
    moved = pd.DataFrame([face("moved", 12, x=6, w=44, h=37)])
    assert match(rows, moved, PARAMS).tolist() == ["moved"]


def test_the_majority_decides_and_says_how_sure_it_is() -> None:
    rows = [said(10, "happy", "anna"), said(10, "happy", "ben"), said(10, "sad", "chloe")]
    (label,) = labels(rows, [face("a", 10)])
    assert (label["emotion"], label["annotators"], label["status"]) == ("happy", 3, "ok")
    assert abs(label["agreement"] - 2 / 3) < 1e-9
    assert json.loads(label["votes"]) == {"happy": 2, "sad": 1}


def test_a_tie_and_no_face_give_no_label_but_a_row() -> None:
    rows = [said(10, "happy", "anna"), said(10, "sad", "ben"), said(20, "not-a-face")]
    tie, none = labels(rows, [face("a", 10), face("b", 20)])
    assert (tie["status"], tie["reason"], tie["emotion"]) == ("rejected", "a tie: happy 1, sad 1", None)
    assert (none["status"], none["reason"]) == ("rejected", "no emotion: not-a-face 1")


def test_an_annotator_who_changes_their_mind_has_one_vote() -> None:
    (label,) = labels([said(10, "happy"), said(10, "sad")], [face("a", 10)])
    assert (label["emotion"], label["annotators"]) == ("sad", 1)


def test_a_label_speaks_for_near_duplicates_and_says_so() -> None:
    faces = [face("a", 10), face("b", 40, cluster="a"), face("c", 70), face("d", 90, cluster="c")]
    first, second = labels([said(40, "happy"), said(70, "sad"), said(90, "sad", "ben")], faces)
    assert (first["face_id"], first["label_source"]) == ("a", "cluster")
    assert (second["face_id"], second["label_source"], second["annotators"]) == ("c", "direct", 2)


def test_annotations_without_a_face_stay_with_the_reason() -> None:
    rows = [said(10, "happy", line=7), said(10, "hapy", line=8, status="rejected", reason="unknown emotion 'hapy'")]
    found = labels(rows, [face("a", 50)])
    assert [row["reason"] for row in found] == [
        "emotions.csv, line 7: no face was found there",
        "emotions.csv, line 8: unknown emotion 'hapy'",
    ]
    assert all(row["face_id"] is None and row["status"] == "rejected" for row in found)


def test_pairs_of_annotators_agree_or_not() -> None:
    rows = pd.DataFrame([said(1, "happy", "anna"), said(1, "happy", "ben"), said(1, "sad", "chloe"), said(2, "sad")])
    assert pairwise_agreement(rows, pd.Series(["a", "a", "a", "b"])) == 1 / 3
    assert pairwise_agreement(rows.tail(1), pd.Series(["b"])) is None
