"""Running cascades over an image: one pyramid, every cascade on each of its levels, grouped boxes with scores."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
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
from cascades.pyramid import build_level, layout, prepared, scales, stripes
from cascades.scan import LevelWindows, scan
from cascades.scratch import Scratch


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


class Detector:
    """Some cascades, ready to run. Safe to use from several threads at once.

    Each thread keeps the memory of the largest level it has looked at, about 6 bytes for each gray pixel.

    scale_factor        between pyramid levels, as in OpenCV
    min_size, max_size  shorter and longer limits of a window's larger side, px; None: no limit
    min_score           groups below are dropped
    threads             levels of the pyramid are shared out among them; the result does not depend on it
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
        self.flats = [_flat(c) for c in self.cascades]
        self.color = any(c.info.planes == COLOR for c in self.cascades)
        self.scale_factor = scale_factor
        self.min_size = min_size
        self.max_size = max_size
        self.min_score = min_score
        self.scratch = Scratch()
        self.executor: Executor | None = ThreadPoolExecutor(threads) if threads > 1 else None

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
        size = (planes.shape[2], planes.shape[1])
        wanted = [self._scales(size, flat) for flat in self.flats]
        every = sorted({float(s) for found in wanted for s in found})
        # Each cascade's stripes are counted on the first level it looks at.
        first = [layout(size, np.float32(min(found))) if found else None for found in wanted]
        counts = [1 if lay is None else stripes(lay, flat.window) for lay, flat in zip(first, self.flats, strict=True)]
        jobs = [(np.float32(s), [i for i, found in enumerate(wanted) if s in found]) for s in every]
        if self.executor is None:
            results = [self._level(planes, scale, which, counts) for scale, which in jobs]
        else:
            results = list(self.executor.map(lambda job: self._level(planes, job[0], job[1], counts), jobs))
        return [self._collect(i, jobs, results, size, (dx, dy)) for i in range(len(self.cascades))]

    def detect(
        self, gray: NDArray[np.uint8], region: Box | None = None, chroma: NDArray[np.uint8] | None = None
    ) -> list[Detections]:
        """Faces found by each cascade; see `windows` for the arguments."""
        planes = self._planes(gray, chroma)
        return [
            self._group(cascade, windows, planes[: len(cascade.info.planes)])
            for cascade, windows in zip(self.cascades, self._windows(planes, region), strict=True)
        ]

    def _scales(self, size: tuple[int, int], flat: FlatHaar | FlatLbp) -> set[float]:
        found = set()
        for scale in scales(size, flat.window, self.scale_factor):
            side = max(window_size(flat.window, scale))
            if (self.min_size is None or side >= self.min_size) and (self.max_size is None or side <= self.max_size):
                found.add(float(scale))
        return found

    def _level(
        self, planes: NDArray[np.uint8], scale: np.float32, which: list[int], counts: list[int]
    ) -> list[LevelWindows]:
        """Scan one level with the cascades that look at it."""
        tilted = any(bool(self.flats[i].tilted.any()) for i in which)
        count = max(len(self.cascades[i].info.planes) for i in which)
        lay = layout((planes.shape[2], planes.shape[1]), scale)
        level = build_level(planes[:count], lay, tilted, self.scratch)
        contrasts: dict[tuple[tuple[int, int], int], Contrast] = {}
        results = []
        for i in which:
            flat, count = self.flats[i], counts[i]
            if isinstance(flat, FlatLbp):
                results.append(scan_lbp(flat, level, count))
                continue
            if (flat.window, count) not in contrasts:  # cascades with windows of one size share them
                contrasts[flat.window, count] = level_contrast(level, flat.window, count, self.scratch)
            results.append(scan(flat, level, count, contrasts[flat.window, count]))
        return results

    def _collect(
        self, cascade: int, jobs: list[tuple[np.float32, list[int]]], results: list[list[LevelWindows]],
        size: tuple[int, int], origin: tuple[int, int],
    ) -> Windows:  # fmt: skip
        """One cascade's windows from all levels, in image px."""
        flat = self.flats[cascade]
        levels = [
            found[which.index(cascade)] for (_, which), found in zip(jobs, results, strict=True) if cascade in which
        ]
        if not levels:
            return Windows(np.zeros((0, 4), np.int32), np.zeros(0))
        counts = [len(level.x) for level in levels]
        used = np.array([scale for scale, which in jobs if cascade in which], np.float32)
        scale = np.repeat(used, counts)
        sides = np.repeat(np.array([window_size(flat.window, s) for s in used], np.int32), counts, axis=0)
        boxes = np.empty((len(scale), 4), np.int32)
        boxes[:, 0] = np.rint(np.concatenate([level.x for level in levels]).astype(np.float32) * scale)
        boxes[:, 1] = np.rint(np.concatenate([level.y for level in levels]).astype(np.float32) * scale)
        # Rounding may carry a window past the edge by a pixel or two: clipped, as OpenCV does.
        boxes[:, 2:] = np.minimum(sides, np.array(size, np.int32) - boxes[:, :2])
        boxes[:, :2] += origin
        return Windows(boxes, np.concatenate([level.score for level in levels]) - float(flat.stage_threshold[-1]))

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


@lru_cache(maxsize=4096)
def window_size(window: tuple[int, int], scale: np.float32) -> tuple[int, int]:
    """The window's size in the image, px."""
    return round(float(np.float32(window[0]) * scale)), round(float(np.float32(window[1]) * scale))


def face_boxes(planes: NDArray[np.uint8], windows: NDArray[np.float64], info: CascadeInfo) -> NDArray[np.float64]:
    """Where the face lies in each window of an image uint8[P, H, W]: float64[N, 4] → float64[N, 4] px."""
    shifts = info.box_regression.shifts(planes, windows) if info.box_regression else None
    return moved_boxes(windows, info.face, shifts)
