"""Running cascades over an image: one pyramid, every cascade on each of its levels, grouped boxes with scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cascades.box_regression import moved_boxes
from cascades.boxes import Box, check_gray
from cascades.contrast import Contrast, level_contrast
from cascades.errors import InvalidParameter
from cascades.features import HaarFeatures
from cascades.flat import FlatHaar, flatten
from cascades.flat_lbp import FlatLbp, flatten_lbp
from cascades.grouping import group_windows
from cascades.lbp import scan_lbp
from cascades.model import Cascade, CascadeInfo
from cascades.planes import COLOR, GRAY, image_planes
from cascades.pyramid import Layout, build_level, layout, prepared, scales, stripes
from cascades.scan import LevelWindows, scan
from cascades.scratch import Scratch
from cascades.sharing import Workers


@dataclass(frozen=True, eq=False)
class Windows:
    """Raw windows of one cascade: boxes int32[N, 4] image px, and how clearly they passed: last stage's sum minus its
    threshold, float64[N]. Ordered by level, row and column."""

    boxes: NDArray[np.int32]
    margins: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detections:
    """What one cascade found, strongest first.

    boxes    int32[N, 4]   faces in image px, the training's margin undone
    scores   float32[N]    sum over the merged windows of (last stage's sum − its threshold + 1)
    windows  int32[N, 4]   the merged windows themselves, with the margin
    counts   int32[N]      how many windows were merged
    """

    boxes: NDArray[np.int32]
    scores: NDArray[np.float32]
    windows: NDArray[np.int32]
    counts: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Look:
    """One level of a picture: which cascades look at it, by number, and what they need of it."""

    layout: Layout
    which: tuple[int, ...]
    tilted: bool
    planes: int


@dataclass(frozen=True, eq=False)
class _Plan:
    """How pictures of one size are searched.

    looks    from the largest level to the smallest
    stripes  of each cascade, see `pyramid.stripes`: counted on the first level it looks at
    scales   float32[L] of the levels each cascade looks at
    sides    int32[L, 2] of its window there, image px
    pixels   of all levels together
    """

    looks: tuple[_Look, ...]
    stripes: tuple[int, ...]
    scales: tuple[NDArray[np.float32], ...]
    sides: tuple[NDArray[np.int32], ...]
    pixels: int


class Detector:
    """Some cascades, ready to run. Safe to use from several threads at once.

    Each thread keeps the memory of the largest level it has looked at, about 6 bytes for each gray pixel.

    scale_factor        between pyramid levels, as in OpenCV
    min_size, max_size  shorter and longer limits of a window's larger side, px; None: no limit
    min_score           groups below are dropped
    threads             at most so many share the levels of a picture's pyramid, fewer where it is small (`sharing`);
                        the result does not depend on it
    """

    def __init__(
        self,
        cascades: Sequence[Cascade],
        *,
        scale_factor: float = 1.1,
        min_size: int | None = None,
        max_size: int | None = None,
        min_score: float = 0.0,
        threads: int = 1,
    ) -> None:
        if not 1.01 <= scale_factor <= 4:
            raise InvalidParameter(f"scale_factor is {scale_factor}, expected 1.01 to 4")
        if threads < 1:
            raise InvalidParameter(f"threads is {threads}, expected at least 1")
        self.cascades = tuple(cascades)
        self.flats = tuple(_flat(c) for c in self.cascades)
        self.color = any(c.info.planes == COLOR for c in self.cascades)
        self.scale_factor = scale_factor
        self.min_size = min_size
        self.max_size = max_size
        self.min_score = min_score
        self.scratch = Scratch()
        self.workers = Workers(threads)

    def windows(
        self, gray: NDArray[np.uint8], region: Box | None = None, chroma: NDArray[np.uint8] | None = None
    ) -> list[Windows]:
        """Every window that passes, one entry per cascade.

        gray uint8[H, W]; region: look only there; chroma uint8[2, h, w] Cb and Cr, needed by cascades with
        color planes.
        """
        return self._windows(self._planes(gray, chroma), region)

    def _planes(self, gray: NDArray[np.uint8], chroma: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        """The planes that the cascades look at: uint8[P, H, W]."""
        check_gray(gray, "image")
        return image_planes(gray, chroma, COLOR if self.color else GRAY, "image")

    def _windows(self, planes: NDArray[np.uint8], region: Box | None) -> list[Windows]:
        dx, dy = 0, 0
        if region is not None:
            dx, dy = max(region.x, 0), max(region.y, 0)
            planes = planes[:, dy : max(region.y + region.h, dy), dx : max(region.x + region.w, dx)]
        planes = prepared(planes)
        plan = self._plan((planes.shape[2], planes.shape[1]))
        found = self.workers.results(lambda look: self._level(planes, look, plan.stripes), plan.looks, plan.pixels)
        return [self._collect(i, plan, found, planes.shape[1:], (dx, dy)) for i in range(len(self.cascades))]

    def _plan(self, size: tuple[int, int]) -> _Plan:
        planes = tuple(len(cascade.info.planes) for cascade in self.cascades)
        return _plan(self.flats, planes, size, self.scale_factor, (self.min_size, self.max_size))

    def detect(
        self, gray: NDArray[np.uint8], region: Box | None = None, chroma: NDArray[np.uint8] | None = None
    ) -> list[Detections]:
        """Faces found by each cascade; see `windows` for the arguments."""
        planes = self._planes(gray, chroma)
        return [
            self._group(cascade, windows, planes[: len(cascade.info.planes)])
            for cascade, windows in zip(self.cascades, self._windows(planes, region), strict=True)
        ]

    def _level(self, planes: NDArray[np.uint8], look: _Look, stripe_counts: tuple[int, ...]) -> dict[int, LevelWindows]:
        """Scan one level with the cascades that look at it: their windows by number."""
        level = build_level(planes[: look.planes], look.layout, look.tilted, self.scratch)
        contrasts: dict[tuple[tuple[int, int], int], Contrast] = {}
        found = {}
        for i in look.which:
            flat, count = self.flats[i], stripe_counts[i]
            if isinstance(flat, FlatLbp):
                found[i] = scan_lbp(flat, level, count)
                continue
            if (flat.window, count) not in contrasts:  # cascades with windows of one size share them
                contrasts[flat.window, count] = level_contrast(level, flat.window, count, self.scratch)
            found[i] = scan(flat, level, count, contrasts[flat.window, count])
        return found

    def _collect(
        self, cascade: int, plan: _Plan, found: list[dict[int, LevelWindows]], shape: tuple[int, ...],
        origin: tuple[int, int],
    ) -> Windows:  # fmt: skip
        """One cascade's windows from all levels, in image px; shape: of the picture, height and width."""
        levels = [level[cascade] for level in found if cascade in level]
        if not levels:
            return Windows(np.zeros((0, 4), np.int32), np.zeros(0))
        counts = [len(level.x) for level in levels]
        scale = np.repeat(plan.scales[cascade], counts)
        sides = np.repeat(plan.sides[cascade], counts, axis=0)
        boxes = np.empty((len(scale), 4), np.int32)
        boxes[:, 0] = np.rint(np.concatenate([level.x for level in levels]).astype(np.float32) * scale)
        boxes[:, 1] = np.rint(np.concatenate([level.y for level in levels]).astype(np.float32) * scale)
        # Rounding may carry a window past the edge by a pixel or two: clipped, as OpenCV does.
        boxes[:, 2:] = np.minimum(sides, np.array(shape[::-1], np.int32) - boxes[:, :2])
        boxes[:, :2] += origin
        margins = np.concatenate([level.score for level in levels]) - float(self.flats[cascade].stage_threshold[-1])
        return Windows(boxes, margins)

    def _group(self, cascade: Cascade, windows: Windows, planes: NDArray[np.uint8]) -> Detections:
        """The windows merged into faces; planes uint8[P, H, W]: the image, in the planes of the cascade."""
        merged, scores, counts = group_windows(windows.boxes.astype(np.int64), windows.margins + 1.0)
        keep = scores >= self.min_score
        merged, scores, counts = merged[keep], scores[keep], counts[keep]
        return Detections(
            np.rint(face_boxes(planes, merged, cascade.info)).astype(np.int32),
            scores.astype(np.float32),
            np.rint(merged).astype(np.int32),
            counts.astype(np.int32),
        )


def _flat(cascade: Cascade) -> FlatHaar | FlatLbp:
    return flatten(cascade) if isinstance(cascade.features, HaarFeatures) else flatten_lbp(cascade)


@lru_cache(maxsize=256)  # a video's frames all have one size
def _plan(
    flats: tuple[FlatHaar | FlatLbp, ...], planes: tuple[int, ...], size: tuple[int, int], factor: float,
    limits: tuple[int | None, int | None],
) -> _Plan:  # fmt: skip
    """How pictures of a size (w, h) are searched; planes: how many each cascade looks at; limits: of a window's larger
    side, px."""
    wanted = [_scales(size, flat.window, factor, limits) for flat in flats]
    looks = []
    for scale in sorted({scale for found in wanted for scale in found}):
        which = tuple(i for i, found in enumerate(wanted) if scale in found)
        tilted = any(bool(flats[i].tilted.any()) for i in which)
        looks.append(_Look(layout(size, np.float32(scale)), which, tilted, max(planes[i] for i in which)))
    first = [layout(size, np.float32(found[0])) if found else None for found in wanted]
    sides = [
        [window_size(flat.window, np.float32(s)) for s in found] for flat, found in zip(flats, wanted, strict=True)
    ]
    return _Plan(
        tuple(looks),
        tuple(1 if lay is None else stripes(lay, flat.window) for lay, flat in zip(first, flats, strict=True)),
        tuple(np.array(found, np.float32) for found in wanted),
        tuple(np.array(pairs, np.int32).reshape(-1, 2) for pairs in sides),
        sum(look.layout.width * look.layout.height for look in looks),
    )


def _scales(
    size: tuple[int, int], window: tuple[int, int], factor: float, limits: tuple[int | None, int | None]
) -> list[float]:
    """The scales at which windows have a size that is wanted, ascending."""
    least, most = limits
    found = [(float(scale), max(window_size(window, scale))) for scale in scales(size, window, factor)]
    return [scale for scale, side in found if (least is None or side >= least) and (most is None or side <= most)]


@lru_cache(maxsize=4096)
def window_size(window: tuple[int, int], scale: np.float32) -> tuple[int, int]:
    """The window's size in the image, px."""
    return round(float(np.float32(window[0]) * scale)), round(float(np.float32(window[1]) * scale))


def face_boxes(planes: NDArray[np.uint8], windows: NDArray[np.float64], info: CascadeInfo) -> NDArray[np.float64]:
    """Where the face lies in each window of an image uint8[P, H, W]: float64[N, 4] → float64[N, 4] px."""
    shifts = info.box_regression.shifts(planes, windows) if info.box_regression else None
    return moved_boxes(windows, info.face, shifts)
