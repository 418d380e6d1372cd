"""The kitchen: window, table, stove, skirting board, pantry and hall."""

from __future__ import annotations

from random import Random

from pipeline.sample.backdrops.brush import (
    HEIGHT,
    INK,
    WIDTH,
    dabs,
    floor_tiles,
    jar,
    planks,
    shade,
    tiles,
    wash,
    window,
)
from pipeline.sample.svg import ellipse, line, num, paint, path, polygon, rect

JARS = ("#d94f3d", "#e8b84a", "#7fae5a", "#8a6bb0", "#5a9bb8", "#d98a5c")


def _wallpaper(rng: Random, y: float, ground: str, stripe: str, motif: str) -> str:
    parts = [rect(0, 0, WIDTH, y, paint(ground))]
    parts += [rect(x, 0, 30, y, paint(stripe)) for x in range(0, WIDTH, 75)]
    for row, my in enumerate(range(30, int(y), 62)):
        for x in range(52 + 37 * (row % 2), WIDTH, 75):
            parts.append(
                ellipse(x, my, 5, 9, paint(motif))
                + ellipse(x - 7, my + 5, 6, 3.5, paint(motif))
                + ellipse(x + 7, my + 5, 6, 3.5, paint(motif))
            )
    parts.append(dabs(rng, 0, 0, WIDTH, y, (ground, stripe), 50, 100, 0.25))
    return "".join(parts)


def _lamp(x: float, y: float) -> str:
    return (
        line(((x, 0), (x, y)), paint("none", INK, 4))
        + polygon(((x - 60, y + 42), (x - 22, y), (x + 22, y), (x + 60, y + 42)), paint("#c9483a", INK, 3))
        + ellipse(x, y + 46, 20, 14, paint("#fff3b8"))
        + ellipse(x, y + 70, 130, 90, paint("#fff3b8", opacity=0.16))
    )


def sill(rng: Random) -> str:
    curtains = "".join(
        path(f"M{x} 50C{x + s * 60} 160 {x + s * 20} 260 {x + s * 110} 330L{x} 345Z", paint("#e0705a", INK, 3))
        + path(f"M{x + s * 20} 70C{x + s * 40} 160 {x + s * 16} 250 {x + s * 60} 320", paint("none", "#b9503f", 4))
        for x, s in ((392, 1), (812, -1))
    )
    return "".join(
        (
            tiles(rng, 0, 0, WIDTH, 400, 50, ("#f3ecd9", "#e4efe6"), "#c9c2ae"),
            window(rng, 420, 70, 360, 240, "#a8dcf0"),
            curtains,
            rect(370, 40, 460, 14, paint("#8a5a35", INK, 3), 6),
            rect(40, 150, 270, 14, paint("#b58a5a", INK, 2.4)),
            *(jar(80 + 62 * k, 150, 62, JARS[k]) for k in range(4)),
            rect(900, 190, 260, 14, paint("#b58a5a", INK, 2.4)),
            *(jar(935 + 62 * k, 190, 56 + 8 * (k % 2), JARS[5 - k]) for k in range(4)),
            wash("top", 398, HEIGHT, "#c98f5c", "#b57a48", "#8d5a34"),
            planks(rng, 0, 410, WIDTH, 600, "#c08650", 46),
            rect(0, 396, WIDTH, 15, paint("#e0ae78", INK, 2.4)),
            dabs(rng, 0, 415, WIDTH, HEIGHT, ("#e0ae78", "#8d5a34"), 45, 90, 0.25),
        )
    )


def table(rng: Random) -> str:
    cloth = []
    for i, (y0, y1) in enumerate(((408, 440), (440, 484), (484, 544), (544, 675))):
        for k in range(-9, 10):
            if (k + i) % 2:
                a, b = 600 + k * (y0 - 300) * 0.7, 600 + (k + 1) * (y0 - 300) * 0.7
                c, d = 600 + (k + 1) * (y1 - 300) * 0.7, 600 + k * (y1 - 300) * 0.7
                cloth.append(polygon(((a, y0), (b, y0), (c, y1), (d, y1)), paint("#d9534a")))
    return "".join(
        (
            _wallpaper(rng, 420, "#f0dcae", "#e9cf98", "#c9905a"),
            rect(820, 90, 250, 180, paint("#7a4d2e", INK, 3)),
            rect(838, 108, 214, 144, paint("#b8d8e0")),
            polygon(((838, 252), (900, 170), (950, 220), (990, 160), (1052, 252)), paint("#6f9a6a")),
            _lamp(430, 60),
            rect(90, 120, 170, 290, paint("#8a5a35", INK, 4)),
            ellipse(175, 200, 56, 56, paint("#fbf4e0", INK, 4)),
            line(((175, 200), (175, 162)), paint("none", INK, 5)),
            line(((175, 200), (202, 214)), paint("none", INK, 5)),
            rect(0, 406, WIDTH, HEIGHT - 406, paint("#f8f0e4")),
            *cloth,
            dabs(rng, 0, 410, WIDTH, HEIGHT, ("#ffffff", "#b9403a", "#e8c8b0"), 50, 80, 0.2),
            ellipse(1010, 448, 120, 30, paint("#e8e4da", INK, 3)),
            *(
                ellipse(x, y, 34, 33, paint(c, INK, 3))
                for x, y, c in ((960, 420, "#c33a32"), (1024, 412, "#e8b23a"), (1066, 428, "#7fae4a"))
            ),
        )
    )


def stove(rng: Random) -> str:
    pans = "".join(
        line(((x, 96), (x, 150)), paint("none", INK, 5)) + ellipse(x, 178, 34 - 4 * k, 34 - 4 * k, paint(c, INK, 3))
        for k, (x, c) in enumerate(((120, "#b5653a"), (210, "#8a8f96"), (290, "#c98a4a"), (360, "#6d7278")))
    )
    return "".join(
        (
            tiles(rng, 0, 0, WIDTH, 444, 44, ("#7fb5b0", "#9cc9c0", "#8bbdb8"), "#5d8f8c"),
            line(((70, 96), (410, 96)), paint("none", "#5b4230", 9)),
            pans,
            rect(720, 20, 300, 80, paint("#c9cfd3", INK, 3)),
            polygon(((720, 100), (1020, 100), (1060, 160), (680, 160)), paint("#b4bcc2", INK, 3)),
            rect(690, 250, 360, 210, paint("#3d4248", INK, 4), 10),
            rect(730, 320, 280, 110, paint("#1d1f22", "#767d84", 5), 8),
            ellipse(870, 400, 100, 26, paint("#f08c2e", opacity=0.75)),
            *(ellipse(740 + 52 * k, 284, 12, 12, paint("#d9d4c8", INK, 2.4)) for k in range(6)),
            rect(790, 186, 130, 62, paint("#c9483a", INK, 3), 10),
            ellipse(855, 186, 66, 10, paint("#a8382c", INK, 3)),
            rect(420, 270, 240, 180, paint("#e9dcc0", INK, 3)),
            rect(414, 256, 252, 18, paint("#8d5a34", INK, 3)),
            line(((540, 275), (540, 450)), paint("none", INK, 2.4)),
            floor_tiles(440, ("#e9dfc8", "#a8584a")),
            dabs(rng, 0, 445, WIDTH, HEIGHT, ("#c9b898", "#8d4a3e", "#fff4dc"), 55, 80, 0.2),
        )
    )


def skirting(rng: Random) -> str:
    """As a mouse sees the room: the board, its hole and the floor."""
    return "".join(
        (
            _wallpaper(rng, 250, "#a8bfa0", "#9ab292", "#e0d4a0"),
            rect(0, 220, WIDTH, 200, paint("#f0e6d0", INK, 3)),
            rect(0, 220, WIDTH, 22, paint("#dccfb2", INK, 2.4)),
            dabs(rng, 0, 245, WIDTH, 415, ("#ffffff", "#cfc0a0"), 40, 110, 0.3),
            path("M760 422L760 340C760 262 890 262 890 340L890 422Z", paint("#2a1e18", "#b09a72", 9)),
            rect(180, 290, 90, 70, paint("#fbfaf4", INK, 3), 8),
            *(ellipse(x, 325, 8, 8, paint("#4b4640")) for x in (207, 243)),
            polygon(((1010, 0), (1060, 0), (1050, 430), (1020, 430)), paint("#6f4428", INK, 4)),
            planks(rng, 0, 420, WIDTH, HEIGHT, "#a8713f", 64),
            dabs(rng, 0, 425, WIDTH, HEIGHT, ("#c98f5c", "#7d4f2a"), 55, 100, 0.25),
            *(
                ellipse(x, y, 5, 3, paint("#f0d9a0", "#a8834a", 1.4))
                for x, y in ((640, 470), (666, 482), (700, 466), (560, 500))
            ),
        )
    )


def pantry(rng: Random) -> str:
    parts = [
        planks(rng, 0, 0, WIDTH, 430, "#6d4f38", 60, upright=True),
        dabs(rng, 0, 0, WIDTH, 430, ("#8a6a4c", "#4b3425"), 50, 90, 0.3),
    ]
    for y in (130, 262, 398):
        parts.append(rect(0, y, WIDTH, 16, paint("#a8794a", INK, 3)))
        x = 40.0
        while x < WIDTH:
            size = rng.uniform(55, 88)
            if rng.random() < 0.86:
                parts.append(jar(x, y, size, rng.choice(JARS)))
            x += size * 0.9
    parts.append(rect(0, 414, WIDTH, HEIGHT - 414, paint("#5d4636")))
    parts.append(planks(rng, 0, 424, WIDTH, HEIGHT, "#7a5a40", 50))
    parts.append(dabs(rng, 0, 430, WIDTH, HEIGHT, ("#94704f", "#4b3425"), 50, 90, 0.3))
    sack = "M{0} 560C{1} 480 {2} 440 {3} 430L{4} 430C{5} 450 {6} 490 {7} 560Z"
    around = (-70, -90, -70, -30, 30, 70, 95, 72)
    sacks = (path(sack.format(*(num(x + d) for d in around)), paint("#cbb083", INK, 3)) for x in (70, 1090))
    return "".join((*parts, *sacks))


def hall(rng: Random) -> str:
    stairs = "".join(
        rect(60 + 56 * k, 400 - 46 * k, 420 - 56 * k, 46, paint(shade("#7a5a78", 1 - 0.06 * k), "#2a2036", 3))
        for k in range(7)
    )
    return "".join(
        (
            _wallpaper(rng, 450, "#5f5684", "#574e7a", "#7f76a8"),
            stairs,
            rect(700, 130, 190, 312, paint("#43365a", "#1f1830", 5)),
            *(
                rect(725 + 76 * i, 160 + 140 * j, 64, 110, paint("#4f4169", "#1f1830", 3))
                for i in (0, 1)
                for j in (0, 1)
            ),
            ellipse(868, 300, 8, 8, paint("#e0b84a", INK, 2)),
            rect(960, 120, 150, 180, paint("#a8843a", "#1f1830", 4)),
            rect(976, 136, 118, 148, paint("#2f3a55")),
            polygon(
                (
                    (1010, 190),
                    (1005, 160),
                    (1025, 178),
                    (1045, 178),
                    (1065, 160),
                    (1060, 190),
                    (1066, 284),
                    (1004, 284),
                ),
                paint("#8a8fa8"),
            ),
            *(ellipse(x, 202, 5, 6, paint("#f0e08a", "#1f1830", 2)) for x in (1024, 1046)),
            polygon(((900, 440), (1000, 440), (1120, HEIGHT), (820, HEIGHT)), paint("#f0d9a0", opacity=0.14)),
            floor_tiles(446, ("#6b608c", "#4b416a")),
            dabs(rng, 0, 450, WIDTH, HEIGHT, ("#7f76a8", "#3a3255"), 60, 90, 0.25),
            polygon(((360, 470), (840, 470), (1010, 640), (190, 640)), paint("#8d3f55", "#5d2438", 4)),
        )
    )
