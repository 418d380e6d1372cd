"""One decoded frame and the pixels that can be had from it: the same bytes on every machine.

Luma and chroma are the decoder's own planes wherever it has them; color is made only of what is asked for. Pixels are
those that are shown: a frame whose stored pixels are not square is scaled in width, as players do.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Interpolation

Pixels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Steps = slice | Indices
"""Rows or columns of a plane."""
Rectangle = tuple[int, int, int, int]
SQUARE: Final = Fraction(1)

# With these flags swscale gives the same bytes with every x86-64 instruction set and with none (tried, by forcing
# FFmpeg's CPU flags, for bilinear, area and point scaling); with its defaults and with fast bilinear it does not.
EXACT: Final = int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT)
EXACT_POINT: Final = int(Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT)
LUMA_FIRST: Final = re.compile(r"(?:yuv[aj]?4\d\dp|gray)(?:(\d\d)le)?|nv(?:12|16|21|24)")
"""Pixel formats whose first plane is luma alone, a byte or a 16-bit word per pixel; group 1 is the depth in bits."""
PLANAR: Final = re.compile(r"yuv[aj]?4\d\dp(?:(\d\d)le)?")
"""Pixel formats whose second and third plane are Cb and Cr; group 1 is the depth in bits."""
HALVED: Final = re.compile(r"yuvj?420p")
"""Pixel formats with a byte of Cb and of Cr for each 2×2 pixels: nearly all video there is."""

_LEVELS = np.arange(256)
# Limited range keeps luma in 16 to 235 and chroma in 16 to 240 (ITU-R BT.601); stretched in whole numbers.
STRETCH_LUMA: Final = np.clip(((_LEVELS - 16) * 510 + 219) // 438, 0, 255).astype(np.uint8)
STRETCH_CHROMA: Final = np.clip(((_LEVELS - 128) * 510 + 224) // 448 + 128, 0, 255).astype(np.uint8)


class Frame:
    """One decoded frame: `index` (0-based, decode order), `pts` (units of the time base) and its pixels.

    aspect: width of a stored pixel over its height.
    """

    __slots__ = ("_picture", "_width", "index", "pts")

    def __init__(self, index: int, pts: int, picture: av.VideoFrame, aspect: Fraction = SQUARE) -> None:
        self.index = index
        self.pts = pts
        self._picture = picture
        self._width = picture.width if aspect == 1 else max(1, round(picture.width * aspect))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown, px."""
        turned = self._picture.rotation % 180 != 0
        return (self._picture.height, self._width) if turned else (self._width, self._picture.height)

    @property
    def gray(self) -> Pixels:
        """The luma plane as coded (full or limited range), (height, width) uint8; a view where that is possible."""
        picture = self._picture
        match = LUMA_FIRST.fullmatch(picture.format.name)
        if match is None:
            gray = picture.reformat(format="gray", interpolation=EXACT, threads=1).to_ndarray()
            return self._shown(gray)
        return self._shown(_plane(picture, 0, match[1]))

    @property
    def chroma(self) -> Pixels:
        """Cb and Cr as coded, (2, height/2, width/2) uint8, sides rounded up: the decoder's planes where it has them.

        Planes of other sizes are brought to this one by exact linear interpolation, which from twice the size is the
        mean of 2×2; formats without such planes go through swscale.
        """
        picture = self._picture
        match = PLANAR.fullmatch(picture.format.name)
        if match is None:
            # RGB's luma is of full range, whatever the file says: so is its chroma.
            kind = "yuv420p" if picture.format.name.startswith("nv") else "yuvj420p"
            picture = picture.reformat(format=kind, interpolation=EXACT, threads=1)
        depth = match[1] if match else None
        size = (-(-self._width // 2), -(-picture.height // 2))
        planes = []
        for index in (1, 2):
            plane = _plane(picture, index, depth)
            if plane.shape != size[::-1]:
                plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR_EXACT), dtype=np.uint8)
            planes.append(_upright(plane, self._picture.rotation))
        return np.stack(planes)

    def rgb(self, part: Rectangle | None = None) -> Pixels:
        """The frame in color, or a part of it (x, y, w, h px, inside the frame): (height, width, 3) uint8."""
        picture, rotation = self._picture, self._picture.rotation
        scaled = self._width != picture.width
        if part is None or rotation or scaled or not HALVED.fullmatch(picture.format.name):
            whole = self._shown(picture.reformat(format="rgb24", interpolation=EXACT, threads=1).to_ndarray())
            x, y, w, h = part or (0, 0, whole.shape[1], whole.shape[0])
            return whole[y : y + h, x : x + w]
        x, y, w, h = part
        left, top = x & ~1, y & ~1
        cut = _cut(picture, left, top, x + w - left, y + h - top)
        pixels = cut.reformat(format="rgb24", interpolation=EXACT, threads=1).to_ndarray()
        return np.asarray(pixels[y - top :, x - left :], dtype=np.uint8)

    def preview(self, width: int) -> Pixels:
        """The frame in color as stored (not upright, pixels not square), every so-many-th pixel: at most `width` px."""
        picture = self._picture
        match = PLANAR.fullmatch(picture.format.name)
        step = max(1, -(-picture.width // width))
        if match is None:
            size = {"width": -(-picture.width // step), "height": -(-picture.height // step)}
            pixels = picture.reformat(**size, format="rgb24", interpolation=EXACT_POINT, threads=1).to_ndarray()
            return np.asarray(pixels, dtype=np.uint8)
        full_range = picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
        small = []
        for index, stretch in ((0, STRETCH_LUMA), (2, STRETCH_CHROMA), (1, STRETCH_CHROMA)):
            plane = picture.planes[index]
            # A chroma plane with half the pixels is stepped through half as fast.
            rows = _steps(picture.height, step, plane.height)
            columns = _steps(picture.width, step, plane.width)
            taken = _plane(picture, index, match[1], rows, columns)
            small.append(taken if full_range else cv2.LUT(taken, stretch))
        return np.asarray(cv2.cvtColor(cv2.merge(small), cv2.COLOR_YCrCb2RGB), dtype=np.uint8)

    def _shown(self, pixels: npt.NDArray[Any]) -> Pixels:
        """A stored picture, (height, width) or with color, as players show it."""
        if self._width != pixels.shape[1]:
            pixels = cv2.resize(pixels, (self._width, pixels.shape[0]), interpolation=cv2.INTER_LINEAR_EXACT)
        return _upright(pixels, self._picture.rotation)


def _plane(
    picture: av.VideoFrame, index: int, depth: str | None, rows: Steps | None = None, columns: Steps | None = None
) -> Pixels:
    """A plane, or some of its rows and columns, as uint8: a view of the decoder's memory where that is possible.

    depth: bits per pixel of planes of 16-bit words, of which the upper 8 are given.
    """
    plane = picture.planes[index]
    kind = np.dtype("<u2" if depth else np.uint8)
    lines: npt.NDArray[Any] = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
    pixels = lines[: plane.height, : plane.width]
    if rows is not None and columns is not None:
        pixels = pixels[rows][:, columns]  # twice as fast as both at once
    return (pixels >> (int(depth) - 8)).astype(np.uint8) if depth else pixels


@lru_cache(maxsize=64)
def _steps(shown: int, step: int, stored: int) -> Steps:
    """Where a plane's `stored` rows or columns are taken for every `step`-th of `shown`: a slice where they are even.

    A slice makes a view; by a list of indices the preview costs five times as much.
    """
    places = np.arange(0, shown, step) * stored // shown
    even = max(1, int(places[1])) if len(places) > 1 else 1
    return slice(0, stored, even) if np.array_equal(places, np.arange(0, stored, even)) else places


def _cut(picture: av.VideoFrame, left: int, top: int, width: int, height: int) -> av.VideoFrame:
    """A part of a 4:2:0 picture as a picture of its own; `left` and `top` are even."""
    part = av.VideoFrame(width, height, picture.format.name)
    part.colorspace, part.color_range = picture.colorspace, picture.color_range
    for index, target in enumerate(part.planes):
        x, y = (left, top) if index == 0 else (left // 2, top // 2)
        rows = np.frombuffer(target, np.uint8).reshape(-1, target.line_size)
        rows[: target.height, : target.width] = _plane(picture, index, None)[
            y : y + target.height, x : x + target.width
        ]
    return part


def _upright(pixels: npt.NDArray[Any], rotation: int) -> Pixels:
    """The picture as players show it; `rotation` is FFmpeg's, degrees counterclockwise."""
    return np.rot90(pixels, rotation // 90) if rotation else pixels
