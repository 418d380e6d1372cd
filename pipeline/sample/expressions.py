"""The five expressions as one vector of continuous face parameters.

A face is never "angry" or not: it has a weight for each expression, and its parameters are the weighted mean.
Lengths are in hundredths of the face's height, so that one table serves both characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

EXPRESSIONS = ("angry", "happy", "neutral", "sad", "surprised")

Weights = tuple[float, float, float, float, float]
"""Share of each of EXPRESSIONS in a face, summing to 1."""


@dataclass(frozen=True)
class Look:
    """What the parts of a face do; zero is at rest unless said otherwise."""

    brow_raise: float = 0.0  # up
    brow_inner: float = 0.0  # inner end down (a frown), negative up (worry)
    brow_arch: float = 2.0  # middle above the line between the ends
    lid_top: float = 0.14  # share of the eye covered from above
    lid_bottom: float = 0.0  # share covered from below, as cheeks push up
    lid_slant: float = 0.0  # inner end of the upper lid down, negative outer end down
    eye: float = 1.0  # size
    pupil: float = 1.0  # size
    gaze_down: float = 0.0  # 0..1
    smile: float = 0.1  # corners of the mouth up, −1..1
    open: float = 0.0  # mouth, 0..1
    width: float = 0.8  # mouth, 1 is broad
    round: float = 0.0  # 0 a slit, 1 an O
    teeth: float = 0.35  # share of the opening that teeth fill
    ears: float = 0.1  # 1 up, −1 hanging or laid back
    whiskers: float = 0.0  # 1 up, −1 hanging
    blush: float = 0.15  # 0..1
    tear: float = 0.0  # 0..1
    furrow: float = 0.0  # creases between the brows, 0..1
    arms: float = 0.0  # 1 thrown up, −1 hanging limp
    slump: float = 0.0  # head sunk between the shoulders, 0..1


LOOKS: Mapping[str, Look] = {
    "angry": Look(
        brow_raise=-5, brow_inner=9, brow_arch=0.5, lid_top=0.27, lid_bottom=0.14, lid_slant=0.5, eye=1.0, pupil=0.68,
        smile=-0.62, open=0.42, width=1.08, round=0.1, teeth=1.0, ears=-0.62, whiskers=-0.3, blush=0.0, furrow=1.0,
        arms=0.25,
    ),
    "happy": Look(
        brow_raise=5, brow_inner=-1, brow_arch=5, lid_top=0.02, lid_bottom=0.17, eye=1.04, pupil=1.12,
        smile=1.0, open=0.72, width=1.16, round=0.25, teeth=0.3, ears=0.5, whiskers=0.7, blush=1.0, arms=0.75,
    ),
    "neutral": Look(),
    "sad": Look(
        brow_raise=1, brow_inner=-9, brow_arch=1, lid_top=0.3, lid_slant=-0.5, eye=0.98, pupil=1.1, gaze_down=0.7,
        smile=-0.95, open=0.04, width=0.68, teeth=0.0, ears=-1.0, whiskers=-1.0, blush=0.1, tear=1.0,
        arms=-1.0, slump=1.0,
    ),
    "surprised": Look(
        brow_raise=10, brow_inner=-2, brow_arch=6, lid_top=0.0, eye=1.26, pupil=0.5,
        smile=-0.05, open=0.95, width=0.5, round=1.0, teeth=0.12, ears=1.0, whiskers=0.9, blush=0.05,
        arms=1.0, slump=-0.4,
    ),
}  # fmt: skip


def pure(expression: str, intensity: float = 1.0) -> Weights:
    """Weights of one expression at an intensity (0 neutral, 1 full)."""
    return mix(
        tuple(float(name == "neutral") for name in EXPRESSIONS),  # type: ignore[arg-type]
        tuple(float(name == expression) for name in EXPRESSIONS),  # type: ignore[arg-type]
        intensity,
    )


def mix(start: Weights, end: Weights, share: float) -> Weights:
    """The way from start (share 0) to end (share 1)."""
    a, b, c, d, e = (x + (y - x) * share for x, y in zip(start, end, strict=True))
    return a, b, c, d, e


def look_of(weights: Weights) -> Look:
    """Face parameters of a mixture, rounded so that a held face is drawn once."""
    values = {
        field.name: round(
            sum(w * getattr(LOOKS[name], field.name) for name, w in zip(EXPRESSIONS, weights, strict=True)), 2
        )
        for field in fields(Look)
    }
    return Look(**values)


def nearest(weights: Weights) -> tuple[str, float]:
    """The strongest expression and its weight."""
    best = max(range(len(EXPRESSIONS)), key=lambda i: (weights[i], -i))
    return EXPRESSIONS[best], weights[best]
