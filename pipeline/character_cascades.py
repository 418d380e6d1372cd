"""A character's cascade on disk: `C.xml` (OpenCV's format) and `C.json`, which holds what the XML has no place for."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cascades import Cascade
from pipeline.errors import InputError
from pipeline.tables import write_json

FOLDER = Path("models/cascades")


@dataclass(frozen=True)
class CharacterCascade:
    """A cascade, whose face it finds, and from which score on a detection counts."""

    character: str
    cascade: Cascade
    min_score: float


@dataclass(frozen=True)
class SideFile:
    """What stands in `C.json`.

    min_score: least score of a detection that counts. false_positives_per_frame: what it was chosen for, and
    chosen_on: on how many complete frames of which split. margin: share of the face's side added on each side before
    training; boxes found are shrunk by it again.
    """

    character: str
    min_score: float
    false_positives_per_frame: float
    chosen_on: str
    margin: float
    stop_rule: str


def save_cascade(cascade: Cascade, side_file: SideFile, folder: Path = FOLDER) -> None:
    """Write `C.xml` and `C.json`."""
    cascade.save(folder / f"{side_file.character}.xml")
    write_json(folder / f"{side_file.character}.json", asdict(side_file))


def load_cascade(character: str, folder: Path = FOLDER) -> CharacterCascade:
    """Read `C.xml` and `C.json`. Raises InputError where the side file is missing or not one."""
    path = folder / f"{character}.json"
    try:
        side_file = json.loads(path.read_text(encoding="utf-8"))
        return CharacterCascade(character, Cascade.load(folder / f"{character}.xml"), float(side_file["min_score"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no side file of a cascade ({error}); `dvc repro cascade@{character}` makes it"
        ) from error
