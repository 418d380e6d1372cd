"""Bringing people's answers into annotations/*.csv: rows are appended, never changed; `git diff` shows who said what.

A row is new where nobody gave that answer there at that time, and where its annotator's last words on that place are
not the same: pulling twice adds nothing, and an answer that was changed, even changed back, is a row of its own.
"""

import contextlib
import csv
import fcntl
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labeling.errors import InvalidExport
from labeling.exports import PLACE, Row, box_rows, emotion_rows, sheet_rows
from pipeline import paths
from pipeline.console import say_counts
from pipeline.labels.annotations import BOX_COLUMNS, EMOTION_COLUMNS, FRAME_COLUMNS, check_header
from pipeline.params import load_params
from pipeline.tables import replacing
from pipeline.tasks.push import KINDS, required, title

ACT = ["annotator", "annotated_at", "lead_time_s"]
EMOTION_FILE = [*EMOTION_COLUMNS, *ACT, "given_by", "suggested", "guess"]
BOX_FILE = [*BOX_COLUMNS, *ACT]
FRAME_FILE = [*FRAME_COLUMNS, *ACT]
BOM = "\ufeff"


def pull() -> None:
    """Append what the configured server's annotators said since the last pull."""
    params, target = load_params(), required()
    people = target.server.people()
    exports: list[tuple[str, list[Any]]] = []
    missing = []
    for kind in KINDS:
        projects = target.server.projects(title(kind, params))
        missing += [] if projects else [repr(title(kind, params))]
        exports += [(kind, _ours(kind, target.server.annotated(project))) for project in projects]
    if not exports:
        raise InvalidExport(
            f"{target.server.url} has no project of this show: expected {', '.join(missing)}. `toonset label push` "
            "makes them; if the folder or the projects were renamed, set labelling.project"
        )
    if missing:
        print(f"label pull: {target.server.url} has no project {', '.join(missing)}")
    bring_home(exports, people)


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
    bring_home([(kind, tasks)], {})


def _ours(kind: str, export: list[Any]) -> list[Any]:
    """The export less the tasks that somebody else put into the project."""
    ours = [task for task in export if isinstance(task.get("data", {}).get("key"), str)]
    if len(ours) < len(export):
        print(f"label {kind}: {len(export) - len(ours)} tasks there are not ours and were left")
    return ours


def bring_home(exports: Sequence[tuple[str, Any]], people: dict[int, str]) -> None:
    """Append the rows of exports of our projects, by kind, and say how many."""
    acts = [act for kind, export in exports if kind == "boxes" for act in box_rows(export, people)]
    given: list[Row] = []
    for kind, export in exports:
        if kind != "boxes":
            given += sheet_rows(export, people) if kind == "sheets" else emotion_rows(export, people)
    # What one said of a face on a sheet and singly counts in the order in which it was said.
    given.sort(key=lambda row: row["annotated_at"])
    kinds = {kind for kind, _ in exports}
    with _locked():
        if "boxes" in kinds:
            new = append_acts(acts)
            counts = {"frames": len(acts), "boxes": sum(len(boxes) for _, boxes in acts), "new frames": new}
            say_counts("label boxes", counts)
        if kinds - {"boxes"}:
            new = append_rows(paths.EMOTIONS, given)
            say_counts("label emotions", {"answers": len(given), "new": new, "there already": len(given) - new})


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One writer at a time, whatever other `toonset label` runs beside this one."""
    folder = os.open(paths.ANNOTATIONS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def append_rows(path: Path, rows: Sequence[Row]) -> int:
    """Append to emotions.csv the rows that say something new; returns how many."""
    text, header = _with_columns(path, EMOTION_COLUMNS, EMOTION_FILE)
    before = _read(text, header)
    # Whoever it is under: people change their addresses, and an exported file names nobody.
    known = {_answer(row) for row in before}
    last = {_of_whom(row): row["emotion"] for row in before}
    added = []
    for row in rows:
        if _answer(row) not in known and row["emotion"] != last.get(_of_whom(row)):
            last[_of_whom(row)] = row["emotion"]
            added.append(row)
    _append(path, text, header, added)
    return len(added)


def append_acts(acts: Sequence[tuple[Row, list[Row]]]) -> int:
    """Append to boxes.csv and frames.csv the frames that were boxed anew or otherwise; returns how many.

    Boxes first: should this be killed between the two, the frame is not yet known to be done and is brought again, and
    rows that are there already are not written twice.
    """
    box_text, box_header = _with_columns(paths.BOXES, BOX_COLUMNS, BOX_FILE)
    frame_text, frame_header = _with_columns(paths.FRAMES, FRAME_COLUMNS, FRAME_FILE)
    boxes, frames = _read(box_text, box_header), _read(frame_text, frame_header)
    known = {tuple(row[name] for name in BOX_FILE) for row in boxes}
    done = {(row["episode_id"], row["frame"], row["annotated_at"]) for row in frames}
    said: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for row in boxes:
        said.setdefault((*_frame_of(row), row["annotated_at"]), set()).add(_place_of(row))
    last = {_frame_of(row): (row["annotated_at"], row["complete"]) for row in frames}
    new_frames: list[Row] = []
    new_boxes: list[Row] = []
    for frame, own in acts:
        key, now = _frame_of(frame), frame["annotated_at"]
        places = {_place_of(box) for box in own}
        if (frame["episode_id"], frame["frame"], now) in done:
            continue
        when, complete = last.get(key, ("", ""))
        if key in last and complete == frame["complete"] and said.get((*key, when), set()) == places:
            continue
        last[key], said[*key, now] = (now, frame["complete"]), places
        new_frames.append(frame)
        new_boxes += [box for box in own if tuple(box[name] for name in BOX_FILE) not in known]
    _append(paths.BOXES, box_text, box_header, new_boxes)
    _append(paths.FRAMES, frame_text, frame_header, new_frames)
    return len(new_frames)


def _answer(row: Row) -> tuple[str, ...]:
    """Where, what and when; who, where the time is not said."""
    when = row["annotated_at"]
    return (*(row[name] for name in PLACE), row["emotion"], when or row["annotator"])


def _of_whom(row: Row) -> tuple[str, ...]:
    """The place, who spoke of it, and in which way: what one's last words are the last of."""
    return (*(row[name] for name in PLACE), row["annotator"], row["given_by"])


def _frame_of(row: Row) -> tuple[str, ...]:
    return row["episode_id"], row["frame"], row["annotator"]


def _place_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in PLACE[2:])


def _read(text: str, header: Sequence[str]) -> list[Row]:
    """The rows below the first line; cells that are not there are empty."""
    reader = csv.reader(io.StringIO(text))
    next(reader, None)
    rows = [dict(zip(header, (cell.strip() for cell in cells), strict=False)) for cells in reader if any(cells)]
    return [dict.fromkeys(header, "") | row for row in rows]


def _with_columns(path: Path, required: Sequence[str], columns: Sequence[str]) -> tuple[str, list[str]]:
    """A file's text as it is, and its columns; those that may be left out are added to its first line where missing.

    Rows stay as they are: they are shorter than the first line then, which says nothing where nothing was said.
    """
    text = path.read_bytes().decode("utf-8") if path.exists() else ",".join(columns) + "\n"
    mark = BOM if text.startswith(BOM) else ""
    first, newline, rest = text.removeprefix(BOM).partition("\n")
    header = check_header(path, first, required)
    missing = [name for name in columns if name not in header]
    if missing:
        end = "\r" if first.endswith("\r") else ""
        first = ",".join([first.rstrip("\r"), *missing]) + end
    return mark + first + newline + rest, header + missing


def _append(path: Path, text: str, header: Sequence[str], rows: Sequence[Row]) -> None:
    """Write the text with rows below it, in its own kind of line ends."""
    if rows:
        end = "\r\n" if "\r\n" in text else "\n"
        lines = io.StringIO()
        csv.DictWriter(lines, header, restval="", lineterminator=end).writerows(rows)
        with replacing(path) as temporary:
            temporary.write_bytes((text + ("" if text.endswith("\n") else end) + lines.getvalue()).encode("utf-8"))
