"""Animals with expressions, drawn by the sample show's parts but to other proportions, coats and ears than its two.

Each face is drawn by chance: its outline, eyes, ears, muzzle, colors, turn and how far it shows its emotion. What the
emotions do to a face is written here, as ranges, and is not the sample show's table.
"""

import colorsys
from collections.abc import Mapping
from dataclasses import fields
from random import Random
from typing import Final

from pipeline.sample.design import Design, Pose, Turn
from pipeline.sample.ears import other_ears
from pipeline.sample.expressions import Look
from pipeline.sample.features import beak, brow, cheeks, eye, furrow, mouth, muzzle, tears, whiskers
from pipeline.sample.svg import ellipse, group, paint, smooth

Range = tuple[float, float]

EXPRESSIONS: Final[Mapping[str, Mapping[str, Range]]] = {
    "afraid": {
        "brow_raise": (3, 10), "brow_inner": (-11, -5), "lid_top": (0, 0.08), "lid_slant": (-0.3, 0),
        "eye": (1.05, 1.3), "pupil": (0.35, 0.6), "smile": (-0.9, -0.3), "open": (0.2, 0.7), "width": (0.7, 1.1),
        "round": (0, 0.4), "teeth": (0.4, 1), "ears": (-1, -0.3), "whiskers": (-1, 0), "blush": (0, 0.05),
    },
    "angry": {
        "brow_raise": (-7, -2), "brow_inner": (6, 13), "brow_arch": (0, 2), "lid_top": (0.1, 0.35),
        "lid_bottom": (0, 0.2), "lid_slant": (0.25, 0.7), "pupil": (0.55, 0.9), "smile": (-1, -0.35), "open": (0, 0.6),
        "width": (0.7, 1.15), "round": (0, 0.3), "teeth": (0.3, 1), "ears": (-1, 0.3), "whiskers": (-0.6, 0.2),
        "blush": (0, 0.1), "furrow": (0, 1),
    },
    "contemptuous": {
        "brow_raise": (-4, 2), "brow_inner": (0, 4), "lid_top": (0.3, 0.5), "lid_bottom": (0.05, 0.25),
        "smile": (-0.35, 0.05), "open": (0, 0.03), "width": (0.5, 0.9), "teeth": (0, 0), "ears": (-0.2, 0.4),
    },
    "disgusted": {
        "brow_raise": (-6, -2), "brow_inner": (2, 7), "lid_top": (0.2, 0.4), "lid_bottom": (0.25, 0.42),
        "pupil": (0.6, 0.9), "smile": (-0.9, -0.4), "open": (0.1, 0.4), "width": (0.6, 0.95), "round": (0.1, 0.5),
        "teeth": (0, 0.5), "ears": (-0.8, 0), "furrow": (0.2, 0.8),
    },
    "happy": {
        "brow_raise": (1, 7), "brow_inner": (-3, 1), "brow_arch": (2, 6), "lid_top": (0, 0.12), "lid_bottom": (0, 0.3),
        "eye": (0.95, 1.1), "pupil": (0.9, 1.25), "smile": (0.55, 1), "open": (0, 0.85), "width": (0.85, 1.2),
        "round": (0, 0.4), "teeth": (0.1, 0.7), "ears": (0, 0.8), "whiskers": (0, 0.9), "blush": (0, 1),
    },
    "neutral": {
        "brow_raise": (-1, 2), "brow_inner": (-1, 1), "brow_arch": (1, 3), "lid_top": (0.05, 0.25), "pupil": (0.8, 1.1),
        "smile": (-0.05, 0.2), "open": (0, 0.04), "width": (0.6, 0.9), "ears": (-0.2, 0.5), "blush": (0, 0.3),
    },
    "sad": {
        "brow_raise": (-1, 4), "brow_inner": (-12, -6), "brow_arch": (0, 2), "lid_top": (0.18, 0.42),
        "lid_slant": (-0.7, -0.25), "pupil": (0.9, 1.2), "gaze_down": (0.2, 1), "smile": (-1, -0.55), "open": (0, 0.3),
        "width": (0.5, 0.85), "teeth": (0, 0.3), "ears": (-1, -0.4), "whiskers": (-1, -0.4), "blush": (0, 0.2),
        "tear": (0, 1),
    },
    "surprised": {
        "brow_raise": (6, 12), "brow_inner": (-3, 1), "brow_arch": (3, 7), "lid_top": (0, 0.02), "eye": (1.1, 1.35),
        "pupil": (0.4, 0.8), "smile": (-0.15, 0.15), "open": (0.5, 1), "width": (0.4, 0.65), "round": (0.8, 1),
        "teeth": (0, 0.2), "ears": (0.4, 1), "whiskers": (0.3, 1), "blush": (0, 0.1),
    },
}  # fmt: skip
"""What each emotion may do to a face, by the fields of `Look`; what is not named stays as it is at rest."""


def creature(emotion: str, dice: Random) -> str:
    """A face by chance as SVG shapes, in units: its box is about 100 high and wide, around (0, 0)."""
    known = EXPRESSIONS[emotion]
    look = Look(**{f.name: round(dice.uniform(*known.get(f.name, (f.default, f.default))), 2) for f in fields(Look)})
    design = _design(dice)
    pose = Pose(
        yaw=dice.uniform(-35, 35),
        blink=0.0,
        gaze=(dice.uniform(-1, 1), dice.uniform(-0.5, 0.5)),
        light=dice.choice((-1.0, 1.0)),
        brow_skew=dice.uniform(-3, 3) if emotion != "contemptuous" else dice.choice((-1, 1)) * dice.uniform(3, 7),
    )
    turn = Turn.by(pose.yaw)
    nose = dice.choice(("cat", "mouse", "beak", "none"))
    parts = [
        _ears(dice, design, turn, look.ears),
        smooth(_outline(design, pose.yaw), paint(design.fur, design.ink, dice.uniform(1.5, 5))),
        _patches(dice, design, turn),
        cheeks(design, turn, look),
        *(eye(design, turn, pose, look, side) for side in (-1, 1)),
        muzzle(nose, design, turn),
        mouth(nose, design, turn, look),
        beak(design, turn) if nose == "beak" else "",
        *(brow(design, turn, pose, look, side) for side in (-1, 1) if dice.random() < 0.9),
        furrow(design, turn, look.furrow),
        whiskers(design, turn, look.whiskers) if dice.random() < 0.3 else "",
        tears(design, turn, look.tear),
    ]
    return group("".join(parts), 0, 0, dice.uniform(0.85, 1.15), dice.uniform(0.9, 1.1), dice.uniform(-12, 12))


def _color(dice: Random, hue: float, low: float, high: float, saturation: float) -> str:
    rgb = colorsys.hsv_to_rgb(hue % 1, saturation, dice.uniform(low, high))
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _design(dice: Random) -> Design:
    hue, dull = dice.random(), dice.uniform(0, 0.8)
    wide, jaw, top = dice.uniform(38, 60), dice.uniform(0.6, 1.15), dice.uniform(0.5, 0.95)
    right = (
        (0, -50), (wide * 0.55 * top, -47), (wide * 0.92 * top, -30), (wide, -4), (wide * 0.98 * jaw, 18),
        (wide * 0.75 * jaw, 36), (wide * 0.4, 47), (0, 50),
    )  # fmt: skip
    return Design(
        outline=right,
        fur=_color(dice, hue, 0.35, 1, dull),
        fur_light=_color(dice, hue, 0.85, 1, dull / 2),
        fur_dark=_color(dice, hue, 0.2, 0.6, dull),
        ink=_color(dice, hue, 0, 0.3, 0.5),
        muzzle=_color(dice, hue + 0.05, 0.7, 1, dull / 3),
        iris=_color(dice, dice.random(), 0.2, 0.8, 0.6),
        brow=_color(dice, hue, 0, 0.45, dull),
        eye_x=dice.uniform(14, 26),
        eye_y=dice.uniform(-14, -3),
        eye_rx=dice.uniform(6, 15),
        eye_ry=dice.uniform(8, 19),
        mouth_y=dice.uniform(23, 32),
        mouth_width=dice.uniform(15, 32),
        muzzle_depth=dice.uniform(30, 50),
    )


def _outline(design: Design, yaw: float) -> list[tuple[float, float]]:
    shift = 7.0 * Turn.by(yaw).sine
    right = [(x + shift * (1 - abs(y) / 50), y) for x, y in design.outline]
    left = [(-x + shift * (1 - abs(y) / 50), y) for x, y in design.outline[1:-1]]
    return right + left[::-1]


def _ears(dice: Random, design: Design, turn: Turn, lift: float) -> str:
    kind = dice.choice(("none", "round", "long", "hanging", "pointed", "horns"))
    return other_ears(kind, dice.uniform(0.7, 1.3), design, turn, lift)


def _patches(dice: Random, design: Design, turn: Turn) -> str:
    kind = dice.choice(("none", "mask", "spots", "blaze"))
    light, dark = paint(design.fur_light, opacity=0.8), paint(design.fur_dark, opacity=0.8)
    if kind == "mask":
        return ellipse(turn.x(0, 34), -4, 35 * turn.cosine, 28, light)
    if kind == "spots":
        return "".join(ellipse(dice.uniform(-38, 38), dice.uniform(-42, 36), 5, 4, dark) for _ in range(6))
    return ellipse(turn.x(0, 36), -20, 8, 28, light) if kind == "blaze" else ""
