"""What a character or an emotion is called where people read it, in any script.

An id (`wukong`) names files, columns and cells. A name (`孫悟空`) is shown on pages, in tasks and in the card.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

MOST: Final = 64
"""Characters in a name."""
REFUSED: Final = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that no name may hold: control characters, halves of characters, line breaks."""
DIRECTIONS: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of the text after them. A right-to-left name needs none of them."""


def fault_of(name: Any) -> str:
    """What is wrong with a name, or an empty string."""
    if not isinstance(name, str):
        return f"is {name!r}; expected text"
    if not name.strip():
        return f"is {name!r}; expected a name, or leave it out: then the id is shown"
    if name != name.strip():
        return f"is {name!r}; it begins or ends with a space"
    if len(name) > MOST:
        return f"has {len(name)} characters; expected at most {MOST}"
    for character in name:
        if unicodedata.category(character) in REFUSED or character in DIRECTIONS:
            return f"is {name!r}; it holds the character U+{ord(character):04X}, which cannot be shown"
    return ""


def columns_of(text: str) -> int:
    """How many columns a text takes in a terminal: wide characters take two, marks on others none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def split_entries(entries: Any, what: str) -> tuple[Any, dict[str, Any]]:
    """A list of ids and `{id, name}` entries as the list of ids, and the names by id.

    what: the list's key in params.yaml, for messages. Raises ValueError where an entry has other keys.
    """
    if not isinstance(entries, list):
        return entries, {}
    ids, names = [], {}
    for number, entry in enumerate(entries):
        if isinstance(entry, Mapping):
            if set(entry) != {"id", "name"}:
                found = ", ".join(map(str, entry)) or "nothing"
                raise ValueError(f"`{what}[{number}]` has {found}; expected an id, or id and name")
            if isinstance(entry["id"], str):
                names[entry["id"]] = entry["name"]
            ids.append(entry["id"])
        else:
            ids.append(entry)
    return ids, names
