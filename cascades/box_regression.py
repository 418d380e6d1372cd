"""From the window in which a face was found to the box of that face: each edge is moved by what the window shows.

Without it, all faces of a cascade have the same place and shape in their windows (`CascadeInfo.face`). With it, each
edge of that box is moved by a linear function of what the window and a little around it show (bounding-box regression,
Girshick et al. 2014, appendix C): brightness, color and contours in 8×8 cells. `box_fitting` learns the weights.

Features and weights are whole numbers, so every machine gives the same boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cascades.sampling import Crop, cut

CONTEXT = 1.25  # what is looked at is this much larger than the window: a face may reach beyond its window
SIDE = 24  # px, to which that is brought
CELLS = 8  # and divided into 8×8 cells
UNIT = 32  # the whole number that stands for a feature of 1
WEIGHT_UNIT = 2**20  # and that for a weight of 1: a feature of 1 then moves an edge by one side of the window
LARGEST_WEIGHT = 2**30  # the sums of products stay below 2⁵³, so float64 holds them exactly
LEAST_CONTRAST = 4.0  # gray levels: a flatter window is not stretched further
FARTHEST = 0.25  # an edge moves by at most this share of the box's side
EDGES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class BoxRegression:
    """Weights of each edge, in 1/WEIGHT_UNIT, in the order of `cell_features`."""

    left: tuple[int, ...]
    top: tuple[int, ...]
    right: tuple[int, ...]
    bottom: tuple[int, ...]

    def shifts(self, planes: NDArray[np.uint8], windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each edge of each face moves, as a share of its window's width or height: float64[N, 4].

        planes uint8[P, H, W]: the image, in the planes of the cascade. windows float64[N, 4] px.
        """
        patches = window_patches(planes, windows)
        weights = np.array([self.left, self.top, self.right, self.bottom], np.float64)
        # Exact whatever the order of the sums: whole numbers, all below 2⁵³.
        result: NDArray[np.float64] = cell_features(patches) @ weights.T / (UNIT * WEIGHT_UNIT)
        return result


def feature_count(planes: int) -> int:
    """How many weights an edge has: of the constant, of each cell in each plane, and of its contours in gray."""
    return 1 + (planes + 2) * CELLS * CELLS


def window_patches(planes: NDArray[np.uint8], windows: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The windows float64[N, 4] px with their surroundings, cut out of uint8[P, H, W]: uint8[N, P, 24, 24]."""
    patches = np.zeros((len(windows), len(planes), SIDE, SIDE), np.uint8)
    sides = windows[:, 2:] * CONTEXT
    corners = windows[:, :2] - (sides - windows[:, 2:]) / 2
    regions = np.rint(np.concatenate([corners, np.maximum(sides, 1)], axis=1)).astype(np.int64)
    for i, (x, y, w, h) in enumerate(regions.tolist()):
        patches[i] = cut(planes, Crop(x, y, w, h, False), (SIDE, SIDE))
    return patches


def cell_features(patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What an edge's weights are multiplied with: uint8[N, P, 24, 24] → whole numbers, float64[N, F].

    First the constant UNIT. Then the means of cells, row by row, in UNITs. Gray counts as the distance from the
    patch's mean, contours as the difference of the pixels left and right, and of those above and below, all in
    standard deviations of the patch. Color counts as the distance from the neutral 128, in sixteenths of it.
    """
    count, planes = patches.shape[:2]
    gray = patches[:, 0].astype(np.int64)
    across, down = np.zeros_like(gray), np.zeros_like(gray)
    across[:, :, 1:-1] = np.abs(gray[:, :, 2:] - gray[:, :, :-2])
    down[:, 1:-1] = np.abs(gray[:, 2:] - gray[:, :-2])
    size, total = SIDE * SIDE, gray.sum(axis=(1, 2))
    deviation = np.sqrt((size * (gray * gray).sum(axis=(1, 2)) - total * total).astype(np.float64)) / size
    mean = total * 64 // size  # like those of the cells in 1/64 gray levels
    relative = np.stack([_cell_means(gray) - mean[:, None], _cell_means(across), _cell_means(down)], axis=1)
    scaled = np.rint(relative * (UNIT / 64) / np.maximum(deviation, LEAST_CONTRAST)[:, None, None])
    color = [(_cell_means(patches[:, i].astype(np.int64)) - 128 * 64) * UNIT // (64 * 16) for i in range(1, planes)]
    return np.concatenate([np.full((count, 1), float(UNIT)), scaled.reshape(count, 3 * CELLS * CELLS), *color], axis=1)


def _cell_means(plane: NDArray[np.int64]) -> NDArray[np.int64]:
    """Means of 8×8 cells in 1/64: int64[N, 24, 24] → int64[N, 64]."""
    step = SIDE // CELLS
    sums = plane.reshape(len(plane), CELLS, step, CELLS, step).sum(axis=(2, 4))
    return np.asarray(sums * 64 // (step * step), np.int64).reshape(len(plane), CELLS * CELLS)


def moved_boxes(
    windows: NDArray[np.float64], face: tuple[float, float, float, float], shifts: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The face's box in each window: float64[N, 4] px, x, y, w, h; each edge moved by `shifts` (BoxRegression.shifts).

    face: fractions x, y, w, h of the window. No edge moves by more than a quarter of the face's side, so the box keeps
    at least half of it.
    """
    place, size = np.array(face[:2]), np.array(face[2:])
    moved: NDArray[np.float64] = np.zeros((len(windows), 4))
    if shifts is not None:
        most = FARTHEST * np.concatenate([size, size])
        moved = np.clip(shifts, -most, most)
    corners = windows[:, :2] + (place + moved[:, :2]) * windows[:, 2:]
    sides = (size + (moved[:, 2:] - moved[:, :2])) * windows[:, 2:]
    return np.concatenate([corners, sides], axis=1)


def read_box_regression(content: Any, planes: int) -> BoxRegression | None:
    """The regression of a side file, None where it has none. Raises ValueError where it is damaged."""
    if content is None:
        return None
    if not isinstance(content, dict) or set(content) != set(EDGES):
        raise ValueError(f"box_regression is damaged, expected the weights of {', '.join(EDGES)}")
    return BoxRegression(**{edge: _weights(edge, content[edge], feature_count(planes)) for edge in EDGES})


def _weights(edge: str, values: Any, count: int) -> tuple[int, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        raise ValueError(f"box_regression is damaged, expected {count} weights for {edge}")
    if not all(type(value) is int and abs(value) <= LARGEST_WEIGHT for value in values):
        raise ValueError(f"box_regression is damaged, expected whole numbers up to {LARGEST_WEIGHT} for {edge}")
    return tuple(values)
