"""Shrinking, cropping and encoding pictures with integer arithmetic only: the same bytes on any machine."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]

FULL_COLOR = [
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,  # faces of flat colors: halved chroma would smear outlines
]


class Decoded(Protocol):
    """A frame of a video (`pipeline.video.frame`): its luma, uint8 [H, W], and RGB of only a part, uint8 [h, w, 3]."""

    @property
    def gray(self) -> Pixels: ...
    def rgb(self, part: Rectangle | None = None) -> Pixels: ...


def shrink(image: Pixels, width: int, height: int) -> Pixels:
    """Resize to width × height px; never aliased when shrinking.

    image: uint8 [H, W] or [H, W, 3]. Halved by 2×2 means while at least twice too large, then resized by OpenCV's
    bit-exact linear interpolation: `INTER_AREA` would do it in one step but sums floats in an order that depends on the
    processor.
    """
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width and min(image.shape[:2]) >= 2:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        # From exactly twice the size, OpenCV's exact linear interpolation is the mean of 2×2, rounded half up.
        even = image[: 2 * half[1], : 2 * half[0]]
        image = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_LINEAR_EXACT), dtype=np.uint8)
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR_EXACT), dtype=np.uint8)


def fit_height(image: Pixels, max_height: int) -> tuple[Pixels, float]:
    """The image no higher than `max_height` px, and what its coordinates were multiplied by (at most 1)."""
    height, width = image.shape[:2]
    if height <= max_height:
        return np.ascontiguousarray(image), 1.0
    scale = max_height / height
    return shrink(image, max(1, round(width * scale)), max_height), scale


def fit_chroma(chroma: Pixels, gray: Pixels) -> Pixels:
    """Cb and Cr, uint8 [2, h, w], no larger than half of a shrunk gray picture uint8 [H, W] (sides rounded up)."""
    height, width = -(-gray.shape[0] // 2), -(-gray.shape[1] // 2)
    if chroma.shape[1] <= height:
        return np.ascontiguousarray(chroma)
    return np.stack([shrink(plane, width, height) for plane in chroma])


def square_around(box: Rectangle, margin: float) -> Rectangle:
    """The square around a box (x, y, w, h px), `margin` of its longer side added on each side."""
    x, y, w, h = box
    side = max(2, round(max(w, h) * (1 + 2 * margin)))
    return x + w // 2 - side // 2, y + h // 2 - side // 2, side, side


def inside(rectangle: Rectangle, width: int, height: int) -> Rectangle:
    """The part of a rectangle (x, y, w, h px) that lies in a picture of this size."""
    x, y, w, h = rectangle
    left, top = max(0, x), max(0, y)
    return left, top, min(width, x + w) - left, min(height, y + h) - top


def repeat_edges(pixels: Pixels, part: Rectangle, whole: Rectangle) -> Pixels:
    """The picture of `whole` from that of a `part` of it (x, y, w, h px): what is missing repeats the nearest edge."""
    left, top = part[0] - whole[0], part[1] - whole[1]
    right, bottom = whole[2] - part[2] - left, whole[3] - part[3] - top
    return np.asarray(cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REPLICATE), dtype=np.uint8)


def cut(pixels: Pixels, part: Rectangle) -> Pixels:
    """A part (x, y, w, h px, inside the picture) of [H, W] or [H, W, 3]; a view."""
    left, top, width, height = part
    return pixels[top : top + height, left : left + width]


def cut_face(picture: Decoded | Pixels, box: Rectangle, margin: float, size: int) -> Pixels:
    """The square around a face, RGB uint8 [S, S, 3]: every crop of a face, in training and in use, is cut here.

    picture: a decoded frame, of which only this part is converted to color, or RGB uint8 [H, W, 3]. box: the face,
    x, y, w, h in px of the picture. margin: context on each side, as a share of the box's longer side; what lies
    outside the picture repeats its edge. size: px, the largest side; larger crops are shrunk, smaller ones stay.
    """
    square = square_around(box, margin)
    whole = picture if isinstance(picture, np.ndarray) else picture.gray
    part = inside(square, whole.shape[1], whole.shape[0])
    pixels = cut(picture, part) if isinstance(picture, np.ndarray) else picture.rgb(part)
    crop = repeat_edges(pixels, part, square)
    side = min(crop.shape[0], size)
    return shrink(crop, side, side)


def reframe(crop: Pixels, margin: float, wanted: float) -> Pixels:
    """A crop of a face with another margin, square, uint8 [S, S] or [S, S, 3].

    crop: the face's box with `margin` of its longer side around it. wanted: the margin to have instead. A narrower one
    cuts the crop; a wider one, or a crop that is not square, repeats the crop's edges outwards. Whole pixels of the
    crop: nothing is resampled, and a square crop that has the margin already is returned as it is.
    """
    height, width = crop.shape[:2]
    longer = max(height, width)
    edge = round(longer * (wanted - margin) / (1 + 2 * margin))
    side = longer + 2 * max(edge, -((longer - 1) // 2))
    square = ((width - side) // 2, (height - side) // 2, side, side)
    part = inside(square, width, height)
    return repeat_edges(cut(crop, part), part, square)


def encode_jpeg(rgb: Pixels, quality: int = 95) -> bytes:
    """RGB uint8 [H, W, 3] as JPEG of a quality (0 to 100), color at full resolution."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, *FULL_COLOR]
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of shape {rgb.shape}")
    return bytes(buffer)


def encode_png(gray: Pixels) -> bytes:
    """Gray uint8 [H, W] as PNG, without loss."""
    done, buffer = cv2.imencode(".png", gray)
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of shape {gray.shape}")
    return bytes(buffer)


def decode_rgb(data: bytes) -> Pixels | None:
    """An encoded picture of ours as RGB uint8 [H, W, 3], or None if it does not decode.

    Files that others made are read by `cascades.pictures`.
    """
    image = _decoded(data, cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_gray(data: bytes) -> Pixels | None:
    """An encoded picture as gray uint8 [H, W], or None if it does not decode: a JPEG's own luma."""
    image = _decoded(data, cv2.IMREAD_GRAYSCALE)
    return None if image is None else np.asarray(image, dtype=np.uint8)


def _decoded(data: bytes, flags: int) -> cv2.typing.MatLike | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:  # a header that promises more than OpenCV takes
        return None


def to_gray(rgb: Pixels) -> Pixels:
    """RGB uint8 [H, W, 3] as gray uint8 [H, W] (BT.601, OpenCV's fixed-point arithmetic)."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def sharpness(gray: Pixels) -> float:
    """Variance of the Laplacian of a gray face at 64×64 px (Pech-Pacheco et al., ICPR 2000); exact sums."""
    laplacian = np.asarray(cv2.Laplacian(shrink(gray, 64, 64), cv2.CV_16S), dtype=np.int64)
    return float(laplacian.size * (laplacian * laplacian).sum() - laplacian.sum() ** 2) / laplacian.size**2


def brightness(gray: Pixels) -> float:
    """Mean gray level, 0 to 255."""
    return int(gray.sum(dtype=np.int64)) / gray.size
