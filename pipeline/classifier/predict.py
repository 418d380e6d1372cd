"""The emotions in pictures: face crops as they are, or, with cascades, the faces found in whole pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cascades import Cascade, Detector, chroma_of
from cascades.errors import PictureError
from cascades.pictures import SUFFIXES, read_picture
from pipeline.classifier.model import Classifier, Crops
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade, load_cascade
from pipeline.images import Pixels, Rectangle, cut_face, fit_height, to_gray
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


class Finder:
    """Looks for faces in whole pictures as the stage `faces` did for those that a classifier learned from."""

    def __init__(self, cascades: Sequence[CharacterCascade], crops: Crops) -> None:
        self._cascades, self._crops = cascades, crops
        self._detectors: dict[int, Detector] = {}

    def find(self, path: Path, rgb: Pixels) -> Iterator[Face]:
        """The faces in a picture, RGB uint8 [H, W, 3], cut out; by character, the surest first."""
        small, scale = fit_height(rgb, self._crops.max_height)
        detected = self._detector(scale).detect(to_gray(small), chroma=chroma_of(small))
        for known, own in zip(self._cascades, detected, strict=True):
            for box, score in zip(own.boxes.tolist(), own.scores.tolist(), strict=True):
                if score < known.min_score:
                    continue
                x, y, w, h = (round(value / scale) for value in box)
                crop = cut_face(rgb, (x, y, w, h), self._crops.margin, self._crops.size)
                yield Face(str(path), crop, (x, y, w, h), known.character, round(score, 4))

    def _detector(self, scale: float) -> Detector:
        """For pictures shrunk by `scale`: the least size of a face is given in px of the picture itself."""
        least = max(1, round(self._crops.min_size * scale))
        if least not in self._detectors:
            cascades = [one.cascade for one in self._cascades]
            self._detectors[least] = Detector(cascades, scale_factor=self._crops.scale_factor, min_size=least)
        return self._detectors[least]


def predict(
    paths: Sequence[Path],
    classifier: Classifier,
    cascades: Sequence[CharacterCascade] = (),
    margin: float | None = None,
) -> Iterator[dict[str, Any]]:
    """A row per face, in the order of the pictures, and one with status `rejected` and a reason where there is none.

    With cascades the faces are found in the pictures, and cut as those that the classifier learned from. Without, each
    picture is a face with `margin` around it, as a share of the longer side of its box (0: the picture is all face;
    None: as the faces that the classifier learned from).
    Keys: image, status; then reason, or emotion, probability, probabilities (of every emotion), and with cascades box
    (x, y, w, h px), character and score; `note` where the picture is hardly a face. Raises InputError where both
    cascades and a margin are given.
    """
    if cascades and margin is not None:
        raise InputError(
            f"a margin ({margin:g}) says how closely pictures of one face were cut; with cascades, faces are found in "
            "whole pictures and cut as the model needs them: leave one of the two out"
        )
    finder = Finder(cascades, classifier.about.crops) if cascades else None
    for rows in _batches(row for path in paths for row in _faces(path, finder)):
        faces = [row for row in rows if isinstance(row, Face)]
        judged = iter(classifier.predict([face.pixels for face in faces], margin).tolist())
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


def _faces(path: Path, finder: Finder | None) -> list[Face | dict[str, Any]]:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return [_rejected(path, f"a video: `toonset watch {path}` says who feels what in it, and when")]
    try:
        rgb = read_picture(path)
    except PictureError as error:
        return [_rejected(path, str(error).removeprefix(f"{path}: "))]
    if finder is None:
        return [Face(str(path), rgb, note=WHOLE if rgb.shape[1] >= WIDE * rgb.shape[0] else "")]
    found: list[Face | dict[str, Any]] = list(finder.find(path, rgb))
    return found or [_rejected(path, "no face found")]


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
