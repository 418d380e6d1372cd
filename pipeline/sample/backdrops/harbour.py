"""The harbour: quay, lighthouse, market, deck, beach and the pier in a storm."""

from __future__ import annotations

from random import Random

from pipeline.sample.backdrops.brush import (
    HEIGHT,
    INK,
    WIDTH,
    boat,
    cloud,
    crate,
    dabs,
    grass,
    hills,
    house,
    planks,
    sea,
    shade,
    tiles,
    vary,
    wash,
)
from pipeline.sample.svg import ellipse, line, paint, path, polygon, rect, smooth


def _stones(rng: Random, y: float, color: str) -> str:
    parts = [rect(0, y, WIDTH, HEIGHT - y, paint(shade(color, 0.7)))]
    top, height = y + 4, 22.0
    while top < HEIGHT:
        x = -rng.uniform(0, 80)
        while x < WIDTH:
            w = rng.uniform(1.6, 3.0) * height
            parts.append(rect(x, top, w - 5, height - 4, paint(vary(rng, color, 0.13)), 7))
            x += w
        top, height = top + height, height * 1.32
    return "".join(parts) + dabs(rng, 0, y + 5, WIDTH, HEIGHT, (shade(color, 1.3), shade(color, 0.75)), 40, 80, 0.25)


def quay(rng: Random) -> str:
    row = ((90, "#d98a6a"), (230, "#e8c878"), (370, "#8fb5a8"), (510, "#d9b8a0"), (1120, "#b87a8a"))
    return "".join(
        (
            wash("sky", 0, 330, "#7cc0e0", "#cfe8ec", "#fbf0d4"),
            dabs(rng, 0, 0, WIDTH, 230, ("#ffffff", "#a8d8ea"), 35, 110, 0.22),
            *(cloud(rng, x, y, s) for x, y, s in ((700, 80, 90), (1000, 130, 70), (300, 60, 60))),
            hills(rng, 320, 60, "#8fb5a0"),
            *(house(x, 322, 125, wall, "#a8503f") for x, wall in row),
            sea(rng, 318, 450, ("#4f9fb5", "#3f86a0", "#2f6f8a"), 70),
            boat(690, 380, 220, "#c9483a", "#fbf4e0"),
            boat(1000, 400, 260, "#3f6fa8"),
            boat(300, 376, 170, "#e0a526"),
            _stones(rng, 446, "#a89f90"),
            *(rect(x, 400, 34, 60, paint("#4b4f55", INK, 3), 10) for x in (150, 620, 1060)),
            path("M167 430Q390 500 637 430Q850 500 1077 430", paint("none", "#c9a86a", 7)),
        )
    )


def lighthouse(rng: Random) -> str:
    tower = "".join(
        polygon(
            (
                (846 - 6 * k, 60 + 70 * k),
                (934 + 6 * k, 60 + 70 * k),
                (940 + 6 * k, 130 + 70 * k),
                (840 - 6 * k, 130 + 70 * k),
            ),
            paint(("#f6efe2", "#cf4438")[k % 2], INK, 2.6),
        )
        for k in range(5)
    )
    return "".join(
        (
            wash("sky", 0, 380, "#f29a7a", "#f8c79a", "#fbe6c0"),
            dabs(rng, 0, 0, WIDTH, 280, ("#f7b08a", "#d97f86", "#ffe9c4"), 55, 120, 0.28),
            *(cloud(rng, x, y, s, "#fbd8c4") for x, y, s in ((180, 110, 90), (520, 70, 70), (1100, 160, 80))),
            sea(rng, 340, 520, ("#c98f8a", "#8a7f9a", "#4f6f90"), 80),
            ellipse(300, 340, 60, 16, paint("#ffe9a8", opacity=0.8)),
            smooth(
                [(560, HEIGHT), (640, 480), (760, 408), (1020, 400), (1260, 440), (1260, HEIGHT)],
                paint("#7d8f5a", INK, 3),
            ),
            tower,
            rect(852, 14, 76, 46, paint("#ffe58a", INK, 3)),
            polygon(((842, 14), (890, -26), (938, 14)), paint("#5a5f68", INK, 3)),
            polygon(((0, 492), (420, 470), (900, 452), (WIDTH, 474), (WIDTH, HEIGHT), (0, HEIGHT)), paint("#8f9a58")),
            dabs(rng, 0, 480, WIDTH, HEIGHT, ("#6f7f45", "#b0b06a", "#a88a5a"), 80, 70, 0.3),
            grass(rng, 490, HEIGHT, ("#6b7a3f", "#b5b570", "#52622f"), 90),
        )
    )


def market(rng: Random) -> str:
    stalls = []
    for x, color in ((60, "#cf4438"), (430, "#3f7fa8"), (800, "#5f9a58")):
        stalls.append(
            rect(x + 10, 160, 12, 270, paint("#7a5a3a", INK, 2.4))
            + rect(x + 298, 160, 12, 270, paint("#7a5a3a", INK, 2.4))
        )
        stalls.append(rect(x + 22, 190, 276, 150, paint("#5b4a44", opacity=0.6)))
        for k in range(8):
            tone = color if k % 2 else "#fbf4e4"
            stalls.append(path(f"M{x + 40 * k} 110l40 0l0 70q-20 26 -40 0z", paint(tone, INK, 2.4)))
        stalls.append(rect(x, 340, 320, 90, paint("#b98a52", INK, 3)))
        for k in range(7):
            y = 334 + rng.uniform(-5, 3)
            stalls.append(
                ellipse(
                    x + 34 + 42 * k, y, 22, 9, paint(rng.choice(("#a8b8c4", "#8fa3b5", "#e0937a", "#c9cfd3")), INK, 2.2)
                )
            )
    return "".join(
        (
            wash("sky", 0, 432, "#cfe0e4", "#e8ece0", "#8f8478", "#7a7068"),
            *(
                rect(x, 20 + 18 * (k % 3), 150, 330, paint(c, INK, 3))
                for k, (x, c) in enumerate(
                    (
                        (-20, "#c9a88a"),
                        (130, "#b8c0a8"),
                        (280, "#d9b8a8"),
                        (560, "#a8b5c0"),
                        (710, "#d0c0a0"),
                        (1010, "#b8a0a8"),
                    )
                )
            ),
            *(rect(x, y, 34, 46, paint("#6f8a9a", INK, 2.4)) for x in (30, 190, 330, 620, 770, 1070) for y in (50,)),
            dabs(rng, 0, 0, WIDTH, 350, ("#ffffff", "#a89a8a"), 45, 80, 0.22),
            *stalls,
            _stones(rng, 428, "#b0a08a"),
            crate(380, 470, 90),
            crate(1150, 500, 120, "#8fa078"),
        )
    )


def deck(rng: Random) -> str:
    rail = "".join(rect(x, 316, 13, 110, paint("#f3ead4", INK, 2.4), 4) for x in range(15, WIDTH, 62))
    rigging = "".join(line(((x, 420), (470, -40)), paint("none", "#4b3a2c", 3)) for x in (150, 260, 700, 820))
    return "".join(
        (
            wash("sky", 0, 300, "#4f9fd8", "#a8d8ee", "#e8f4ee"),
            dabs(rng, 0, 0, WIDTH, 220, ("#ffffff", "#7fc0e4"), 40, 110, 0.22),
            *(cloud(rng, x, y, s) for x, y, s in ((820, 100, 100), (1090, 60, 70), (160, 90, 80))),
            sea(rng, 280, 430, ("#3f8fc0", "#2f78a8", "#255f8d"), 80),
            boat(960, 300, 90, "#5b4a44", "#fbf4e0"),
            rigging,
            polygon(((452, 440), (458, -10), (486, -10), (492, 440)), paint("#8a5f3a", INK, 3)),
            smooth([(492, 20), (760, 60), (740, 200), (492, 236)], paint("#f3e6c8", INK, 3)),
            rail,
            rect(0, 302, WIDTH, 18, paint("#8a4b2a", INK, 3)),
            rect(0, 420, WIDTH, 14, paint("#6f3f24", INK, 2.4)),
            planks(rng, 0, 432, WIDTH, HEIGHT, "#c79b66", 38),
            dabs(rng, 0, 436, WIDTH, HEIGHT, ("#e6c694", "#94693f"), 55, 90, 0.25),
            ellipse(1090, 560, 90, 26, paint("#c9a86a", "#7d5f33", 8)),
            ellipse(1090, 552, 62, 17, paint("#94693f", "#c9a86a", 10)),
        )
    )


def beach(rng: Random) -> str:
    return "".join(
        (
            wash("sky", 0, 330, "#8fd0e8", "#d8f0ee", "#fdf6dc"),
            dabs(rng, 0, 0, WIDTH, 240, ("#ffffff", "#b0e0ee"), 35, 120, 0.22),
            ellipse(210, 100, 50, 50, paint("#fff0b0")),
            sea(rng, 300, 424, ("#5fc0c0", "#4fb0b8", "#8fd8cc"), 60),
            boat(820, 350, 150, "#7a5a9a", "#ffd9a0"),
            smooth(
                [(-30, 420), (250, 400), (560, 424), (860, 404), (1240, 420), (1240, HEIGHT + 40), (-30, HEIGHT + 40)],
                paint("#f0d9a4", "#ffffff", 7),
            ),
            dabs(rng, 0, 430, WIDTH, HEIGHT, ("#e0c284", "#fbecc4", "#cfae74"), 90, 90, 0.35),
            grass(rng, 440, 520, ("#9aa860", "#b8c078"), 30),
            *(
                ellipse(
                    rng.uniform(0, WIDTH),
                    rng.uniform(450, HEIGHT),
                    7,
                    5,
                    paint(rng.choice(("#f7b5a8", "#fffaf0", "#b8a8c8")), "#94836a", 1.4),
                )
                for _ in range(26)
            ),
            polygon(((960, 430), (1000, 250), (1040, 430)), paint("#e0503f", INK, 3)),
            polygon(((1000, 250), (1040, 430), (1110, 420)), paint("#fbf4e4", INK, 3)),
        )
    )


def storm(rng: Random) -> str:
    waves = []
    for y, tone in ((330, "#4a6a7a"), (370, "#3f5f70"), (410, "#355363")):
        points = [
            (x, y + (18 if k % 2 else -18) + rng.uniform(-8, 8)) for k, x in enumerate(range(-60, WIDTH + 120, 90))
        ]
        waves.append(smooth([(-80, HEIGHT), *points, (WIDTH + 90, HEIGHT)], paint(tone, "#c8d8d8", 4)))
    return "".join(
        (
            wash("sky", 0, 380, "#30374a", "#4f5a6d", "#8a9296"),
            dabs(rng, 0, 0, WIDTH, 330, ("#262c3d", "#69748a", "#3b4458"), 80, 140, 0.35),
            *(
                cloud(rng, x, y, s, "#59637a")
                for x, y, s in ((150, 70, 130), (480, 40, 110), (800, 90, 140), (1100, 50, 120))
            ),
            path("M640 90L600 180L640 184L590 290L690 166L644 162L680 90Z", paint("#fbf3c0")),
            *waves,
            boat(300, 372, 170, "#5a3f3a"),
            planks(rng, 0, 440, WIDTH, HEIGHT, "#6d6258", 42),
            *(rect(x, 370, 30, 110, paint("#4f463f", INK, 3)) for x in range(60, WIDTH, 250)),
            dabs(rng, 0, 445, WIDTH, HEIGHT, ("#8a8078", "#453d38", "#94a8b0"), 60, 90, 0.3),
            tiles(rng, 1010, 210, 1190, 372, 30, ("#8a5a4a", "#7a4d40"), "#5a3a32"),
            polygon(((985, 214), (1100, 140), (1215, 214)), paint("#3f3a45", INK, 4)),
            rect(1070, 270, 54, 60, paint("#ffd36a", INK, 3)),
        )
    )
