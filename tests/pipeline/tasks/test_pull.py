"""Appending what people said to their files: nothing lost, nothing twice, no byte of theirs changed."""

import csv
from pathlib import Path

import pytest

from labeling.exports import Row
from pipeline import paths
from pipeline.tasks.pull import BOX_FILE, EMOTION_FILE, FRAME_FILE, append_acts, append_rows
from tests.support import ROOT

FILE = Path("annotations/emotions.csv")


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("annotations").mkdir()


def said(emotion: str, when: str, annotator: str = "anna", given_by: str = "task") -> Row:
    place = {"episode_id": "pilot", "frame": "3", "character": "cat", "x": "1", "y": "2", "w": "3", "h": "4"}
    act = {"annotator": annotator, "annotated_at": when, "lead_time_s": "1.0"}
    return place | {"emotion": emotion} | act | {"given_by": given_by, "suggested": "", "guess": ""}


def boxed(when: str, *x: int, annotator: str = "anna", complete: str = "1") -> tuple[Row, list[Row]]:
    act = {"annotator": annotator, "annotated_at": when, "lead_time_s": "9.0"}
    frame = {"episode_id": "pilot", "frame": "3"}
    boxes = [frame | {"character": "cat", "x": str(left), "y": "2", "w": "30", "h": "40"} | act for left in x]
    return frame | {"complete": complete} | act, boxes


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_changed_answer_is_a_row_and_so_is_one_that_is_changed_back() -> None:
    for number, emotion in enumerate(("happy", "happy", "sad", "happy")):
        append_rows(FILE, [said(emotion, f"2026-01-0{number + 1}")])
    assert [row["emotion"] for row in rows(FILE)] == ["happy", "sad", "happy"]
    assert append_rows(FILE, [said("sad", "2026-01-03"), said("happy", "2026-01-04")]) == 0


def test_two_answers_of_one_moment_are_both_kept() -> None:
    assert append_rows(FILE, [said("happy", "2026-01-01"), said("sad", "2026-01-01")]) == 2
    assert append_rows(FILE, [said("happy", "2026-01-01"), said("sad", "2026-01-01")]) == 0


def test_an_answer_is_not_written_twice_because_its_annotator_has_another_name_now() -> None:
    append_rows(FILE, [said("happy", "2026-01-01")])
    assert append_rows(FILE, [said("happy", "2026-01-01", annotator="")]) == 0
    assert append_rows(FILE, [said("happy", "2026-01-02", annotator="ben")]) == 1


def test_rows_written_by_hand_keep_their_bytes_and_line_ends() -> None:
    before = "\ufeffepisode_id, frame,character,x,y,w,h,emotion,annotator\r\npilot,3,cat,1,2,3,4, happy ,anna"
    FILE.write_bytes(before.encode())
    assert append_rows(FILE, [said("happy", "", given_by="")]) == 0
    assert FILE.read_bytes() == before.encode()
    assert append_rows(FILE, [said("sad", "2026-01-01")]) == 1
    after = FILE.read_bytes().decode()
    first, second = before.split("\r\n")
    assert after.startswith(f"{first},annotated_at,lead_time_s,given_by,suggested,guess\r\n{second}\r\n")
    assert after.count("\r\n") == after.count("\n") == 3


def test_a_frame_is_written_once_and_again_only_when_it_was_boxed_otherwise() -> None:
    assert append_acts([boxed("2026-01-01", 10, 200)]) == 1
    assert append_acts([boxed("2026-01-01", 10, 200)]) == 0
    assert append_acts([boxed("2026-01-01", 10, 200, annotator="")]) == 0
    assert append_acts([boxed("2026-01-02", 200, 10)]) == 0  # submitted again as it was
    assert append_acts([boxed("2026-01-03", 10)]) == 1
    assert append_acts([boxed("2026-01-04")]) == 1
    assert append_acts([boxed("2026-01-05", complete="0")]) == 1
    assert [row["x"] for row in rows(paths.BOXES)] == ["10", "200", "10"]
    assert [row["complete"] for row in rows(paths.FRAMES)] == ["1", "1", "1", "0"]


def test_boxes_that_were_written_before_a_kill_are_not_written_again() -> None:
    append_acts([boxed("2026-01-01", 10)])
    paths.FRAMES.unlink()
    assert append_acts([boxed("2026-01-01", 10)]) == 1
    assert len(rows(paths.BOXES)) == 1
    assert len(rows(paths.FRAMES)) == 1


def test_the_columns_are_those_of_a_new_project() -> None:
    template = ROOT / "pipeline" / "project" / "template" / "annotations"
    for name, columns in (("emotions", EMOTION_FILE), ("boxes", BOX_FILE), ("frames", FRAME_FILE)):
        assert (template / f"{name}.csv").read_text() == ",".join(columns) + "\n"
