"""Faces that are found, grouped, named and taken back, on a show of two walkers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cascades.boxes import intersection_over_union as iou
from labeling.config import SHEET_KEYS
from labeling.tasks import NO, name_task
from pipeline import paths
from pipeline.errors import InputError
from pipeline.faces.boxed_frames import looked_at, with_named
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names
from pipeline.params import Params
from pipeline.schemas import BOX_NAMES, EPISODES, SCENES
from pipeline.tables import read_rows
from pipeline.tasks.names import tasks_of_names
from pipeline.tasks.pull import append_answers
from tests.support.walkers import BOXED, LENGTH, SHOTS, Face, answer, write_project


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Params, dict[int, list[Face]]]:
    """A project with the show of walkers."""
    monkeypatch.chdir(tmp_path)
    return write_project()


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

    # What somebody called a face comes back although the detector finds nothing there.
    corner = {"episode_id": "e", "frame": 3, "x": 200, "y": 120, "w": 40, "h": 40}
    append_answers([("noes", answer(name_task([corner], "", NO), "nobody", "1", "2026-01-04T00:00:00Z"))], {})
    asked = {tuple(place.values()) for task in tasks_of_names(settings) for place in task["data"]["faces"]}
    assert tuple(corner.values()) in asked
    settled = rows[rows["character"] != "unnamed"]
    assert not asked & set(settled[["episode_id", "frame", *BOX_NAMES]].itertuples(index=False, name=None))


def test_without_boxes_it_says_what_to_do_first(show: tuple[Params, dict[int, list[Face]]]) -> None:
    settings, _ = show
    paths.BOXES.write_text("episode_id,frame,character,x,y,w,h\ne,150,cat,10,10,40,40\n")
    with pytest.raises(InputError, match=r"there are 1 usable boxes in train scenes.*label push boxes"):
        tasks_of_names(settings)
