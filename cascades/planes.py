"""The image planes features look at: gray, and the two that say what color it is.

Drawn characters are flat colors, which gray throws away. The color planes are Cb and Cr, blue and red difference, as
video stores them: a detector that reads video takes them from the decoder and never converts a frame. For pictures
`chroma_of` computes them as JPEG does, in whole numbers, so that every machine gives the same bytes.

Gray features are divided by the window's contrast; color features are not: a color is what it is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.errors import InvalidParameter, TrainingDataError

GRAY = ("gray",)
COLOR = ("gray", "cb", "cr")
OLD_SPELLING = {"grey": "gray", "colour": "color"}
"""How releases before 0.2 wrote these words in files and settings; still read."""


def chroma_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cb and Cr of an RGB image: uint8[H, W, 3] → uint8[2, H, W].

    JFIF's formula (ITU-R BT.601, full range) in 1/256: 128 + (−43 R − 85 G + 128 B)/256 and
    128 + (128 R − 107 G − 21 B)/256.
    """
    red, green, blue = (rgb[..., i].astype(np.int32) for i in range(3))
    chroma = np.empty((2, *rgb.shape[:2]), np.uint8)
    chroma[0] = np.minimum((128 * 256 + 128 - 43 * red - 85 * green + 128 * blue) >> 8, 255)
    chroma[1] = np.minimum((128 * 256 + 128 + 128 * red - 107 * green - 21 * blue) >> 8, 255)
    return chroma


def check_chroma(chroma: NDArray[np.uint8] | None, gray: NDArray[np.uint8], what: str) -> None:
    """Refuse anything but uint8[2, h, w] with h, w at most the gray image's and at least a quarter of it."""
    if chroma is None:
        return
    fine = isinstance(chroma, np.ndarray) and chroma.dtype == np.uint8 and chroma.ndim == 3 and chroma.shape[0] == 2
    if fine:
        fine = all(full >= part >= full // 4 > 0 for full, part in zip(gray.shape, chroma.shape[1:], strict=True))
    if not fine:
        found = f"{chroma.dtype}{list(chroma.shape)}" if isinstance(chroma, np.ndarray) else type(chroma).__name__
        raise TrainingDataError(
            f"{what}: chroma is {found}, expected uint8[2, h, w]: Cb and Cr, as large as the gray image "
            f"{list(gray.shape)} or, as in video, half of it; `chroma_of` makes them from RGB"
        )


def image_planes(
    gray: NDArray[np.uint8], chroma: NDArray[np.uint8] | None, names: tuple[str, ...], what: str
) -> NDArray[np.uint8]:
    """uint8[P, H, W] in the order of `names`; gray uint8[H, W], chroma uint8[2, h, w], brought to the gray's size."""
    if names == GRAY:
        return gray[None]
    if names != COLOR:
        raise InvalidParameter(f"planes {names!r}, expected {GRAY} or {COLOR}")
    if chroma is None:
        raise TrainingDataError(f"{what}: color planes are wanted but only a gray image was given; pass its chroma")
    height, width = gray.shape
    planes = np.empty((3, height, width), np.uint8)
    planes[0] = gray
    for i in range(2):
        cv2.resize(chroma[i], (width, height), dst=planes[i + 1], interpolation=cv2.INTER_LINEAR_EXACT)
    return planes
