"""The bodies under the heads, in the same units: a hundredth of the face's height, origin in the face's middle."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.sample.cast import DESIGNS
from pipeline.sample.design import Design, Pose
from pipeline.sample.expressions import Look
from pipeline.sample.svg import Point, ellipse, num, paint, path, polygon, sin_deg, smooth

FEET = {"cat": 176.0, "mouse": 150.0}
"""How far below the middle of the face the ground is, by kind of body."""

REACH = (-78.0, 24.0, 114.0, 188.0)
"""Left, top, right, bottom that no body leaves."""


@dataclass(frozen=True)
class Stance:
    """What the body does: the walk's phase and the tail's swing in degrees, and how wide the stride is (0 stands)."""

    phase: float = 0.0
    stride: float = 0.0
    swing: float = 0.0


def body_key(pose: Pose, look: Look) -> tuple[float, float, float]:
    """What moves a body besides its stance: turn, arms, tail; rounded coarsely, so that a drawing serves many heads."""
    return round(pose.yaw / 18) / 2, round(look.arms * 5) / 5, round(look.ears * 2) / 2


def feet(character: str) -> float:
    """How far below the middle of its face a character stands, in units."""
    return FEET[DESIGNS[character].body]


def body(character: str, pose: Pose, look: Look, stance: Stance) -> str:
    """The body without the head."""
    design = DESIGNS[character]
    draw = _cat_body if design.body == "cat" else _mouse_body
    return draw(design, *body_key(pose, look), stance)


def _limb(points: tuple[Point, Point, Point], width: float, color: str, ink: str) -> str:
    (ax, ay), (bx, by), (cx, cy) = points
    data = f"M{num(ax)} {num(ay)}Q{num(bx)} {num(by)} {num(cx)} {num(cy)}"
    return path(data, paint("none", ink, width + 5.5)) + path(data, paint("none", color, width))


def _arm(side: int, shoulder: Point, reach: float, arms: float, design: Design, hand: str) -> str:
    if arms >= 0:
        x, y = 38 + 26 * arms, 104 - 62 * arms
        elbow = (side * (44 + 8 * arms), 102 - 10 * arms)
    else:
        x, y = 38 + 12 * arms, 104 - 30 * arms
        elbow = (side * (42 + 10 * arms), 104.0)
    tip = (side * x * reach, shoulder[1] + (y - shoulder[1]) * reach)
    start = (side * shoulder[0], shoulder[1])
    return _limb((start, elbow, tip), 11, design.fur, design.ink) + ellipse(*tip, 8.5, 8, paint(hand, design.ink, 2.6))


def _legs(apart: float, hip: float, ground: float, stance: Stance, design: Design, shoe: str) -> str:
    parts = []
    for side in (-1, 1):
        wave = sin_deg(stance.phase + 90 * (1 - side))
        x = side * apart + 15 * stance.stride * wave
        lift = 8 * stance.stride * max(0.0, sin_deg(stance.phase + 90 * (1 - side) + 90))
        foot_y = ground - 7 - lift
        parts.append(
            _limb(((side * apart, hip), (side * apart, hip + 14), (x, foot_y - 4)), 12, design.fur, design.ink)
        )
        parts.append(ellipse(x + 4 * side, foot_y, 14, 7.5, paint(shoe, design.ink, 2.6)))
    return "".join(parts)


def _shadow(kind: str) -> str:
    return ellipse(0, FEET[kind], 56, 9, paint("#101018", opacity=0.28))


def _cat_body(design: Design, turn: float, arms: float, tail_lift: float, stance: Stance) -> str:
    sway = 12 * stance.swing
    lift = 26 * tail_lift
    tail = (
        f"M22 146C66 158 {num(92 + sway)} {num(140 - lift)} {num(84 + sway)} {num(108 - lift)}"
        f"Q{num(78 + sway)} {num(92 - lift)} {num(92 + sway)} {num(82 - lift)}"
    )
    torso = [(-16, 44), (16, 44), (27, 80), (34, 122), (27, 150), (0, 156), (-27, 150), (-34, 122), (-27, 80)]
    scarf = [(-29, 46), (0, 54), (29, 46), (31, 58), (0, 68), (-31, 58)]
    end = polygon(
        ((10, 62), (24, 60), (30 + 4 * stance.swing, 92), (15 + 4 * stance.swing, 95)),
        paint(design.cloth_dark, design.ink, 2.6),
    )
    return "".join(
        (
            _shadow("cat"),
            path(tail, paint("none", design.ink, 15.5)),
            path(tail, paint("none", design.tail, 10)),
            _legs(15, 148, FEET["cat"], stance, design, design.muzzle),
            smooth(torso, paint(design.fur, design.ink, 3)),
            ellipse(3 * turn, 122, 20, 30, paint(design.muzzle)),
            *(_arm(side, (24, 76), 1.0, arms, design, design.muzzle) for side in (-1, 1)),
            end,
            smooth(scarf, paint(design.cloth, design.ink, 2.8)),
        )
    )


def _mouse_body(design: Design, turn: float, arms: float, tail_lift: float, stance: Stance) -> str:
    sway = 12 * stance.swing
    tail = f"M18 128C60 140 {num(70 + sway)} 96 {num(96 + sway)} {num(104 - 14 * tail_lift)}"
    torso = [(-14, 44), (14, 44), (24, 74), (28, 108), (20, 130), (0, 134), (-20, 130), (-28, 108), (-24, 74)]
    vest = [(-15, 52), (15, 52), (26, 78), (29, 112), (8, 118), (2 + 3 * turn, 74), (-8, 118), (-29, 112), (-26, 78)]
    buttons = "".join(ellipse(13, y, 2.2, 2.2, paint("#fff3c4", design.ink, 1)) for y in (84, 98))
    return "".join(
        (
            _shadow("mouse"),
            path(tail, paint("none", design.ink, 8.5)),
            path(tail, paint("none", design.tail, 4.5)),
            _legs(13, 124, FEET["mouse"], stance, design, "#8a4b2a"),
            smooth(torso, paint(design.muzzle, design.ink, 3)),
            polygon(vest, paint(design.cloth, design.ink, 2.6)),
            buttons,
            *(_arm(side, (21, 70), 0.9, arms, design, design.fur_light) for side in (-1, 1)),
        )
    )
