"""Fetching people's answers into annotations/*.csv. Rows are appended, never changed; `git diff` shows who said what.

A row is new if this answer was not given at this place at this time, and if it differs from the annotator's latest
answer for this place. So pulling twice adds nothing. A changed answer is a new row, even if it is changed back.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from cascades.strict_csv import seeming_encoding
from labeling.answers import PLACE, PROVENANCE
from labeling.errors import InvalidExport
from labeling.exports import Act, Row, box_rows, emotion_rows, name_rows, sheet_rows
from pipeline import paths
from pipeline.console import say_counts
from pipeline.labels.annotations import BOX_COLUMNS, EMOTION_COLUMNS, FRAME_COLUMNS
from pipeline.labels.people_files import PeoplesFile, append, open_to_append
from pipeline.params import Params, load_params
from pipeline.tasks.push import KINDS, Target, required, title

ACT = ["annotator", "annotated_at", "lead_time_s"]
EMOTION_FILE = [*EMOTION_COLUMNS, *ACT, *PROVENANCE]
BOX_FILE = [*BOX_COLUMNS, *ACT]
NAME_FILE = [*BOX_FILE, "given_by"]
FRAME_FILE = [*FRAME_COLUMNS, *ACT]
ENOUGH_BOXES = 150
"""Boxes of a character that the README asks for."""
NAMING = frozenset({"names", "noes"})
"""The kinds whose answers go to names.csv."""
SHOWN = 20
"""Lines about what could not be read, at most."""


def pull() -> None:
    """Append what the configured server's annotators said since the last pull."""
    params, target = load_params(), required()
    if not pull_from(target, params, "; then `toonset splits` and `dvc repro tasks`"):
        expected = ", ".join(repr(title(kind, params)) for kind in KINDS)
        raise InvalidExport(
            f"{target.server.url} has no project of this show: expected {expected}. `toonset label push` makes them; "
            "if the folder or the projects were renamed, set labelling.project"
        )


def pull_from(target: Target, params: Params, then: str = "") -> bool:
    """Append what a server's annotators said since the last pull; False where it has no project of this show.

    then: what comes next, behind how many boxes there are.
    """
    people = target.server.people()
    exports: list[tuple[str, list[Any]]] = []
    for kind in KINDS:
        projects = target.server.projects(title(kind, params))
        exports += [(kind, _ours(kind, target.server.annotated(project))) for project in projects]
    if not exports:
        return False
    append_answers(exports, people)
    if any(kind == "boxes" for kind, _ in exports):
        _say_boxes_of_each(params, then)
    return True


def import_file(export: Path) -> None:
    """Append the answers in a file that Label Studio exported, from any of our projects."""
    tasks = _read_export(export)
    fields = {name for task in tasks for name in _data(task)}
    known = {"claim": "sheets", "faces": "names", "width": "boxes"}
    kind = next((kind for field, kind in known.items() if field in fields), "emotions")
    append_answers([(kind, tasks)], {})


def _read_export(export: Path) -> list[Any]:
    """The tasks in a file. Raises InvalidExport where it is no list of them."""
    advice = "in Label Studio choose Export → JSON"
    export = export.expanduser()
    try:
        content = export.read_bytes()
        tasks = json.loads(content)
    except FileNotFoundError as error:
        raise InvalidExport(f"there is no file {export.absolute()}") from error
    except UnicodeDecodeError as error:
        encoding = seeming_encoding(content)
        seems = f"it seems to be {encoding}" if encoding else "its encoding is not known"
        raise InvalidExport(
            f"{export} is not UTF-8 text, {seems}: take the file as it was exported; {advice}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidExport(f"{export} is not JSON ({error}); {advice}") from error
    if not isinstance(tasks, list):
        raise InvalidExport(f"{export} holds no list of tasks; {advice}")
    return tasks


def _ours(kind: str, export: Any) -> list[Any]:
    """The export less the tasks that somebody else put into the project."""
    if not isinstance(export, list):
        raise InvalidExport(f"the server's export of {kind} is no list of tasks")
    ours = [task for task in export if isinstance(_data(task).get("key"), str)]
    if len(ours) < len(export):
        print(f"label {kind}: {len(export) - len(ours)} tasks there were not made by toonset and are ignored")
    return ours


def _data(task: Any) -> dict[str, Any]:
    data = task.get("data") if isinstance(task, dict) else None
    return data if isinstance(data, dict) else {}


class Notes:
    """What a person should know of annotations that were not read, or not whole: the first lines, and how many."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, line: str) -> None:
        self.count += 1
        if self.count <= SHOWN:
            print(f"label: {line}")

    def end(self) -> None:
        """Say how many lines were not shown."""
        if self.count > SHOWN:
            print(f"label: and {self.count - SHOWN} more of the kind")


def append_answers(exports: Sequence[tuple[str, Any]], people: dict[int, str]) -> None:
    """Append the rows of exports of our projects, by kind, and say how many.

    Raises InvalidExport where nothing of what was answered could be read.
    """
    notes = Notes()
    acts: list[Act] = []
    given: list[Row] = []
    named: list[Row] = []
    for kind, export in exports:
        if kind == "boxes":
            acts += box_rows(export, people, notes)
        elif kind in NAMING:
            named += name_rows(export, people, notes)
        else:
            given += (sheet_rows if kind == "sheets" else emotion_rows)(export, people, notes)
    notes.end()
    if notes.count and not acts and not given and not named:
        raise InvalidExport("nothing could be read of what was answered, for the reasons above: nothing was appended")
    # What one said of a face on a sheet and singly counts in the order in which it was said.
    given.sort(key=lambda row: row["annotated_at"])
    kinds = {kind for kind, _ in exports}
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.ANNOTATIONS_LOCK):  # one writer at a time, whatever other `toonset label` runs beside this one
        if "boxes" in kinds:
            new = append_acts(acts)
            counts = {"frames": len(acts), "boxes": sum(len(boxes) for _, boxes in acts), "new frames": new}
            say_counts("label boxes", counts)
        if kinds & NAMING:
            new = append_names(named)
            say_counts("label names", {"faces": len(named), "new": new, "there already": len(named) - new})
        if kinds - NAMING - {"boxes"}:
            new = append_rows(paths.EMOTIONS, given)
            say_counts("label emotions", {"answers": len(given), "new": new, "there already": len(given) - new})


def _say_boxes_of_each(params: Params, then: str) -> None:
    """Say how many boxes each character has by now, beside how many are needed; one line."""
    named = Counter(row["character"] for row in open_to_append(paths.BOXES, BOX_COLUMNS, BOX_FILE).table.records())
    each = ", ".join(f"{params.shown(name)} {named[name]}" for name in params.characters)
    print(f"  boxes so far, of about {ENOUGH_BOXES} each: {each}{then}")


def append_rows(path: Path, rows: Sequence[Row]) -> int:
    """Append to emotions.csv the rows that say something new; returns how many."""
    file = open_to_append(path, EMOTION_COLUMNS, EMOTION_FILE)
    before = _rows(file, EMOTION_FILE)
    # Whoever it is under: people change their addresses, and an exported file names nobody.
    known = {_answer(row) for row in before}
    last = {_of_whom(row): row["emotion"] for row in before}
    added = []
    for row in rows:
        if _answer(row) not in known and row["emotion"] != last.get(_of_whom(row)):
            last[_of_whom(row)] = row["emotion"]
            added.append(row)
    append(file, EMOTION_FILE, added)
    return len(added)


def append_names(rows: Sequence[Row]) -> int:
    """Append to names.csv the answers that are not there yet; returns how many.

    An answer that says what is said already is a row all the same: somebody else may have said something between.
    """
    file = open_to_append(paths.NAMES, BOX_COLUMNS, NAME_FILE)
    known = {_said_of(row) for row in _rows(file, NAME_FILE)}
    added = [row for row in rows if _said_of(row) not in known]
    append(file, NAME_FILE, added)
    return len(added)


def append_acts(acts: Sequence[tuple[Row, list[Row]]]) -> int:
    """Append to boxes.csv and frames.csv the frames that were boxed for the first time or differently; returns how
    many.

    Boxes are written first. If the program is killed between the two files, the frame does not count as done yet: the
    next pull adds it, and boxes that are already in the file are not written twice.
    """
    box_file = open_to_append(paths.BOXES, BOX_COLUMNS, BOX_FILE)
    frame_file = open_to_append(paths.FRAMES, FRAME_COLUMNS, FRAME_FILE)
    boxes, frames = _rows(box_file, BOX_FILE), _rows(frame_file, FRAME_FILE)
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
    append(box_file, BOX_FILE, new_boxes)
    append(frame_file, FRAME_FILE, new_frames)
    return len(new_frames)


def _answer(row: Row) -> tuple[str, ...]:
    """Where, what and when; who, where the time is not said."""
    when = row["annotated_at"]
    return (*(row[name] for name in PLACE), row["emotion"], when or row["annotator"])


def _said_of(row: Row) -> tuple[str, ...]:
    """Where, what and when; who, where the time is not said."""
    return (*(row[name] for name in PLACE), row["annotated_at"] or row["annotator"])


def _of_whom(row: Row) -> tuple[str, ...]:
    """The key by which a newer answer replaces an older one: the place, the annotator and the way of answering."""
    return (*(row[name] for name in PLACE), row["annotator"], row["given_by"])


def _rows(file: PeoplesFile, columns: Sequence[str]) -> list[Row]:
    """What a file says, with every one of `columns`; those it lacks are empty."""
    return [dict.fromkeys(columns, "") | row for row in file.table.records()]


def _frame_of(row: Row) -> tuple[str, ...]:
    return row["episode_id"], row["frame"], row["annotator"]


def _place_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in PLACE[2:])
