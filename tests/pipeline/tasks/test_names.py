"""Faces that are found, grouped, named and taken back, on a show of two that the test draws."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from cascades.boxes import intersection_over_union as iou
from labeling.config import SHEET_KEYS
from pipeline import paths
from pipeline.errors import InputError
from pipeline.faces.boxed_frames import looked_at, with_named
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names
from pipeline.params import Params
from pipeline.schemas import BOX_NAMES, EPISODES, OK, SCENES
from pipeline.tables import read_rows, to_table, write_table
from pipeline.tasks.names import tasks_of_names
from pipeline.tasks.pull import append_answers
from tests.support.worlds import Picture, params, write_video

COLORS = {"cat": (235, 140, 40), "mouse": (80, 110, 215)}
RATE, LENGTH, SHOTS, SIZE = 12, 36, 8, (240, 160)
BOXED = (4, 5)
"""Shots in which faces are boxed; shot 7 is not for training."""


@dataclass(frozen=True)
class Face:
    character: str
    box: tuple[int, int, int, int]


def draw() -> tuple[list[Picture], dict[int, list[Face]]]:
    """Shots in which both walk before a patchy background, and who is where in each frame."""
    pictures, faces = [], {}
    for shot in range(SHOTS):
        dice = np.random.default_rng(shot)
        patches = dice.integers(40, 210, (5, 8, 1), dtype=np.uint8).repeat(3, axis=2)
        background = cv2.resize(patches, SIZE, interpolation=cv2.INTER_LINEAR_EXACT)
        side, top = int(dice.integers(40, 52)), int(dice.integers(10, 90))
        for step in range(LENGTH):
            picture = background.copy()
            own = []
            for number, (name, color) in enumerate(COLORS.items()):
                x, y = 20 + 110 * number + step, top
                middle = (x + side // 2, y + side // 2)
                cv2.circle(picture, middle, side // 2, color, -1)
                for eye in (-1, 1):
                    at = (middle[0] + eye * side // 5, middle[1] - side // 8)
                    cv2.circle(picture, at, side // 9, (20, 20, 20), -1)
                mouth = (x + side // 3, y + 2 * side // 3), (x + 2 * side // 3, y + 3 * side // 4)
                cv2.rectangle(picture, *mouth, (60, 20, 20), -1)
                own.append(Face(name, (x, y, side, side)))
            faces[len(pictures)] = own
            pictures.append(np.asarray(picture, np.uint8))
    return pictures, faces


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Params, dict[int, list[Face]]]:
    """A project with that show, boxes in two of its shots, and nothing named."""
    monkeypatch.chdir(tmp_path)
    pictures, faces = draw()
    paths.VIDEOS.mkdir(parents=True)
    write_video(paths.VIDEOS / "e.mp4", pictures, options={"crf": "12"})
    known = {"episode_id": "e", "path": "e.mp4", "sha256": "0" * 64, "status": OK, "reason": "", "seekable": False}
    known |= {"frames": len(pictures), "rate_num": RATE, "rate_den": 1, "width": SIZE[0], "height": SIZE[1]}
    write_table(paths.EPISODES, to_table([dict.fromkeys(EPISODES.names) | known], EPISODES))
    scenes = [
        dict.fromkeys(SCENES.names)
        | {"episode_id": "e", "scene": shot, "start_frame": shot * LENGTH, "stop_frame": (shot + 1) * LENGTH}
        | {"frames": LENGTH, "split": "test" if shot == SHOTS - 1 else "train", "status": OK, "reason": ""}
        for shot in range(SHOTS)
    ]
    write_table(paths.SCENES, to_table(scenes, SCENES))
    paths.ANNOTATIONS.mkdir()
    lines = [
        f"e,{frame},{face.character},{','.join(map(str, face.box))}"
        for shot in BOXED
        for frame in range(shot * LENGTH, (shot + 1) * LENGTH, 6)
        for face in faces[frame]
    ]
    paths.BOXES.write_text("\n".join(["episode_id,frame,character,x,y,w,h", *lines, ""]))
    settings = {"window": 16, "stages": 3, "positives": 60, "negatives": 100, "planes": "color"}
    return params(characters=list(COLORS), cascade=settings, faces={"min_size": 20}), faces


def answer(task: dict[str, Any], who: str, wrong: str, when: str) -> list[dict[str, Any]]:
    """An export of one sheet with its answer."""
    result = [
        {"from_name": name, "to_name": "sheet", "type": "choices", "value": {"choices": choices}}
        for name, choices in (("who", [who]), ("wrong", list(wrong)))
        if choices
    ]
    annotation = {"result": result, "updated_at": when, "lead_time": 4.0, "completed_by": 3}
    return json.loads(json.dumps([{"id": 1, "data": task["data"], "annotations": [annotation]}]))  # type: ignore[no-any-return]


def truth_of(place: dict[str, Any], faces: dict[int, list[Face]]) -> str:
    """Who is at a place, by overlap."""
    own = faces[place["frame"]]
    overlap = iou(np.array([[place[name] for name in BOX_NAMES]]), np.array([face.box for face in own]))[0]
    return own[int(overlap.argmax())].character if overlap.max() >= 0.4 else "nobody"


def named(settings: Params) -> pd.DataFrame:
    return read_names(paths.NAMES, read_rows(paths.EPISODES, EPISODES), settings.characters)


@pytest.mark.slow
def test_groups_are_named_taken_back_and_become_boxes_to_train_on(show: tuple[Params, dict[int, list[Face]]]) -> None:
    settings, faces = show
    tasks = tasks_of_names(settings)
    truth = [[truth_of(place, faces) for place in task["data"]["faces"]] for task in tasks]
    shots = {place["frame"] // LENGTH for task in tasks for place in task["data"]["faces"]}
    assert shots <= {*range(SHOTS - 1)} - {*BOXED}  # neither what is boxed nor what is tested on
    most = [max(sorted(set(own)), key=own.count) for own in truth]
    assert {"cat", "mouse"} <= set(most)
    assert sum(name == who for own, who in zip(truth, most, strict=True) for name in own) >= 0.8 * sum(map(len, truth))
    assert sum(name != "nobody" for own in truth for name in own) >= 20  # of 30 that are there

    mistaken = most.index("cat")
    for number, (task, own, who) in enumerate(zip(tasks, truth, most, strict=True)):
        marks = "".join(key for key, name in zip(SHEET_KEYS, own, strict=False) if name != who)
        said = "mouse" if number == mistaken else who
        append_answers([("names", answer(task, said, marks, f"2026-01-02T00:{number:02}:00Z"))], {})
    assert (named(settings)["given_by"] == "sheet").all()
    said_of_cats = {row["character"] for row in named(settings).to_dict("records") if truth_of(row, faces) == "cat"}
    assert "mouse" in said_of_cats

    before = paths.NAMES.read_bytes()
    marks = "".join(key for key, name in zip(SHEET_KEYS, truth[mistaken], strict=False) if name != "cat")
    again = answer(tasks[mistaken], "cat", marks, "2026-01-03T00:00:00Z")
    append_answers([("names", again)], {})
    append_answers([("names", again)], {})  # a second pull adds nothing
    after = paths.NAMES.read_bytes()
    assert after.startswith(before)
    assert after[len(before) :].count(b"\n") == len(tasks[mistaken]["data"]["faces"])
    rows = named(settings)
    for row in rows.to_dict("records"):
        assert row["character"] in (truth_of(row, faces), "unnamed")

    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    boxes = read_boxes(paths.BOXES, episodes, settings.characters)
    seen = looked_at(boxes, read_looked_at(paths.FRAMES, episodes), "cat", settings.characters)
    both = with_named(seen, rows, scenes, "cat")
    assert both[both["frame"].isin(seen["frame"])].drop(columns="nobody").reset_index(drop=True).equals(seen)
    more = both[~both["frame"].isin(seen["frame"])]
    assert not more["complete"].any()
    assert sum(map(len, more["boxes"])) == int((rows["character"] == "cat").sum()) >= 5
    assert sum(map(len, more["nobody"])) == int((rows["character"] == "nobody").sum())

    asked = {tuple(place.values()) for task in tasks_of_names(settings) for place in task["data"]["faces"]}
    settled = rows[rows["character"] != "unnamed"]
    assert not asked & set(settled[["episode_id", "frame", *BOX_NAMES]].itertuples(index=False, name=None))


def test_without_boxes_it_says_what_to_do_first(show: tuple[Params, dict[int, list[Face]]]) -> None:
    settings, _ = show
    paths.BOXES.write_text("episode_id,frame,character,x,y,w,h\ne,150,cat,10,10,40,40\n")
    with pytest.raises(InputError, match=r"there are 1 usable boxes in train scenes.*label push boxes"):
        tasks_of_names(settings)
