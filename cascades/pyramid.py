"""One pyramid for every cascade: which scales, how a level is resized, how its integral images lie in memory.

Scales and sizes follow OpenCV's detector, so that the same XML looks at the same windows.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.integral import gray_integrals, tilted_integral, upright_integral

MAX_LEVELS = 1000
BLOCK = 8  # windows the scan takes at once: with more, fewer blocks fall out early


@dataclass(frozen=True)
class Layout:
    """How one level is scanned and stored.

    scale    float32 factor from the level to the image
    width, height   of the level, px
    step     2 px between windows while the scale is below 2, else 1
    stride   cells in a row of a phase
    rows     of a phase

    With step 2 an integral image is kept as four phases: the cells with even x and y, odd x and even y, even x and odd
    y, odd x and y, one after another; with step 1 there is one. So neighbouring windows always read neighbouring
    cells: a window is one cell of the first phase, and a corner is a fixed number of cells away.
    """

    scale: np.float32
    width: int
    height: int
    step: int
    stride: int
    rows: int

    @property
    def plane_size(self) -> int:
        """int32 cells of one integral image."""
        return self.stride * self.rows * self.step**2

    def cells(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
        """How many cells from a window's own the corners x, y px right of and below its top left corner lie."""
        x, y = x.astype(np.int64), y.astype(np.int64)
        phase = y % self.step * self.step + x % self.step
        cells: NDArray[np.int64] = (phase * self.rows + y // self.step) * self.stride + x // self.step
        return cells

    def offsets(
        self, corners: NDArray[np.int16], tilted: NDArray[np.bool_], plane: NDArray[np.uint8], has_tilted: bool
    ) -> NDArray[np.int32]:
        """Corners int16[F, 12, 2] in window px → int32[F, 12] cells from a window's own, in a `Level`'s buffer."""
        cells = self.cells(corners[..., 0], corners[..., 1])
        colors = 2 if has_tilted else 1  # the block before the first color plane's
        block = np.where(plane > 0, colors + plane.astype(np.int64), np.where(tilted, 2, 0))
        cells += (block * self.plane_size)[:, None]
        return cells.astype(np.int32)

    def places(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Where the windows at these cells are: x, y int32[N], level px."""
        y, x = np.divmod(cells, self.stride)
        return (x * self.step).astype(np.int32), (y * self.step).astype(np.int32)


def scales(image: tuple[int, int], window: tuple[int, int], factor: float) -> list[np.float32]:
    """Scales at which a window (w, h) still fits into the image (w, h), beginning with 1."""
    found: list[np.float32] = []
    scale = 1.0
    while len(found) < MAX_LEVELS:
        if round(window[0] * scale) > image[0] or round(window[1] * scale) > image[1]:
            break
        found.append(np.float32(scale))
        scale *= factor
    return found


def layout(image: tuple[int, int], scale: np.float32) -> Layout:
    """The level of an image (w, h) at a scale."""
    # Python's round, like OpenCV's, goes to even at one half; the division is in float32 as OpenCV's is.
    width = round(float(np.float32(image[0]) / scale))
    height = round(float(np.float32(image[1]) / scale))
    step = 1 if scale >= 2 else 2
    stride = (width // step + 1 + 7) // 8 * 8
    return Layout(scale, width, height, step, stride, height // step + 1)


def stripes(first: Layout, window: tuple[int, int]) -> int:
    """Into how many stripes OpenCV cuts the scan of an image whose first scanned level is this."""
    return max(-(-(first.width - window[0] + 1) // 32), 1)


def grid(lay: Layout, window: tuple[int, int], stripe_count: int) -> tuple[int, int]:
    """Columns and rows of windows looked at on a level.

    OpenCV hands out rows in stripes of equal height, rounded so that with step 2 the last row can be left out; it is
    left out here too.
    """
    width, height = lay.width - window[0] + 1, lay.height - window[1] + 1
    if width <= 0 or height <= 0:
        return 0, 0
    in_stripes = max((height // lay.step + stripe_count - 1) // stripe_count, 1) * stripe_count
    return -(-width // lay.step), min(-(-height // lay.step), in_stripes)


@dataclass(frozen=True, eq=False)
class Level:
    """A resized image and its integral images.

    planes   uint8[P, H, W], plane 0 is gray
    buffer   int32[·]: gray upright, gray squared, gray tilted where asked for, then the upright images of the color
             planes, one after another, each `plane_size` cells; then spare ones, as windows are read by the block.
             Gray upright alone where only that is asked for
    """

    layout: Layout
    planes: NDArray[np.uint8]
    buffer: NDArray[np.int32]
    has_tilted: bool


def resize_planes(planes: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """uint8[P, H, W] → uint8[P, height, width] by OpenCV's exact bilinear resizing: the same bits everywhere."""
    if planes.shape[1:] == (height, width):
        return planes
    small = np.empty((len(planes), height, width), np.uint8)
    for plane, target in zip(planes, small, strict=True):
        cv2.resize(plane, (width, height), dst=target, interpolation=cv2.INTER_LINEAR_EXACT)
    return small


def build_level(planes: NDArray[np.uint8], lay: Layout, tilted: bool, upright_only: bool = False) -> Level:
    """Resize the planes uint8[P, H, W] and compute what the scan reads; upright_only: what LBP cascades read."""
    small = resize_planes(planes, lay.width, lay.height)
    size = lay.plane_size
    if upright_only:
        buffer = np.empty(size + BLOCK, np.int32)
        upright_integral(small[0], buffer, lay.step, lay.stride, lay.rows, False)
        return Level(lay, small, buffer, False)
    buffer = np.empty(size * (len(planes) + (2 if tilted else 1)) + BLOCK, np.int32)
    blocks = [buffer[first : first + size] for first in range(0, len(buffer) - BLOCK, size)]
    gray_integrals(small[0], buffer, lay.step, lay.stride, lay.rows)
    if tilted:
        sums, step = tilted_integral(small[0]), lay.step
        phases = blocks[2].reshape(step, step, lay.rows, lay.stride)
        for y in range(step):
            for x in range(step):
                part = sums[y::step, x::step]
                phases[y, x, : part.shape[0], : part.shape[1]] = part
    for plane, block in zip(small[1:], blocks[3 if tilted else 2 :], strict=True):
        upright_integral(plane, block, lay.step, lay.stride, lay.rows, False)
    return Level(lay, small, buffer, tilted)
