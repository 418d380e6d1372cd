"""Patterns of the fur, as SVG shapes in units (see `design`), over the face and under its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.sample.design import Design, Turn
from pipeline.sample.svg import ellipse, num, paint, path, polygon


def coat(design: Design, turn: Turn) -> str:
    """The pattern that `design.coat` names; nothing where it names none."""
    draw = COATS.get(design.coat)
    return draw(design, turn) if draw else ""


def _stripes(design: Design, turn: Turn) -> str:
    """Stripes on the forehead and cheeks."""
    parts = []
    for across, top, bottom, width in ((0, -49, -31, 6.5), (-12, -47, -34, 5.5), (12, -47, -34, 5.5)):
        x = turn.x(across, 30)
        half = width / 2 * turn.width(across)
        parts.append(polygon(((x - half, top + 2), (x + half, top + 2), (turn.x(across * 0.8, 36), bottom)),
                             paint(design.fur_dark)))  # fmt: skip
    for side in (-1, 1):
        edge = turn.x(side * 50, -2) + 5 * turn.sine
        for y in (8, 19):
            inner = edge - side * 15 * turn.width(side * 30)
            parts.append(polygon(((edge, y - 3), (edge, y + 3), (inner, y + 2)), paint(design.fur_dark)))
    return "".join(parts)


def _tuft(design: Design, turn: Turn) -> str:
    """A tuft of hair and a pale mask around the eyes."""
    x = turn.x(0, 8)
    tuft = path(
        f"M{num(x - 8)} -47Q{num(x - 12)} -60 {num(x - 15)} -62Q{num(x - 2)} -60 {num(x)} -53"
        f"Q{num(x + 4)} -63 {num(x + 13)} -64Q{num(x + 5)} -57 {num(x + 8)} -47Z",
        paint(design.fur_dark, design.ink, 2.4),
    )
    mask = ellipse(turn.x(0, 34), -4, 35 * turn.cosine, 30, paint(design.fur_light, opacity=0.75))
    return tuft + mask


def _blaze(design: Design, turn: Turn) -> str:
    return ellipse(turn.x(0, 36), -24, 6, 22, paint(design.muzzle))


def _cheek_patches(design: Design, turn: Turn) -> str:
    style = paint(design.muzzle)
    return "".join(ellipse(turn.x(s * 30, 22), 24, 20 * turn.width(s * 30), 17, style) for s in (-1, 1))


def _eye_patches(design: Design, turn: Turn) -> str:
    style = paint(design.fur_dark)
    x, y = design.eye_x + 2, design.eye_y + 3
    return "".join(ellipse(turn.x(s * x, 30), y, 15 * turn.width(s * x), 20, style) for s in (-1, 1))


def _quiff(design: Design, turn: Turn) -> str:
    x = turn.x(0, 8)
    strands = f"M{num(x - 6)} -47Q{num(x - 14)} -66 {num(x - 2)} -70Q{num(x - 2)} -58 {num(x + 6)} -47Z"
    return path(strands, paint(design.fur, design.ink, 2.4))


def _spots(design: Design, turn: Turn) -> str:
    style = paint(design.fur_dark, opacity=0.8)
    places = ((-22, -38, 7), (6, -42, 5), (26, -36, 6), (-40, 6, 5), (41, 4, 6), (-34, 20, 4), (36, 20, 4))
    return "".join(ellipse(turn.x(x, 26), y, size * turn.width(x), size * 0.8, style) for x, y, size in places)


COATS: Final[Mapping[str, Callable[[Design, Turn], str]]] = {
    "stripes": _stripes,
    "tuft": _tuft,
    "blaze": _blaze,
    "cheeks": _cheek_patches,
    "eyes": _eye_patches,
    "quiff": _quiff,
    "spots": _spots,
}
