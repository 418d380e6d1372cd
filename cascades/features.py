"""The Haar and LBP feature sets, as OpenCV's trainer counts them.

A Haar feature is a weighted sum of up to three rectangles of the window (Viola & Jones 2001, §2; Lienhart & Maydt 2002
for the wider sets). The first rectangle covers the whole feature with weight −1, the others are parts of it with a
positive weight chosen so that a flat window gives zero.

    BASIC  two and three stripes, upright, and the 2×2 checkerboard     162,336 in a 24×24 window
    CORE   BASIC, four stripes and the centre in its surround
    ALL    CORE and the stripes turned by 45°                           261,600 in a 24×24 window

A tilted rectangle (x, y, w, h) has its top corner at (x, y), goes w steps down to the right and h steps down to the
left: its corners are (x, y), (x−h, y+h), (x+w, y+w), (x+w−h, y+w+h).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cascades.errors import InvalidParameter

FEATURE_SETS = ("basic", "core", "all")

Rect = tuple[int, int, int, int, int]  # x, y, w, h in multiples of (1, dx, dy), weight


@dataclass(frozen=True, eq=False)
class HaarFeatures:
    """Many features as arrays.

    rects    int16[F, 3, 4]  x, y, w, h in window pixels; unused rectangles are zero
    weights  float32[F, 3]   zero where the rectangle is unused
    tilted   bool[F]         rectangles turned by 45°
    plane    uint8[F]        which image plane is looked at, 0 is gray
    """

    rects: NDArray[np.int16]
    weights: NDArray[np.float32]
    tilted: NDArray[np.bool_]
    plane: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rects)

    def take(self, index: NDArray[np.int64]) -> "HaarFeatures":
        """The features at these positions, in this order."""
        return HaarFeatures(self.rects[index], self.weights[index], self.tilted[index], self.plane[index])

    def corners(self) -> NDArray[np.int16]:
        """int16[F, 3, 4, 2]: the (x, y) of the four integral-image cells p0 − p1 − p2 + p3 of every rectangle."""
        x, y, w, h = (self.rects[..., i] for i in range(4))
        upright = np.stack([x, y, x + w, y, x, y + h, x + w, y + h], axis=-1)
        turned = np.stack([x, y, x - h, y + h, x + w, y + w, x + w - h, y + w + h], axis=-1)
        chosen = np.where(self.tilted[:, None, None], turned, upright)
        return chosen.reshape(len(self), 3, 4, 2).astype(np.int16)


@dataclass(frozen=True, eq=False)
class LbpFeatures:
    """Multi-block local binary patterns (Zhang et al. 2007): 3×3 equal blocks, the outer ones compared with the middle.

    rects  int16[F, 4]  x, y of the top left block and the size w, h of one block, window pixels
    """

    rects: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.rects)

    def take(self, index: NDArray[np.int64]) -> "LbpFeatures":
        return LbpFeatures(self.rects[index])

    def corners(self) -> NDArray[np.int16]:
        """int16[F, 4, 4, 2]: the (x, y) of the 4×4 grid of integral-image cells around the nine blocks, row by row."""
        steps = np.arange(4, dtype=np.int16)
        x = self.rects[:, 0, None] + steps * self.rects[:, 2, None]
        y = self.rects[:, 1, None] + steps * self.rects[:, 3, None]
        corners = np.empty((len(self), 4, 4, 2), np.int16)
        corners[..., 0] = x[:, None, :]
        corners[..., 1] = y[:, :, None]
        return corners


def concatenate(parts: list[HaarFeatures]) -> HaarFeatures:
    """Several lists of features as one."""
    return HaarFeatures(
        np.concatenate([p.rects for p in parts]),
        np.concatenate([p.weights for p in parts]),
        np.concatenate([p.tilted for p in parts]),
        np.concatenate([p.plane for p in parts]),
    )


# Each shape: size in units of (dx, dy), then its rectangles in the same units and their weights.
_UPRIGHT: dict[str, list[tuple[tuple[int, int], list[Rect]]]] = {
    "basic": [
        ((2, 1), [(0, 0, 2, 1, -1), (1, 0, 1, 1, 2)]),
        ((1, 2), [(0, 0, 1, 2, -1), (0, 1, 1, 1, 2)]),
        ((3, 1), [(0, 0, 3, 1, -1), (1, 0, 1, 1, 3)]),
        ((1, 3), [(0, 0, 1, 3, -1), (0, 1, 1, 1, 3)]),
        ((2, 2), [(0, 0, 2, 2, -1), (0, 0, 1, 1, 2), (1, 1, 1, 1, 2)]),
    ],
    "core": [
        ((4, 1), [(0, 0, 4, 1, -1), (1, 0, 2, 1, 2)]),
        ((1, 4), [(0, 0, 1, 4, -1), (0, 1, 1, 2, 2)]),
        ((3, 3), [(0, 0, 3, 3, -1), (1, 1, 1, 1, 9)]),
    ],
}
# Tilted: units run along the two diagonals.
_TILTED: list[tuple[tuple[int, int], list[Rect]]] = [
    ((2, 1), [(0, 0, 2, 1, -1), (0, 0, 1, 1, 2)]),
    ((1, 2), [(0, 0, 1, 2, -1), (0, 0, 1, 1, 2)]),
    ((3, 1), [(0, 0, 3, 1, -1), (1, 0, 1, 1, 3)]),
    ((1, 3), [(0, 0, 1, 3, -1), (0, 1, 1, 1, 3)]),
    ((4, 1), [(0, 0, 4, 1, -1), (1, 0, 2, 1, 2)]),
    ((1, 4), [(0, 0, 1, 4, -1), (0, 1, 1, 2, 2)]),
]


def haar_features(window: tuple[int, int], feature_set: str = "basic") -> HaarFeatures:
    """Every feature of a set in a window (width, height) in px, always in the same order."""
    if feature_set not in FEATURE_SETS:
        raise InvalidParameter(f"features is {feature_set!r}, expected one of {', '.join(FEATURE_SETS)}")
    parts = [_upright(window, *shape) for shape in _UPRIGHT["basic"]]
    if feature_set != "basic":
        parts += [_upright(window, *shape) for shape in _UPRIGHT["core"]]
    if feature_set == "all":
        parts += [_tilted(window, *shape) for shape in _TILTED]
    return concatenate(parts)


def lbp_features(window: tuple[int, int]) -> LbpFeatures:
    """Every multi-block LBP feature in a window (width, height) in px, in OpenCV's order: 8,464 in a 24×24 window."""
    return LbpFeatures(np.stack(list(_positions(window, 3, 3)), axis=1).astype(np.int16))


def single_rectangles(window: tuple[int, int], plane: int) -> HaarFeatures:
    """The mean of every rectangle of a color plane: weight 1 over its area, nothing subtracted."""
    x, y, w, h = _positions(window, 1, 1)
    rects = np.zeros((len(x), 3, 4), np.int16)
    rects[:, 0] = np.stack([x, y, w, h], axis=1)
    weights = np.zeros((len(x), 3), np.float32)
    weights[:, 0] = 1.0 / (w * h)
    return HaarFeatures(rects, weights, np.zeros(len(x), np.bool_), np.full(len(x), plane, np.uint8))


def on_plane(features: HaarFeatures, plane: int) -> HaarFeatures:
    """The same features looking at another plane."""
    return HaarFeatures(features.rects, features.weights, features.tilted, np.full(len(features), plane, np.uint8))


def _positions(window: tuple[int, int], nx: int, ny: int) -> Iterator[NDArray[np.int64]]:
    """x, y, dx, dy of every upright shape nx·dx by ny·dy inside the window."""
    width, height = window
    x, y, dx, dy = np.meshgrid(
        np.arange(width), np.arange(height), np.arange(1, width + 1), np.arange(1, height + 1), indexing="ij"
    )
    inside = (x + nx * dx <= width) & (y + ny * dy <= height)
    return (a[inside].astype(np.int64) for a in (x, y, dx, dy))


def _upright(window: tuple[int, int], size: tuple[int, int], rects: list[Rect]) -> HaarFeatures:
    x, y, dx, dy = _positions(window, *size)
    out = np.zeros((len(x), 3, 4), np.int16)
    weights = np.zeros((len(x), 3), np.float32)
    for i, (rx, ry, rw, rh, weight) in enumerate(rects):
        out[:, i] = np.stack([x + rx * dx, y + ry * dy, rw * dx, rh * dy], axis=1)
        weights[:, i] = weight
    return HaarFeatures(out, weights, np.zeros(len(x), np.bool_), np.zeros(len(x), np.uint8))


def _tilted(window: tuple[int, int], size: tuple[int, int], rects: list[Rect]) -> HaarFeatures:
    width, height = window
    nx, ny = size
    x, y, dx, dy = np.meshgrid(
        np.arange(width), np.arange(height), np.arange(1, width + 1), np.arange(1, height + 1), indexing="ij"
    )
    inside = (x + nx * dx <= width) & (y + nx * dx + ny * dy <= height) & (x - ny * dy >= 0)
    x, y, dx, dy = (a[inside].astype(np.int64) for a in (x, y, dx, dy))
    out = np.zeros((len(x), 3, 4), np.int16)
    weights = np.zeros((len(x), 3), np.float32)
    for i, (rx, ry, rw, rh, weight) in enumerate(rects):
        # One step along the first diagonal is (+dx, +dx), along the second (−dy, +dy).
        out[:, i] = np.stack([x + rx * dx - ry * dy, y + rx * dx + ry * dy, rw * dx, rh * dy], axis=1)
        weights[:, i] = weight
    return HaarFeatures(out, weights, np.ones(len(x), np.bool_), np.zeros(len(x), np.uint8))
