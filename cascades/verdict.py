"""How a trained cascade does on pictures it has not seen: which faces it misses, what it takes for faces, and what the
misses have in common.

Everything is counted at one least score, that of a rate of false positives per image. A statement is made only where a
property is at least MUCH times as common among the misses as among the faces that are found.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box, as_array, intersection_over_union
from cascades.detector import Detections, Detector
from cascades.evaluation import Roc, evaluate, match
from cascades.model import Cascade
from cascades.words import counted

FPPI: Final = 0.1
"""False positives per image at which misses are counted."""
NEAR_EDGE: Final = 2  # px
DARK, FLAT, WITHIN = 64, 16, 0.1  # mean gray level, standard deviation of gray levels, IoU with a misplaced detection
FEWEST, LEAST_SHARE, MUCH = 3, 0.2, 2.0


@dataclass(frozen=True)
class Face:
    """A boxed face of a validation image.

    overlap   IoU of the detection that overlaps it most, among those at or above the least score
    weaker    whether a detection below the least score is right
    mean      of the gray levels of the image
    spread    standard deviation of the gray levels in the box
    """

    image: int
    box: Box
    found: bool
    overlap: float
    weaker: bool
    smaller: bool
    at_edge: bool
    mean: float
    spread: float


@dataclass(frozen=True)
class Alarm:
    """A detection that is no face: where, how sure, and its IoU with the face that it overlaps most."""

    image: int
    box: Box
    score: float
    overlap: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """The curve on validation images, and at the least score `score` all faces and false alarms, strongest first.

    keys  what the images are called
    """

    roc: Roc
    score: float
    faces: tuple[Face, ...]
    alarms: tuple[Alarm, ...]
    keys: tuple[str, ...]

    @property
    def misses(self) -> list[Face]:
        return [face for face in self.faces if not face.found]


@dataclass(frozen=True)
class Property:
    """What faces may have in common; `says` follows a number: singular, plural."""

    says: tuple[str, str]
    has: Callable[[Face], bool]
    helps: str
    of_misses: bool = False  # by its nature, found faces never have it


PROPERTIES: Final = (
    Property(
        ("is smaller than the window", "are smaller than the window"), lambda face: face.smaller,
        "Such faces are hardly found. Enlarge the pictures that you search, or train with a smaller --width and "
        "--height.",
    ),
    Property(
        ("is at the edge of the picture", "are at the edge of the picture"), lambda face: face.at_edge,
        "Box faces at the edge in more training pictures.",
    ),
    Property(
        ("is in a dark picture", "are in dark pictures"), lambda face: face.mean < DARK,
        "Box faces in more dark training pictures.",
    ),
    Property(
        ("has little contrast", "have little contrast"), lambda face: face.spread < FLAT,
        "Box faces with little contrast in more training pictures.",
    ),
    Property(
        ("has a detection over it that fits badly", "have a detection over them that fits badly"),
        lambda face: not face.found and face.overlap >= WITHIN,
        "It overlaps the box by less than half. Look at the pictures below: are all boxes drawn in the same way?",
        True,
    ),
    Property(
        ("is found with a lower score", "are found with a lower score"), lambda face: not face.found and face.weaker,
        "You can find such faces now if you accept more false alarms. More boxes and more pictures without the face "
        "make the scores better.",
        True,
    ),
)  # fmt: skip


def look(cascade: Cascade, images: Sequence[AnnotatedImage], threads: int = 1) -> Verdict:
    """Run the cascade over annotated images and compare what it finds with the boxes."""
    detector = Detector([cascade], threads=threads)
    found: list[Detections] = []
    truths: list[NDArray[np.int64]] = []
    complete: list[bool] = []
    keys: list[str] = []
    about: list[list[tuple[bool, bool, float, float]]] = []
    for i in range(len(images)):
        image = images[i]
        found.append(detector.detect(image.gray, chroma=image.chroma)[0])
        truths.append(as_array(image.boxes))
        complete.append(image.negatives)
        keys.append(image.key)
        about.append([_about(box, image.gray, cascade.window) for box in image.boxes])
    roc = evaluate(found, truths, complete=complete)
    score = roc.score_at(FPPI)
    faces: list[Face] = []
    alarms: list[Alarm] = []
    for i, (one, truth) in enumerate(zip(found, truths, strict=True)):
        # `match` goes from the strongest down, so leaving out the weakest changes nothing for the others.
        matched = match(one.boxes, one.scores, truth)
        taken = one.scores >= score
        overlap = intersection_over_union(one.boxes.astype(np.int64), truth)
        for k, box in enumerate(truth.tolist()):
            best = float(overlap[taken, k].max(initial=0.0))
            right = matched == k
            faces.append(
                Face(i, Box(*box), bool((right & taken).any()), best, bool((right & ~taken).any()), *about[i][k])
            )
        for k in np.flatnonzero(taken & (matched < 0)).tolist() if complete[i] else ():
            nearest = float(overlap[k].max(initial=0.0))
            alarms.append(Alarm(i, Box(*one.boxes[k].tolist()), float(one.scores[k]), nearest))
    alarms.sort(key=lambda alarm: -alarm.score)
    return Verdict(roc, score, tuple(faces), tuple(alarms), tuple(keys))


def _about(box: Box, gray: NDArray[np.uint8], window: tuple[int, int]) -> tuple[bool, bool, float, float]:
    """The last four fields of `Face`."""
    height, width = gray.shape
    inside = gray[max(box.y, 0) : max(box.y + box.h, 0), max(box.x, 0) : max(box.x + box.w, 0)]
    spread = float(inside.std()) if inside.size else 0.0
    right, bottom = width - box.x - box.w, height - box.y - box.h
    # The detector's windows have the window's shape, and a box is squared to it on its longer side.
    smaller = max(box.w / window[0], box.h / window[1]) < 1
    return smaller, min(box.x, box.y, right, bottom) <= NEAR_EDGE, float(gray.mean()), spread


def statements(verdict: Verdict) -> list[str]:
    """What would help next, each with the numbers it rests on."""
    misses, found = verdict.misses, [face for face in verdict.faces if face.found]
    said = []
    for one in PROPERTIES:
        among, others = sum(map(one.has, misses)), sum(map(one.has, found))
        share = among / max(len(misses), 1)
        if among < FEWEST or share < LEAST_SHARE or share < MUCH * others / max(len(found), 1):
            continue
        rest = f"; of the {counted(len(found), 'faces')} that are found, {others or 'none'}"
        rest = rest if found and not one.of_misses else ""
        said.append(f"{among} of {counted(len(misses), 'misses')} {one.says[among != 1]}{rest}. {one.helps}")
    where = Counter(alarm.image for alarm in verdict.alarms)
    for image, count in where.most_common(1):
        if count >= FEWEST and count >= LEAST_SHARE * len(verdict.alarms) and len(where) > 1:
            said.append(
                f"{count} of {counted(len(verdict.alarms), 'false alarms')} are in {verdict.keys[image]}. Add pictures "
                "like it to the training, with all faces boxed."
            )
    return said
