"""Label configs: the XML that makes a Label Studio page, filled with the show's own names."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import canonicalize
from xml.sax.saxutils import quoteattr

from defusedxml.ElementTree import ParseError, fromstring

from labeling.answers import MIXED, NOBODY, UNNAMED
from labeling.errors import InvalidLabelConfig

HOTKEYS = "1234567890qwertyuiop"
SHEET_KEYS = "1234567890qwertyuiopasdf"
"""The keys of a contact sheet's faces, in reading order."""
NAME_KEYS = "ghjklzxcvb"
"""The keys of the characters on a sheet of one group; no key of its faces is among them."""
GUIDE = "$guide"
"""Where the box page has the address of the picture that shows how to box."""
LEFT_OUT = "some face here is not boxed"
"""The box page's choice for a frame that is not complete."""
KEYS = "$keys"
"""Where the page of groups has the keys of the faces."""
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
"""Names by id where everything is shown by its id."""
ANSWERS: Final[Mapping[str, str]] = MappingProxyType({NOBODY: "none of these, or no face", MIXED: "mixed"})
"""What the page of groups shows for its two answers that are no character."""
COLORS = ("#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f")


class Kind(StrEnum):
    """What people are asked in one Label Studio project."""

    BOXES = "boxes"
    EMOTIONS = "emotions"
    SHEETS = "sheets"
    REVIEW = "review"
    NAMES = "names"
    NOES = "noes"


@dataclass(frozen=True)
class Page:
    """One of our labelling pages: its file, the placeholder that is filled in, and the tags answers are read from."""

    file: str
    slot: str
    names: tuple[tuple[str, str], ...]


PAGES = {
    "boxes": Page("boxes.xml", "$labels", (("RectangleLabels", "box"), ("Image", "frame"), ("Choices", "left_out"))),
    "emotions": Page("emotions.xml", "$choices", (("Choices", "emotion"), ("Image", "face"))),
    "review": Page("emotions.xml", "$choices", (("Choices", "emotion"), ("Image", "face"))),
    "sheets": Page("sheets.xml", "$choices", (("Choices", "wrong"), ("Image", "sheet"))),
    "names": Page("names.xml", "$choices", (("Choices", "who"), ("Choices", "wrong"), ("Image", "sheet"))),
    "noes": Page("names.xml", "$choices", (("Choices", "who"), ("Choices", "wrong"), ("Image", "sheet"))),
}


def emotion_config(path: Path, choices: Sequence[str], names: Mapping[str, str] = NO_NAMES) -> str:
    """The label config at `path` with one Choice and its hotkey for each of `choices`.

    names: what is shown instead of a choice; answers hold the choice all the same. Both are escaped.
    """
    if len(choices) > len(HOTKEYS):
        raise InvalidLabelConfig(f"{len(choices)} choices, but only {len(HOTKEYS)} hotkeys: {HOTKEYS}")
    tags = [f'<Choice {_shown(one, names)} hotkey="{key}"/>' for one, key in zip(choices, HOTKEYS, strict=False)]
    return fill(path, PAGES["emotions"], tags)


def box_config(path: Path, characters: Sequence[str], names: Mapping[str, str] = NO_NAMES) -> str:
    """The label config at `path` with one Label, its hotkey and color per character; `names` as in `emotion_config`."""
    keys = HOTKEYS.replace("0", "")  # taken by the page's own choice
    if len(characters) > len(keys):
        raise InvalidLabelConfig(f"{len(characters)} characters, but only {len(keys)} hotkeys: {keys}")
    tags = [
        f'<Label {_shown(one, names)} hotkey="{keys[i]}" background="{COLORS[i % len(COLORS)]}"/>'
        for i, one in enumerate(characters)
    ]
    return fill(path, PAGES["boxes"], tags).replace(GUIDE, _picture(path.with_suffix(".jpg")))


def _picture(path: Path) -> str:
    """A JPEG file as an address that holds it; empty where there is none: the page then shows no picture."""
    try:
        return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    except FileNotFoundError:
        return ""


def _shown(choice: str, names: Mapping[str, str]) -> str:
    """The attributes of a choice: Label Studio shows `value`, and puts `alias` into answers where there is one."""
    name = names.get(choice, choice)
    return f"value={quoteattr(name)}" + (f" alias={quoteattr(choice)}" if name != choice else "")


def sheet_config(path: Path) -> str:
    """The label config at `path` with a Choice for each place of a sheet, named like its key."""
    return fill(path, PAGES["sheets"], _keys())


def _keys() -> list[str]:
    return [f'<Choice value="{key}" hotkey="{key}"/>' for key in SHEET_KEYS]


def name_config(path: Path, characters: Sequence[str], names: Mapping[str, str] = NO_NAMES) -> str:
    """The label config at `path` for a sheet of one group: a Choice and its hotkey for each character, for none of
    these, for a mixed group, and for each place of the sheet.

    `names` as in `emotion_config`. Raises InvalidLabelConfig where there are more characters than keys, too.
    """
    if len(characters) > len(NAME_KEYS):
        raise InvalidLabelConfig(
            f"{len(characters)} characters, but a sheet of groups has only {len(NAME_KEYS)} keys for them: {NAME_KEYS}"
        )
    taken = [name for name in characters if name in (NOBODY, MIXED, UNNAMED)]
    if taken:
        raise InvalidLabelConfig(f"a character is called {taken[0]!r}, which is an answer of the page: rename it")
    tags = [f'<Choice {_shown(one, names)} hotkey="{key}"/>' for one, key in zip(characters, NAME_KEYS, strict=False)]
    tags += [f'<Choice {_shown(one, ANSWERS)} hotkey="{key}"/>' for one, key in ((NOBODY, "n"), (MIXED, "m"))]
    return fill(path, PAGES["names"], tags).replace(KEYS, "".join(_keys()))


def fill(path: Path, page: Page, tags: Sequence[str]) -> str:
    """A page's file with its tags in the slot.

    Raises InvalidLabelConfig where the file has no such slot, is no XML, or lacks the tags we read answers from.
    """
    try:
        template = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidLabelConfig(f"{path} is missing; `toonset new` in an empty directory makes a fresh one") from error
    slot = template.find(page.slot, template.find("-->") + 1)  # not the one that the comment at the top speaks of
    if slot < 0:
        raise InvalidLabelConfig(f"{path} has no {page.slot}; expected it where the names of params.yaml go")
    before = template[template.rfind("\n", 0, slot) + 1 : slot]
    indent = before if before.isspace() else ""
    filled = template[:slot] + f"\n{indent}".join(tags) + template[slot + len(page.slot) :]
    try:
        lacking = missing_tags(filled, page)
    except ParseError as error:
        raise InvalidLabelConfig(f"{path} is not well-formed XML once filled: {error}") from error
    if lacking:
        raise InvalidLabelConfig(f"{path} has no {lacking[0]}; answers are read from that name")
    return filled


def missing_tags(config: str, page: Page) -> list[str]:
    """The tags we read answers from that a label config lacks."""
    found = {(tag.tag, tag.get("name")) for tag in fromstring(config).iter()}
    return [f'<{tag} name="{name}">' for tag, name in page.names if (tag, name) not in found]


def offered(config: str) -> list[str]:
    """Everything a label config lets an annotator choose, as answers name it."""
    return [
        tag.get("alias") or tag.get("value") or ""
        for tag in fromstring(config).iter()
        if tag.tag in ("Choice", "Label")
    ]


def same_config(first: str, second: str) -> bool:
    """Whether two label configs are the same, apart from white space and comments."""
    try:
        fromstring(first), fromstring(second)  # refuses what canonicalize would expand
        return canonicalize(first, strip_text=True) == canonicalize(second, strip_text=True)
    except ParseError:
        return first == second
