"""What may stand in a table's text columns: ids and file names become names of files, so they are held to that.

A table may come from somebody else. An id such as `../../x` in it would lead out of the project, and votes that are no
votes would end in a traceback far from their cause. So every table is checked as it is read, by the names of its
columns, which mean the same in every table.
"""

import hashlib
import json
import reprlib
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

ID: Final = r"^[A-Za-z0-9_-]{1,200}$"
FILE: Final = r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,199}$"
SHA256: Final = r"^[0-9a-f]{64}$"
PATTERNS: Final = {
    "episode_id": (ID, "letters, digits, - and _"),
    "face_id": (ID, "letters, digits, - and _"),
    "cluster": (ID, "letters, digits, - and _"),
    "character": (ID, "letters, digits, - and _"),
    "emotion": (ID, "letters, digits, - and _"),
    "split": (ID, "letters, digits, - and _"),
    "path": (FILE, "the name of a file in data/episodes"),
    "sha256": (SHA256, "64 hexadecimal digits"),
    "episode_sha256": (SHA256, "64 hexadecimal digits"),
}
"""Column → what its values match, in RE2's syntax, and in words. Null is no value."""
COUNTS: Final = ("votes", "remarks")
"""Columns of JSON objects that count answers."""
MOST_VOTES: Final = 1_000_000


def fault_of(table: pa.Table, as_given: frozenset[str] = frozenset()) -> str:
    """The first value that may not stand where it does, with its column and row, or an empty string.

    as_given: columns that hold what a person wrote, whatever it was.
    """
    for name in table.column_names:
        if name in as_given:
            continue
        if name in PATTERNS:
            pattern, words = PATTERNS[name]
            wrong = pc.invert(pc.match_substring_regex(table[name], pattern))
            if pc.any(wrong).as_py():
                row = pc.index(wrong, True).as_py()
                return f"{name} of row {row + 1} is {reprlib.repr(table[name][row].as_py())}, expected {words}"
        elif name in COUNTS:
            for row, text in enumerate(table[name].to_pylist()):
                if text is not None and not _are_counts(text):
                    return f"{name} of row {row + 1} is {reprlib.repr(text)}, expected a JSON object of counts"
    return ""


def _are_counts(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and all(type(n) is int and 0 <= n <= MOST_VOTES for n in value.values())


def face_hash(sha256: str, pts: int, character: str, box: tuple[int, int, int, int]) -> str:
    """A face_id: the same face found again has the same one."""
    x, y, w, h = box
    text = f"{sha256} {pts} {character} {x} {y} {w} {h}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]
