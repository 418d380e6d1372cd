"""Drawings seen by boxes that tremble."""

import cv2
import numpy as np

SIDE = 32
"""Of a thumbnail, px."""


def drawing(seed: int, side: int = 96) -> np.ndarray:
    """Something with outlines, as drawn faces have."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side), int(rng.integers(60, 200)), np.uint8)
    for _ in range(7):
        center = tuple(int(value) for value in rng.integers(side // 5, 4 * side // 5, 2))
        axes = tuple(int(value) for value in rng.integers(side // 12, side // 3, 2))
        cv2.ellipse(picture, center, axes, int(rng.integers(180)), 0, 360, int(rng.integers(256)), -1)
        cv2.ellipse(picture, center, axes, 0, 0, 360, 0, 2)
    return picture


def seen(picture: np.ndarray, right: float = 0, down: float = 0, size: float = 1) -> np.ndarray:
    """The middle of a picture as a thumbnail, by a box that is moved (px of the thumbnail) and enlarged."""
    side = 64 * size
    left, top = 48 + 2 * right - side / 2, 48 + 2 * down - side / 2
    box = picture[round(top) : round(top + side), round(left) : round(left + side)]
    return cv2.resize(box, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
