"""Learning where the edges of a face lie in its window, from the boxes that the cascade was trained on.

Windows around every box are moved and scaled at random, about as far as the detector's windows are off on scenes that
it has not seen. For each of them the true edges are known. A ridge regression (Hoerl & Kennard 1970) gives the weights
that predict them from what the window shows (`box_regression`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cascades.box_regression import UNIT, WEIGHT_UNIT, BoxRegression, cell_features, feature_count, window_patches
from cascades.boxes import AnnotatedImage, Box
from cascades.errors import TrainingDataError
from cascades.model import Cascade
from cascades.planes import image_planes
from cascades.sampling import context_window, refusal

COPIES = 6  # windows of each box; mirrored copies come on top
PAIRS = 6000  # most windows, without mirrored ones
MOVED = 0.17  # of the window's side, at most, each way; the standard deviation is 0.07
SCALED = 0.37  # of its size, at most; the standard deviation is 0.15
PENALTY = 6.0  # per example, of the squared weights; chosen on training scenes that were left out (docs/benchmarks.md)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Examples to learn from.

    features  whole numbers, float64[N, F], of `cell_features`
    shifts    float64[N, 4]   how far the true edges are from those without a regression, shares of the window
    """

    features: NDArray[np.float64]
    shifts: NDArray[np.float64]


def fit_boxes(cascade: Cascade, images: Sequence[AnnotatedImage], seed: int = 0, mirror: bool = True) -> Cascade:
    """Return the cascade with a `box_regression` learned from the boxes.

    images  those the cascade was trained on; only len() and images[i] are used
    seed    of the windows around the boxes
    mirror  also learn every window flipped left to right

    `train` does this where `TrainingParams.fit_boxes` is true. For a trained cascade, call it before `calibrate`: which
    detections are right depends on their boxes. Raises TrainingDataError where no box is usable.
    """
    pairs = collect_pairs(cascade, images, seed, mirror)
    if not len(pairs.shifts):
        raise TrainingDataError(f"no usable box in {len(images)} images: there is nothing to fit boxes to")
    regression = as_regression(ridge(pairs, PENALTY))
    return replace(cascade, info=replace(cascade.info, box_regression=regression))


def collect_pairs(cascade: Cascade, images: Sequence[AnnotatedImage], seed: int = 0, mirror: bool = True) -> Pairs:
    """Windows around every usable box, moved and scaled, and if asked mirrored."""
    rng = np.random.default_rng([seed, 6])
    info = cascade.info
    features: list[NDArray[np.float64]] = [np.zeros((0, feature_count(len(info.planes))))]
    shifts: list[NDArray[np.float64]] = [np.zeros((0, 4))]
    boxes = sum(len(images[i].boxes) for i in range(len(images)))
    copies = max(1, min(COPIES, PAIRS // max(boxes, 1)))
    for i in range(len(images)):
        image = images[i]
        size = (image.gray.shape[1], image.gray.shape[0])
        usable = [box for box in image.boxes if refusal(box, size, cascade.window) is None]
        if not usable:
            continue
        planes = image_planes(image.gray, image.chroma, info.planes, f"image {image.key!r}")
        for box in usable:
            windows = moved_windows(box, cascade, copies, rng)
            patches = window_patches(planes, windows)
            true = true_shifts(windows, box, info.face)
            features.append(cell_features(patches))
            shifts.append(true)
            if mirror:
                features.append(cell_features(patches[..., ::-1]))
                shifts.append(mirrored(true, info.face))
    return Pairs(np.concatenate(features), np.concatenate(shifts))


def moved_windows(box: Box, cascade: Cascade, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Windows of a box, moved and scaled: whole numbers, float64[count, 4] px."""
    x, y, w, h = context_window(box, cascade.window, cascade.info.margin)
    # Means of two uniform numbers: near 0 more often than far from it.
    dx, dy, ds = (rng.uniform(-1, 1, (count, 3)) + rng.uniform(-1, 1, (count, 3))).T / 2
    # So that the box, as a share of the window, is on average as large as it is in a window that is not scaled.
    scale = 1 / (1 + SCALED * ds)
    left, top = x + w / 2 + (MOVED * dx - 0.5) * w * scale, y + h / 2 + (MOVED * dy - 0.5) * h * scale
    windows: NDArray[np.float64] = np.rint(np.stack([left, top, w * scale, h * scale], axis=1))
    windows[:, 2:] = np.maximum(windows[:, 2:], 1)
    return windows


def true_shifts(windows: NDArray[np.float64], box: Box, face: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """How far the box's edges are from the face's usual ones, in each window: float64[N, 4], shares of the window."""
    edges = np.array([box.x, box.y, box.x + box.w, box.y + box.h], np.float64)
    usual = np.array([face[0], face[1], face[0] + face[2], face[1] + face[3]])
    return np.asarray((edges - windows[:, [0, 1, 0, 1]]) / windows[:, [2, 3, 2, 3]] - usual, np.float64)


def mirrored(shifts: NDArray[np.float64], face: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """The shifts of mirrored windows: the left edge becomes the right one."""
    aside = 1 - 2 * face[0] - face[2]  # 0 where the face is in the middle of the window
    result = shifts.copy()
    result[:, 0], result[:, 2] = aside - shifts[:, 2], aside - shifts[:, 0]
    return result


def ridge(pairs: Pairs, penalty: float) -> NDArray[np.float64]:
    """Weights float64[F, 4] of least squared error plus penalty · N · (squared weights, but not the constant's).

    Over all examples edges move by nothing on average: a mean move was learned too, and helped on no unseen scenes.
    Features and shifts enter as whole numbers, so the sums over examples are exact in any order. The elimination
    subtracts row by row, in the same order on every machine.
    """
    sums = pairs.features.T @ pairs.features
    shifts = np.rint(pairs.shifts * WEIGHT_UNIT)
    right = pairs.features.T @ (shifts - np.rint(shifts.sum(axis=0) / len(shifts)))
    held = np.arange(1, len(sums))
    sums[held, held] += penalty * len(pairs.features) * UNIT * UNIT
    return solve(sums, right) * (UNIT / WEIGHT_UNIT)


def as_regression(weights: NDArray[np.float64]) -> BoxRegression:
    """Weights float64[F, 4], rounded to the whole numbers of the side file."""
    left, top, right, bottom = np.rint(weights * WEIGHT_UNIT).astype(np.int64).T.tolist()
    return BoxRegression(tuple(left), tuple(top), tuple(right), tuple(bottom))


def solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """x of matrix · x = right for a positive definite matrix [F, F] and right [F, K], by Gaussian elimination.

    numpy's own solver adds in an order that depends on the machine; this one does not.
    """
    rows: NDArray[np.float64] = np.concatenate([matrix, right], axis=1)
    size = len(matrix)
    for k in range(size - 1):
        share = rows[k + 1 :, k] / rows[k, k]
        rows[k + 1 :, k:] -= share[:, None] * rows[k, k:]
    for k in range(size - 1, -1, -1):
        rows[k, size:] /= rows[k, k]
        rows[:k, size:] -= rows[:k, k, None] * rows[k, size:]
    return rows[:, size:]
