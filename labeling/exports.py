"""Label Studio's JSON export of our tasks → rows of boxes.csv, frames.csv and emotions.csv.

Only ids, places and answers are read, never a path or an address, and all are held to their types: a server's answer is
somebody else's file.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from labeling.config import LEFT_OUT, SHEET_KEYS
from labeling.errors import InvalidExport
from labeling.tasks import FACE_FIELDS

PLACE = ("episode_id", "frame", "character", "x", "y", "w", "h")
WHOLE = ("frame", "x", "y", "w", "h", "width", "height")
WRONG = {"character": "wrong-character", "emotion": "wrong-emotion"}
"""The answer for a face marked on a sheet, by what the sheet claims."""
RIGHT_CHARACTER = "right-character"

Row = dict[str, str]


def emotion_rows(export: Any, people: Mapping[int, str] | None = None) -> Iterator[Row]:
    """A row per submitted annotation of a face, with the answer as it was given, whatever params.yaml says today.

    export: the parsed JSON (the format Label Studio calls JSON). people: e-mail addresses by user id. Skipped tasks and
    cancelled annotations have no row. Raises InvalidExport for anything that is not such an export.
    """
    for number, data, annotation in _annotations(export, FACE_FIELDS):
        answers = _choices(annotation, "emotion")
        if answers:
            shown = {name: str(data.get(name) or "") for name in ("suggested", "guess")}
            how = {"given_by": str(data.get("given_by") or "task")} | shown
            yield _place(data, number) | {"emotion": answers[0]} | _act(annotation, people) | how


def sheet_rows(export: Any, people: Mapping[int, str] | None = None) -> Iterator[Row]:
    """A row per face of every submitted sheet: the claim where it was not marked, that it is wrong where it was."""
    for number, data, annotation in _annotations(export, ("claim", "kind", "faces")):
        claim, kind, faces = str(data["claim"]), str(data["kind"]), data["faces"]
        if kind not in WRONG or not isinstance(faces, list) or len(faces) > len(SHEET_KEYS):
            raise InvalidExport(f"task {number} is no sheet of ours: kind {kind!r}, faces {str(faces)[:40]!r}")
        marked = set(_choices(annotation, "wrong"))
        right = claim if kind == "emotion" else RIGHT_CHARACTER
        for key, face in zip(SHEET_KEYS, faces, strict=False):
            answer = {"emotion": WRONG[kind] if key in marked else right}
            # Not a guess: what a sheet claims says nothing about whether a guess beside one face sways people.
            shown = {"given_by": "sheet", "suggested": claim, "guess": ""}
            yield _place(face, number) | answer | _act(annotation, people) | shown


def box_rows(export: Any, people: Mapping[int, str] | None = None) -> Iterator[tuple[Row, list[Row]]]:
    """The frame's row and its boxes' rows for every submitted annotation of a frame; a frame may have no box."""
    for number, data, annotation in _annotations(export, ("episode_id", "frame", "width", "height")):
        place = _checked(data, ("episode_id", "frame", "width", "height"), number)
        act = _act(annotation, people)
        frame = {name: place[name] for name in ("episode_id", "frame")}
        size = int(place["width"]), int(place["height"])
        drawn = list(_rectangles(annotation.get("result", []), size))
        boxes = [frame | {"character": label} | box | act for label, box in drawn if label]
        # Who drew a rectangle and gave it no name has seen a face that we know nothing of.
        complete = "0" if LEFT_OUT in _choices(annotation, "left_out") or len(boxes) < len(drawn) else "1"
        yield frame | {"complete": complete} | act, boxes


def _annotations(export: Any, fields: tuple[str, ...]) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Every submitted annotation with its task's data, in the order in which they were made."""
    if not isinstance(export, list):
        raise InvalidExport(
            "expected a list of tasks (export as JSON), found something else (in Label Studio: Export → JSON)"
        )
    found = []
    for number, task in enumerate(export):
        data = task.get("data") if isinstance(task, dict) else None
        missing = [name for name in fields if not isinstance(data, dict) or name not in data]
        if missing or not isinstance(data, dict):
            raise InvalidExport(f"task {number} lacks {', '.join(missing)}: it was not made by toonset")
        found += [
            (str(annotation.get("updated_at") or ""), number, data, annotation)
            for annotation in task.get("annotations", [])
            if not annotation.get("was_cancelled")
        ]
    for _, number, data, annotation in sorted(found, key=lambda one: one[:2]):
        yield number, data, annotation


def _place(data: Any, number: int) -> Row:
    return _checked(data, PLACE, number)


def _checked(data: Any, names: tuple[str, ...], number: int) -> Row:
    """The named values as text, whole numbers as such."""
    row = {}
    for name in names:
        value = data.get(name) if isinstance(data, dict) else None
        good = isinstance(value, int) and not isinstance(value, bool) if name in WHOLE else isinstance(value, str)
        if not good:
            expected = "a whole number" if name in WHOLE else "text"
            raise InvalidExport(f"task {number} has {name} {value!r}; expected {expected}")
        row[name] = str(value)
    return row


def _act(annotation: Mapping[str, Any], people: Mapping[int, str] | None) -> Row:
    """Who answered, when, and how long it took."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        annotator = str(by.get("email") or by.get("id") or "")
    else:
        annotator = (people or {}).get(by, str(by)) if isinstance(by, int) else str(by or "")
    lead = annotation.get("lead_time")
    return {
        "annotator": annotator,
        "annotated_at": str(annotation.get("updated_at") or ""),
        "lead_time_s": f"{lead:.1f}" if isinstance(lead, int | float) else "",
    }


def _choices(annotation: Mapping[str, Any], name: str) -> list[str]:
    for result in annotation.get("result", []):
        if result.get("from_name") == name:
            return [str(choice) for choice in result.get("value", {}).get("choices", [])]
    return []


def _rectangles(results: list[Any], size: tuple[int, int]) -> Iterator[tuple[str, Row]]:
    """Label (empty where there is none) and box of every rectangle; from percent of the picture to px of the frame."""
    width, height = size
    for result in results:
        if result.get("from_name") != "box":
            continue
        value = result.get("value", {})
        edges = [value.get(name) for name in ("x", "y", "width", "height")]
        labels = value.get("rectanglelabels", [])
        if not all(isinstance(edge, int | float) for edge in edges):
            continue
        left, top = edges[0] * width / 100, edges[1] * height / 100
        right, bottom = left + edges[2] * width / 100, top + edges[3] * height / 100
        x, y = round(left), round(top)
        yield (
            str(labels[0]) if labels else "",
            {"x": str(x), "y": str(y), "w": str(round(right) - x), "h": str(round(bottom) - y)},
        )
