"""What the backdrops are painted with: dabs, skies, plants, walls and things. All lengths in canvas px (1200×675)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from pipeline.sample.svg import Point, ellipse, group, line, linear_gradient, num, paint, path, polygon, rect, smooth

WIDTH, HEIGHT = 1200, 675
INK = "#2c2622"


def shade(color: str, factor: float) -> str:
    """A color (#rrggbb) darker (factor below 1) or lighter (above 1)."""
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    if factor <= 1.0:
        return "#" + "".join(f"{int(v * factor):02x}" for v in parts)
    return "#" + "".join(f"{int(v + (255 - v) * (factor - 1.0)):02x}" for v in parts)


def vary(rng: Random, color: str, amount: float = 0.12) -> str:
    """A color a little darker or lighter, by chance."""
    return shade(color, 1.0 + rng.uniform(-amount, amount))


def dabs(
    rng: Random,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    colors: Sequence[str],
    count: int,
    size: float = 40.0,
    opacity: float = 0.22,
) -> str:
    """Flat strokes of a broad brush over an area."""
    parts = []
    for _ in range(count):
        x, y, reach = rng.uniform(x0, x1), rng.uniform(y0, y1), size * rng.uniform(0.4, 1.2)
        angle = rng.uniform(-25, 25)
        stroke = ellipse(
            0, 0, reach, reach * rng.uniform(0.15, 0.35), paint(vary(rng, rng.choice(colors)), opacity=opacity)
        )
        parts.append(group(stroke, x, y, angle=angle))
    return "".join(parts)


def wash(name: str, y0: float, y1: float, *colors: str) -> str:
    """A band across the canvas shading from the first color to the last."""
    stops = [(i / (len(colors) - 1), color) for i, color in enumerate(colors)]
    return f"<defs>{linear_gradient(name, (0, y0), (0, y1), stops)}</defs>" + rect(
        0, y0, WIDTH, y1 - y0, paint(f"url(#{name})")
    )


def cloud(rng: Random, x: float, y: float, size: float, color: str = "#ffffff") -> str:
    puffs = [
        (dx * size, rng.uniform(-0.22, 0.05) * size, rng.uniform(0.28, 0.45) * size)
        for dx in (-0.7, -0.35, 0, 0.35, 0.7)
    ]
    low = "".join(ellipse(x + dx, y + dy + 7, r * 1.1, r * 0.75, paint(shade(color, 0.86))) for dx, dy, r in puffs)
    return low + "".join(ellipse(x + dx, y + dy, r * 1.1, r * 0.72, paint(color)) for dx, dy, r in puffs)


def hills(rng: Random, y: float, height: float, color: str) -> str:
    points: list[Point] = [(-60.0, HEIGHT)]
    points += [(x, y - rng.uniform(0.1, 1.0) * height) for x in range(-60, WIDTH + 160, 150)]
    return smooth([*points, (WIDTH + 90, HEIGHT)], paint(color))


def tree(rng: Random, x: float, y: float, size: float, leaf: str, trunk: str = "#6d4a32") -> str:
    """A tree standing at (x, y); size is its height."""
    w = 0.07 * size
    parts = [
        polygon(
            ((x - w, y), (x - w * 0.55, y - 0.55 * size), (x + w * 0.55, y - 0.55 * size), (x + w, y)),
            paint(trunk, INK, 2.5),
        )
    ]
    blobs = [(rng.uniform(-0.26, 0.26), rng.uniform(-0.88, -0.5), rng.uniform(0.15, 0.22)) for _ in range(7)]
    for tone, drop in ((0.78, 0.04), (1.0, 0.0), (1.16, -0.05)):
        parts += [
            ellipse(
                x + dx * size,
                y + (dy + drop) * size,
                r * size * (1.1 - 0.18 * tone),
                r * size * (1.0 - 0.18 * tone),
                paint(vary(rng, shade(leaf, tone), 0.06)),
            )
            for dx, dy, r in blobs
        ]
    return "".join(parts)


def bush(rng: Random, x: float, y: float, size: float, leaf: str) -> str:
    parts = []
    for tone in (0.75, 0.95, 1.12):
        for k in range(4):
            r = size * rng.uniform(0.28, 0.4) * (1.25 - 0.35 * tone)
            parts.append(
                ellipse(
                    x + (k - 1.5) * 0.34 * size,
                    y - r - rng.uniform(0, 0.22) * size,
                    r * 1.2,
                    r,
                    paint(shade(leaf, tone)),
                )
            )
    return "".join(parts)


def grass(rng: Random, y0: float, y1: float, colors: Sequence[str], count: int) -> str:
    """Tufts of grass, larger towards the front."""
    parts = []
    for y in sorted(rng.uniform(y0, y1) for _ in range(count)):
        x, h = rng.uniform(0, WIDTH), 8 + 20 * (y - y0) / (y1 - y0 + 1)
        d = "".join(
            f"M{num(x + k * h * 0.3)} {num(y)}q{num(k * h * 0.1)} {num(-h * 0.6)} {num(k * h * 0.45)} {num(-h)}"
            for k in (-1, 0, 1)
        )
        parts.append(path(d, paint("none", rng.choice(colors), 2.6)))
    return "".join(parts)


def flowers(rng: Random, y0: float, y1: float, count: int) -> str:
    parts = []
    for _ in range(count):
        x, y, r = rng.uniform(0, WIDTH), rng.uniform(y0, y1), rng.uniform(5, 10)
        color = rng.choice(("#f7f1e1", "#f4a6c1", "#ffd34f", "#b78be0", "#ff7a5c"))
        parts.append(line(((x, y), (x + 2, y + 2.6 * r)), paint("none", "#3f7a3a", 2.4)))
        petals = "".join(
            ellipse(x + dx * r * 0.7, y + dy * r * 0.7, r * 0.6, r * 0.6, paint(color))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
        )
        parts.append(petals + ellipse(x, y, r * 0.42, r * 0.42, paint("#c98a1b")))
    return "".join(parts)


def planks(
    rng: Random, x0: float, y0: float, x1: float, y1: float, color: str, size: float, upright: bool = False
) -> str:
    """Boards with grain and knots; size is a board's breadth."""
    parts = []
    span, start = (x1 - x0, x0) if upright else (y1 - y0, y0)
    for k in range(int(span // size) + 1):
        at, tone = start + k * size, vary(rng, color, 0.1)
        end = min(at + size, start + span)
        box = (at, y0, end - at, y1 - y0) if upright else (x0, at, x1 - x0, end - at)
        parts.append(rect(*box, paint(tone, shade(color, 0.62), 2)))
        for _ in range(2):
            a, b = at + size * rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.5)
            c = b + rng.uniform(0.15, 0.45)
            lo, hi = (
                ((a, y0 + b * (y1 - y0)), (a, y0 + c * (y1 - y0)))
                if upright
                else ((x0 + b * (x1 - x0), a), (x0 + c * (x1 - x0), a))
            )
            parts.append(line((lo, hi), paint("none", shade(tone, 0.84), 1.6)))
    return "".join(parts)


def tiles(
    rng: Random, x0: float, y0: float, x1: float, y1: float, size: float, colors: Sequence[str], joint: str
) -> str:
    """A wall of square tiles in a chequer of colors, each slightly its own."""
    parts = [rect(x0, y0, x1 - x0, y1 - y0, paint(joint))]
    for row in range(int((y1 - y0) // size) + 1):
        for column in range(int((x1 - x0) // size) + 1):
            x, y = x0 + column * size, y0 + row * size
            w, h = min(size, x1 - x) - 2.5, min(size, y1 - y) - 2.5
            if w > 2 and h > 2:
                parts.append(rect(x, y, w, h, paint(vary(rng, colors[(row + column) % len(colors)], 0.07)), 3))
    return "".join(parts)


def floor_tiles(y0: float, colors: tuple[str, str], vanish: float = -260.0) -> str:
    """A chequered floor in perspective from y0 to the bottom."""
    parts = [rect(0, y0, WIDTH, HEIGHT - y0, paint(colors[0]))]
    rows = [y0, y0 + 26, y0 + 62, y0 + 112, y0 + 182, y0 + 280, y0 + 420]

    def at(u: float, y: float) -> float:
        return WIDTH / 2 + u * (y - y0 - vanish) * 0.32

    for i, (top, bottom) in enumerate(pairwise(rows)):
        for u in range(-12 + i % 2, 12, 2):
            corners = ((at(u, top), top), (at(u + 1, top), top), (at(u + 1, bottom), bottom), (at(u, bottom), bottom))
            parts.append(polygon(corners, paint(colors[1])))
    return "".join(parts)


def window(rng: Random, x: float, y: float, w: float, h: float, sky: str, frame: str = "#f3ead7") -> str:
    """A window with a view of hills and four panes."""
    view = rect(x, y, w, h, paint(sky)) + cloud(rng, x + w * 0.3, y + h * 0.3, w * 0.2)
    view += polygon(
        ((x, y + h), (x, y + h * 0.72), (x + w * 0.4, y + h * 0.58), (x + w, y + h * 0.74), (x + w, y + h)),
        paint("#7fae63"),
    )
    bars = line(((x + w / 2, y), (x + w / 2, y + h)), paint("none", frame, 8)) + line(
        ((x, y + h / 2), (x + w, y + h / 2)), paint("none", frame, 8)
    )
    sill = rect(x - 16, y + h, w + 32, 14, paint(frame, shade(frame, 0.6), 2))
    return (
        view
        + bars
        + rect(x, y, w, h, paint("none", frame, 13))
        + rect(x - 7, y - 7, w + 14, h + 14, paint("none", shade(frame, 0.6), 2))
        + sill
    )


def jar(x: float, y: float, size: float, color: str) -> str:
    """A jar standing at (x, y)."""
    return (
        rect(x - 0.32 * size, y - size, 0.64 * size, size, paint(color, INK, 2.4), 0.14 * size)
        + rect(x - 0.26 * size, y - 1.14 * size, 0.52 * size, 0.17 * size, paint("#b9824f", INK, 2.4), 3)
        + rect(x - 0.22 * size, y - 0.66 * size, 0.44 * size, 0.3 * size, paint("#f6ecd2"), 3)
        + line(
            ((x - 0.22 * size, y - 0.85 * size), (x - 0.22 * size, y - 0.15 * size)), paint("none", "#ffffff", 3, 0.5)
        )
    )


def sea(rng: Random, y0: float, y1: float, colors: Sequence[str], count: int) -> str:
    """Water with short crests, wider towards the front."""
    parts = [wash(f"sea{int(y0)}", y0, y1, *colors)]
    for _ in range(count):
        y = rng.uniform(y0 + 5, y1)
        x, w = rng.uniform(-20, WIDTH), 14 + 60 * (y - y0) / (y1 - y0)
        parts.append(
            path(
                f"M{num(x)} {num(y)}q{num(w / 4)} {num(-w * 0.16)} {num(w / 2)} 0t{num(w / 2)} 0",
                paint("none", vary(rng, rng.choice(("#ffffff", shade(colors[0], 1.3)))), 2.4, 0.45),
            )
        )
    return "".join(parts)


def boat(x: float, y: float, size: float, hull: str, sail: str = "") -> str:
    """A boat on the water line at (x, y); size is its length."""
    s = size / 2
    parts = [
        polygon(
            (
                (x - s, y - 0.3 * s),
                (x + s * 1.1, y - 0.36 * s),
                (x + 0.75 * s, y + 0.18 * s),
                (x - 0.75 * s, y + 0.18 * s),
            ),
            paint(hull, INK, 3),
        ),
        line(((x - 0.94 * s, y - 0.18 * s), (x + 1.0 * s, y - 0.22 * s)), paint("none", "#f6efe0", 4)),
        line(((x, y - 0.3 * s), (x, y - 1.9 * s)), paint("none", "#5b4230", 6)),
    ]
    if sail:
        parts.append(
            polygon(((x + 6, y - 1.85 * s), (x + 6, y - 0.5 * s), (x + 0.95 * s, y - 0.5 * s)), paint(sail, INK, 2.6))
        )
        parts.append(
            polygon(
                ((x - 6, y - 1.6 * s), (x - 6, y - 0.5 * s), (x - 0.7 * s, y - 0.5 * s)),
                paint(shade(sail, 0.88), INK, 2.6),
            )
        )
    else:
        parts.append(rect(x - 0.6 * s, y - 0.75 * s, 0.55 * s, 0.42 * s, paint("#f2e6cc", INK, 2.6)))
        parts.append(rect(x - 0.5 * s, y - 0.66 * s, 0.2 * s, 0.18 * s, paint("#6ba3bf", INK, 2)))
    return "".join(parts)


def house(x: float, y: float, size: float, wall: str, roof: str) -> str:
    """A house standing at (x, y), size wide."""
    h = 0.7 * size
    windows = "".join(
        rect(x - size / 2 + k * size, y - h * 0.78, size * 0.18, h * 0.26, paint("#8fc3d9", INK, 2.4))
        for k in (0.14, 0.66)
    )
    return (
        rect(x - size / 2, y - h, size, h, paint(wall, INK, 3))
        + polygon(((x - size * 0.6, y - h), (x, y - h * 1.65), (x + size * 0.6, y - h)), paint(roof, INK, 3))
        + rect(x - size * 0.1, y - h * 0.5, size * 0.2, h * 0.5, paint("#8a4b2a", INK, 2.6))
        + windows
    )


def crate(x: float, y: float, size: float, color: str = "#b98a52") -> str:
    """A crate standing at (x, y)."""
    s = size
    return (
        rect(x - s / 2, y - s * 0.8, s, s * 0.8, paint(color, INK, 3))
        + "".join(
            line(((x - s / 2, y - s * k), (x + s / 2, y - s * k)), paint("none", shade(color, 0.7), 3))
            for k in (0.27, 0.53)
        )
        + line(((x - s / 2 + 4, y - 4), (x + s / 2 - 4, y - s * 0.8 + 4)), paint("none", shade(color, 0.75), s * 0.08))
    )
