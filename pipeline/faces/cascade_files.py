"""A character's cascade on disk: `C.xml` (OpenCV's format) and `C.json`, which holds what the XML has no place for.

The side file is the library's own; in its `calibration` this pipeline keeps `min_score`, from which score on a
detection counts, and what that was chosen for.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cascades import Cascade
from pipeline import paths
from pipeline.errors import InputError


@dataclass(frozen=True)
class CharacterCascade:
    """A cascade, whose face it finds, and from which score on a detection counts."""

    character: str
    cascade: Cascade
    min_score: float


def save_cascade(character: str, cascade: Cascade, calibration: dict[str, Any], folder: Path = paths.CASCADES) -> None:
    """Write `C.xml` and `C.json`; `calibration` holds both scores and how they were chosen."""
    folder.mkdir(parents=True, exist_ok=True)
    cascade.save(folder / f"{character}.xml")
    calibrated = replace(cascade, info=replace(cascade.info, calibration=calibration))
    calibrated.to_side_file(folder / f"{character}.json")


def load_cascade(character: str, folder: Path = paths.CASCADES) -> CharacterCascade:
    """Read `C.xml` and `C.json`. Raises InputError where a score is not known, CascadeError for a damaged file."""
    path = folder / f"{character}.xml"
    if not path.exists():
        raise InputError(f"{path} is missing; `dvc repro cascade@{character}` makes it")
    cascade = Cascade.load(path)
    score = cascade.info.calibration.get("min_score")
    if not isinstance(score, int | float) or score <= 0:
        raise InputError(
            f"{path.with_suffix('.json')} has min_score {score!r}, expected a number above 0; "
            f"`dvc repro --force cascade@{character}` makes it again"
        )
    return CharacterCascade(character, cascade, float(score))
