"""Annotations find their faces by place and time; votes settle on one label a cluster; nothing said is lost."""

import json
from typing import Any

import pandas as pd

from pipeline.labels.consensus import cast_votes, match, settle_labels
from pipeline.params import Labels

PARAMS = Labels(min_iou=0.4, frame_tolerance=2)
NOT_SAID = {"given_by": "", "suggested": "", "guess": ""}


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
    return row | {"line": 2, "emotion": emotion, "annotator": annotator, "status": "ok", "reason": ""} | NOT_SAID | more


def labels(
    annotations: list[dict[str, Any]], faces: list[dict[str, Any]], method: str = "majority"
) -> list[dict[str, Any]]:
    said_rows, face_rows = pd.DataFrame(annotations), pd.DataFrame(faces)
    matched = match(said_rows, face_rows, PARAMS)
    return settle_labels(said_rows, matched, face_rows.set_index("face_id")["cluster"], method).to_dict("records")


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


def test_answers_that_mean_the_same_are_one_vote_each_for_it() -> None:
    rows = [said(10, "not-a-face"), said(10, "wrong-character", "ben"), said(10, "happy", "chloe")]
    (label,) = labels(rows, [face("a", 10)])
    assert label["reason"] == "no emotion: happy 1, not-a-face 1, wrong-character 1"
    assert abs(label["agreement"] - 2 / 3) < 1e-9


def test_a_sheet_that_does_not_contest_the_character_votes_for_no_emotion() -> None:
    rows = [said(10, "right-character", given_by="sheet", suggested="cat"), said(20, "happy")]
    rows += [said(20, "right-character", given_by="sheet", suggested="cat")]
    looked_at, labelled = labels(rows, [face("a", 10), face("b", 20)])
    assert (looked_at["status"], looked_at["reason"]) == ("rejected", "no vote yet: right-character 1")
    assert (looked_at["votes"], looked_at["annotators"], looked_at["given_by"]) == ("{}", 0, "sheet")
    assert (labelled["emotion"], labelled["votes"]) == ("happy", '{"happy": 1}')
    assert json.loads(labelled["remarks"]) == {"right-character": 1}


def test_what_is_no_vote_is_none_where_no_face_was_found_either() -> None:
    rows = [said(10, "wrong-emotion", suggested="happy"), said(20, "happy")]
    remark, vote = labels(rows, [face("a", 90)])
    assert (remark["votes"], remark["remarks"], remark["annotators"]) == ("{}", '{"wrong-emotion": 1}', 0)
    assert (vote["votes"], vote["remarks"], vote["annotators"]) == ('{"happy": 1}', "{}", 1)


def test_a_contested_emotion_is_no_vote_but_takes_back_ones_own() -> None:
    contested = [said(10, "wrong-emotion", "ben", suggested="happy", given_by="sheet")]
    (label,) = labels([said(10, "happy"), *contested], [face("a", 10)])
    assert (label["emotion"], label["annotators"]) == ("happy", 1)
    (label,) = labels([said(10, "happy", "ben"), *contested], [face("a", 10)])
    assert (label["status"], label["reason"]) == ("rejected", "no vote yet: wrong-emotion 1")
    (label,) = labels([said(10, "sad", "ben"), *contested], [face("a", 10)])
    assert label["emotion"] == "sad"
    (label,) = labels([*contested, said(10, "happy", "ben")], [face("a", 10)])
    assert label["emotion"] == "happy"


def test_a_confirmed_emotion_is_an_ordinary_vote_that_says_where_it_is_from() -> None:
    rows = [said(10, "happy", given_by="sheet", suggested="happy"), said(10, "happy", "ben", given_by="task")]
    (label,) = labels(rows, [face("a", 10)])
    assert (label["votes"], label["given_by"], label["confidence"]) == ('{"happy": 2}', "sheet,task", 1.0)


def test_a_review_settles_a_tie_but_does_not_outvote() -> None:
    tied = [said(10, "happy"), said(10, "sad", "ben", given_by="review")]
    (label,) = labels(tied, [face("a", 10)])
    assert (label["emotion"], label["agreement"], label["status"]) == ("sad", 0.5, "ok")
    (label,) = labels([*tied, said(10, "happy", "chloe")], [face("a", 10)])
    assert label["emotion"] == "happy"
    (label,) = labels([said(10, "happy", given_by="review"), tied[1]], [face("a", 10)])
    assert label["reason"] == "a tie: happy 1, sad 1"


def test_dawid_and_skene_side_with_the_annotator_who_is_reliable() -> None:
    faces = [face(f"f{frame:03d}", frame) for frame in range(0, 400, 10)]
    rows = []
    for index, frame in enumerate(range(0, 400, 10)):
        true, other = ("happy", "sad") if index % 2 else ("sad", "happy")
        rows += [said(frame, true, who) for who in ("anna", "ben")]
        rows += [said(frame, true if index % 3 else other, "careless")]
    rows += [said(500, "happy", "anna"), said(500, "sad", "careless")]
    by_majority = labels(rows, [*faces, face("last", 500)])[-1]
    weighed = labels(rows, [*faces, face("last", 500)], "dawid-skene")[-1]
    assert by_majority["reason"] == "a tie: happy 1, sad 1"
    assert (weighed["emotion"], weighed["agreement"], weighed["consensus"]) == ("happy", 0.5, "dawid-skene")
    assert weighed["confidence"] > 0.99


def test_dawid_and_skene_take_a_lone_annotator_at_their_word() -> None:
    faces = [face("a", 10), face("b", 20), face("c", 30)]
    rows = [said(10, "happy"), said(20, "sad"), said(30, "not-a-face")]
    happy, sad, none = labels(rows, faces, "dawid-skene")
    assert (happy["emotion"], sad["emotion"], none["reason"]) == ("happy", "sad", "no emotion: not-a-face 1")
    assert (
        labels([said(90, "happy")], faces, "dawid-skene")[0]["reason"]
        == "emotions.csv, line 2: no face was found there"
    )


def test_the_votes_say_what_counts_and_in_which_words_it_was_said() -> None:
    faces = pd.DataFrame([face("a", 10), face("b", 40, cluster="a")])
    rows = pd.DataFrame([said(10, "happy"), said(10, "wrong-character"), said(40, "sad", "ben"), said(99, "sad")])
    votes = cast_votes(rows, match(rows, faces, PARAMS), faces.set_index("face_id")["cluster"])
    assert votes[["face_id", "cluster", "emotion", "answer"]].to_numpy().tolist() == [
        ["a", "a", "wrong-character", "not-the-character"],
        ["b", "a", "sad", "sad"],
    ]


def test_a_sheet_that_is_corrected_counts_as_it_was_corrected() -> None:
    contested = [said(10, "happy", "ben"), said(10, "wrong-character", given_by="sheet", suggested="cat")]
    (label,) = labels(contested, [face("a", 10)])
    assert label["status"] == "rejected"
    corrected = [*contested, said(10, "right-character", given_by="sheet", suggested="cat")]
    (label,) = labels(corrected, [face("a", 10)])
    assert (label["emotion"], label["status"], label["annotators"]) == ("happy", "ok", 1)
