"""What makes a head: proportions, palette, how it is held and how a turn moves its parts. `cast` has the characters.

Unit: a hundredth of the face's height. The origin is the middle of the face, x to the right, y down. A turn of the
head (yaw) moves each part as a point at some depth in front of the axis of the neck, which also narrows it.
"""

from __future__ import annotations

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
    """Proportions, palette and kinds of parts of a character."""

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
    ears: str = "cat"  # see `ears`
    ear_size: float = 1.0
    coat: str = ""  # see `coats`
    nose: str = "cat"  # cat, mouse, pig, beak or none
    whiskers: bool = False
    body: str = "cat"  # cat: with a scarf; mouse: shorter, with a vest
    cloth: str = "#2bb8b0"
    cloth_dark: str = "#1f9a94"
    tail: str = "#c4631d"
    stature: float = 1.0  # size of the face beside the others'


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
