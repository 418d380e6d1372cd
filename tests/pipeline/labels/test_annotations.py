"""People's CSV files: what can be used is used, what cannot stays with a reason, nothing is altered."""

from pathlib import Path

import pandas as pd
import pytest

from labeling.answers import PROVENANCE
from pipeline.errors import InputError
from pipeline.labels.annotations import read_boxes, read_emotions, read_looked_at, rows_in_force

EPISODES = pd.DataFrame(
    [
        {"episode_id": "pilot", "status": "ok", "reason": "", "frames": 100, "width": 640, "height": 360},
        {"episode_id": "lost", "status": "rejected", "reason": "404", "frames": 0, "width": 0, "height": 0},
    ]
)
HEAD = "episode_id,frame,character,x,y,w,h"


def boxes(tmp_path: Path, *lines: str, head: str = HEAD) -> pd.DataFrame:
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return read_boxes(path, EPISODES, ["cat", "mouse"])


def test_good_rows_are_read_with_or_without_the_optional_columns(tmp_path: Path) -> None:
    rows = boxes(tmp_path, "pilot,3,cat,10,20,30,40", "", "pilot, 4 ,mouse,1,2,3.0,4")
    assert list(rows["status"]) == ["ok", "ok"]
    assert rows.loc[1, ["line", "frame", "w", "annotator"]].tolist() == [4, 4, 3, ""]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "pilot,3,catt,10,20,30,40",
            "'catt' is not among the characters in params.yaml (cat, mouse). Did you mean 'cat'?",
        ),
        ("pilott,3,cat,10,20,30,40", "unknown episode 'pilott'; not in params.yaml. Did you mean 'pilot'?"),
        ("lost,3,cat,10,20,30,40", "its episode is rejected: 404"),
        ("pilot,100,cat,10,20,30,40", "frame 100, but the episode has frames 0 to 99"),
        ("pilot,3,cat,630,20,30,40", "more than half of the box 630,20 30×40 lies outside the frame of 640×360 px"),
        ("pilot,3,cat,-900,20,30,40", "more than half of the box -900,20 30×40 lies outside the frame of 640×360 px"),
        ("pilot,3,cat,10,20,0,40", "a box of 0×40 px; expected a width and height of at least 1"),
        ("pilot,three,cat,10,20,30,40", "frame is 'three', expected a whole number"),
        ("pilot,3.5,cat,10,20,30,40", "frame is '3.5', expected a whole number"),
        ("pilot,nan,cat,10,20,30,40", "frame is 'nan', expected a whole number"),
        ("pilot,1e99,cat,10,20,30,40", "frame is '1e99', expected a whole number"),
        ("pilot,٣,cat,10,20,30,40", "frame is '٣', expected a whole number"),
        ("pilot,1_0,cat,10,20,30,40", "frame is '1_0', expected a whole number"),
        ("pilot,1e-400,cat,10,20,30,40", "frame is '1e-400', expected a whole number"),
        ("pilot,3,cat,10,20,30", "h is '', expected a whole number"),
        ("pilot,3,cat,10,20,30,40,50", "8 cells in 7 columns"),
    ],
)
def test_a_row_that_cannot_be_used_stays_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    rows = boxes(tmp_path, line, "pilot,4,cat,10,20,30,40")
    assert rows["status"].tolist() == ["rejected", "ok"]
    assert rows["reason"][0] == reason


def test_a_box_that_reaches_over_the_edge_is_clipped(tmp_path: Path) -> None:
    rows = boxes(tmp_path, "pilot,3,cat,-5,350,30,15")
    assert rows.loc[0, ["status", "x", "y", "w", "h"]].tolist() == ["ok", 0, 350, 25, 10]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("episode_id;frame;character;x;y;w;h", "separated by semicolons"),
        ("episode_id,frame,x,y,w,h", "character missing"),
        ("", "none"),
        (HEAD + ",x", "more than once"),
    ],
)
def test_a_wrong_header_stops_with_what_was_expected(tmp_path: Path, head: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        boxes(tmp_path, head=head)


def test_no_file_and_no_text_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        read_boxes(tmp_path / "boxes.csv", EPISODES, ["cat"])
    (tmp_path / "boxes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_boxes(tmp_path / "boxes.csv", EPISODES, ["cat"])


def test_a_spreadsheets_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(HEAD + "\npilot,3,cat,1,2,3,4\n", encoding="utf-8-sig")
    assert read_boxes(tmp_path / "boxes.csv", EPISODES, ["cat"])["status"].tolist() == ["ok"]


def test_emotions_know_the_shows_and_the_ways_to_say_none(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    given = ["happy", "hapy", "unclear", "not-a-face"]
    path.write_text(HEAD + ",emotion\n" + "".join(f"pilot,3,cat,1,2,3,4,{emotion}\n" for emotion in given))
    rows = read_emotions(path, EPISODES, ["cat"], ["happy", "sad"])
    assert rows["status"].tolist() == ["ok", "rejected", "ok", "ok"]
    assert rows["reason"][1].endswith("Did you mean 'happy'?")


def test_frames_may_be_missing_and_are_held_to_zero_or_one(tmp_path: Path) -> None:
    assert read_looked_at(tmp_path / "frames.csv", EPISODES).empty
    (tmp_path / "frames.csv").write_text("episode_id,frame,complete\npilot,1,1\npilot,2,yes\npilot,3,2\n")
    rows = read_looked_at(tmp_path / "frames.csv", EPISODES)
    assert rows["status"].tolist() == ["ok", "rejected", "rejected"]


def test_a_frame_that_is_boxed_again_is_as_it_was_boxed_last(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(
        HEAD + ",annotator,annotated_at\n"
        "pilot,1,cat,1,2,3,4\n"
        "pilot,2,cat,1,2,3,4,anna,\n"
        "pilot,1,cat,1,2,9,9,anna,2026-01-01T10:00:00Z\n"
        "pilot,1,mouse,20,2,9,9,anna,2026-01-01T10:00:00Z\n"
        "pilot,3,cat,1,2,3,4,anna,2026-01-01T10:00:00Z\n"
        "pilot,1,cat,2,3,9,9,ben,2026-01-02T10:00:00Z\n"
    )
    (tmp_path / "frames.csv").write_text(
        "episode_id,frame,complete,annotator,annotated_at\n"
        "pilot,1,1,anna,2026-01-01T10:00:00Z\n"
        "pilot,1,0,ben,2026-01-02T10:00:00Z\n"
        "pilot,3,1,ben,2026-01-03T10:00:00Z\n"
    )
    every = read_boxes(tmp_path / "boxes.csv", EPISODES, ["cat", "mouse"])
    rows, frames = rows_in_force(every, read_looked_at(tmp_path / "frames.csv", EPISODES))
    assert rows[["frame", "x", "w"]].to_numpy().tolist() == [[2, 1, 3], [1, 2, 9]]  # ben saw no face in frame 3
    assert frames[["frame", "complete"]].to_numpy().tolist() == [[1, 0], [3, 1]]


def test_columns_without_a_name_at_the_end_are_read(tmp_path: Path) -> None:
    rows = boxes(tmp_path, "pilot,3,cat,10,20,30,40,anna,,,", "pilot,4,cat,1,2,3,4,ben,,x", head=HEAD + ",annotator,,,")
    assert rows["status"].tolist() == ["ok", "rejected"]
    assert rows["reason"][1] == "10 cells in 8 columns"


def test_an_open_quotation_mark_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"boxes.csv, line 3: a quotation mark"):
        boxes(tmp_path, "pilot,3,cat,1,2,3,4", 'pilot,3,"cat,1,2,3,4', "pilot,3,cat,1,2,3,4", 'pilot,3,cat",1,2,3,4')


@pytest.mark.parametrize(
    ("name", "said"),
    [("open_quote_boxes", "line 3: a quotation mark"), ("boxes_cp1252", "seems to be WINDOWS-1252.*CSV UTF-8")],
)
def test_files_that_went_wrong_are_named(cases: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=f"{name}.csv.*{said}"):
        read_boxes(cases / "annotations" / f"{name}.csv", EPISODES, ["hero"])


def test_a_file_with_trailing_columns_is_read(cases: Path) -> None:
    (row,) = read_boxes(cases / "annotations" / "trailing_columns_boxes.csv", EPISODES, ["hero"]).to_dict("records")
    assert [row[name] for name in ("episode_id", "frame", "h", "annotator")] == ["joined", 412, 70, "anna"]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert boxes(tmp_path).empty


def test_how_an_emotion_was_given_is_read_where_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    path.write_text(f"{HEAD},emotion,annotator\npilot,3,cat,10,20,30,40,happy,anna\n")
    (plain,) = read_emotions(path, EPISODES, ["cat"], ["happy", "sad"]).to_dict("records")
    assert [plain[name] for name in PROVENANCE] == ["", "", ""]
    answers = [
        ("wrong-emotion", "sheet", "happy", ""),
        ("sad", "task", "", "happy"),
        ("right-charcter", "sheet", "cat", ""),
    ]
    rows = [f"pilot,3,cat,10,20,30,40,{said},anna,{','.join(how)}" for said, *how in answers]
    path.write_text("\n".join([f"{HEAD},emotion,annotator,{','.join(PROVENANCE)}", *rows]) + "\n")
    read = read_emotions(path, EPISODES, ["cat"], ["happy", "sad"])
    assert read[list(PROVENANCE)].to_numpy().tolist() == [list(how) for _, *how in answers]
    assert read["status"].tolist() == ["ok", "ok", "rejected"]
    assert read["reason"][2].endswith("Did you mean 'right-character'?")
