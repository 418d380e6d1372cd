"""params.yaml as DVC reads it, YAML 1.2 by ruamel.yaml, less what would be read as something else than it says.

Everything is checked while the text is parsed, before any value is made: how deep it goes, how large it gets with its
aliases followed, that no tag asks for a type, that numbers are finite decimal numbers.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 200_000
"""Values with every alias followed: ten thousand episodes have 110,000."""
DEEPEST: Final = 20
DECIMAL: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
KIND: Final = "tag:yaml.org,2002:"


class InvalidYaml(ValueError):
    """The text cannot be used; the message is one line and names the line of the text."""


@dataclass
class _Open:
    """A list or mapping that is being read: its anchor, the values in it so far, how deep it goes below itself."""

    anchor: str | None
    values: int = 1
    height: int = 1


def read_yaml(content: bytes) -> Any:
    """The value of a YAML document in UTF-8. Raises InvalidYaml."""
    if len(content) > MOST_BYTES:
        raise InvalidYaml(f"it has {len(content):,} bytes, expected at most {MOST_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidYaml(f"it is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8") from error
    try:
        _check(YAML(typ="safe", pure=True).parse(text))
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        said = [error.context or "it cannot be read"] if not error.problem or error.problem.startswith("but ") else []
        raise InvalidYaml(where + _one_line(" ".join([*said, error.problem or ""]))) from error
    except YAMLError as error:
        raise InvalidYaml(_one_line(str(error))) from error


def _check(events: Iterable[Event]) -> None:
    """Raise InvalidYaml where a document would be too large or says something that is easily taken for another."""
    resolver = YAML(typ="safe", pure=True).resolver
    opened = [_Open(None)]
    known: dict[str, tuple[int, int]] = {}
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent) and event.version not in (None, (1, 2)):
            raise InvalidYaml(f"line {line}: it asks for another YAML than 1.2; remove the line that begins with %YAML")
        if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent):
            _check_tag(event, line)
        if isinstance(event, ScalarEvent):
            if event.style is None and event.implicit[0]:
                _check_plain(event.value, resolver.resolve(ScalarNode, event.value, (True, False)), line)
            _add(opened, known, event.anchor, 1, 1, line)
        elif isinstance(event, AliasEvent):
            if event.anchor not in known:
                raise InvalidYaml(f"line {line}: *{event.anchor} stands for what it is a part of, or for nothing")
            _add(opened, known, None, *known[event.anchor], line)
        elif isinstance(event, SequenceStartEvent | MappingStartEvent):
            opened.append(_Open(event.anchor))
            if len(opened) > DEEPEST:
                raise InvalidYaml(f"line {line}: lists and mappings stand more than {DEEPEST} deep in one another")
        elif isinstance(event, SequenceEndEvent | MappingEndEvent):
            done = opened.pop()
            _add(opened, known, done.anchor, done.values, done.height, line)


def _add(
    opened: list[_Open], known: dict[str, tuple[int, int]], anchor: str | None, values: int, height: int, line: int
) -> None:
    """Count a finished value into the one it stands in."""
    if anchor is not None:
        known[anchor] = values, height
    opened[-1].values += values
    opened[-1].height = max(opened[-1].height, height + 1)
    if sum(one.values for one in opened) > MOST_VALUES:
        raise InvalidYaml(f"line {line}: more than {MOST_VALUES:,} values, with every alias (*) followed")
    if len(opened) + height > DEEPEST:
        raise InvalidYaml(f"line {line}: lists and mappings stand more than {DEEPEST} deep in one another")


def _check_tag(event: ScalarEvent | SequenceStartEvent | MappingStartEvent, line: int) -> None:
    tag = str(event.tag) if event.tag is not None else ""
    if tag and tag not in (f"{KIND}str", f"{KIND}seq", f"{KIND}map"):
        raise InvalidYaml(f"line {line}: the tag {tag.replace(KIND, '!!')[:40]} asks for a type; remove it")


def _check_plain(text: str, tag: Any, line: int) -> None:
    """Hold a word without quotation marks to what it says: a number is a finite decimal one, and a date is text."""
    kind = str(tag).removeprefix(KIND)
    quoted = f"for text, put it in quotation marks: '{text[:40]}'"
    if kind == "timestamp":
        raise InvalidYaml(f"line {line}: {text[:40]} is a date; {quoted}")
    if kind not in ("int", "float"):
        return
    if not DECIMAL.fullmatch(text):
        raise InvalidYaml(f"line {line}: {text[:40]} is no finite decimal number such as 10 or 1e-3; {quoted}")
    if kind == "int":
        if len(text) > 19 or abs(int(text)) >= 2**63:
            raise InvalidYaml(f"line {line}: {text[:40]} is too large for a whole number; {quoted}")
        return
    number = float(text)
    digits = re.split("[eE]", text)[0]
    if not math.isfinite(number) or (number == 0 and re.search("[1-9]", digits)):
        raise InvalidYaml(f"line {line}: {text[:40]} is too large or too small a number; {quoted}")


def _one_line(message: str) -> str:
    return " ".join(message.split())[:300]
