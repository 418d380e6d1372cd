"""Label configs: the XML that makes a Label Studio page, filled with the show's own names."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from defusedxml.ElementTree import ParseError, fromstring

from labeling.errors import InvalidLabelConfig

HOTKEYS = "1234567890qwertyuiop"
SLOT = "$choices"


def emotion_config(path: Path, choices: Sequence[str]) -> str:
    """The label config at `path` with one Choice, and its hotkey, per name in `choices`; names are escaped.

    Raises InvalidLabelConfig where the file has no `$choices` line, is no XML, or lacks the tags we read answers from.
    """
    try:
        template = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidLabelConfig(f"{path} is missing; `toonset new` in an empty directory makes a fresh one") from error
    slot = template.find(SLOT, template.find("-->") + 1)  # not the one that the comment at the top speaks of
    if slot < 0:
        raise InvalidLabelConfig(f"{path} has no {SLOT} where the emotions go; expected it inside <Choices>")
    if len(choices) > len(HOTKEYS):
        raise InvalidLabelConfig(f"{len(choices)} choices, but only {len(HOTKEYS)} hotkeys: {HOTKEYS}")
    before = template[template.rfind("\n", 0, slot) + 1 : slot]
    indent = before if before.isspace() else ""
    lines = [f'<Choice value={quoteattr(name)} hotkey="{key}"/>' for name, key in zip(choices, HOTKEYS, strict=False)]
    filled = template[:slot] + f"\n{indent}".join(lines) + template[slot + len(SLOT) :]
    _check(path, filled)
    return filled


def _check(path: Path, config: str) -> None:
    try:
        root = fromstring(config)
    except ParseError as error:
        raise InvalidLabelConfig(f"{path} is not well-formed XML once filled: {error}") from error
    found = [(tag.tag, tag.get("name")) for tag in root.iter() if tag.get("name")]
    for expected in (("Choices", "emotion"), ("Image", "face")):
        if expected not in found:
            tag, name = expected
            raise InvalidLabelConfig(f'{path} has no <{tag} name="{name}">; answers are read from that name')
