"""Runs of one emotion: where they begin and end, in frames and in seconds."""

from pathlib import Path

import pytest

from pipeline.watch.command import report
from pipeline.watch.places import Places
from tests.pipeline.watch.watched import RATE, START_PTS, row, two_characters, watched


def test_a_track_is_cut_where_its_answer_changes(tmp_path: Path) -> None:
    found = watched(tmp_path, two_characters()).segments()
    cat = found[found["character"] == "cat"]
    assert cat["emotion"].tolist() == ["happy", "angry"]
    assert cat["unsure"].tolist() == [False, False]
    first = START_PTS / RATE
    assert cat["start_s"].tolist() == pytest.approx([first, first + 1])
    assert cat["end_s"].tolist() == pytest.approx([first + 1, first + 46 / RATE])
    assert (cat["start_frame"].tolist(), cat["end_frame"].tolist()) == ([0, 24], [21, 45])
    assert cat["frames"].tolist() == [8, 8]
    mouse = found[found["character"] == "mouse"]
    assert mouse["unsure"].tolist() == [True]


def test_the_last_lines_say_who_feels_what_and_who_was_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cat_alone = [row for row in two_characters() if row["character"] == "cat"]
    report(watched(tmp_path, cat_alone))
    said = [line.removeprefix("watch pilot: ") for line in capsys.readouterr().out.splitlines()]
    assert said[:2] == ["cat: happy 1 s, angry 1 s", "not seen: mouse"]


def test_a_box_moves_evenly_between_the_frames_looked_at(tmp_path: Path) -> None:
    sure = (0.9, 0.05, 0.05)
    rows = [row(0, 0, "cat", sure, x=0), row(4, 0, "cat", sure, x=40), row(2, 1, "mouse", sure, x=200)]
    faces = watched(tmp_path, sorted(rows, key=lambda one: one["frame"])).faces()
    later = [row(9, 2, "cat", sure, x=90), row(10, 2, "cat", sure, x=100)]
    places = Places([faces, faces[:0], watched(tmp_path, later).faces()], hold=2)
    seen = {frame: [(face.character, face.box[0]) for face in places.at(frame)] for frame in range(13)}
    assert seen == {
        0: [("cat", 0)],
        1: [("cat", 10)],
        2: [("cat", 20), ("mouse", 200)],
        3: [("cat", 30), ("mouse", 200)],
        4: [("cat", 40)],
        5: [("cat", 40)],
        6: [],
        7: [],
        8: [],
        9: [("cat", 90)],
        10: [("cat", 100)],
        11: [("cat", 100)],
        12: [],
    }
    places = Places([faces], hold=2, stops=[5, 20])
    assert [len(list(places.at(frame))) for frame in (3, 4, 5)] == [2, 1, 0]  # not beyond its scene
