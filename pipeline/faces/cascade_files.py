"""A character's cascade on disk: `C.xml` (OpenCV's format) and `C.json`, which holds what the XML has no place for.

The side file is the library's own; in its `calibration` this pipeline keeps `min_score`, from which score on a
detection counts, and what that was chosen for.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cascades import Cascade
from pipeline import paths
from pipeline.errors import InputError
from pipeline.tables import replacing, write_json, write_text

UNTRAINED = '<?xml version="1.0"?>\n<!-- toonset: no cascade yet. -->\n<opencv_storage>\n</opencv_storage>\n'
"""What stands in place of a cascade, because DVC expects a file."""


@dataclass(frozen=True)
class CharacterCascade:
    """A cascade, whose face it finds, and from which score on a detection counts."""

    character: str
    cascade: Cascade
    min_score: float


def save_cascade(character: str, cascade: Cascade, calibration: dict[str, Any], folder: Path = paths.CASCADES) -> None:
    """Write `C.xml` and `C.json`; `calibration` holds both scores and how they were chosen."""
    calibrated = replace(cascade, info=replace(cascade.info, calibration=calibration))
    with replacing(folder / f"{character}.xml") as xml, replacing(folder / f"{character}.json") as side:
        cascade.save(xml)
        calibrated.to_side_file(side)


def save_untrained(character: str, reason: str, folder: Path = paths.CASCADES) -> None:
    """Write `C.xml` and `C.json` of a character who has no cascade yet: they only say so, and why."""
    write_text(folder / f"{character}.xml", UNTRAINED)
    write_json(folder / f"{character}.json", {"untrained": reason})


def why_untrained(character: str, folder: Path = paths.CASCADES) -> str:
    """Why a character has no cascade yet; empty where there is one, or where no stage has looked."""
    try:
        found = json.loads((folder / f"{character}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # `load_cascade` says what is wrong with it
        return ""
    return str(found["untrained"]) if isinstance(found, dict) and "untrained" in found else ""


def trained(characters: Sequence[str], folder: Path = paths.CASCADES) -> tuple[str, ...]:
    """The characters who have a cascade, those included whose files are missing: they are an error to be told."""
    return tuple(character for character in characters if not why_untrained(character, folder))


def found_cascades(characters: Sequence[str], what: str, folder: Path = paths.CASCADES) -> list[CharacterCascade]:
    """The cascades that there are, in the order of `characters`; a line says who has none.

    what: the command, which begins that line. Raises InputError where nobody has one.
    """
    there = [name for name in trained(characters, folder) if (folder / f"{name}.xml").exists()]
    if not there:
        raise InputError(f"there is no cascade in {folder}: `dvc repro` trains one for each character who has boxes")
    missing = [name for name in characters if name not in there]
    if missing:
        print(f"{what}: {', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no cascade yet: not searched for")
    return [load_cascade(name, folder) for name in there]


def load_cascade(character: str, folder: Path = paths.CASCADES) -> CharacterCascade:
    """Read `C.xml` and `C.json`. Raises InputError where a score is not known, CascadeError for a damaged file."""
    path = folder / f"{character}.xml"
    if not path.exists():
        raise InputError(f"{path} is missing; `dvc repro cascade` makes it")
    reason = why_untrained(character, folder)
    if reason:
        raise InputError(f"{path} is no cascade yet: {reason}")
    cascade = Cascade.load(path)
    score = cascade.info.calibration.get("min_score")
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 < score < 1e30:
        raise InputError(
            f"{path.with_suffix('.json')} has min_score {score!r}, expected a number above 0; "
            f"`dvc repro cascade` makes it again"
        )
    return CharacterCascade(character, cascade, float(score))


def digest_of_cascades(characters: Iterable[str], folder: Path = paths.CASCADES) -> str:
    """sha256 of the characters' cascades as they are on disk now. Raises InputError where one is missing."""
    digest = hashlib.sha256()
    for character in characters:
        for ending in ("xml", "json"):
            path = folder / f"{character}.{ending}"
            try:
                digest.update(path.read_bytes())
            except FileNotFoundError as error:
                raise InputError(f"{path} is missing; `dvc repro cascade` makes it") from error
    return digest.hexdigest()
