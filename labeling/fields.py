"""Single values of an export, held to their types: each function gives the value or raises InvalidExport."""

import reprlib
import unicodedata
from datetime import datetime
from typing import Any

from labeling.errors import InvalidExport

LONGEST = 1000
"""Characters of a name, at most: what is longer is no name, and would make a cell that other programs cannot read."""
LARGEST = 2**31
UNREADABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of pairs, and line breaks: none fits into a cell of one line."""


def text(value: Any, name: str, where: str) -> str:
    """A name or an answer of one line, without blanks around it."""
    if not isinstance(value, str):
        raise InvalidExport(f"{where} has {name} {shown(value)}; expected text")
    if len(value) > LONGEST:
        raise InvalidExport(f"{where} has {name} of {len(value):,} characters; expected at most {LONGEST:,}")
    if any(unicodedata.category(character) in UNREADABLE for character in value):
        raise InvalidExport(f"{where} has {name} {shown(value)}; expected text of one line")
    return value.strip()


def whole_text(value: Any, name: str, where: str) -> str:
    """A whole number as text."""
    if type(value) is not int or not abs(value) < LARGEST:
        raise InvalidExport(f"{where} has {name} {shown(value)}; expected a whole number below 2³¹")
    return str(value)


def number_text(value: int, name: str, where: str) -> str:
    """A number that Label Studio gave somebody or something, as text."""
    if not 0 <= value < 2**63:
        raise InvalidExport(f"{where} has {name} {shown(value)}; expected the number of a user")
    return str(value)


def moment(value: Any, name: str, where: str) -> str:
    """A date and time as Label Studio writes it; empty where it is not said."""
    if value is None or value == "":
        return ""
    try:
        datetime.fromisoformat(text(value, name, where))
    except ValueError as error:
        raise InvalidExport(f"{where} has {name} {shown(value)}; expected a date and time") from error
    return str(value).strip()


def finite(value: Any) -> bool:
    """Whether a value is a number that can be calculated with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(abs(value) < 1e15)


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    return reprlib.repr(value)
