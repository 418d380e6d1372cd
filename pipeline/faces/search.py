"""Looking for faces in the frames of one scene: every so often in the whole picture, between only where faces are.

Most of a picture holds no face, and a face is in the next frame where it was in the last. So every `search_every`-th
frame is searched whole; a frame between is searched around what was found in the whole ones before and after it, which
costs a tenth. Where faces come, go or run between two whole ones, the frame in the middle is searched whole too, and so
on in the halves. A picture that has not changed since a whole one has its faces: drawn animation holds pictures for
seconds.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades import Detector
from pipeline import images
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.images import Pixels
from pipeline.params import Faces
from pipeline.video.frame import Frame

Item = TypeVar("Item")

REACH = 0.5
"""How far around a face is looked for it in the next frames, as a share of its side, each way."""
SIZES = 1.25
"""How much larger or smaller than known a face may be there: some for its growth, some for the windows that merge."""
STEP = 1.1
"""Ratio of neighbouring limits of size: searches with the same limits share a detector."""
BLOCK = 16
"""px of the shrunk picture: a picture has changed when the mean of some block has."""
SAME = 2
"""Levels (0–255) by which a block may differ in the same picture: what compression makes of it."""


class Region(NamedTuple):
    """Part of a shrunk frame, px from its edges, and the least and largest side of what is looked for there, px."""

    left: int
    top: int
    right: int
    bottom: int
    least: int
    largest: int

    def touches(self, other: "Region") -> bool:
        """Whether the two share a pixel."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def joined(self, other: "Region") -> "Region":
        """The smallest region that holds both, for the sizes of both."""
        low = (min(pair) for pair in zip(self, other, strict=True))
        high = (max(pair) for pair in zip(self, other, strict=True))
        left, top, _, _, least, _ = low
        _, _, right, bottom, _, largest = high
        return Region(left, top, right, bottom, least, largest)


@dataclass(frozen=True, eq=False)
class Look:
    """What was found in one frame, every detection of every cascade whatever its score.

    boxes    int64[N, 4]   faces, x, y, w, h in px of the source frame, inside it
    scores   float32[N]
    cascade  int64[N]      which of the cascades found it
    places   int64[N, 4]   the windows in which they were found, px of the shrunk frame
    """

    frame: Frame
    boxes: NDArray[np.int64]
    scores: NDArray[np.float32]
    cascade: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Small:
    """A frame as it is searched: gray uint8[H, W], chroma uint8[2, H/2, W/2] if some cascade needs it."""

    frame: Frame
    gray: Pixels
    chroma: Pixels | None
    scale: float


class Searcher:
    """Some cascades, ready to look through scenes."""

    def __init__(self, cascades: Sequence[CharacterCascade], params: Faces) -> None:
        self._cascades = [character.cascade for character in cascades]
        self._least = np.array([character.min_score for character in cascades], dtype=np.float32)
        self._params = params
        self._detectors: dict[tuple[int, int], Detector] = {}
        self._color = any(len(cascade.info.planes) > 1 for cascade in self._cascades)

    def scene(self, frames: Iterable[Frame]) -> Iterator[Look]:
        """Look through a scene; `frames` are all its frames, or those to be looked at, in order."""
        before: tuple[_Small, Look] | None = None
        between: list[_Small] = []
        looked_at = (frame for frame in frames if frame.index % self._params.every == 0)
        for frame, whole in with_whole(looked_at, self._params):
            small = self._shrunk(frame)
            if not whole:
                between.append(small)
                continue
            after = self._whole(small, before)
            if before is not None:
                yield from self._gap(before, between, after)
            yield after[1]
            before, between = after, []

    def _gap(self, before: tuple[_Small, Look], between: list[_Small], after: tuple[_Small, Look]) -> Iterator[Look]:
        """Look at the frames between two that were searched whole; if faces come, go or run, search the middle one too.

        So a face that crosses the picture is followed, and where nothing happens nothing is searched twice.
        """
        if not between or self._still(before[1], after[1]):
            for waiting in between:
                yield self._between(waiting, [before, after])
            return
        half = len(between) // 2
        middle = self._whole(between[half], before)
        yield from self._gap(before, between[:half], middle)
        yield middle[1]
        yield from self._gap(middle, between[half + 1 :], after)

    def _still(self, before: Look, after: Look) -> bool:
        """Whether each cascade has the same faces in two frames, each within reach of where it was."""
        for cascade, least in enumerate(self._least):
            one, other = (look.places[(look.cascade == cascade) & (look.scores >= least)] for look in (before, after))
            if not (within_reach(one, other) and within_reach(other, one)):
                return False
        return True

    def _shrunk(self, frame: Frame) -> _Small:
        gray, scale = images.fit_height(frame.gray, self._params.max_height)
        return _Small(frame, gray, images.fit_chroma(frame.chroma, gray) if self._color else None, scale)

    def _whole(self, small: _Small, before: tuple[_Small, Look] | None) -> tuple[_Small, Look]:
        """The picture that was searched, this one or an earlier one that is the same, and what is in it."""
        if before is not None and is_same_picture(small.gray, before[0].gray):
            # The earlier picture goes on being what others are compared with: small changes must not add up.
            return before[0], _carried(before[1], small.frame)
        height, width = small.gray.shape
        return small, self._search(small, [Region(0, 0, width, height, 1, max(width, height))])

    def _between(self, small: _Small, known: list[tuple[_Small, Look]]) -> Look:
        for other, look in known:
            if is_same_picture(small.gray, other.gray):
                return _carried(look, small.frame)
        places = [look.places[look.scores >= self._least[look.cascade]] for _, look in known]
        height, width = small.gray.shape
        return self._search(small, search_regions(np.concatenate(places), width, height))

    def _detector(self, least: int, largest: int) -> Detector:
        if (least, largest) not in self._detectors:
            self._detectors[least, largest] = Detector(
                self._cascades, scale_factor=self._params.scale_factor, min_size=least, max_size=largest
            )
        return self._detectors[least, largest]

    def _search(self, small: _Small, regions: list[Region]) -> Look:
        """Run the cascades in the regions of a frame."""
        least = max(1, round(self._params.min_size * small.scale))
        boxes, scores, cascade, places = [], [], [], []
        for left, top, right, bottom, low, largest in regions:
            chroma = small.chroma
            if chroma is not None:
                chroma = np.ascontiguousarray(chroma[:, top // 2 : -(-bottom // 2), left // 2 : -(-right // 2)])
            gray = np.ascontiguousarray(small.gray[top:bottom, left:right])
            found = self._detector(max(low, least), largest).detect(gray, chroma=chroma)
            for index, detections in enumerate(found):
                boxes.append(detections.boxes.astype(np.int64) + (left, top, 0, 0))
                places.append(detections.windows.astype(np.int64) + (left, top, 0, 0))
                scores.append(detections.scores)
                cascade.append(np.full(len(detections.scores), index, dtype=np.int64))
        if not boxes:
            return _nothing(small.frame)
        source = _in_source(np.concatenate(boxes), small)
        fine = (source[:, 2:] >= 2).all(axis=1)
        return Look(
            small.frame,
            source[fine],
            np.concatenate(scores)[fine],
            np.concatenate(cascade)[fine],
            np.concatenate(places)[fine],
        )


def with_whole(frames: Iterable[Item], params: Faces) -> Iterator[tuple[Item, bool]]:
    """The looked-at frames of a scene, and which are searched whole: every so many, always the first and the last."""
    step = max(1, params.search_every // params.every)
    waiting: list[Item] = []
    for number, frame in enumerate(frames):
        if waiting:
            yield waiting.pop(), (number - 1) % step == 0
        waiting = [frame]
    for last in waiting:
        yield last, True


def within_reach(places: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Whether each of some places int64[N, 4] (x, y, w, h) has one of the others int64[M, 4] within its REACH."""
    if not len(places) or not len(others):
        return not len(places)
    middles, wanted = (one[:, :2] + one[:, 2:] / 2 for one in (others, places))
    away = np.abs(wanted[:, None] - middles[None]).max(axis=2)
    return bool((away.min(axis=1) <= REACH * places[:, 2:].max(axis=1)).all())


def search_regions(places: NDArray[np.int64], width: int, height: int) -> list[Region]:
    """Where to look, in a picture of this size, around known places int64[N, 4] (x, y, w, h px).

    Regions that touch are joined, so that no face is found twice; corners are even, to cut halved chroma exactly.
    """
    regions = []
    for x, y, w, h in places.tolist():
        side = max(w, h)
        reach = math.ceil(REACH * side)
        left, top = max(0, x - reach) & ~1, max(0, y - reach) & ~1
        right, bottom = min(width, x + w + reach), min(height, y + h + reach)
        least = STEP ** math.floor(math.log(side / SIZES, STEP))
        largest = STEP ** math.ceil(math.log(side * SIZES, STEP))
        regions.append(Region(left, top, right, bottom, round(least), round(largest)))
    while touching := next((pair for pair in combinations(regions, 2) if pair[0].touches(pair[1])), None):
        regions = [region for region in regions if region not in touching] + [touching[0].joined(touching[1])]
    return regions


def is_same_picture(gray: Pixels, other: Pixels) -> bool:
    """Whether two pictures uint8[H, W] differ nowhere by more than compression explains."""
    height, width = gray.shape
    difference = np.asarray(cv2.absdiff(gray, other), dtype=np.uint8)
    return bool(images.shrink(difference, max(1, width // BLOCK), max(1, height // BLOCK)).max() <= SAME)


def _carried(look: Look, frame: Frame) -> Look:
    return Look(frame, look.boxes, look.scores, look.cascade, look.places)


def _nothing(frame: Frame) -> Look:
    empty = np.zeros((0, 4), dtype=np.int64)
    return Look(frame, empty, np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64), empty)


def _in_source(boxes: NDArray[np.int64], small: _Small) -> NDArray[np.int64]:
    """Boxes int64[N, 4] of the shrunk frame in px of the source frame, clipped to it."""
    height, width = small.frame.gray.shape
    source = np.rint(boxes / small.scale).astype(np.int64)
    corner = np.maximum(source[:, :2], 0)
    size = np.minimum(source[:, 2:], np.array([width, height]) - corner)
    return np.concatenate([corner, size], axis=1)
