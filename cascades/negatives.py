"""Background windows, mined with the detector itself.

A cursor walks through the images; on each, every window of every scale that the cascade so far accepts and that is
no face is a candidate. The cursor stays where it stopped, so that later stages see other images, and a window that is
already among the negatives is not taken again. After one lap that takes a few windows an image, one more takes whatever
is left; when that is not enough the background has run out, and the caller is told how far it got.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box, as_array
from cascades.contrast import has_contrast, level_contrast
from cascades.flat import FlatHaar
from cascades.flat_lbp import FlatLbp
from cascades.lbp import scan_lbp
from cascades.params import PLANES, TrainingParams
from cascades.planes import image_planes
from cascades.pyramid import Level, build_level, layout, prepared, resize_planes, scales, stripes
from cascades.sampling import context_window
from cascades.scan import LevelWindows, scan
from cascades.scratch import Scratch

SCALE_FACTOR = 1.1
FACE_OVERLAP = 0.3  # IoU with a learned face from which a window is no background
IGNORED_SHARE = 0.3  # of a window or of the region inside the other
IMAGES_PER_STAGE = 32  # a stage's negatives come from at least about this many images where there are as many
BATCH = 4  # images that are being scanned at once, whatever the number of threads

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
    """Candidates of one image: level, x, y int32[M] and the levels' images uint8[P, H, W], empty where none has any."""

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
            images = -(-(needed - len(mined.keys)) // max(most, 1))  # at least so many, as none gives more than `most`
            for index, found in self._walk(cascade, images):
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

    def _walk(self, cascade: FlatHaar | FlatLbp | None, sure: int) -> Iterator[tuple[int, _Found]]:
        """As many images as there are from the cursor on; the caller will take the first `sure` of them at least.

        Of those some are always being scanned while the caller works on one; after them a batch at a time.
        """
        order = [self._image(self.cursor + i) for i in range(len(self.images))]
        under_way: deque[Future[_Found]] = deque()
        begun = 0
        try:
            for i in range(len(order)):
                ahead = min(i + BATCH, sure if under_way else len(order))
                for k in order[begun:ahead]:
                    job = self.executor.submit(_candidates, self.images[k], cascade, self.params, k, self.scratch)
                    under_way.append(job)
                begun = max(begun, ahead)
                yield order[i], under_way.popleft().result()
        finally:
            for job in under_way:  # the caller has enough
                job.cancel()

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
    faces = as_array([_squared(box, params.window) for box in image.boxes])
    regions = as_array(image.ignore)
    for number, scale in enumerate(scales(size, params.window, SCALE_FACTOR)):
        lay = layout(size, scale)
        if cascade is None:
            small = resize_planes(planes, lay.width, lay.height, scratch)
            x, y = _random_windows(small[0], params, rng)
            scanned += len(x)
        else:
            level = build_level(planes, lay, tilted, scratch)
            windows = _scan(cascade, level, stripe_count, scratch)
            small, x, y, scanned = level.planes, windows.x, windows.y, scanned + windows.scanned
        keep = is_background(x, y, float(scale), params.window, faces, regions)
        place = np.empty((int(keep.sum()), 3), np.int32)
        place[:, 0], place[:, 1], place[:, 2] = number, x[keep], y[keep]
        places.append(place)
        # The next level is built in the same memory; the first is the image itself.
        levels.append(small if number == 0 else small.copy() if len(place) else small[:, :0, :0])
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
    contrast = has_contrast(image, x, y, window)
    return x[contrast], y[contrast]


@njit(cache=True, nogil=True)
def _shared(left, top, w, h, box):
    """Pixels that a window shares with a box int64[4]."""
    shared_w = min(left + w, box[0] + box[2]) - max(left, box[0])
    shared_h = min(top + h, box[1] + box[3]) - max(top, box[1])
    return max(shared_w, 0) * max(shared_h, 0)


@njit(cache=True, nogil=True)
def is_background(x, y, scale, window, faces, regions):
    """Which windows at x, y int32[N] of a level are no face and touch no ignored region: bool[N].

    faces, regions  int64[M, 4]   px of the image, which is `scale` times as large as the level
    """
    clear: NDArray[np.bool_] = np.ones(x.size, np.bool_)
    w = np.int64(np.rint(window[0] * scale))
    h = np.int64(np.rint(window[1] * scale))
    for i in range(x.size):
        left = np.int64(np.rint(x[i] * scale))
        top = np.int64(np.rint(y[i] * scale))
        for face in faces:
            shared = _shared(left, top, w, h, face)
            if shared / max(w * h + face[2] * face[3] - shared, 1) >= FACE_OVERLAP:
                clear[i] = False
        for region in regions:
            shared = _shared(left, top, w, h, region)
            if shared >= IGNORED_SHARE * min(w * h, region[2] * region[3]):
                clear[i] = False
    return clear


def _squared(box: Box, window: tuple[int, int]) -> Box:
    """The box in the window's shape, as windows are compared with it."""
    x, y, w, h = context_window(box, window, 0.0)
    return Box(round(x), round(y), round(w), round(h))
