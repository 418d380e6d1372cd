"""A round's parts on a drawn show: finds to say no to, what was gained, and a dry run."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cascades import Cascade, Detector, evaluate
from cascades.opencv_xml import write_cascade
from labeling.answers import NOBODY, UNNAMED
from pipeline import paths
from pipeline.faces.boxed_frames import looked_at, read_boxed_frames, with_named
from pipeline.faces.cascade_files import save_cascade
from pipeline.faces.everybody import KEPT, learn_everybody
from pipeline.faces.tracks import RIVAL
from pipeline.params import Params
from pipeline.schemas import EPISODES, FACES, OK, REJECTED
from pipeline.tables import read_rows, to_table, write_table
from pipeline.tasks.gains import ValidationFrames, gains
from pipeline.tasks.known import answers, learned_faces, read_known
from pipeline.tasks.names import unnamed
from pipeline.tasks.noes import tasks_of_noes
from pipeline.tasks.pull import append_answers
from pipeline.tasks.rounds import label_round
from tests.support import ROOT
from tests.support.walkers import LENGTH, Face, answer, write_project

Show = tuple[Params, dict[int, list[Face]], Cascade]
SHORT = "track length 1; faces.min_track is 2"


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """The walkers with one cascade for both of them, boxes in a train and in a validation shot, and no face found."""
    monkeypatch.chdir(tmp_path)
    settings, faces = write_project({5: "validation", 7: "test"}, every=3)
    known = read_known(settings)
    said = known.boxes, known.frames, known.names, known.episodes, known.scenes, settings
    cascade, faces_of_frame = learn_everybody(*said)
    video = paths.VIDEOS / "e.mp4"
    video.rename("away.mp4")  # the second time it is read from the cache
    for folder in {*paths.CACHE.iterdir()} - {KEPT}:
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    again, same = learn_everybody(*said)
    assert (write_cascade(again), same) == (write_cascade(cascade), faces_of_frame)
    Path("away.mp4").rename(video)
    for name, score in (("cat", 2.0), ("mouse", 4.0)):
        save_cascade(name, cascade, {"min_score": score})
    return settings, faces, cascade


def write_finds(*finds: tuple[int, str, tuple[int, int, int, int], float, str]) -> None:
    """The table of faces: frame, character, box, score and reason, each in a track of its own."""
    rows = [
        dict.fromkeys(FACES.names)
        | {"face_id": f"{track:020}", "episode_id": "e", "frame": frame, "scene": frame // LENGTH, "track": track}
        | {"character": character, **dict(zip("xywh", box, strict=True)), "score": score}
        | {"status": REJECTED if reason else OK, "reason": reason}
        for track, (frame, character, box, score, reason) in enumerate(finds)
    ]
    paths.FACES.mkdir(parents=True, exist_ok=True)
    write_table(paths.face_table("e"), to_table(rows, FACES))


def places(tasks: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(place["frame"], place["x"], place["y"]) for task in tasks for place in task["data"]["faces"]]


@pytest.mark.slow
def test_noes_gains_and_a_dry_run(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    settings, faces, cascade = show
    corner = (190, 110, 44, 44)
    cat = faces[40][0].box
    write_finds(
        (10, "cat", corner, 1.0, SHORT),
        (40, "cat", cat, 1.5, SHORT),  # a face after all
        (60, "mouse", corner, 3.9, "track score 0.9; below 1: not kept"),
        (80, "mouse", corner, 9.0, f"the cat {RIVAL}"),
        (90, "mouse", corner, 9.0, ""),
        (150, "mouse", corner, 3.0, SHORT),  # in a frame that people have boxed
        (181, "mouse", corner, 3.0, SHORT),  # in a validation scene
        (260, "mouse", corner, 3.0, SHORT),  # in a test scene
    )
    tasks = tasks_of_noes(settings)
    assert places(tasks) == [(60, 190, 110), (40, *cat[:2]), (10, 190, 110)]  # by character, the strongest first
    no_of_mouse, no_of_cat = tasks
    append_answers([("noes", answer(no_of_mouse, NOBODY, "", "2026-01-02T00:00:00Z"))], {})
    append_answers([("noes", answer(no_of_cat, NOBODY, "1", "2026-01-02T00:01:00Z"))], {})
    known = read_known(settings)
    assert sorted(known.names[["frame", "character"]].itertuples(index=False, name=None)) == [
        (10, NOBODY),
        (40, UNNAMED),
        (60, NOBODY),
    ]
    seen = with_named(
        looked_at(known.boxes, known.frames, "cat", settings.characters), known.names, known.scenes, "cat"
    )
    assert dict(zip(seen["frame"], seen["nobody"], strict=True))[10] == [corner]
    lost = unnamed(known.names, known.seen, known.scenes)
    assert lost[["frame", "x", "y"]].to_numpy().tolist() == [[40, *cat[:2]]]
    assert tasks_of_noes(settings) == []  # nobody is asked twice
    assert learned_faces(known, settings) == {"cat": (12, 0), "mouse": (12, 0)}
    assert answers(known) == 12 + 2  # frames of the train shot, and two sheets

    frames = ValidationFrames(known.boxes, known.frames, known.episodes, known.scenes, settings)
    nothing = paths.CACHE / "nothing"
    for gain in gains(frames, nothing, paths.CASCADES, settings.characters):
        found, precision = plainly(gain.character, known.scenes, settings, cascade)
        assert gain.before is None
        assert gain.now is not None
        assert (gain.faces, gain.now.found) == (12, found)
        assert gain.now.average_precision == pytest.approx(precision, abs=1e-4)

    before = {path: path.read_bytes() for path in paths.ANNOTATIONS.iterdir()}
    paths.PARAMS.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    shutil.copytree(ROOT / paths.LABELING_CONFIGS, paths.LABELING_CONFIGS)
    capsys.readouterr()
    label_round(8, dry_run=True)
    said = capsys.readouterr().out
    assert "would send 8 frames to box" in said
    assert "e at 0:06.7: two detectors claim one face" in said
    assert "would send 0 sheets of noes, with 0 faces" in said
    assert {path: path.read_bytes() for path in paths.ANNOTATIONS.iterdir()} == before


def plainly(character: str, scenes: pd.DataFrame, settings: Params, cascade: Cascade) -> tuple[int, float]:
    """Found validation faces and average precision of one character, by itself."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    known = read_known(settings)
    seen = looked_at(known.boxes, known.frames, character, settings.characters)
    decoded = read_boxed_frames(seen, episodes, scenes, paths.VIDEOS, settings.cascade.max_height)
    own = [frame for frame in decoded if frame.split == "validation"]
    detector = Detector([cascade], scale_factor=settings.faces.scale_factor)
    found = [detector.detect(frame.gray, chroma=frame.chroma)[0] for frame in own]
    roc = evaluate(found, [np.array(frame.boxes) for frame in own])
    return round(roc.recall_at(0.1) * 12), roc.average_precision
