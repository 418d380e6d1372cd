"""Background windows, mined with the detector itself.

A cursor walks through the images; on each, every window of every scale that the cascade so far accepts and that is
no face is a candidate. The cursor stays where it stopped, so that later stages see other images, and a window that is
already among the negatives is not taken again. After one lap that takes a few windows an image, one more takes whatever
is left; when that is not enough the background has run out, and the caller is told how far it got.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box, as_array, intersection_over_union, intersections
from cascades.contrast import level_contrast
from cascades.flat import FlatHaar
from cascades.flat_lbp import FlatLbp
from cascades.integral import inverse_norms
from cascades.lbp import scan_lbp
from cascades.params import PLANES, TrainingParams
from cascades.planes import image_planes
from cascades.pyramid import Level, build_level, layout, prepared, scales, stripes
from cascades.sampling import context_window
from cascades.scan import LevelWindows, scan
from cascades.scratch import Scratch

SCALE_FACTOR = 1.1
FACE_OVERLAP = 0.3  # IoU with a learned face from which a window is no background
IGNORED_SHARE = 0.3  # of a window or of the region inside the other
IMAGES_PER_STAGE = 32  # a stage's negatives come from at least about this many images where there are as many
BATCH = 4  # images scanned at once, whatever the number of threads

Key = tuple[int, int, int, int]  # image, level, x, y


@dataclass(eq=False)
class Mined:
    """Windows found: patches uint8[P, H, W] and where they were; how many windows were looked at and accepted."""

    patches: list[NDArray[np.uint8]] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    scanned: int = 0
    accepted: int = 0


@dataclass(frozen=True, eq=False)
class _Found:
    """Candidates of one image: level, x, y int32[M] and the levels' images."""

    place: NDArray[np.int32]
    images: list[NDArray[np.uint8]]
    scanned: int


class NegativeMiner:
    """Walks over the images; `cursor` is all of its state."""

    def __init__(self, images: Sequence[AnnotatedImage], params: TrainingParams, executor: Executor) -> None:
        self.images = images
        self.params = params
        self.executor = executor
        self.cursor = 0
        self.scratch = Scratch()
        self._orders: dict[int, NDArray[np.int64]] = {}

    def mine(self, cascade: FlatHaar | FlatLbp | None, needed: int, taken: set[Key], stage: int) -> Mined:
        """Find `needed` windows that the cascade accepts (any window where it is None) and that are not in `taken`."""
        mined = Mined()
        taken = set(taken)
        spread = max(1, min(IMAGES_PER_STAGE, len(self.images)))
        for lap, most in enumerate((-(-needed // spread), needed)):
            for index, found in self._walk(cascade):
                self.cursor += 1
                mined.scanned += found.scanned
                mined.accepted += len(found.place)
                self._take(index, found, min(most, needed - len(mined.keys)), taken, mined, (stage, lap))
                if len(mined.keys) >= needed:
                    return mined
        return mined

    def _image(self, position: int) -> int:
        """The image at a position of the endless walk.

        Each lap has another order, so that neighbouring frames, which look alike, do not make up a whole stage; about
        a stage's worth of images at a time is in ascending order, which is kind to sequences that decode a video.
        """
        lap, place = divmod(position, len(self.images))
        if lap not in self._orders:
            order = np.random.default_rng([self.params.seed, 5, lap]).permutation(len(self.images))
            for first in range(0, len(order), IMAGES_PER_STAGE):
                order[first : first + IMAGES_PER_STAGE].sort()
            self._orders[lap] = order
        return int(self._orders[lap][place])

    def _walk(self, cascade: FlatHaar | FlatLbp | None) -> Iterator[tuple[int, _Found]]:
        """As many images as there are from the cursor on, scanned a batch at a time."""
        order = [self._image(self.cursor + i) for i in range(len(self.images))]
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            futures = [
                self.executor.submit(_candidates, self.images[i], cascade, self.params, i, self.scratch) for i in batch
            ]
            yield from zip(batch, [future.result() for future in futures], strict=True)

    def _take(self, index: int, found: _Found, most: int, taken: set[Key], mined: Mined, salt: tuple[int, int]) -> None:
        """Choose at most `most` of an image's candidates at random and cut them out."""
        rng = np.random.default_rng([self.params.seed, 2, *salt, index])
        width, height = self.params.window
        chosen = 0
        for i in rng.permutation(len(found.place)):
            if chosen >= most:
                break
            level, x, y = (int(v) for v in found.place[i])
            key = (index, level, x, y)
            if key in taken:
                continue
            taken.add(key)
            chosen += 1
            mined.keys.append(key)
            mined.patches.append(found.images[level][:, y : y + height, x : x + width].copy())


def _candidates(
    image: AnnotatedImage, cascade: FlatHaar | FlatLbp | None, params: TrainingParams, salt: int, scratch: Scratch
) -> _Found:
    """Every background window of an image that the cascade accepts, or random ones where there is no cascade yet."""
    if not image.negatives:
        return _Found(np.zeros((0, 3), np.int32), [], 0)
    size = (image.gray.shape[1], image.gray.shape[0])
    places: list[NDArray[np.int32]] = [np.zeros((0, 3), np.int32)]
    levels = []
    scanned = 0
    tilted = cascade is not None and bool(cascade.tilted.any())
    rng = np.random.default_rng([params.seed, 3, salt])
    planes = prepared(image_planes(image.gray, image.chroma, PLANES[params.planes], f"image {image.key!r}"))
    stripe_count = stripes(layout(size, np.float32(1)), params.window)
    for number, scale in enumerate(scales(size, params.window, SCALE_FACTOR)):
        level = build_level(planes, layout(size, scale), tilted, scratch)
        levels.append(level.planes if number == 0 else level.planes.copy())  # the first is the image itself
        if cascade is None:
            x, y = _random_windows(level.planes[0], params, rng)
            scanned += len(x)
        else:
            windows = _scan(cascade, level, stripe_count, scratch)
            x, y, scanned = windows.x, windows.y, scanned + windows.scanned
        keep = ~_masked(image, x, y, float(scale), params.window)
        places.append(np.stack([np.full(int(keep.sum()), number, np.int32), x[keep], y[keep]], axis=1))
    return _Found(np.concatenate(places), levels, scanned)


def _scan(cascade: FlatHaar | FlatLbp, level: Level, stripe_count: int, scratch: Scratch) -> LevelWindows:
    if isinstance(cascade, FlatLbp):
        return scan_lbp(cascade, level, stripe_count)
    return scan(cascade, level, stripe_count, level_contrast(level, cascade.window, stripe_count, scratch))


def _random_windows(
    image: NDArray[np.uint8], params: TrainingParams, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Windows of a level the detector would look at, one for every 64 px² of the level; for Haar flat ones left out."""
    window = params.window
    width, height = image.shape[1] - window[0] + 1, image.shape[0] - window[1] + 1
    count = width * height // 64 + 1
    x = rng.integers(0, width, count).astype(np.int32)
    y = rng.integers(0, height, count).astype(np.int32)
    if params.features == "lbp":
        return x, y
    patches = np.lib.stride_tricks.sliding_window_view(image, (window[1], window[0]))
    # A few at a time: they stay in the processor's cache.
    parts = [np.s_[first : first + 128] for first in range(0, count, 128)]
    contrast = np.concatenate([inverse_norms(patches[y[part], x[part]]) != 0 for part in parts])
    return x[contrast], y[contrast]


def _masked(
    image: AnnotatedImage, x: NDArray[np.int32], y: NDArray[np.int32], scale: float, window: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which windows of a level are a face or touch an ignored region: bool[N]."""
    masked = np.zeros(len(x), np.bool_)
    if len(x) == 0 or not (image.boxes or image.ignore):
        return masked
    windows = np.empty((len(x), 4), np.int64)
    windows[:, 0] = np.rint(x * scale)
    windows[:, 1] = np.rint(y * scale)
    windows[:, 2:] = np.rint(np.array(window) * scale)
    if image.boxes:
        faces = as_array([_squared(box, window) for box in image.boxes])
        masked |= (intersection_over_union(windows, faces) >= FACE_OVERLAP).any(axis=1)
    if image.ignore:
        regions = as_array(image.ignore)
        shared = intersections(windows, regions)
        smaller = np.minimum(windows[:, 2:].prod(axis=1)[:, None], regions[:, 2:].prod(axis=1)[None, :])
        masked |= (shared >= IGNORED_SHARE * smaller).any(axis=1)
    return masked


def _squared(box: Box, window: tuple[int, int]) -> Box:
    """The box in the window's shape, as windows are compared with it."""
    x, y, w, h = context_window(box, window, 0.0)
    return Box(round(x), round(y), round(w), round(h))
