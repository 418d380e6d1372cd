"""Label Studio's JSON export of our tasks → rows of boxes.csv, frames.csv, names.csv and emotions.csv.

Only ids, places and answers are read, never a path or an address, and all types are checked: the export is a file that
somebody else wrote.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from labeling.answers import CONTESTED, MIXED, PLACE, RIGHT_CHARACTER, UNNAMED
from labeling.config import SHEET_KEYS
from labeling.errors import InvalidExport
from labeling.fields import finite, moment, number_text, shown, text, whole_text
from labeling.shapes import read_shapes
from labeling.tasks import FACE_FIELDS, NAMED_FIELDS

WHOLE = ("frame", "x", "y", "w", "h", "width", "height")

Row = dict[str, str]
Act = tuple[Row, list[Row]]
"""The frame's row, and the rows of its boxes."""
Say = Callable[[str], object]
Read = TypeVar("Read")


def emotion_rows(export: Any, people: Mapping[int, str] | None = None, say: Say | None = None) -> list[Row]:
    """A row per submitted annotation of a face, with the answer as it was given, whatever params.yaml says today.

    export: the parsed JSON (the format Label Studio calls JSON). people: e-mail addresses by user id. Skipped tasks and
    cancelled annotations have no row. say: is told of every annotation that cannot be read, in one line; without it the
    first one raises InvalidExport. What is no such export at all raises it always.
    """

    def read(where: str, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> list[Row]:
        answers = _ticked(annotation, "emotion", where)
        if len(answers) > 1:
            raise InvalidExport(
                f"{where} has {len(answers)} emotions ticked ({', '.join(answers)}), expected one: correct it in Label "
                "Studio"
            )
        how = {"given_by": _said(data, "given_by", where) or "task"}
        how |= {name: _said(data, name, where) for name in ("suggested", "guess")}
        return [
            _checked(data, PLACE, where) | {"emotion": answer} | _act(annotation, people, where) | how
            for answer in answers
        ]

    return _each_annotation(export, FACE_FIELDS, read, say)


def sheet_rows(export: Any, people: Mapping[int, str] | None = None, say: Say | None = None) -> list[Row]:
    """A row per face of every submitted sheet: the claim where it was not marked, that it is wrong where it was.

    The arguments are those of `emotion_rows`.
    """

    def read(where: str, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> list[Row]:
        claim, kind, faces = text(data["claim"], "claim", where), data["kind"], data["faces"]
        if not isinstance(kind, str) or kind not in CONTESTED:
            raise InvalidExport(f"{where} is no sheet of ours: kind is {shown(kind)}")
        if not isinstance(faces, list) or len(faces) > len(SHEET_KEYS):
            raise InvalidExport(f"{where} is no sheet of ours: faces is {shown(faces)}")
        marked = _ticked(annotation, "wrong", where)
        odd = [key for key in marked if key not in SHEET_KEYS[: len(faces)]]
        if odd:
            raise InvalidExport(f"{where} marks {shown(odd[0])}, which is no key of its {len(faces)} faces")
        right = claim if kind == "emotion" else RIGHT_CHARACTER
        act = _act(annotation, people, where)
        # Not a guess: what a sheet claims says nothing about whether a guess beside one face sways people.
        how = {"given_by": "sheet", "suggested": claim, "guess": ""}
        return [
            _checked(face, PLACE, where) | {"emotion": CONTESTED[kind] if key in marked else right} | act | how
            for key, face in zip(SHEET_KEYS, faces, strict=False)
        ]

    return _each_annotation(export, ("claim", "kind", "faces"), read, say)


def name_rows(export: Any, people: Mapping[int, str] | None = None, say: Say | None = None) -> list[Row]:
    """A row per face of every submitted sheet of a group: its place, with the name, NOBODY or UNNAMED as `character`.

    A marked face is UNNAMED, and so is every face of a mixed group. The arguments are those of `emotion_rows`.
    """

    def read(where: str, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> list[Row]:
        faces = data["faces"]
        if data["kind"] != "names" or not isinstance(faces, list) or len(faces) > len(SHEET_KEYS):
            raise InvalidExport(f"{where} is no sheet of ours: kind is {shown(data['kind'])}")
        answers, marked = _ticked(annotation, "who", where), _ticked(annotation, "wrong", where)
        if len(answers) != 1:
            raise InvalidExport(f"{where} has {len(answers)} names ticked, expected one: correct it in Label Studio")
        odd = [key for key in marked if key not in SHEET_KEYS[: len(faces)]]
        if odd:
            raise InvalidExport(f"{where} marks {shown(odd[0])}, which is no key of its {len(faces)} faces")
        name = UNNAMED if answers[0] == MIXED else answers[0]
        act = _act(annotation, people, where) | {"given_by": "sheet"}
        return [
            _checked(face, NAMED_FIELDS, where) | {"character": UNNAMED if key in marked else name} | act
            for key, face in zip(SHEET_KEYS, faces, strict=False)
        ]

    return _each_annotation(export, ("kind", "faces"), read, say)


def box_rows(export: Any, people: Mapping[int, str] | None = None, say: Say | None = None) -> list[Act]:
    """The frame's row and its boxes' rows for every submitted annotation of a frame; a frame may have no box.

    A shape that is no rectangle, or has no name, is a face that we know nothing of: the frame does not count as
    complete then, and `say` is told why. The arguments are those of `emotion_rows`.
    """

    def read(where: str, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> list[Act]:
        place = _checked(data, ("episode_id", "frame", "width", "height"), where)
        act = _act(annotation, people, where)
        frame = {name: place[name] for name in ("episode_id", "frame")}
        shapes = read_shapes(_results(annotation, "box", where), (int(place["width"]), int(place["height"])))
        boxes = [
            frame | {"character": text(shape.label, "rectanglelabels", where)} | shape.box | act
            for shape in shapes
            if not shape.problem
        ]
        unknown = [f"shape {n} {shape.problem}" for n, shape in enumerate(shapes, start=1) if shape.problem]
        if unknown and say:
            say(
                f"{where}: {'; '.join(unknown[:3])}{' and more' * (len(unknown) > 3)}: frame {frame['frame']} of "
                f"{frame['episode_id']} counts as not complete"
            )
        complete = "0" if unknown or _ticked(annotation, "left_out", where) else "1"
        return [(frame | {"complete": complete} | act, boxes)]

    return _each_annotation(export, ("episode_id", "frame", "width", "height"), read, say)


def _each_annotation(
    export: Any,
    fields: tuple[str, ...],
    read: Callable[[str, Mapping[str, Any], Mapping[str, Any]], list[Read]],
    say: Say | None,
) -> list[Read]:
    """What `read` makes of every submitted annotation, in the order in which they were made."""
    if not isinstance(export, list):
        raise InvalidExport(
            "expected a list of tasks (export as JSON), found something else (in Label Studio: Export → JSON)"
        )
    found: list[tuple[str, int, list[Read]]] = []
    for number, task in enumerate(export):
        where = _name(task, number)
        try:
            data = _data(task, fields, where)
            annotations = task.get("annotations")
            if not isinstance(annotations, list):
                raise InvalidExport(f"{where}: annotations is {shown(annotations)}, expected a list")
        except InvalidExport as fault:
            _tell(fault, say)
            continue
        for index, annotation in enumerate(annotations, start=1):
            which = f"{where}, annotation {index}"
            try:
                if not _cancelled(annotation, which):
                    made = moment(annotation.get("updated_at"), "updated_at", which)
                    found.append((made, number, read(which, data, annotation)))
            except InvalidExport as fault:
                _tell(fault, say)
    return [one for _, _, read_here in sorted(found, key=lambda one: one[:2]) for one in read_here]


def _tell(fault: InvalidExport, say: Say | None) -> None:
    if say is None:
        raise fault
    say(f"{fault}; it was left out")


def _name(task: Any, number: int) -> str:
    """What to call a task in a message: the number that Label Studio shows, else its place in the file."""
    own = task.get("id") if isinstance(task, dict) else None
    return f"task {own}" if type(own) is int and 0 <= own < 2**63 else f"the task in place {number + 1}"


def _data(task: Any, fields: tuple[str, ...], where: str) -> Mapping[str, Any]:
    data = task.get("data") if isinstance(task, dict) else None
    missing = [name for name in fields if not isinstance(data, dict) or name not in data]
    if missing or not isinstance(data, dict):
        raise InvalidExport(f"{where} lacks {', '.join(missing)}: it was not made by toonset")
    return data


def _cancelled(annotation: Any, where: str) -> bool:
    """Whether an annotation was skipped. Raises InvalidExport where it is none."""
    if not isinstance(annotation, dict):
        raise InvalidExport(f"{where} is {shown(annotation)}, expected an annotation")
    cancelled = annotation.get("was_cancelled", False)
    if cancelled not in (True, False, None) or (isinstance(cancelled, int | float) and type(cancelled) is not bool):
        raise InvalidExport(f"{where}: was_cancelled is {shown(cancelled)}, expected true or false")
    return bool(cancelled)


def _checked(data: Any, names: tuple[str, ...], where: str) -> Row:
    """The named values as text, whole numbers as such."""
    if not isinstance(data, dict):
        raise InvalidExport(f"{where}: faces has {shown(data)}, expected a face")
    return {name: (whole_text if name in WHOLE else text)(data.get(name), name, where) for name in names}


def _said(data: Mapping[str, Any], name: str, where: str) -> str:
    value = data.get(name)
    return "" if value is None or value == "" else text(value, name, where)


def _act(annotation: Mapping[str, Any], people: Mapping[int, str] | None, where: str) -> Row:
    """Who answered, when, and how long it took."""
    by, lead = annotation.get("completed_by"), annotation.get("lead_time")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    if type(by) is int:
        by = (people or {}).get(by) or number_text(by, "completed_by", where)
    if lead is not None and not finite(lead):
        raise InvalidExport(f"{where}: lead_time is {shown(lead)}, expected a number of seconds")
    return {
        "annotator": "" if by is None or by == "" else text(by, "completed_by", where),
        "annotated_at": moment(annotation.get("updated_at"), "updated_at", where),
        "lead_time_s": "" if lead is None else f"{lead:.1f}",
    }


def _results(annotation: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    """What an annotation holds of the control called `name`."""
    results = annotation.get("result")
    if not isinstance(results, list):
        raise InvalidExport(f"{where}: result is {shown(results)}, expected a list")
    for result in results:
        named = isinstance(result, dict) and (isinstance(result.get("from_name"), str) or _is_relation(result))
        if not named:
            raise InvalidExport(f"{where}: result has {shown(result)}, expected an answer with its from_name")
    return [result for result in results if result.get("from_name") == name]


def _is_relation(result: Mapping[str, Any]) -> bool:
    """Whether it is an arrow between two shapes, which has no name."""
    return result.get("type") == "relation" and "from_name" not in result


def _ticked(annotation: Mapping[str, Any], name: str, where: str) -> list[str]:
    """The choices ticked under `name`, each once."""
    ticked: list[str] = []
    for result in _results(annotation, name, where):
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(choices, list):
            raise InvalidExport(f"{where}: {name} is {shown(value)}, expected choices")
        ticked += [text(choice, name, where) for choice in choices]
    return list(dict.fromkeys(ticked))
