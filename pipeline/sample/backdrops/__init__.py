"""Painted backdrops: eighteen canvases larger than the picture, for the camera to move over, and the title card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import cv2
import numpy as np

from pipeline.sample.backdrops import garden, harbour, kitchen
from pipeline.sample.backdrops.brush import HEIGHT, WIDTH, dabs
from pipeline.sample.svg import Image, cos_deg, ellipse, line, num, paint, path, polygon, rasterise, rect, sin_deg

__all__ = ["BACKDROPS", "HEIGHT", "WIDTH", "Backdrop", "canvas"]


@dataclass(frozen=True)
class Backdrop:
    """A painter, and between which heights of the canvas (px) feet can stand."""

    painter: Callable[[Random], str]
    ground: tuple[float, float]
    grain: int = 7


def _title(rng: Random) -> str:
    rays = "".join(
        polygon(
            (
                (600, 360),
                (600 + 900 * cos_deg(a), 360 + 900 * sin_deg(a)),
                (600 + 900 * cos_deg(a + 11), 360 + 900 * sin_deg(a + 11)),
            ),
            paint("#ffd76a"),
        )
        for a in range(0, 360, 22)
    )
    letters = []
    for ink, width, drop in (("#7a2f3f", 40, 5.0), ("#fff6e0", 26, 0.0)):
        style = paint("none", ink, width)
        y = 100 + drop
        letters += [
            line(((350, y - 50), (450, y - 50)), style),
            line(((400, y - 50), (400, y + 50)), style),
            ellipse(535, y, 48, 50, style),
            ellipse(680, y, 48, 50, style),
            path(f"M775 {num(y + 50)}L775 {num(y - 50)}L860 {num(y + 50)}L860 {num(y - 50)}", style),
        ]
    return (
        rect(0, 0, WIDTH, HEIGHT, paint("#f7b53f"))
        + rays
        + dabs(rng, 0, 0, WIDTH, HEIGHT, ("#ffe9a8", "#f0982f"), 80, 120, 0.2)
        + ellipse(600, 700, 700, 160, paint("#d9653f"))
        + dabs(rng, 100, 580, 1100, HEIGHT, ("#f08c5a", "#b94a32"), 40, 100, 0.25)
        + "".join(letters)
    )


BACKDROPS: dict[str, Backdrop] = {
    "title": Backdrop(_title, (580, 600)),
    "lawn": Backdrop(garden.lawn, (470, 620)),
    "pond": Backdrop(garden.pond, (540, 640)),
    "patch": Backdrop(garden.patch, (470, 620)),
    "greenhouse": Backdrop(garden.greenhouse, (460, 620)),
    "oak": Backdrop(garden.oak, (545, 640)),
    "moonlit": Backdrop(garden.moonlit, (500, 630)),
    "sill": Backdrop(kitchen.sill, (450, 560)),
    "table": Backdrop(kitchen.table, (450, 590)),
    "stove": Backdrop(kitchen.stove, (510, 640)),
    "skirting": Backdrop(kitchen.skirting, (470, 620)),
    "pantry": Backdrop(kitchen.pantry, (480, 620)),
    "hall": Backdrop(kitchen.hall, (500, 630)),
    "quay": Backdrop(harbour.quay, (500, 630)),
    "lighthouse": Backdrop(harbour.lighthouse, (530, 640)),
    "market": Backdrop(harbour.market, (480, 620)),
    "deck": Backdrop(harbour.deck, (480, 620)),
    "beach": Backdrop(harbour.beach, (480, 620)),
    "storm": Backdrop(harbour.storm, (500, 630)),
}


def canvas(name: str) -> Image:
    """Paint a backdrop: (HEIGHT, WIDTH, 3) uint8 BGR, with paper grain of three sizes."""
    backdrop = BACKDROPS[name]
    picture = rasterise(backdrop.painter(Random(f"backdrop {name}")), WIDTH, HEIGHT)[..., :3].astype(np.int16)
    rng = np.random.default_rng([ord(letter) for letter in name])
    for size in (1, 3, 14):
        small = rng.integers(
            128 - backdrop.grain, 129 + backdrop.grain, (HEIGHT // size + 2, WIDTH // size + 2), dtype=np.uint8
        )
        grain = cv2.resize(small, None, fx=size, fy=size, interpolation=cv2.INTER_LINEAR_EXACT)[:HEIGHT, :WIDTH]
        picture += grain[..., None].astype(np.int16) - 128
    return np.clip(picture, 0, 255).astype(np.uint8)
