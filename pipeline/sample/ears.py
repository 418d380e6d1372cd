"""Ears of all kinds, as SVG shapes in units (see `design`); an expression lifts them: 1 is up, −1 hanging."""

from __future__ import annotations

from pipeline.sample.design import Design, Turn
from pipeline.sample.svg import Point, cos_deg, ellipse, group, paint, polygon, sin_deg, smooth


def _between(low: Point, middle: Point, high: Point, value: float) -> Point:
    """The way low, middle, high for a value of −1, 0, 1."""
    end, share = (high, value) if value >= 0 else (low, -value)
    return middle[0] + (end[0] - middle[0]) * share, middle[1] + (end[1] - middle[1]) * share


def cat_ear_tip(lift: float) -> Point:
    return _between((80, -40), (50, -86), (40, -97), lift)


def mouse_ear(lift: float) -> tuple[Point, Point]:
    """Middle and half axes of an ear."""
    return _between((63, -14), (52, -50), (42, -64), lift), _between((31, 24), (33, 33), (30, 37), lift)


def cat_ears(design: Design, turn: Turn, lift: float) -> str:
    parts = []
    for side in (-1, 1):
        tip_x, tip_y = cat_ear_tip(lift)
        inner, outer, tip = (10.0, -46.0), (50.0, -22.0), (tip_x, tip_y)
        shape = [(turn.x(side * x, -12), y) for x, y in (inner, tip, outer)]
        flesh = [(x * 0.72 + (inner[0] + outer[0]) * 0.14, y * 0.72 - 9) for x, y in (inner, tip, outer)]
        parts.append(polygon(shape, paint(design.fur, design.ink, 3.2)))
        parts.append(polygon([(turn.x(side * x, -12), y) for x, y in flesh], paint("#f7a9a0")))
    return "".join(parts)


def mouse_ears(design: Design, turn: Turn, lift: float) -> str:
    parts = []
    for side in (-1, 1):
        (x, y), (wide, high) = mouse_ear(lift)
        angle = side * (34 - 26 * lift)
        narrow = max(0.6, turn.cosine - side * 0.3 * turn.sine)
        ear = ellipse(0, 0, wide * narrow, high, paint(design.fur, design.ink, 3.2))
        ear += ellipse(0, 2.5, (wide - 9) * narrow, high - 9, paint("#f2b5c4"))
        parts.append(group(ear, turn.x(side * x, -10), y, angle=angle))
    return "".join(parts)


def ears(design: Design, turn: Turn, lift: float) -> str:
    """The ears of a head, to be drawn under its face."""
    if design.ears == "cat":
        return cat_ears(design, turn, lift)
    if design.ears == "mouse":
        return mouse_ears(design, turn, lift)
    if design.ears == "mane":
        return _mane(design, turn) + other_ears("round", 0.8, design, turn, lift)
    return other_ears(design.ears, design.ear_size, design, turn, lift)


def ear_reach(design: Design, turn: Turn, lift: float) -> list[Point]:
    """Points around the ears of a head, which no part of them leaves."""
    points = []
    for side in (-1, 1):
        if design.ears == "cat":
            x, y = cat_ear_tip(lift)
            points.append((turn.x(side * x, -12), y))
        elif design.ears == "mouse":
            (x, y), (wide, high) = mouse_ear(lift)
            middle, size = turn.x(side * x, -10), max(wide, high)
            points += [(middle - size, y - size), (middle + size, y - size), (middle + side * size, y + size)]
        else:
            points += [(side * 88.0, -(62.0 + 66.0 * design.ear_size)), (side * 88.0, 84.0)]
    return points


def other_ears(kind: str, size: float, design: Design, turn: Turn, lift: float) -> str:
    """Two ears: round, dark (round, in the dark color), long, hanging, pointed, horns; none for another kind."""
    style, inner = paint(design.fur, design.ink, 3), paint(design.muzzle)
    parts = []
    for side in (-1, 1):
        x = turn.x(side * 34, -10)
        match kind:
            case "round":
                parts += [ellipse(x, -44, 18 * size, 18 * size, style), ellipse(x, -44, 10 * size, 10 * size, inner)]
            case "dark":
                parts.append(ellipse(x, -44, 18 * size, 18 * size, paint(design.fur_dark, design.ink, 3)))
            case "long":
                ear = ellipse(0, -32 * size, 11, 38 * size, style) + ellipse(0, -32 * size, 5, 28 * size, inner)
                parts.append(group(ear, x * 0.6, -40, angle=side * (22 - 18 * lift)))
            case "hanging":
                drop = [(x * 0.9, -42), (x + side * 26, -30), (x + side * 30, 22 * size), (x + side * 12, 20 * size)]
                parts.append(smooth(drop, paint(design.fur_dark, design.ink, 3)))
            case "pointed":
                tip = (x + side * 10, (-72 - 14 * lift) * size)
                parts.append(polygon(((x - side * 24, -40), tip, (x + side * 16, -20)), style))
            case "horns":
                horn = [(x - side * 8, -42), (x + side * 14, -70 * size), (x + side * 6, -36)]
                parts.append(polygon(horn, paint("#efe3c0", design.ink, 2.5)))
    return "".join(parts)


def _mane(design: Design, turn: Turn) -> str:
    rim = []
    for k in range(36):
        radius = 76.0 if k % 2 else 66.0
        rim.append((turn.x(0, -14) + radius * cos_deg(10 * k), 4 + radius * sin_deg(10 * k)))
    return smooth(rim, paint(design.fur_dark, design.ink, 3))
