"""Values as damaged files and other programs leave them: one value of a JSON document replaced, seeded.

Used by the tests of every reader of JSON, and by the soak benchmark. A reader may refuse a mutated document with one of
our errors or read it; anything else is a fault of the reader.
"""

import copy
import json
import math
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

ODD: tuple[Any, ...] = (
    None, math.nan, math.inf, -math.inf, True, False, 0, -1, 1.5, 2**31, 2**63, -(2**63), 10**400, 1e308, 5e-324,
    "", " ", "x", "٣", "1_0", "two\nlines", "tab\tbed", "\0", "\ud800", "../../etc/passwd", "=1+1",
    "<script>", "x" * 200_000, [], [None], [[]], [1, "x"], {}, {"a": None}, {"": {}},
)  # fmt: skip
"""What takes a value's place."""
DEEP = 500
"""Lists inside one another, of the deepest value."""


def places(value: Any, here: Path = ()) -> Iterator[Path]:
    """Where each value of a document stands, the document itself first."""
    yield here
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*here, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*here, index))


def mutate(document: Any, dice: random.Random) -> tuple[Any, str]:
    """A copy with one value replaced, removed or doubled, and what was done where."""
    made = copy.deepcopy(document)
    place = dice.choice(list(places(made)))
    what = dice.choice(["replace"] * 8 + ["remove", "double", "rename", "deep"])
    odd = _deep() if what == "deep" else copy.deepcopy(dice.choice(ODD))
    if not place:
        return odd, f"{what} everything: {str(odd)[:40]!r}"
    parent = made
    for step in place[:-1]:
        parent = parent[step]
    last: Any = place[-1]
    if what == "remove":
        del parent[last]
    elif what == "double" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[last]))
    elif what == "rename" and isinstance(parent, dict):
        parent[f"{last}_"] = parent.pop(last)
    else:
        parent[last] = odd
    return made, f"{what} {'.'.join(map(str, place))}: {str(odd)[:40]!r}"


def damage(content: bytes, dice: random.Random) -> tuple[bytes, str]:
    """A file's bytes with some flipped, cut off, doubled or zeroed, and what was done where."""
    what = dice.choice(["flip", "flip", "flip", "cut", "zero", "double"])
    at = dice.randrange(max(1, len(content)))
    if what == "cut":
        return content[:at], f"cut at {at}"
    length = min(dice.choice([1, 1, 4, 64, 1024]), len(content) - at)
    part = content[at : at + length]
    new = {"flip": bytes(byte ^ dice.randrange(1, 256) for byte in part), "zero": bytes(length), "double": part * 2}[
        what
    ]
    return content[:at] + new + content[at + length :], f"{what} {length} at {at}"


def to_text(document: Any) -> str:
    """JSON as Python writes it: NaN, Infinity and halves of pairs included."""
    return json.dumps(document)


def _deep() -> Any:
    value: Any = []
    for _ in range(DEEP):
        value = [value]
    return value
