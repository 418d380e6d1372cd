"""`cv2.CascadeClassifier` for programs that were written for it: OpenCV's names, defaults, types and results.

The windows are the exact detector's; the groups are `rectangles`'. Results have the order in which OpenCV finds them
with one thread; with more, OpenCV's own order changes from run to run.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.contrast import level_contrast
from cascades.detector import window_size
from cascades.errors import CascadeError, OpenCVError
from cascades.features import HaarFeatures
from cascades.flat import FlatHaar, flatten
from cascades.flat_lbp import FlatLbp, flatten_lbp
from cascades.lbp import scan_lbp
from cascades.model import Cascade
from cascades.planes import GRAY
from cascades.pyramid import Layout, build_level, layout, prepared, stripes
from cascades.rectangles import EPS, Answer, Groups, Levels, Rectangles, group, group_rectangles
from cascades.scan import LevelWindows, scan
from cascades.scratch import Scratch
from cascades.sharing import Workers

Image = NDArray[Any] | None
Size = Sequence[int] | NDArray[Any] | None
ANY: tuple[int, int] = (0, 0)
HAAR, LBP = 0, 1  # cv::FeatureEvaluator
MOST_SCALES = 10_000


class CascadeClassifier:
    """A cascade behind the interface of `cv2.CascadeClassifier`.

    threads  processor threads of one call, at most; a small picture is not worth them all. OpenCV takes all there
             are. They change the time, never the result.

    A file that is no cascade leaves the classifier empty, as in OpenCV; the first use of it then says why.
    Every error is an `OpenCVError`, which is a `cv2.error`.
    """

    def __init__(self, filename: str | os.PathLike[str] = "", *, threads: int = 1) -> None:
        if not isinstance(filename, str | os.PathLike):
            raise OpenCVError(f"filename is {filename!r}, expected a path")
        if threads < 1:
            raise OpenCVError(f"threads is {threads}, expected at least 1")
        self._cascade: Cascade | None = None
        self._flat: FlatHaar | FlatLbp | None = None
        self._why = "no file was loaded"
        self._scratch = Scratch()
        self._workers = Workers(threads)
        if os.fspath(filename):
            self.load(filename)

    def load(self, filename: str | os.PathLike[str]) -> bool:
        """Read a cascade; False where there is none that can be read. What was loaded before is gone either way."""
        self._cascade, self._flat, self._why = None, None, ""
        try:
            cascade = Cascade.load(Path(filename))
        except (CascadeError, OSError, ValueError) as error:  # ValueError: a null character in the name
            self._why = str(error)
            return False
        if cascade.info.planes != GRAY:
            self._why = f"{os.fspath(filename)} looks at color, which this interface cannot: use cascades.Detector"
            return False
        self._cascade = cascade
        self._flat = flatten(cascade) if isinstance(cascade.features, HaarFeatures) else flatten_lbp(cascade)
        return True

    def empty(self) -> bool:
        """Whether no cascade is loaded."""
        return self._flat is None

    def getOriginalWindowSize(self) -> tuple[int, int]:
        """Width and height of the cascade's window, px."""
        return self._loaded().window

    def getFeatureType(self) -> int:
        """0 for Haar, 1 for LBP."""
        return LBP if isinstance(self._loaded(), FlatLbp) else HAAR

    def isOldFormatCascade(self) -> bool:
        """Always False, as since OpenCV 3: cascades in the format from before 2.4 are converted when they are read."""
        self._loaded()
        return False

    @staticmethod
    def convert(oldcascade: str | os.PathLike[str], newcascade: str | os.PathLike[str]) -> bool:
        """Write a cascade in the format from before OpenCV 2.4 anew in today's; False where it cannot be read."""
        try:
            Cascade.load(Path(oldcascade)).save(Path(newcascade))
        except (CascadeError, OSError):
            return False
        return True

    def detectMultiScale(
        self,
        image: Image,
        scaleFactor: float | None = 1.1,
        minNeighbors: int | None = 3,
        flags: int | None = 0,
        minSize: Size = ANY,
        maxSize: Size = ANY,
    ) -> Answer:
        """Rectangles x, y, w, h int32[N, 4] px, or `()` where there is none.

        image  uint8[H, W], or BGR or BGRA uint8[H, W, 3 or 4]; flags change nothing, as since OpenCV 3
        """
        groups = self._detect(image, scaleFactor, minNeighbors, minSize, maxSize)
        return groups.rectangles if len(groups.rectangles) else ()

    def detectMultiScale2(
        self,
        image: Image,
        scaleFactor: float | None = 1.1,
        minNeighbors: int | None = 3,
        flags: int | None = 0,
        minSize: Size = ANY,
        maxSize: Size = ANY,
    ) -> tuple[Answer, Answer]:
        """As `detectMultiScale`, and how many windows were merged into each rectangle, int32[N]."""
        groups = self._detect(image, scaleFactor, minNeighbors, minSize, maxSize)
        return (groups.rectangles, groups.counts) if len(groups.rectangles) else ((), ())

    def detectMultiScale3(
        self,
        image: Image,
        scaleFactor: float | None = 1.1,
        minNeighbors: int | None = 3,
        flags: int | None = 0,
        minSize: Size = ANY,
        maxSize: Size = ANY,
        outputRejectLevels: bool | None = False,
    ) -> tuple[Answer, Answer, Answer]:
        """As `detectMultiScale`, and of each rectangle the stages passed, int32[N], and the last stage's sum,
        float64[N]. As in OpenCV, a call without outputRejectLevels=True fails as soon as something is found."""
        groups = self._detect(image, scaleFactor, minNeighbors, minSize, maxSize)
        if not len(groups.rectangles):
            return (), (), ()
        if not outputRejectLevels:
            raise OpenCVError("detectMultiScale3 without levels, which OpenCV refuses too: outputRejectLevels=True")
        return groups.rectangles, groups.best.levels, groups.best.weights

    def _loaded(self) -> FlatHaar | FlatLbp:
        if self._flat is None:
            raise OpenCVError(f"the classifier is empty: {self._why}")
        return self._flat

    def _detect(
        self, image: Image, factor: float | None, neighbors: int | None, smallest: Size, largest: Size
    ) -> Groups:
        """Windows of all scales, grouped, then clipped to the image: as OpenCV does, in that order."""
        flat = self._loaded()
        factor, neighbors = _number(factor, "scaleFactor", 1.1), _whole(neighbors, "minNeighbors", 3)
        if not 1 < factor < math.inf:
            raise OpenCVError(f"scaleFactor is {factor}, expected more than 1")
        least, most = _size(smallest, "minSize"), _size(largest, "maxSize")
        gray = _gray(image)
        size = (gray.shape[1], gray.shape[0])
        rects, weights = self._windows(gray, flat, _wanted(size, flat.window, factor, least, most))
        levels = np.full(len(rects), len(flat.stage_threshold), np.int32)
        return _clipped(group(rects, neighbors, EPS, Levels(levels, weights)), size)

    def _windows(
        self, gray: NDArray[np.uint8], flat: FlatHaar | FlatLbp, scales: list[np.float32]
    ) -> tuple[Rectangles, NDArray[np.float64]]:
        """Windows int32[N, 4] that pass, not clipped, and their last stages' sums float64[N]."""
        if not scales:
            return np.zeros((0, 4), np.int32), np.zeros(0)
        gray, size = prepared(gray), (gray.shape[1], gray.shape[0])
        levels = [layout(size, scale) for scale in scales]
        stripe_count, pixels = stripes(levels[0], flat.window), sum(lay.width * lay.height for lay in levels)
        found = self._workers.results(lambda lay: _scan(gray, flat, lay, stripe_count, self._scratch), levels, pixels)
        counts = [len(level.x) for level in found]
        scale = np.repeat(np.array(scales, np.float32), counts)
        rects = np.empty((len(scale), 4), np.int32)
        rects[:, 0] = np.rint(np.concatenate([level.x for level in found]).astype(np.float32) * scale)
        rects[:, 1] = np.rint(np.concatenate([level.y for level in found]).astype(np.float32) * scale)
        rects[:, 2:] = np.repeat(np.array([window_size(flat.window, s) for s in scales], np.int32), counts, axis=0)
        return rects, np.concatenate([level.score for level in found])


def groupRectangles(
    rectList: Sequence[Sequence[int]] | NDArray[Any], groupThreshold: int, eps: float = EPS
) -> tuple[Answer, Answer]:
    """`cv2.groupRectangles`: groups of more than groupThreshold similar rectangles, and the size of each group."""
    return group_rectangles(rectList, _whole(groupThreshold, "groupThreshold", 0), _number(eps, "eps", EPS))


def _scan(
    gray: NDArray[np.uint8], flat: FlatHaar | FlatLbp, lay: Layout, stripe_count: int, scratch: Scratch
) -> LevelWindows:
    level = build_level(gray[None], lay, bool(flat.tilted.any()), scratch)
    if isinstance(flat, FlatLbp):
        return scan_lbp(flat, level, stripe_count)
    return scan(flat, level, stripe_count, level_contrast(level, flat.window, stripe_count, scratch))


def _wanted(
    image: tuple[int, int], window: tuple[int, int], factor: float, least: tuple[int, int], most: tuple[int, int]
) -> list[np.float32]:
    """The scales at which OpenCV looks; where none fits the limits, the one closest to minSize."""
    if most[0] == 0 or most[1] == 0:
        most = image
    every: list[np.float32] = []
    scale = 1.0
    while round(window[0] * scale) <= image[0] and round(window[1] * scale) <= image[1]:
        if len(every) == MOST_SCALES:
            raise OpenCVError(f"scaleFactor is {factor}: more than {MOST_SCALES:,} sizes to look at; use 1.01 or more")
        every.append(np.float32(scale))
        scale *= factor
    sides = [window_size(window, s) for s in every]
    small = [i for i, (w, h) in enumerate(sides) if w <= most[0] and h <= most[1]]
    # Sides grow with the scale, so OpenCV's stop at the first that is too large leaves out the same ones.
    wanted = [every[i] for i in small if sides[i][0] >= least[0] and sides[i][1] >= least[1]]
    if wanted or not every:
        return wanted
    distances = [(least[0] - w) ** 2 + (least[1] - h) ** 2 for w, h in sides]
    return [every[distances.index(min(distances))]]


def _clipped(groups: Groups, size: tuple[int, int]) -> Groups:
    """Rectangles cut off at the image's edges; those outside are left out."""
    rects = groups.rectangles
    corner = np.maximum(rects[:, :2], 0)
    sides = np.minimum(rects[:, :2] + rects[:, 2:], np.array(size, np.int32)) - corner
    inside = (sides > 0).all(axis=1)
    clipped = np.concatenate([corner, sides], axis=1)[inside].astype(np.int32)
    return Groups(clipped, groups.counts[inside], Levels(groups.best.levels[inside], groups.best.weights[inside]))


def _gray(image: Image) -> NDArray[np.uint8]:
    """The image as gray uint8[H, W], C-contiguous. None is an empty image, as OpenCV takes it."""
    if image is None:
        return np.zeros((0, 0), np.uint8)
    if isinstance(image, cv2.UMat):
        image = image.get()
    if not isinstance(image, np.ndarray):
        raise OpenCVError(f"image is a {type(image).__name__}, expected an array uint8[H, W] or uint8[H, W, 3]")
    if image.dtype != np.uint8 or not 1 <= image.ndim <= 3:
        raise OpenCVError(f"image is {image.dtype}{list(image.shape)}, expected uint8[H, W] or uint8[H, W, 3]")
    if image.size == 0:
        return np.zeros((0, 0), np.uint8)
    if image.ndim == 1:
        image = image[:, None]  # a column, as OpenCV takes it
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels == 1:
        return np.ascontiguousarray(image.reshape(image.shape[:2]))
    if channels not in (3, 4):
        raise OpenCVError(f"image has {channels} channels, expected 1 (gray), 3 (BGR) or 4 (BGRA)")
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY), np.uint8)


def _number(value: Any, name: str, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise OpenCVError(f"{name} is {value!r}, expected a number")
    return float(value)


def _whole(value: Any, name: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise OpenCVError(f"{name} is {value!r}, expected a whole number")
    return int(value)


def _size(value: Size, name: str) -> tuple[int, int]:
    if value is None:
        return ANY
    if not isinstance(value, Sequence | np.ndarray) or len(value) != 2:
        raise OpenCVError(f"{name} is {value!r}, expected (width, height) in px")
    return _whole(value[0], name, 0), _whole(value[1], name, 0)
