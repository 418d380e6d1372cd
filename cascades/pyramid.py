"""One pyramid for every cascade: which scales, how a level is resized, how its integral images lie in memory.

Scales and sizes follow OpenCV's detector, so that the same XML looks at the same windows.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cascades.integral import tilted_integral, upright_integral
from cascades.resizing import resized
from cascades.scratch import Scratch
from cascades.vectors import BLOCK

MAX_LEVELS = 1000
NOWHERE = np.zeros(0, np.int32)


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
        # The gray upright image comes first, then the tilted one where there is one, then those of the color planes.
        block = np.where(plane > 0, plane.astype(np.int64) + has_tilted, tilted)
        cells += (block * self.plane_size)[:, None]
        return cells.astype(np.int32)

    def places(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Where the windows at these cells are: x, y int32[N], level px."""
        if cells.size == 0:
            return NOWHERE, NOWHERE
        y = cells // self.stride
        x = cells - y * self.stride
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


@lru_cache(maxsize=4096)  # a video's frames all have the same levels
def layout(image: tuple[int, int], scale: np.float32) -> Layout:
    """The level of an image (w, h) at a scale."""
    # Python's round, like OpenCV's, goes to even at one half; the division is in float32 as OpenCV's is.
    width = round(float(np.float32(image[0]) / scale))
    height = round(float(np.float32(image[1]) / scale))
    step = 1 if scale >= 2 else 2
    stride = -(-(width // step + 1) // BLOCK) * BLOCK
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
    buffer   int32[·]: gray upright, gray tilted where asked for, then the upright images of the color planes, one
             after another, each `plane_size` cells; then spare ones, as windows are read by the block
    """

    layout: Layout
    planes: NDArray[np.uint8]
    buffer: NDArray[np.int32]
    has_tilted: bool


def prepared(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image as the kernels take it, contiguous and writable: they are compiled for one kind of arrays."""
    return image if image.flags.c_contiguous and image.flags.writeable else image.copy()


def resize_planes(
    planes: NDArray[np.uint8], width: int, height: int, scratch: Scratch | None = None
) -> NDArray[np.uint8]:
    """uint8[P, H, W] → uint8[P, height, width] by OpenCV's exact bilinear resizing: the same bits everywhere."""
    planes = prepared(planes)
    if planes.shape[1:] == (height, width):
        return planes
    shape = len(planes), height, width
    small = (scratch or Scratch()).array("planes", math.prod(shape), np.uint8).reshape(shape)
    for plane, target in zip(planes, small, strict=True):
        resized(plane, target)
    return small


def build_level(planes: NDArray[np.uint8], lay: Layout, tilted: bool, scratch: Scratch | None = None) -> Level:
    """Resize the planes uint8[P, H, W] and compute what the scan reads.

    scratch  where the level is kept until the next one is built; without one it has its own memory
    """
    small = resize_planes(planes, lay.width, lay.height, scratch)
    size = lay.plane_size
    buffer = (scratch or Scratch()).array("buffer", size * (len(planes) + tilted) + BLOCK, np.int32)
    blocks = [buffer[first : first + size] for first in range(0, len(buffer) - BLOCK, size)]
    if tilted:
        tilted_integral(small[0], blocks.pop(1), lay.step, lay.stride, lay.rows)
    for plane, block in zip(small, blocks, strict=True):
        upright_integral(plane, block, lay.step, lay.stride, lay.rows)
    return Level(lay, small, buffer, tilted)
