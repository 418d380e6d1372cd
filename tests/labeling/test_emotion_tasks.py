"""Emotion tasks: valid for Label Studio's own parser, and answers find their way home."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from label_studio_sdk.label_interface import LabelInterface

from labeling.config import emotion_config
from labeling.errors import InvalidExport, InvalidLabelConfig
from labeling.exports import emotion_rows
from labeling.tasks import Prediction, emotion_task

CONFIG = Path(__file__).resolve().parents[2] / "labeling" / "configs" / "emotions.xml"
EMOTIONS = ["happy", 'so "sad" & <lost>', "unclear"]
FACE = {
    "face_id": "f00",
    "episode_id": "pilot",
    "frame": 12,
    "time_s": 65.5,
    "character": "cat",
    "x": 1,
    "y": 2,
    "w": 30,
    "h": 40,
}


def exported(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    task = json.loads(json.dumps(emotion_task(FACE, b"jpeg")))
    return [{"id": 1, "data": task["data"], "annotations": answers}]


def answer(choice: str, **more: Any) -> dict[str, Any]:
    result = [{"from_name": "emotion", "to_name": "face", "type": "choices", "value": {"choices": [choice]}}]
    return {"result": result, "was_cancelled": False, "updated_at": "2026-01-02T03:04:05Z", "lead_time": 1.26} | more


def test_label_studios_parser_takes_the_config_the_task_and_the_prediction() -> None:
    interface = LabelInterface(emotion_config(CONFIG, EMOTIONS))
    interface.validate()
    assert interface.validate_task(emotion_task(FACE, b"jpeg"))
    (prediction,) = emotion_task(FACE, b"jpeg", Prediction("happy", 0.9, "v1"))["predictions"]
    assert interface.validate_prediction(prediction)
    choices = interface.get_control("emotion")
    assert list(choices.labels) == EMOTIONS


def test_the_task_carries_the_face_and_shows_time_for_people() -> None:
    data = emotion_task(FACE, b"jpeg")["data"]
    assert data["time"] == "1:05.5"
    assert base64.b64decode(data["image"].removeprefix("data:image/jpeg;base64,")) == b"jpeg"
    assert {name: data[name] for name in ("face_id", "frame", "w")} == {"face_id": "f00", "frame": 12, "w": 30}


def test_every_choice_has_a_hotkey_of_its_own() -> None:

    keys = [
        tag.get("hotkey") for tag in fromstring(emotion_config(CONFIG, [f"e{i}" for i in range(20)])).iter("Choice")
    ]
    assert len(set(keys)) == 20
    with pytest.raises(InvalidLabelConfig, match="21 choices"):
        emotion_config(CONFIG, [f"e{i}" for i in range(21)])


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
        emotion_config(tmp_path / "emotions.xml", EMOTIONS)


def test_answers_become_rows_and_skipped_ones_do_not() -> None:
    answers = [answer("happy", completed_by=3), answer("unclear", was_cancelled=True), {"result": []}]
    assert list(emotion_rows(exported(answers), EMOTIONS)) == [
        {
            "episode_id": "pilot",
            "frame": 12,
            "character": "cat",
            "x": 1,
            "y": 2,
            "w": 30,
            "h": 40,
            "emotion": "happy",
            "annotator": "3",
            "annotated_at": "2026-01-02T03:04:05Z",
            "lead_time_s": "1.3",
        }
    ]


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ({"tasks": []}, "expected a list"),
        ([{"data": {"image": "x"}, "annotations": []}], "lacks face_id"),
        (exported([answer("hapy")]), "'hapy'"),
        (["text"], "lacks face_id"),
    ],
)
def test_what_is_no_export_of_ours_is_refused(export: Any, said: str) -> None:
    with pytest.raises(InvalidExport, match=said):
        list(emotion_rows(export, EMOTIONS))
