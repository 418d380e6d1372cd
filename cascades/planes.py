"""The image planes features look at: grey, and two that say what colour it is.

Drawn characters are flat colours, which grey throws away. The colour planes are opponent colours, as in the a and b of
Lab but exact in integers, so that every machine gives the same bytes:

    red_green    (R − G) / 2 + 128
    yellow_blue  (R + G − 2B) / 4 + 128

Grey features are divided by the window's contrast; colour features are not: a colour is what it is.
"""

import numpy as np
from numpy.typing import NDArray

from cascades.errors import InvalidParameter, TrainingDataError

GREY = ("grey",)
COLOUR = ("grey", "red_green", "yellow_blue")


def image_planes(
    gray: NDArray[np.uint8], color: NDArray[np.uint8] | None, names: tuple[str, ...], what: str
) -> NDArray[np.uint8]:
    """uint8[P, H, W] in the order of `names`; gray uint8[H, W], color uint8[H, W, 3] RGB."""
    if names == GREY:
        return gray[None]
    if names != COLOUR:
        raise InvalidParameter(f"planes {names!r}, expected {GREY} or {COLOUR}")
    if color is None:
        raise TrainingDataError(f"{what}: colour planes are wanted but only a grey image was given; pass its RGB image")
    if color.dtype != np.uint8 or color.shape != (*gray.shape, 3):
        raise TrainingDataError(f"{what}: colour is {color.dtype}{list(color.shape)}, expected uint8{[*gray.shape, 3]}")
    red, green, blue = (color[..., i].astype(np.int16) for i in range(3))
    planes = np.empty((3, *gray.shape), np.uint8)
    planes[0] = gray
    planes[1] = (red - green + 256) >> 1
    planes[2] = (red + green - 2 * blue + 512) >> 2
    return planes
