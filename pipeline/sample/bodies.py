"""The bodies under the heads, in the same units: a hundredth of the face's height, the middle of the face at the origin."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.sample.expressions import Look
from pipeline.sample.heads import DESIGNS, Design, Pose, head
from pipeline.sample.svg import Point, ellipse, num, paint, path, polygon, sin_deg, smooth

FEET = {"cat": 176.0, "mouse": 150.0}
"""How far below the middle of the face the ground is."""

REACH = (-122.0, -118.0, 122.0, 186.0)
"""Left, top, right, bottom that no figure leaves."""


@dataclass(frozen=True)
class Stance:
    """What the body does: the walk's phase and the tail's swing in degrees, and how wide the stride is (0 stands)."""

    phase: float = 0.0
    stride: float = 0.0
    swing: float = 0.0


def figure(character: str, pose: Pose, look: Look, stance: Stance) -> str:
    """Body and head."""
    body = _cat_body if character == "cat" else _mouse_body
    return body(DESIGNS[character], pose, look, stance) + head(character, pose, look)


def _limb(points: tuple[Point, Point, Point], width: float, colour: str, ink: str) -> str:
    (ax, ay), (bx, by), (cx, cy) = points
    data = f"M{num(ax)} {num(ay)}Q{num(bx)} {num(by)} {num(cx)} {num(cy)}"
    return path(data, paint("none", ink, width + 5.5)) + path(data, paint("none", colour, width))


def _arm(side: int, shoulder: Point, reach: float, look: Look, design: Design, hand: str) -> str:
    if look.arms >= 0:
        x, y = 38 + 26 * look.arms, 104 - 62 * look.arms
        elbow = (side * (44 + 8 * look.arms), 102 - 10 * look.arms)
    else:
        x, y = 38 + 12 * look.arms, 104 - 30 * look.arms
        elbow = (side * (42 + 10 * look.arms), 104.0)
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
        parts.append(_limb(((side * apart, hip), (side * apart, hip + 14), (x, foot_y - 4)), 12, design.fur, design.ink))
        parts.append(ellipse(x + 4 * side, foot_y, 14, 7.5, paint(shoe, design.ink, 2.6)))
    return "".join(parts)


def _shadow(character: str) -> str:
    return ellipse(0, FEET[character], 56, 9, paint("#101018", opacity=0.28))


def _cat_body(design: Design, pose: Pose, look: Look, stance: Stance) -> str:
    sway = 12 * stance.swing
    lift = 26 * look.ears
    tail = (
        f"M22 146C66 158 {num(92 + sway)} {num(140 - lift)} {num(84 + sway)} {num(108 - lift)}"
        f"Q{num(78 + sway)} {num(92 - lift)} {num(92 + sway)} {num(82 - lift)}"
    )
    torso = [(-16, 44), (16, 44), (27, 80), (34, 122), (27, 150), (0, 156), (-27, 150), (-34, 122), (-27, 80)]
    scarf = [(-29, 46), (0, 54), (29, 46), (31, 58), (0, 68), (-31, 58)]
    end = polygon(((10, 62), (24, 60), (30 + 4 * stance.swing, 92), (15 + 4 * stance.swing, 95)), paint("#1f9a94", design.ink, 2.6))
    return "".join(
        (
            _shadow("cat"),
            path(tail, paint("none", design.ink, 15.5)),
            path(tail, paint("none", design.fur_dark, 10)),
            _legs(15, 148, FEET["cat"], stance, design, design.muzzle),
            smooth(torso, paint(design.fur, design.ink, 3)),
            ellipse(3 * pose.yaw / 30, 122, 20, 30, paint(design.muzzle)),
            *(_arm(side, (24, 76), 1.0, look, design, design.muzzle) for side in (-1, 1)),
            end,
            smooth(scarf, paint("#2bb8b0", design.ink, 2.8)),
        )
    )


def _mouse_body(design: Design, pose: Pose, look: Look, stance: Stance) -> str:
    sway = 12 * stance.swing
    tail = f"M18 128C60 140 {num(70 + sway)} 96 {num(96 + sway)} {num(104 - 14 * look.ears)}"
    torso = [(-14, 44), (14, 44), (24, 74), (28, 108), (20, 130), (0, 134), (-20, 130), (-28, 108), (-24, 74)]
    vest = [(-15, 52), (15, 52), (26, 78), (29, 112), (8, 118), (2 + 3 * pose.yaw / 30, 74), (-8, 118), (-29, 112), (-26, 78)]
    buttons = "".join(ellipse(13, y, 2.2, 2.2, paint("#fff3c4", design.ink, 1)) for y in (84, 98))
    return "".join(
        (
            _shadow("mouse"),
            path(tail, paint("none", design.ink, 8.5)),
            path(tail, paint("none", "#f2b5c4", 4.5)),
            _legs(13, 124, FEET["mouse"], stance, design, "#8a4b2a"),
            smooth(torso, paint(design.muzzle, design.ink, 3)),
            polygon(vest, paint("#e0a526", design.ink, 2.6)),
            buttons,
            *(_arm(side, (21, 70), 0.9, look, design, design.fur_light) for side in (-1, 1)),
        )
    )
