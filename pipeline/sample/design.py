"""The two characters' heads as data: proportions, palettes, how a head is held and how a turn moves its parts.

Unit: a hundredth of the face's height. The origin is the middle of the face, x to the right, y down. A turn of the
head (yaw) moves each part as a point at some depth in front of the axis of the neck, which also narrows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.sample.svg import Point, cos_deg, sin_deg


@dataclass(frozen=True)
class Pose:
    """How a head is held; angles in degrees."""

    yaw: float = 0.0  # positive: looks to the right of the picture
    tilt: float = 0.0  # clockwise
    squash: float = 1.0  # above 1: wide and low; the area stays
    blink: float = 0.0  # 1: eyes shut
    gaze: Point = (0.0, 0.0)  # −1..1 each
    light: float = -1.0  # where the light is: −1 left, 1 right
    brow_skew: float = 0.0  # one brow higher than the other


@dataclass(frozen=True)
class Design:
    """Proportions and palette of a character's head."""

    outline: tuple[Point, ...]  # right half of the face, crown to chin
    fur: str
    fur_light: str
    fur_dark: str
    ink: str
    muzzle: str
    iris: str
    brow: str
    eye_x: float
    eye_y: float
    eye_rx: float
    eye_ry: float
    mouth_y: float
    mouth_width: float
    muzzle_depth: float


DESIGNS: Mapping[str, Design] = {
    "cat": Design(
        outline=((0, -50), (25, -47.5), (44, -33), (51, -8), (52, 4), (63, 19), (63, 19), (50, 25), (55, 36), (55, 36),
                 (40, 40), (22, 48), (0, 50)),
        fur="#f0913a", fur_light="#ffbe6a", fur_dark="#c4631d", ink="#4a2412", muzzle="#fff1d8", iris="#58b368",
        brow="#7d3a10", eye_x=22, eye_y=-7, eye_rx=13.5, eye_ry=17, mouth_y=27, mouth_width=25, muzzle_depth=44,
    ),
    "mouse": Design(
        outline=((0, -50), (23, -46.5), (41, -30), (48, -5), (46, 17), (36, 35), (18, 47), (0, 50)),
        fur="#8fa3c9", fur_light="#bccbe8", fur_dark="#63759e", ink="#27304d", muzzle="#eef1fa", iris="#3d2b1f",
        brow="#2f3a5e", eye_x=16.5, eye_y=-9, eye_rx=12.5, eye_ry=18, mouth_y=29, mouth_width=20, muzzle_depth=46,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """A turn of the head, as a projection of points in front of the neck's axis."""

    cosine: float
    sine: float

    @classmethod
    def by(cls, yaw: float) -> Turn:
        return cls(cos_deg(yaw), sin_deg(yaw))

    def x(self, across: float, depth: float) -> float:
        return across * self.cosine + depth * self.sine

    def width(self, across: float, bulge: float = 0.014) -> float:
        """How wide a part at this place appears, 1 when looking at us."""
        return max(0.45, self.cosine - across * self.sine * bulge)
