"""Our pages and tasks: valid for Label Studio's own parser, and answers find their way home."""

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from label_studio_sdk.converter.utils import convert_annotation_to_yolo_obb
from label_studio_sdk.label_interface import LabelInterface

from labeling.config import (
    LEFT_OUT,
    NAME_KEYS,
    SHEET_KEYS,
    box_config,
    emotion_config,
    name_config,
    offered,
    same_config,
    sheet_config,
)
from labeling.errors import InvalidExport, InvalidLabelConfig
from labeling.exports import box_rows, emotion_rows, name_rows, sheet_rows
from labeling.tasks import Drawn, Guess, box_task, emotion_task, name_task, sheet_task
from tests.support import ROOT

CONFIGS = ROOT / "labeling" / "configs"
NAMES = ["happy", 'so "sad" & <lost>', "🙃", "unclear"]
PLACE = {"episode_id": "pilot", "frame": 12, "character": "cat", "x": 1, "y": 2, "w": 30, "h": 40}
FACE = {"face_id": "f00", **PLACE, "time_s": 65.5}
FRAME = {"episode_id": "pilot", "frame": 12, "time_s": 0.5, "width": 640, "height": 360}
WHEN = "2026-01-02T03:04:05Z"


def answered(task: dict[str, Any], *results: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """An export of one task with these annotations."""
    annotations = [
        {"result": result, "was_cancelled": False, "updated_at": WHEN, "lead_time": 1.26, "completed_by": 3} | more
        for result in results
    ]
    return json.loads(json.dumps([{"id": 1, "data": task["data"], "annotations": annotations}]))  # type: ignore[no-any-return]


def chosen(name: str, to: str, *choices: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": "choices", "value": {"choices": list(choices)}}


def test_label_studios_parser_takes_the_pages_the_tasks_and_the_predictions() -> None:
    shown = emotion_task(FACE, "a.jpg", "b.jpg", Guess(NAMES[1], 0.9, "v1", shown=True))
    drawn = box_task(FRAME, "c.jpg", [Drawn(NAMES[1], 10, 20, 64, 36, 1.5)], "v2")
    for config, task, control in (
        (emotion_config(CONFIGS / "emotions.xml", NAMES), shown, "emotion"),
        (box_config(CONFIGS / "boxes.xml", NAMES), drawn, "box"),
        (sheet_config(CONFIGS / "sheets.xml"), sheet_task("cat", "character", [FACE], "d.jpg"), "wrong"),
        (name_config(CONFIGS / "names.xml", NAMES), name_task([FACE], "e.jpg"), "wrong"),
    ):
        interface = LabelInterface(config)
        interface.validate()
        assert interface.validate_task({"data": task["data"]})
        for prediction in task.get("predictions", []):
            assert interface.validate_prediction(prediction)
        assert list(interface.get_control(control).labels) == (list(SHEET_KEYS) if control == "wrong" else NAMES)
    assert [len(task.get("predictions", [])) for task in (shown, drawn)] == [1, 1]


def test_a_page_shows_names_and_its_answers_hold_ids() -> None:
    ids, names = ["cat", "happy"], {"cat": '孫悟空 & "Tom" <3', "happy": "嬉しい"}
    for config, control in (
        (emotion_config(CONFIGS / "emotions.xml", ids, names), "emotion"),
        (box_config(CONFIGS / "boxes.xml", ids, names), "box"),
    ):
        interface = LabelInterface(config)
        interface.validate()
        assert list(interface.get_control(control).labels) == ids
        shown = [tag.get("value") for tag in fromstring(config).iter() if tag.get("alias")]
        assert shown == list(names.values())
        assert offered(config)[:2] == ids
    task = emotion_task(FACE, "a", "b", Guess("happy", 0.9, "v1", shown=True), whose=names["cat"])
    assert task["data"]["heading"] == 'What does 孫悟空 & "Tom" <3 feel? pilot at 1:05.5'
    config = emotion_config(CONFIGS / "emotions.xml", ids, names)
    assert LabelInterface(config).validate_prediction(task["predictions"][0])
    (row,) = emotion_rows(answered(task, [chosen("emotion", "face", "happy")]))
    assert (row["character"], row["emotion"]) == ("cat", "happy")
    sheet = sheet_task("happy", "emotion", [FACE], "d.jpg", names["happy"])
    assert sheet["data"]["heading"].startswith("All 嬉しい?")
    assert [row["emotion"] for row in sheet_rows(answered(sheet, []))] == ["happy"]


def test_a_withheld_guess_is_known_but_not_shown() -> None:
    task = emotion_task(FACE, "a.jpg", "b.jpg", Guess("happy", 0.9, "v1", shown=False))
    assert "predictions" not in task
    assert (task["data"]["guess"], task["data"]["suggested"]) == ("happy", "")


def test_the_heading_is_for_people() -> None:
    asked = "What does cat feel? pilot at 1:05.5"
    assert emotion_task(FACE, "a", "b")["data"]["heading"] == asked
    assert emotion_task(FACE, "a", "b", why="anna 1, ben 2")["data"]["heading"] == f"{asked}: anna 1, ben 2"


def test_a_tasks_revision_changes_with_what_it_says_and_its_key_does_not() -> None:
    first, second = (emotion_task(FACE, image, "b")["data"] for image in ("a", "c"))
    assert first["key"] == second["key"] == "f00"
    assert first["revision"] != second["revision"]
    assert first["revision"] == emotion_task(FACE, "a", "b")["data"]["revision"]


def test_every_choice_has_a_hotkey_of_its_own() -> None:
    config = emotion_config(CONFIGS / "emotions.xml", [f"e{i}" for i in range(20)])
    keys = [tag.get("hotkey") for tag in fromstring(config).iter("Choice")]
    assert len(set(keys)) == 20
    with pytest.raises(InvalidLabelConfig, match="21 choices"):
        emotion_config(CONFIGS / "emotions.xml", [f"e{i}" for i in range(21)])
    boxes = fromstring(box_config(CONFIGS / "boxes.xml", [f"c{i}" for i in range(19)]))
    keys = [tag.get("hotkey") for tag in boxes.iter() if tag.get("hotkey")]
    assert len(set(keys)) == 20  # the page's own among them
    with pytest.raises(InvalidLabelConfig, match="20 characters"):
        box_config(CONFIGS / "boxes.xml", [f"c{i}" for i in range(20)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<View></View>", r"no \$choices"),
        ("<View>$choices", "not well-formed"),
        ('<View><Choices name="mood">$choices</Choices></View>', 'no <Choices name="emotion">'),
    ],
)
def test_a_config_that_cannot_work_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "emotions.xml").write_text(text)
    with pytest.raises(InvalidLabelConfig, match=said):
        emotion_config(tmp_path / "emotions.xml", NAMES)


def test_configs_are_the_same_whatever_the_white_space_and_comments() -> None:
    assert same_config("<View><!-- a --><A b='1' c='2'/></View>", '<View>\n  <A c="2" b="1"/>\n</View>')
    assert not same_config("<View><A/></View>", "<View><B/></View>")
    assert not same_config("<View>", "<View/>")


def test_answers_become_rows_and_skipped_ones_do_not() -> None:
    task = emotion_task(FACE, "a", "b", Guess("happy", 0.9, "v1", shown=True))
    export = answered(task, [chosen("emotion", "face", "sad")], [])
    export += answered(task, [chosen("emotion", "face", "happy")], was_cancelled=True)
    export += answered(emotion_task(FACE, "a", "b", why="doubtful"), [], completed_by=None)
    place = {name: str(value) for name, value in PLACE.items()}
    assert list(emotion_rows(export, people={3: "anna@example.org"})) == [
        {
            **place,
            "emotion": "sad",
            "annotator": "anna@example.org",
            "annotated_at": WHEN,
            "lead_time_s": "1.3",
            "given_by": "task",
            "suggested": "happy",
            "guess": "happy",
        }
    ]


def test_a_review_says_that_it_is_one() -> None:
    task = emotion_task(FACE, "a", "b", why="anna says happy, ben sad")
    (row,) = emotion_rows(answered(task, [chosen("emotion", "face", "sad")]))
    assert row["given_by"] == "review"


def test_a_sheet_gives_every_face_a_row() -> None:
    faces = [FACE | {"face_id": f"f{i}", "frame": i} for i in range(4)]
    for kind, claim, right, wrong in (
        ("character", "cat", "right-character", "wrong-character"),
        ("emotion", "happy", "happy", "wrong-emotion"),
    ):
        task = sheet_task(claim, kind, faces, "d.jpg")
        rows = list(sheet_rows(answered(task, [chosen("wrong", "sheet", SHEET_KEYS[1], SHEET_KEYS[3])], [])))
        assert [row["emotion"] for row in rows] == [right, wrong, right, wrong, right, right, right, right]
        assert [row["frame"] for row in rows[:4]] == ["0", "1", "2", "3"]
        assert {(row["given_by"], row["suggested"], row["annotator"]) for row in rows} == {("sheet", claim, "3")}


def test_a_named_group_gives_every_face_its_name_and_the_marked_ones_none() -> None:
    config = name_config(CONFIGS / "names.xml", ["cat", "mouse"], {"mouse": "Jérôme"})
    who = LabelInterface(config).get_control("who")
    assert list(who.labels) == ["cat", "mouse", "nobody", "mixed"]
    keys = [tag.get("hotkey") for tag in fromstring(config).iter("Choice")]
    assert len(keys) == len(set(keys)) == 4 + len(SHEET_KEYS)
    task = name_task([FACE | {"frame": frame} for frame in range(3)], "d.jpg")
    for said, marks, expected in (
        ("cat", (), ["cat", "cat", "cat"]),
        ("nobody", SHEET_KEYS[1], ["nobody", "unnamed", "nobody"]),
        ("mixed", (), ["unnamed", "unnamed", "unnamed"]),
    ):
        answer = [chosen("who", "sheet", said), *([chosen("wrong", "sheet", *marks)] if marks else [])]
        rows = name_rows(answered(task, answer))
        assert [row["character"] for row in rows] == expected
        assert [(row["frame"], row["x"], row["given_by"]) for row in rows] == [(str(i), "1", "sheet") for i in range(3)]
    with pytest.raises(InvalidExport, match="0 names ticked"):
        name_rows(answered(task, [chosen("wrong", "sheet", SHEET_KEYS[0])]))
    with pytest.raises(InvalidExport, match="no key of its 3 faces"):
        name_rows(answered(task, [chosen("who", "sheet", "cat"), chosen("wrong", "sheet", SHEET_KEYS[3])]))


def test_a_page_of_groups_has_no_more_keys_than_it_has() -> None:
    with pytest.raises(InvalidLabelConfig, match="11 characters, but a sheet of groups has only 10 keys"):
        name_config(CONFIGS / "names.xml", [f"c{number}" for number in range(len(NAME_KEYS) + 1)])
    with pytest.raises(InvalidLabelConfig, match="a character is called 'mixed'"):
        name_config(CONFIGS / "names.xml", ["cat", "mixed"])


def test_rectangles_become_boxes_in_px_of_the_frame() -> None:
    drawn = box_task(FRAME, "c.jpg", [Drawn("cat", 11, 23, 63, 37, 1.5)], "v2")
    result = drawn["predictions"][0]["result"]
    ((frame, boxes),) = box_rows(answered(drawn, result))
    act = {"annotator": "3", "annotated_at": WHEN, "lead_time_s": "1.3"}
    assert frame == {"episode_id": "pilot", "frame": "12", "complete": "1", **act}
    assert boxes == [
        {"episode_id": "pilot", "frame": "12", "character": "cat", "x": "11", "y": "23", "w": "63", "h": "37", **act}
    ]
    ((frame, boxes),) = box_rows(answered(drawn, [chosen("left_out", "frame", LEFT_OUT)]))
    assert (frame["complete"], boxes) == ("0", [])
    nameless = [{**result[0], "value": {**result[0]["value"], "rectanglelabels": []}}]
    ((frame, boxes),) = box_rows(answered(drawn, nameless))  # a face, but whose?
    assert (frame["complete"], boxes) == ("0", [])


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ({"tasks": []}, "expected a list"),
        ([{"data": {"image": "x"}, "annotations": []}], "lacks face_id"),
        (["text"], "lacks face_id"),
        (
            answered({"data": FACE | {"x": "../../etc/passwd"}}, [chosen("emotion", "face", "happy")]),
            "has x '../../etc/passwd'; expected a whole number",
        ),
        (answered({"data": FACE | {"episode_id": 7}}, [chosen("emotion", "face", "happy")]), "expected text"),
    ],
)
def test_what_is_no_export_of_ours_is_refused(export: Any, said: str) -> None:
    with pytest.raises(InvalidExport, match=said):
        list(emotion_rows(export))


def drawn_shape(value: dict[str, Any], kind: str = "rectanglelabels", **more: Any) -> dict[str, Any]:
    return {"from_name": "box", "to_name": "frame", "type": kind, "value": value} | more


@pytest.mark.parametrize("seed", range(30))
def test_a_turned_rectangle_is_its_upright_bounding_box_as_label_studios_own_corners_have_it(seed: int) -> None:
    dice = random.Random(seed)
    edges = {name: dice.uniform(5, 40) for name in ("x", "y", "width", "height")}
    turned = dice.choice([0, 30, 90, 180, 270, dice.uniform(-720, 720)])
    value = edges | {"rotation": turned, "rectanglelabels": ["cat"]}
    size = {"original_width": FRAME["width"], "original_height": FRAME["height"]}
    corners = np.array(convert_annotation_to_yolo_obb(value | size, normalize=False))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    ((frame, (box,)),) = box_rows(answered(box_task(FRAME, "c.jpg"), [drawn_shape(value)]))
    assert frame["complete"] == "1"
    x, y, w, h = (int(box[name]) for name in "xywh")
    np.testing.assert_allclose([x, y, x + w, y + h], [left, top, right, bottom], atol=0.5 + 1e-6)


RECTANGLE = {"x": 10.0, "y": 20, "width": 10, "height": 20, "rotation": 0, "rectanglelabels": ["cat"]}


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (drawn_shape({"x": 50, "y": 50, "radiusX": 5, "radiusY": 9}, "ellipselabels"), "is no rectangle but 'ellipse"),
        (drawn_shape({"points": [[1, 1], [9, 1], [9, 9]]}, "polygonlabels"), "is no rectangle but 'polygonlabels'"),
        (drawn_shape({"format": "rle", "rle": [1]}, "brushlabels"), "is no rectangle but 'brushlabels'"),
        (drawn_shape({"points": [[1, 1]]}), "has x None, expected a number"),
        (drawn_shape(RECTANGLE | {"width": None}), "has width None, expected a number"),
        (drawn_shape(RECTANGLE | {"x": float("nan")}), "has x nan, expected a number"),
        (drawn_shape(RECTANGLE | {"y": "20"}), "has y '20', expected a number"),
        (drawn_shape(RECTANGLE | {"height": 1e308}), "has height 1e.308, expected a number"),
        (drawn_shape(RECTANGLE | {"rotation": "90"}), "has rotation '90'"),
        (drawn_shape(RECTANGLE | {"rectanglelabels": ["cat", "mouse"]}), "expected one character"),
        (drawn_shape(RECTANGLE | {"rectanglelabels": []}), "has no name"),
        (drawn_shape(RECTANGLE, image_rotation=90), "turned by 90 degrees"),
        (drawn_shape(RECTANGLE) | {"value": None}, "has the value None"),
    ],
)
def test_a_shape_that_is_no_rectangle_is_seen_and_the_frame_is_not_complete(shape: dict[str, Any], reason: str) -> None:
    said: list[str] = []
    export = answered(box_task(FRAME, "c.jpg"), [shape, drawn_shape(RECTANGLE)])
    ((frame, boxes),) = box_rows(export, say=said.append)
    assert (frame["complete"], [box["x"] for box in boxes]) == ("0", ["64"])
    (line,) = said
    assert re.search(f"^task 1, annotation 1: shape 1 .*{reason}.*frame 12 of pilot counts as not complete$", line)


def test_any_tick_that_a_face_is_left_out_counts_whatever_its_words() -> None:
    ((frame, _),) = box_rows(answered(box_task(FRAME, "c.jpg"), [chosen("left_out", "frame", "il manque un visage")]))
    assert frame["complete"] == "0"


def test_two_choices_for_one_face_are_no_answer() -> None:
    task = emotion_task(FACE, "a", "b")
    export = answered(task, [chosen("emotion", "face", "sad", "happy")], [chosen("emotion", "face", "sad")])
    export[0]["annotations"][1]["result"] *= 2  # said twice is said once
    said: list[str] = []
    (row,) = emotion_rows(export, say=said.append)
    assert row["emotion"] == "sad"
    (line,) = said
    assert line.startswith("task 1, annotation 1 has 2 emotions ticked (sad, happy), expected one")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"annotations": None}, "task 1: annotations is None"),
        ({"annotations": [None]}, "task 1, annotation 1 is None"),
        ({"data": None}, "task 1 lacks face_id"),
        ({"result": None}, "annotation 1: result is None"),
        ({"result": [None]}, "annotation 1: result has None"),
        ({"result": [chosen("emotion", "face") | {"value": None}]}, "annotation 1: emotion is None"),
        ({"result": [chosen("emotion", "face") | {"value": {"choices": [7]}}]}, "annotation 1 has emotion 7"),
        (
            {"result": [chosen("emotion", "face", "x" * 200_000)]},
            "emotion of 200,000 characters; expected at most 1,000",
        ),
        ({"result": [chosen("emotion", "face", "two\nlines")]}, "expected text of one line"),
        ({"result": [chosen("emotion", "face", "\ud800")]}, "expected text of one line"),
        ({"lead_time": float("nan")}, "lead_time is nan"),
        ({"updated_at": "yesterday"}, "updated_at 'yesterday'; expected a date and time"),
        ({"updated_at": {}}, "updated_at {}; expected text"),
        ({"was_cancelled": "false"}, "was_cancelled is 'false'"),
        ({"completed_by": [1]}, "completed_by \\[1\\]; expected text"),
    ],
)
def test_what_cannot_be_read_costs_itself_alone(change: dict[str, Any], said: str) -> None:
    task = emotion_task(FACE, "a", "b")
    odd, sound = (answered(task, [chosen("emotion", "face", "sad")])[0] for _ in range(2))
    for name, value in change.items():
        (odd if name in odd else odd["annotations"][0])[name] = value
    lines: list[str] = []
    (row,) = emotion_rows([odd, sound], say=lines.append)
    assert row["emotion"] == "sad"
    (line,) = lines
    assert re.search(f"{said}.*; it was left out$", line)
    with pytest.raises(InvalidExport, match=said):
        emotion_rows([odd])


@pytest.mark.parametrize(
    ("name", "x", "complete", "reason"),
    [
        ("rot90", {"x": "200", "y": "228", "w": "7", "h": "11"}, "1", ""),
        ("ellipse", None, "0", "is no rectangle but 'ellipselabels'"),
        ("poly", None, "0", "is no rectangle but 'polygonlabels'"),
        ("null_edges", None, "0", "has x None"),
        ("nan", None, "0", "has x nan"),
    ],
)
def test_shapes_that_went_wrong(cases: Path, name: str, x: dict[str, str] | None, complete: str, reason: str) -> None:
    said: list[str] = []
    ((frame, boxes),) = box_rows(json.loads((cases / "exports" / f"{name}.json").read_text()), say=said.append)
    assert frame["complete"] == complete
    assert [{side: box[side] for side in "xywh"} for box in boxes] == ([x] if x else [])
    assert all(reason in line for line in said)
    assert len(said) == bool(reason)


@pytest.mark.parametrize(
    ("name", "reason"), [("nullresult", "annotation 1: result is None"), ("nullanns", "task 1: annotations is None")]
)
def test_exports_that_went_wrong(cases: Path, name: str, reason: str) -> None:
    said: list[str] = []
    sound = answered(box_task(FRAME, "c.jpg"), [drawn_shape(RECTANGLE)])
    acts = box_rows(json.loads((cases / "exports" / f"{name}.json").read_text()) + sound, say=said.append)
    assert [len(boxes) for _, boxes in acts] == [1]
    assert len(said) == 1
    assert reason in said[0]


def test_a_sheet_that_is_not_ours_is_refused() -> None:
    task = sheet_task("cat", "character", [FACE], "d.jpg")
    task["data"]["kind"] = "species"
    with pytest.raises(InvalidExport, match="no sheet of ours"):
        list(sheet_rows(answered(task, [])))
