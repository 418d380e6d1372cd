"""The faces in a picture that somebody asks about: the picture itself, or what cascades find in a whole frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cascades.boxes import intersection_over_union as iou
from cascades.pictures import read_picture
from pipeline.classifier.model import Classifier
from pipeline.classifier.predict import WIDE, Face, Finder, read_cascade
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade, found_cascades
from pipeline.faces.tracks import SAME_FACE_IOU
from pipeline.images import Pixels, Rectangle
from pipeline.params import Params
from pipeline.video.sources import SUFFIXES as VIDEO_SUFFIXES

MOST: Final = 12
"""Faces of one frame that are looked for, the surest ones."""


@dataclass(frozen=True)
class Asked:
    """A face to look for: RGB uint8 [H, W, 3] with `margin` around it; box and character: None of a whole picture."""

    pixels: Pixels
    margin: float
    box: Rectangle | None = None
    character: str | None = None


def faces_asked(
    path: Path, classifier: Classifier, params: Params, cascades: Sequence[Path] = (), margin: float | None = None
) -> list[Asked]:
    """The faces in a picture file.

    cascades: files of cascades that find them. margin: the picture is one face with so much around it. Neither: a
    picture as wide as a frame is searched with the project's cascades, any other is taken for one face.
    Raises InputError where there is no face, PictureError where the file is no picture.
    """
    if cascades and margin is not None:
        raise InputError(
            f"--margin {margin:g} says that the picture is one face, --cascade that it is a whole frame: leave one out"
        )
    path = path.expanduser()
    if path.suffix.lower() in VIDEO_SUFFIXES:
        raise InputError(f"{path} is a video, expected a picture: save a frame of it and search with that")
    rgb = read_picture(path)
    known = [read_cascade(file) for file in cascades]
    if not known:
        if margin is not None or rgb.shape[1] < WIDE * rgb.shape[0]:
            return [Asked(rgb, classifier.about.crops.margin if margin is None else margin)]
        known = found_cascades(params.characters, "search")
    found = strongest(list(Finder(known, classifier.about.crops).find(path, rgb)), known)
    if not found:
        names = ", ".join(one.character for one in known)
        raise InputError(
            f"{path}: no face found in it (looked for {names}); if the picture is one face, give --margin: how much is "
            "around the face on each side, as a share of it (0: cut close)"
        )
    return [Asked(face.pixels, classifier.about.crops.margin, face.box, face.character) for face in found[:MOST]]


def strongest(faces: Sequence[Face], cascades: Sequence[CharacterCascade]) -> list[Face]:
    """The faces, the surest first; of those that several cascades found at one place the surest alone."""
    least = {one.character: one.min_score or 1.0 for one in cascades}
    order = sorted(faces, key=lambda face: (-float(face.score or 0) / least[str(face.character)], str(face.character)))
    kept: list[Face] = []
    for face in order:
        boxes = np.array([other.box for other in kept], dtype=np.int64).reshape(-1, 4)
        if iou(np.array([face.box], dtype=np.int64), boxes).max(initial=0.0) < SAME_FACE_IOU:
            kept.append(face)
    return kept
