"""Things that stand or pass in front of the characters, and which part of the picture they hide.

Unit: hundredths of the prop's size; origin at the middle of its foot (a branch or rope: where it hangs from).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from pipeline.sample.svg import Point, ellipse, group, line, paint, path, polygon, rect, smooth

INK = "#2c2622"


@dataclass(frozen=True)
class Shape:
    """A rectangle or an ellipse filling it: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float
    round: bool = False


@dataclass(frozen=True)
class Prop:
    """A drawing and what it hides."""

    drawing: str
    hides: tuple[Shape, ...]

    @property
    def reach(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom that the drawing does not leave: handles and hoops stick out a little."""
        sides = ((s.left, s.top, s.right, s.bottom) for s in self.hides)
        left, top, right, bottom = zip(*sides, strict=True)
        return min(left) - 45, min(top) - 70, max(right) + 45, max(bottom) + 12


def _crate() -> Prop:
    boards = "".join(
        rect(-62, -100 + 25 * k, 124, 25, paint(c, INK, 3))
        for k, c in enumerate(("#c0925a", "#b5864e", "#c79a62", "#ad7e48"))
    )
    posts = "".join(rect(x, -102, 18, 104, paint("#96693a", INK, 3)) for x in (-64, 46))
    return Prop(boards + posts, (Shape(-64, -102, 64, 2),))


def _barrel() -> Prop:
    body = smooth(
        [(-38, -110), (38, -110), (38, -110), (52, -55), (38, 0), (38, 0), (-38, 0), (-38, 0), (-52, -55), (-38, -110)],
        paint("#9a6a3c", INK, 3.2),
    )
    staves = "".join(line(((x, -108), (x * 1.25, -55), (x, -2)), paint("none", "#74491f", 2.4)) for x in (-20, 0, 20))
    hoops = "".join(
        path(f"M{-x} {y}Q0 {y + 10} {x} {y}", paint("none", "#5a5f68", 8)) for x, y in ((44, -88), (45, -26))
    )
    return Prop(body + staves + hoops, (Shape(-44, -110, 44, 0), Shape(-52, -100, 52, -10, True)))


def _fence() -> Prop:
    xs = (-130, -78, -26, 26, 78, 130)
    rails = "".join(rect(-165, y, 330, 14, paint("#e9dfca", "#7f735e", 2.4)) for y in (-84, -34))
    pickets = "".join(
        polygon(((x - 15, 0), (x - 15, -112), (x, -130), (x + 15, -112), (x + 15, 0)), paint("#f8f2e4", "#7f735e", 2.6))
        for x in xs
    )
    return Prop(
        rails + pickets,
        (*(Shape(x - 15, -122, x + 15, 0) for x in xs), Shape(-165, -84, 165, -70), Shape(-165, -34, 165, -20)),
    )


def _bush() -> Prop:
    rng = Random("bush")
    blobs = [(rng.uniform(-80, 80), rng.uniform(-75, -30), rng.uniform(30, 46)) for _ in range(9)] + [
        (-60, -30, 42),
        (0, -40, 56),
        (60, -30, 42),
    ]
    parts = []
    for tone, grow in (("#2f5a2f", 4.0), ("#4c8a44", 0.0), ("#6faa55", -12.0)):
        lift = -6 if grow < 0 else 0
        parts += [ellipse(x, y + lift, r + grow, (r + grow) * 0.9, paint(tone)) for x, y, r in blobs]
    return Prop(
        "".join(parts),
        tuple(Shape(x - r - 4, y - (r + 4) * 0.9, x + r + 4, y + (r + 4) * 0.9, True) for x, y, r in blobs),
    )


def _mug() -> Prop:
    body = (
        path("M44 -76C92 -80 92 -22 42 -24", paint("none", INK, 19))
        + path("M44 -76C92 -80 92 -22 42 -24", paint("none", "#3f86a8", 12))
        + rect(-50, -104, 100, 104, paint("#4f9bbd", INK, 3.2), 10)
        + ellipse(0, -104, 50, 10, paint("#3a2a22", INK, 3))
        + "".join(
            ellipse(x, y, 8, 8, paint("#fdf6e3")) for x, y in ((-26, -70), (2, -44), (28, -74), (-24, -20), (30, -18))
        )
    )
    return Prop(body, (Shape(-50, -108, 50, 0),))


def _branch() -> Prop:
    rng = Random("branch")
    leaves, hides = [], []
    for k in range(15):
        x, y, angle = rng.uniform(-70, 70), 18 + 7.2 * k, rng.uniform(-40, 40)
        tone = rng.choice(("#5f9a45", "#7fb552", "#4a7f3c", "#95c060"))
        leaves.append(
            group(
                ellipse(0, 0, 26, 13, paint(tone, "#2f4f2a", 2.2))
                + line(((-22, 0), (22, 0)), paint("none", "#2f4f2a", 1.4)),
                x,
                y,
                angle=angle,
            )
        )
        hides.append(Shape(x - 22, y - 14, x + 22, y + 14, True))
    twig = path("M-10 -60C20 0 -30 60 10 118", paint("none", "#6b4a30", 7))
    return Prop(twig + "".join(leaves), tuple(hides))


def _rope() -> Prop:
    strands = "".join(line(((-8, y), (8, y + 10)), paint("none", "#8a6a38", 2.6)) for y in range(-300, 96, 14))
    rope = (
        rect(-9, -320, 18, 420, paint("#d0ac68", INK, 2.6))
        + strands
        + ellipse(0, 106, 16, 18, paint("#c09a56", INK, 3))
    )
    return Prop(rope, (Shape(-9, -320, 9, 100), Shape(-16, 88, 16, 124, True)))


def _bottle() -> Prop:
    glass = smooth(
        [(-12, -140), (12, -140), (12, -100), (30, -76), (32, 0), (32, 0), (-32, 0), (-32, 0), (-30, -76), (-12, -100)],
        paint("#3f7f5a", INK, 3),
    )
    return Prop(
        glass + rect(-26, -60, 52, 36, paint("#f2e6c8", INK, 2)), (Shape(-30, -86, 30, 0), Shape(-13, -140, 13, -86))
    )


PROPS: Mapping[str, Prop] = {
    "crate": _crate(),
    "barrel": _barrel(),
    "fence": _fence(),
    "bush": _bush(),
    "mug": _mug(),
    "branch": _branch(),
    "rope": _rope(),
    "bottle": _bottle(),
}


def hidden_by(name: str, origin: Point, scale: float) -> tuple[Shape, ...]:
    """What a prop hides, in px of the picture."""
    x, y = origin
    return tuple(
        Shape(x + s.left * scale, y + s.top * scale, x + s.right * scale, y + s.bottom * scale, s.round)
        for s in PROPS[name].hides
    )
