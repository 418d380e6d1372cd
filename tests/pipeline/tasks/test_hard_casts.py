"""Characters that are hard to name: twins, one who changes clothes, one of a single scene, and a name taken back."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labeling.answers import UNNAMED
from labeling.tasks import name_task
from pipeline import paths
from pipeline.dataset.record_splits import stratify
from pipeline.faces.boxed_frames import looked_at, with_named
from pipeline.faces.everybody import cut_places
from pipeline.params import Params
from pipeline.schemas import BOX_NAMES
from pipeline.tasks.gains import ValidationFrames, gains, in_words
from pipeline.tasks.known import answers, learned_faces, read_known
from pipeline.tasks.media import Media
from pipeline.tasks.names import make_sheets, told, unnamed
from pipeline.tasks.pull import append_answers
from tests.support.walkers import LENGTH, Face, answer, write_project

Show = tuple[Params, dict[int, list[Face]]]
FIRST, SECOND = (5, 20), (LENGTH + 5, LENGTH + 20)
"""Frames of two train scenes in which nothing is boxed."""


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """The walkers, with boxes in a train and in a validation scene."""
    monkeypatch.chdir(tmp_path)
    return write_project({5: "validation", 7: "test"})


def sheet(faces: dict[int, list[Face]], frames: tuple[int, ...], *who: str) -> dict[str, Any]:
    """A sheet of the true faces of some characters."""
    places = [
        {"episode_id": "e", "frame": frame, **dict(zip(BOX_NAMES, face.box, strict=True))}
        for frame in frames
        for face in faces[frame]
        if face.character in who
    ]
    return name_task(places, "")


def say(task: dict[str, Any], who: str, when: str, wrong: str = "") -> None:
    append_answers([("names", answer(task, who, wrong, f"2026-01-02T00:{when}Z"))], {})


def to_learn(settings: Params, character: str) -> pd.DataFrame:
    """The frames that the character's cascade has from sheets, with `boxes` and `nobody`."""
    known = read_known(settings)
    seen = looked_at(known.boxes, known.frames, character, settings.characters)
    both = with_named(seen, known.names, known.scenes, character)
    return both[~both["frame"].isin(seen["frame"])]


def test_twins_on_a_mixed_sheet_teach_nothing_and_come_back_in_smaller_groups(show: Show) -> None:
    settings, faces = show
    mixed = sheet(faces, (*FIRST, *SECOND), "cat", "mouse")
    say(mixed, "mixed", "00:00")
    known = read_known(settings)
    assert set(known.names["character"]) == {UNNAMED}
    for name in settings.characters:
        assert to_learn(settings, name).empty  # neither faces nor background
    again = unnamed(known.names, known.seen, known.scenes)
    assert len(again) == len(mixed["data"]["faces"]) == 8
    found = cut_places(again, known.episodes, known.scenes, settings)
    sheets = make_sheets(found.assign(track=range(len(found)), **told(found, known.names)), Media("inline"))
    asked = [place for task in sheets for place in task["data"]["faces"]]
    assert len(sheets) == 2  # of four faces on average
    key = ("frame", *BOX_NAMES)
    assert sorted([place[k] for k in key] for place in asked) == sorted(again[list(key)].to_numpy().tolist())

    for frame in (*FIRST, *SECOND):  # told apart in the end, face by face
        for who in settings.characters:
            say(sheet(faces, (frame,), who), who, f"01:{frame:02}")
    known = read_known(settings)
    assert unnamed(known.names, known.seen, known.scenes).empty
    assert {name: named for name, (_, named) in learned_faces(known, settings).items()} == {"cat": 4, "mouse": 4}
    for name in settings.characters:
        learned = to_learn(settings, name)
        assert learned["frame"].tolist() == [*FIRST, *SECOND]
        truth = [[face.box for face in faces[frame] if face.character == name] for frame in learned["frame"]]
        assert learned["boxes"].tolist() == truth


def test_who_changes_clothes_is_two_groups_of_one_name(show: Show) -> None:
    settings, faces = show
    say(sheet(faces, FIRST, "cat"), "cat", "00:00")
    say(sheet(faces, SECOND, "mouse"), "cat", "00:10")  # how the cat looks in other clothes
    known = read_known(settings)
    assert learned_faces(known, settings)["cat"][1] == 4
    assert to_learn(settings, "cat")["frame"].tolist() == [*FIRST, *SECOND]
    assert to_learn(settings, "mouse").empty
    assert unnamed(known.names, known.seen, known.scenes).empty


def test_a_wrong_name_is_taken_back_and_somebody_else_may_disagree(show: Show) -> None:
    settings, faces = show
    cats, pages = sheet(faces, FIRST, "cat"), answers(read_known(settings))
    say(cats, "mouse", "00:00")
    wrong = paths.NAMES.read_bytes()
    assert len(to_learn(settings, "mouse")) == 2
    say(cats, "cat", "00:10")
    say(cats, "cat", "00:10")  # a second pull
    assert to_learn(settings, "mouse").empty
    assert to_learn(settings, "cat")["boxes"].tolist() == [[faces[frame][0].box] for frame in FIRST]
    other = answer(cats, "cat", "2", "2026-01-02T00:00:20Z")
    other[0]["annotations"][0]["completed_by"] = 4
    append_answers([("names", other)], {3: "anna", 4: "ben"})
    after = paths.NAMES.read_bytes()
    assert after.startswith(wrong)
    assert after.count(b"\n") == 1 + 3 * 2
    known = read_known(settings)
    assert known.names[["character", "annotator"]].to_numpy().tolist() == [["cat", "ben"], [UNNAMED, "ben"]]
    assert answers(known) == pages + 1  # it is one page, however often it is answered


def test_somebody_of_one_scene_is_learned_and_said_to_be_never_measured(show: Show) -> None:
    settings, _ = show
    lines = paths.BOXES.read_text().splitlines()
    paths.BOXES.write_text(
        "\n".join(line for line in lines if "mouse" not in line or int(line.split(",")[1]) < 5 * LENGTH)
    )
    counts = pd.DataFrame({"cat": [6, 6, 6, 6], "mouse": [0, 6, 0, 0]})
    unsettled = pd.Series(np.zeros(4, bool))
    assert stratify(counts, pd.Series(["train"] * 4), unsettled, settings.splits)[1] == "train"
    known = read_known(settings)
    assert learned_faces(known, settings)["mouse"] == (6, 0)
    frames = ValidationFrames(known.boxes, known.frames, known.episodes, known.scenes, settings)
    cat, mouse = gains(frames, Path("before"), Path("now"), settings.characters)
    assert (cat.faces, mouse.faces) == (6, 0)
    assert in_words(cat, "cat") == "cat: has no detector yet"
    assert "not measured, because no validation scene has a box of mouse" in in_words(mouse, "mouse")
