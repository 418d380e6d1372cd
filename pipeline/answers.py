"""Bringing people's answers into annotations/*.csv: rows are appended, never changed; `git diff` shows who said what.

A row is new where its annotator has not said the same of the same place in his last words on it there: pulling twice
adds nothing, and an answer that was changed, even changed back, is a row of its own.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labeling.config import PAGES
from labeling.errors import InvalidExport
from labeling.exports import PLACE, Row, box_rows, emotion_rows, sheet_rows
from pipeline.annotations import (
    BOX_COLUMNS,
    BOXES,
    EMOTION_COLUMNS,
    EMOTIONS,
    FRAME_COLUMNS,
    FRAMES,
    check_header,
)
from pipeline.console import say_counts
from pipeline.labelling import KINDS, required, title
from pipeline.params import load_params
from pipeline.tables import write_text

GIVEN_BY = {"emotions": "task", "review": "review"}
ACT = ["annotator", "annotated_at", "lead_time_s"]
EMOTION_FILE = [*EMOTION_COLUMNS, *ACT, "given_by", "suggested", "guess"]
BOX_FILE = [*BOX_COLUMNS, *ACT]
FRAME_FILE = [*FRAME_COLUMNS, *ACT]


def pull() -> None:
    """Append what the configured server's annotators said since the last pull."""
    params, target = load_params(), required()
    people = target.server.people()
    found = False
    for kind in KINDS:
        projects = target.server.projects(title(kind, params))
        found |= bool(projects)
        for project in projects:
            bring_home(kind, target.server.annotated(project), people)
    if not found:
        names = ", ".join(repr(title(kind, params)) for kind in KINDS)
        raise InvalidExport(
            f"{target.server.url} has no project of this show: expected {names}. `toonset label push` makes them; if "
            "the folder was renamed, set labelling.project"
        )


def import_file(export: Path) -> None:
    """Append what stands in a file that Label Studio exported, whichever of our projects it is from."""
    try:
        tasks = json.loads(export.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidExport(f"there is no file {export}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidExport(f"{export} is not JSON ({error}); in Label Studio choose Export → JSON") from error
    data = tasks[0].get("data", {}) if isinstance(tasks, list) and tasks and isinstance(tasks[0], dict) else {}
    kind = "sheets" if "claim" in data else "boxes" if "width" in data else "emotions"
    bring_home(kind, tasks, {})


def bring_home(kind: str, export: Any, people: dict[int, str]) -> None:
    """Append the rows of an export of a project of this kind, and say how many."""
    assert kind in PAGES
    if kind == "boxes":
        acts = list(box_rows(export, people))
        new = append_acts(acts)
        counts = {"frames": len(acts), "boxes": sum(len(boxes) for _, boxes in acts), "new frames": new}
    else:
        rows = list(sheet_rows(export, people) if kind == "sheets" else emotion_rows(export, GIVEN_BY[kind], people))
        new = append_rows(EMOTIONS, rows)
        counts = {"answers": len(rows), "new": new, "there already": len(rows) - new}
    say_counts(f"label {kind}", counts)


def append_rows(path: Path, rows: Sequence[Row]) -> int:
    """Append to emotions.csv the rows that say something new; returns how many."""
    text, header = _with_columns(path, EMOTION_COLUMNS, EMOTION_FILE)
    before = _read(text)
    known = {tuple(row.get(name) or "" for name in EMOTION_FILE) for row in before}
    last = {_of_whom(row): row["emotion"] for row in before}
    added = []
    for row in rows:
        if tuple(row[name] for name in EMOTION_FILE) not in known and row["emotion"] != last.get(_of_whom(row)):
            last[_of_whom(row)] = row["emotion"]
            added.append(row)
    _append(path, text, header, added)
    return len(added)


def append_acts(acts: Sequence[tuple[Row, list[Row]]]) -> int:
    """Append to boxes.csv and frames.csv the frames that were boxed anew or otherwise; returns how many.

    Boxes first: should this be killed between the two, the frame is not yet known to be done and is brought again, and
    rows that are there already are not written twice.
    """
    box_text, box_header = _with_columns(BOXES, BOX_COLUMNS, BOX_FILE)
    frame_text, frame_header = _with_columns(FRAMES, FRAME_COLUMNS, FRAME_FILE)
    boxes = _read(box_text)
    known = {tuple(row.get(name) or "" for name in BOX_FILE) for row in boxes}
    said: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for row in boxes:
        said.setdefault((*_frame_of(row), row.get("annotated_at") or ""), set()).add(_place_of(row))
    last = {_frame_of(row): (row.get("annotated_at") or "", row["complete"]) for row in _read(frame_text)}
    new_frames: list[Row] = []
    new_boxes: list[Row] = []
    for frame, own in acts:
        key, now = _frame_of(frame), frame["annotated_at"]
        places = {_place_of(box) for box in own}
        if key in last:
            when, complete = last[key]
            if when >= now or (complete == frame["complete"] and said.get((*key, when), set()) == places):
                continue
        last[key], said[*key, now] = (now, frame["complete"]), places
        new_frames.append(frame)
        new_boxes += [box for box in own if tuple(box[name] for name in BOX_FILE) not in known]
    _append(BOXES, box_text, box_header, new_boxes)
    _append(FRAMES, frame_text, frame_header, new_frames)
    return len(new_frames)


def _of_whom(row: Row) -> tuple[str, ...]:
    """The place, who spoke of it, and in which way: what one's last words are the last of."""
    return (*(row[name] for name in PLACE), row.get("annotator") or "", row.get("given_by") or "")


def _frame_of(row: Row) -> tuple[str, ...]:
    return row["episode_id"], row["frame"], row.get("annotator") or ""


def _place_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in PLACE[2:])


def _read(text: str) -> list[Row]:
    return [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(io.StringIO(text))]


def _with_columns(path: Path, required: Sequence[str], columns: Sequence[str]) -> tuple[str, list[str]]:
    """A file's text and columns; columns that may be left out are added to its first line where they are missing.

    Rows stay as they are: they are shorter than the first line then, which says nothing where nothing was said.
    """
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ",".join(columns) + "\n"
    first, newline, rest = text.partition("\n")
    header = check_header(path, first, required)
    missing = [name for name in columns if name not in header]
    return ",".join([first.rstrip("\r"), *missing]) + newline + rest, header + missing


def _append(path: Path, text: str, header: Sequence[str], rows: Sequence[Row]) -> None:
    if rows:
        lines = io.StringIO()
        csv.DictWriter(lines, header, restval="", lineterminator="\n").writerows(rows)
        write_text(path, text + ("" if text.endswith("\n") else "\n") + lines.getvalue())
