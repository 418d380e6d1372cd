"""The emotions in pictures: face crops as they are, or, with cascades, the faces found in whole pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cascades import Cascade, Detector, chroma_of
from cascades.errors import PictureError
from cascades.pictures import SUFFIXES, read_picture
from pipeline.classifier.model import Classifier
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade, load_cascade
from pipeline.images import (
    Pixels,
    Rectangle,
    fit_height,
    inside,
    repeat_edges,
    shrink,
    square_around,
    to_gray,
)
from pipeline.params import Faces
from pipeline.schemas import OK, REJECTED
from pipeline.video.sources import SUFFIXES as VIDEO_SUFFIXES

AT_ONCE: Final = 64
"""Pictures in memory."""
WIDE: Final = 4 / 3
"""Width over height from which on a picture is a frame rather than a face."""
WHOLE: Final = "it is as wide as a whole frame; --cascade models/cascades/CHARACTER.xml finds the faces in it first"
PIXELS_AT_ONCE: Final = 2**25
"""Pixels of all pictures in memory, but for one that is larger."""


@dataclass(frozen=True)
class Face:
    """A face to judge, and where it comes from; `box` and `character` are None where the picture is the face."""

    image: str
    pixels: Pixels
    box: Rectangle | None = None
    character: str | None = None
    score: float | None = None
    note: str = ""


def pictures_in(places: Sequence[Path]) -> list[Path]:
    """The files named, and those of the folders named, in order. Raises InputError for a place that is not there."""
    found: list[Path] = []
    for place in (given.expanduser() for given in places):
        if place.is_dir():
            found += sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
        elif place.exists():
            found.append(place)
        else:
            raise InputError(f"no picture {place.absolute()}: name image files, or folders of them")
    return found


def read_cascade(path: Path) -> CharacterCascade:
    """A cascade with the score that its project chose; without a side file (another program's) any score counts."""
    path = path.expanduser()
    if not path.exists():
        raise InputError(f"no cascade {path.absolute()}: `dvc repro` makes models/cascades/CHARACTER.xml")
    if path.with_suffix(".json").exists():
        return load_cascade(path.stem, path.parent)
    return CharacterCascade(path.stem, Cascade.load(path), 0.0)


def predict(
    paths: Sequence[Path], classifier: Classifier, cascades: Sequence[CharacterCascade] = ()
) -> Iterator[dict[str, Any]]:
    """A row per face, in the order of the pictures, and one with status `rejected` and a reason where there is none.

    Keys: image, status; then reason, or emotion, probability, probabilities (of every emotion), and with cascades box
    (x, y, w, h px), character and score; `note` where the picture is hardly a face.
    """
    settings = Faces()
    detector = Detector([one.cascade for one in cascades], scale_factor=settings.scale_factor) if cascades else None
    for rows in _batches(row for path in paths for row in _faces(path, detector, cascades)):
        faces = [row for row in rows if isinstance(row, Face)]
        judged = iter(classifier.predict([face.pixels for face in faces]).tolist())
        for row in rows:
            yield _answer(row, next(judged), classifier.emotions) if isinstance(row, Face) else row


def _batches(rows: Iterable[Face | dict[str, Any]]) -> Iterator[list[Face | dict[str, Any]]]:
    """Rows in turn, as many at once as memory may hold."""
    batch: list[Face | dict[str, Any]] = []
    pixels = 0
    for row in rows:
        batch.append(row)
        pixels += row.pixels.size // 3 if isinstance(row, Face) else 0
        if len(batch) >= AT_ONCE or pixels >= PIXELS_AT_ONCE:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _faces(path: Path, detector: Detector | None, cascades: Sequence[CharacterCascade]) -> list[Face | dict[str, Any]]:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return [_rejected(path, f"a video: `toonset watch {path}` says who feels what in it, and when")]
    try:
        rgb = read_picture(path)
    except PictureError as error:
        return [_rejected(path, str(error).removeprefix(f"{path}: "))]
    if detector is None:
        return [Face(str(path), rgb, note=WHOLE if rgb.shape[1] >= WIDE * rgb.shape[0] else "")]
    found: list[Face | dict[str, Any]] = list(find(path, rgb, detector, cascades))
    return found or [_rejected(path, "no face found")]


def find(path: Path, rgb: Pixels, detector: Detector, cascades: Sequence[CharacterCascade]) -> Iterator[Face]:
    """The faces in a picture, cut out as the stage `faces` does, by character, the surest first."""
    settings = Faces()
    small, scale = fit_height(rgb, settings.max_height)
    detected = detector.detect(to_gray(small), chroma=chroma_of(small))
    for known, own in zip(cascades, detected, strict=True):
        for box, score in zip(own.boxes.tolist(), own.scores.tolist(), strict=True):
            if score < known.min_score:
                continue
            x, y, w, h = (round(value / scale) for value in box)
            square = square_around((x, y, w, h), settings.crop_margin)
            part = inside(square, rgb.shape[1], rgb.shape[0])
            left, top, width, height = part
            crop = repeat_edges(rgb[top : top + height, left : left + width], part, square)
            side = min(crop.shape[0], settings.crop_size)
            yield Face(str(path), shrink(crop, side, side), (x, y, w, h), known.character, round(score, 4))


def _answer(face: Face, probabilities: list[float], emotions: Sequence[str]) -> dict[str, Any]:
    best = max(range(len(emotions)), key=lambda i: probabilities[i])
    row: dict[str, Any] = {"image": face.image, "status": OK}
    if face.box is not None:
        row |= {"box": list(face.box), "character": face.character, "score": face.score}
    if face.note:
        row |= {"note": face.note}
    each = {emotion: round(value, 6) for emotion, value in zip(emotions, probabilities, strict=True)}
    return row | {"emotion": emotions[best], "probability": round(probabilities[best], 6), "probabilities": each}


def _rejected(path: Path, reason: str) -> dict[str, Any]:
    return {"image": str(path), "status": REJECTED, "reason": reason}
