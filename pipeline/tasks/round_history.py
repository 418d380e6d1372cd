"""`annotations/rounds.csv`: what each round of labelling gained, and what that says about going on.

There is a row for each round and character. The file is only ever appended to. Its columns:

    round                        number of the round, from 1
    ended_at                     when it ended, UTC
    answers                      pages that people have answered so far in train scenes
    character                    the character of this row
    boxes, named                 its faces in train scenes that people drew, and that they named on sheets
    faces                        its faces in the validation scenes
    found_before, found          how many of these its detector of before and of now finds (at cascade.false_positives)
    average_precision_before, average_precision    of both detectors, on the same frames
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline import paths
from pipeline.labels.people_files import PeoplesFile, open_to_append
from pipeline.tasks.gains import Gain, Measured

NEEDED: Final = ["round", "answers", "character", "faces", "found_before", "found"]
ROUND_FILE: Final = [
    *("round", "ended_at", "answers", "character", "boxes", "named", "faces", "found_before", "found"),
    *("average_precision_before", "average_precision"),
]
ENOUGH: Final = 20
"""Answers over which the gain is judged."""
LEAST_FACES: Final = 10
"""Validation faces of a character from which on its gain says anything."""

Row = Mapping[str, str]


def open_history() -> PeoplesFile:
    """The file, to be read and appended to; there may be none yet."""
    return open_to_append(paths.ROUNDS, NEEDED, ROUND_FILE)


def last_round(history: Sequence[Row]) -> int:
    """The number of the last round; 0 where there was none."""
    return max((whole(row["round"]) for row in history), default=0)


def answers_so_far(history: Sequence[Row]) -> int:
    """The answers that the last round knew."""
    number = last_round(history)
    return max((whole(row["answers"]) for row in history if whole(row["round"]) == number), default=0)


def faces_so_far(history: Sequence[Row]) -> dict[str, int]:
    """The validation faces of each character that the last round knew."""
    number = last_round(history)
    return {row["character"]: whole(row["faces"]) for row in history if whole(row["round"]) == number}


def rows_of_round(
    number: int, ended_at: str, answers: int, learned: Mapping[str, tuple[int, int]], found: Sequence[Gain]
) -> list[dict[str, str]]:
    """The rows of a round. learned: of each character, drawn and named faces in train scenes."""
    return [
        {
            "round": str(number),
            "ended_at": ended_at,
            "answers": str(answers),
            "character": gain.character,
            **dict(zip(("boxes", "named"), map(str, learned[gain.character]), strict=True)),
            "faces": str(gain.faces),
            **_cells(gain.before, "_before"),
            **_cells(gain.now, ""),
        }
        for gain in found
    ]


def _cells(measured: Measured | None, ending: str) -> dict[str, str]:
    found, precision = ("", "") if measured is None else (measured.found, f"{measured.average_precision:.4f}")
    return {f"found{ending}": str(found), f"average_precision{ending}": str(precision)}


def advice(history: Sequence[Row], shown: Mapping[str, str]) -> str:
    """Whether more answers will help, in a sentence or two.

    It looks at the last rounds that have at least ENOUGH answers together. shown: what each character is called.
    """
    number, first = last_round(history), last_round(history)
    so_far = {whole(row["round"]): whole(row["answers"]) for row in history}
    while first > 1 and so_far[number] - so_far.get(first - 1, 0) < ENOUGH:
        first -= 1
    answers = so_far[number] - (so_far.get(first - 1, 0) if first > 1 else 0)
    if answers < ENOUGH:
        return f"{answers} answers so far are too few to say whether more will help; at least {ENOUGH} are needed"
    faces = faces_so_far(history)
    judged = [name for name in shown if faces.get(name, 0) >= LEAST_FACES]
    unknown = [f"{shown[name]} ({faces.get(name, 0)} faces)" for name in shown if name not in judged]
    rest = (
        f" For {', '.join(unknown)} it cannot be told: at least {LEAST_FACES} boxed faces in validation scenes are "
        "needed."
        if unknown
        else ""
    )
    changes = {
        name: sum(
            whole(row["found"]) - whole(row["found_before"])
            for row in history
            if row["character"] == name and whole(row["round"]) >= first
        )
        for name in judged
    }
    moved = [f"{shown[name]} {change:+d}" for name, change in changes.items() if change]
    if moved:
        return f"the last {answers} answers changed how many faces are found: {', '.join(moved)}. Go on.{rest}"
    if not judged:
        return f"whether more answers help is not known.{rest}"
    return (
        f"the last {answers} answers changed recall by less than a face ({', '.join(shown[name] for name in judged)}): "
        f"more answers will hardly help. You can stop.{rest}"
    )


def whole(cell: str) -> int:
    """A cell's whole number; 0 where it is empty or none."""
    return int(cell) if cell.isascii() and cell.isdecimal() else 0
