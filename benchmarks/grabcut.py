"""GrabCut (Rother, Kolmogorov & Blake 2004) on a crop of a face: for `benchmarks.masks` and `benchmarks.mask_net`."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

ROUNDS: Final = 3
"""Of GrabCut."""
SURE: Final = 0.5
"""Diameter of what is taken for face, in sides of the box."""
LIKELY: Final = 1.0
"""Diameter of what may be face."""
FAR: Final = 1.2
"""Diameter of what may be background; beyond it all is."""
Mask = NDArray[np.bool_]


def cut_out(rgb: Pixels, margin: float) -> Mask:
    """Which pixels of a crop are face, bool [S, S]. rgb: uint8 [S, S, 3]. margin: around the box, in sides of it."""
    size = rgb.shape[0]
    box = size / (1 + 2 * margin)
    marks = np.full((size, size), cv2.GC_BGD, np.uint8)
    for diameter, mark in ((FAR, cv2.GC_PR_BGD), (LIKELY, cv2.GC_PR_FGD), (SURE, cv2.GC_FGD)):
        cv2.circle(marks, (size // 2, size // 2), round(box * diameter / 2), mark, -1)
    cv2.setRNGSeed(0)  # its first clusters are drawn by chance
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    whole = (0, 0, size, size)  # not looked at: the marks say where to start
    cv2.grabCut(bgr, marks, whole, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
