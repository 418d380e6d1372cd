"""Appending what people said to their files: nothing lost, nothing twice, no byte of theirs changed."""

import csv
from pathlib import Path

import pytest

from labeling.exports import Row
from pipeline import paths
from pipeline.errors import InputError, StageError
from pipeline.labels.people_files import append, open_to_append
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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_without_a_name_and_every_kind_of_line_end_stay_as_they_are(end: str) -> None:
    before = f"episode_id,frame,character,x,y,w,h,emotion,annotator,,,{end}pilot,3,cat,1,2,3,4,happy,anna,,,{end}"
    FILE.write_bytes(before.encode())
    assert append_rows(FILE, [said("happy", "", given_by="")]) == 0
    assert append_rows(FILE, [said("sad", "2026-01-01"), said("happy", "2026-01-02")]) == 2
    after = FILE.read_bytes().decode()
    first, second, *_ = before.split(end)
    assert after.startswith(f"{first},annotated_at,lead_time_s,given_by,suggested,guess{end}{second}{end}")
    assert [(row["emotion"], row["annotated_at"]) for row in rows(FILE)][1:] == [
        ("sad", "2026-01-01"),
        ("happy", "2026-01-02"),
    ]


OPEN_QUOTE = (
    "episode_id,frame,character,x,y,w,h,emotion,annotator\n"
    'pilot,1,cat,1,2,3,4,happy,anna\npilot,2,cat,1,2,3,4,sad,"anna\npilot,3,cat,1,2,3,4,sad,anna\n'
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (OPEN_QUOTE.encode(), "line 3: a quotation mark"),
        ("episode_id,frame,character,x,y,w,h,emotion,annotator\np,1,cat,1,2,3,4,sad,Zoë\n".encode("cp1252"), "1252"),
        ("episode_id,frame,character,x,y,w,h,emotion,annotator\n".encode("utf-16"), "UTF-16"),
        (b"episode_id,frame,character,x,y,w,h,emotion\n" + b"a" * 200_000, "line 2: a cell of more than 131,072"),
    ],
    ids=["open quote", "cp1252", "utf-16", "long cell"],
)
def test_nothing_is_appended_to_a_file_that_does_not_read_whole(content: bytes, told: str) -> None:
    FILE.write_bytes(content)
    for path in (paths.BOXES, paths.FRAMES):
        path.write_bytes(content.replace(b",emotion", b"").replace(b"h,", b"h,complete,"))
    for _ in range(3):
        with pytest.raises(InputError, match=f"emotions.csv.*{told}"):
            append_rows(FILE, [said("happy", "2026-01-01")])
        with pytest.raises(InputError, match=r"annotations/boxes\.csv"):
            append_acts([boxed("2026-01-01", 10)])
    assert FILE.read_bytes() == content


def test_an_open_quote_of_another_project_is_named_with_its_line(cases: Path) -> None:
    content = (cases / "annotations" / "open_quote_boxes.csv").read_bytes()
    paths.BOXES.write_bytes(content)
    with pytest.raises(InputError, match=r"boxes\.csv, line 3: a quotation mark"):
        append_acts([boxed("2026-01-01", 10)])
    assert (paths.BOXES.read_bytes(), paths.FRAMES.exists()) == (content, False)


def test_what_could_not_be_read_again_is_not_written() -> None:
    append_rows(FILE, [said("happy", "2026-01-01")])
    before = FILE.read_bytes()
    for odd in ("two\nlines", "a" * 200_000, "blank behind "):
        with pytest.raises(StageError, match="nothing was written"):
            append_rows(FILE, [said("sad", "2026-01-02", annotator=odd)])
    assert FILE.read_bytes() == before


def test_a_file_behind_a_link_keeps_its_place_and_its_mode(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "emotions.csv"
    append_rows(place, [said("happy", "2026-01-01")])
    place.chmod(0o664)
    FILE.symlink_to(place)
    append_rows(FILE, [said("sad", "2026-01-02")])
    assert FILE.is_symlink()
    assert place.stat().st_mode & 0o7777 == 0o664
    assert [row["emotion"] for row in rows(place)] == ["happy", "sad"]


def test_a_file_that_changed_in_between_is_left_alone() -> None:
    append_rows(FILE, [said("happy", "2026-01-01")])
    file = open_to_append(FILE, EMOTION_FILE, EMOTION_FILE)
    append_rows(FILE, [said("sad", "2026-01-02")])
    with pytest.raises(InputError, match="changed by another program"):
        append(file, EMOTION_FILE, [said("happy", "2026-01-03")])
    assert [row["emotion"] for row in rows(FILE)] == ["happy", "sad"]


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
