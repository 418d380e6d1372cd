"""Rain, snow, leaves and petals falling through a frame, drawn straight into it."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import cv2
import numpy as np

from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH
from pipeline.sample.svg import Image, cos_deg, sin_deg

COUNT = {"rain": 80, "snow": 70, "leaves": 16, "petals": 14}
COLORS = {
    "leaves": ((43, 110, 214), (40, 70, 190), (70, 180, 232)),
    "petals": ((200, 170, 250), (235, 230, 255), (180, 200, 255)),
}
SPEED = {"rain": (-4, 26), "snow": (1, 3), "leaves": (3, 3), "petals": (2, 2)}  # px a frame


@lru_cache(maxsize=8)
def _drops(kind: str) -> tuple[tuple[int, int, int], ...]:
    """Start x, start y and character (0..99) of each particle."""
    rng = Random(f"weather {kind}")
    return tuple(
        (rng.randrange(0, FRAME_WIDTH + 60), rng.randrange(0, FRAME_HEIGHT + 60), rng.randrange(100))
        for _ in range(COUNT[kind])
    )


def fall(picture: Image, kind: str, frame: int) -> None:
    """Draw what falls at a frame of the episode."""
    across, down = SPEED[kind]
    for x0, y0, nature in _drops(kind):
        near = 1 + nature % 3
        x = (x0 + across * near * frame) % (FRAME_WIDTH + 60) - 30
        y = (y0 + (down * (2 + near) * frame) // 3) % (FRAME_HEIGHT + 60) - 30
        if kind == "rain":
            cv2.line(picture, (x, y), (x - 2 * near, y + 9 + 5 * near), (226, 214, 200), 1, cv2.LINE_AA)
        elif kind == "snow":
            cv2.circle(picture, (x + nature % 7, y), near, (250, 246, 242), -1, cv2.LINE_AA)
        else:
            _leaf(picture, x, y, 3 + 2 * near, (nature * 37 + frame * 5) % 360, COLORS[kind][nature % 3])


def _leaf(picture: Image, x: int, y: int, size: int, angle: int, color: tuple[int, int, int]) -> None:
    cosine, sine = cos_deg(angle), sin_deg(angle)
    shape = ((-2.0, 0.0), (-0.6, -0.7), (2.0, 0.0), (-0.6, 0.7))
    points = [
        [round(16 * (x + size * (u * cosine - v * sine))), round(16 * (y + size * (u * sine + v * cosine)))]
        for u, v in shape
    ]
    cv2.fillConvexPoly(picture, np.array(points, np.int32), color, cv2.LINE_AA, 4)
