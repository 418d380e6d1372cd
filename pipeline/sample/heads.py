"""The heads of the characters put together, and where the face is.

Unit: a hundredth of the face's height; see `design`.
"""

from __future__ import annotations

from pipeline.sample.cast import DESIGNS
from pipeline.sample.coats import coat
from pipeline.sample.design import Pose, Turn
from pipeline.sample.ears import ear_reach, ears
from pipeline.sample.expressions import Look
from pipeline.sample.features import (
    beak,
    brow,
    cheeks,
    eye,
    furrow,
    mouth,
    muzzle,
    tears,
    whiskers,
)
from pipeline.sample.svg import Point, cos_deg, group, paint, radial_gradient, sin_deg, smooth

NECK = 46.0


def outline(character: str, yaw: float) -> list[Point]:
    """The closed outline of the face at a turn: the cheek on the far side is flatter."""
    right = DESIGNS[character].outline
    turn = Turn.by(yaw)
    shift = 7.0 * turn.sine
    points = [(x * (1 - 0.16 * max(0.0, turn.sine)) + shift * (1 - abs(y) / 50), y) for x, y in right]
    left = [(-x * (1 - 0.16 * max(0.0, -turn.sine)) + shift * (1 - abs(y) / 50), y) for x, y in right[1:-1]]
    return points + left[::-1]


def placement(pose: Pose, slump: float = 0.0) -> tuple[float, float, float, float, float]:
    """Where the head group goes: x, y, scale x, scale y, angle. It turns about the neck."""
    scale_x, scale_y = round(pose.squash, 3), round(1.0 / pose.squash, 3)
    cosine, sine = cos_deg(pose.tilt), sin_deg(pose.tilt)
    lever = NECK * scale_y
    return lever * sine, NECK - lever * cosine + 7.0 * slump, scale_x, scale_y, pose.tilt


def face_box(character: str, pose: Pose, slump: float = 0.0) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the face without ears and whiskers, in units, as it is drawn at this pose."""
    x0, y0, scale_x, scale_y, angle = placement(pose, slump)
    cosine, sine = cos_deg(angle), sin_deg(angle)
    xs, ys = [], []
    for x, y in outline(character, pose.yaw):
        xs.append(x0 + cosine * scale_x * x - sine * scale_y * y)
        ys.append(y0 + sine * scale_x * x + cosine * scale_y * y)
    return min(xs), min(ys), max(xs), max(ys)


def head_reach(character: str, pose: Pose, look: Look) -> tuple[float, float, float, float]:
    """Left, top, right, bottom that the head with ears and whiskers does not leave at this pose."""
    turn = Turn.by(pose.yaw)
    points = [
        *outline(character, pose.yaw),
        *((turn.x(side * 76, 20), 6.0 + 50 * k) for side in (-1, 1) for k in (0, 1)),
        *ear_reach(DESIGNS[character], turn, look.ears),
    ]
    x0, y0, scale_x, scale_y, angle = placement(pose, look.slump)
    cosine, sine = cos_deg(angle), sin_deg(angle)
    xs = [x0 + cosine * scale_x * x - sine * scale_y * y for x, y in points]
    ys = [y0 + sine * scale_x * x + cosine * scale_y * y for x, y in points]
    return min(xs) - 5, min(ys) - 7, max(xs) + 5, max(ys) + 5


def head(character: str, pose: Pose, look: Look) -> str:
    """The whole head, ears included, as SVG shapes in units."""
    design, turn = DESIGNS[character], Turn.by(pose.yaw)
    lamp = (22 * pose.light, -26)
    shade = radial_gradient(
        "fur-" + character, lamp, 96, ((0, design.fur_light), (0.5, design.fur), (1, design.fur_dark))
    )
    skin = f"url(#fur-{character})"
    parts = [
        f"<defs>{shade}</defs>",
        ears(design, turn, look.ears),
        smooth(outline(character, pose.yaw), paint(skin, design.ink, 3.2)),
        coat(design, turn),
        cheeks(design, turn, look),
        *(eye(design, turn, pose, look, side) for side in (-1, 1)),
        muzzle(design.nose, design, turn),
        mouth(design.nose, design, turn, look),
        beak(design, turn) if design.nose == "beak" else "",
        *(brow(design, turn, pose, look, side) for side in (-1, 1)),
        furrow(design, turn, look.furrow),
        whiskers(design, turn, look.whiskers) if design.whiskers else "",
        tears(design, turn, look.tear),
    ]
    x0, y0, scale_x, scale_y, angle = placement(pose, look.slump)
    return group("".join(parts), x0, y0, scale_x, scale_y, angle)
