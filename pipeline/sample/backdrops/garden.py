"""The garden: lawn, pond, vegetable patch, greenhouse, oak and the garden under the moon."""

from __future__ import annotations

from random import Random

from pipeline.sample.backdrops.brush import (
    HEIGHT,
    INK,
    WIDTH,
    bush,
    cloud,
    crate,
    dabs,
    flowers,
    grass,
    hills,
    house,
    planks,
    shade,
    tree,
    wash,
)
from pipeline.sample.svg import ellipse, group, line, num, paint, path, polygon, rect, smooth

GREENS = ("#7fb04c", "#6aa043", "#98c25a", "#5b8f3d")


def _meadow(rng: Random, y: float) -> str:
    return (
        wash(f"meadow{int(y)}", y, HEIGHT, "#a9cf6a", "#6fa547", "#4f8638")
        + dabs(rng, 0, y + 10, WIDTH, HEIGHT, GREENS, 70, 60)
        + grass(rng, y + 15, HEIGHT, GREENS, 70)
    )


def lawn(rng: Random) -> str:
    fence = "".join(
        polygon(((x, 404), (x, 318), (x + 14, 302), (x + 28, 318), (x + 28, 404)), paint("#f4efe2", "#9b8f7a", 2.4))
        for x in range(-10, WIDTH, 46)
    )
    rails = "".join(rect(0, y, WIDTH, 11, paint("#e4dcc9", "#9b8f7a", 2)) for y in (330, 372))
    return "".join(
        (
            wash("sky", 0, 420, "#6fbfe8", "#bfe6f2", "#f8f3d8"),
            dabs(rng, 0, 0, WIDTH, 260, ("#9ad4ee", "#ffffff", "#7cc4e6"), 35, 90, 0.18),
            ellipse(980, 110, 58, 58, paint("#ffe9a3")),
            ellipse(980, 110, 84, 84, paint("#ffe9a3", opacity=0.35)),
            *(cloud(rng, x, y, s) for x, y, s in ((210, 90, 95), (600, 140, 70), (1120, 190, 60))),
            hills(rng, 330, 90, "#9cc987"),
            house(300, 392, 230, "#f1d7b0", "#b9503f"),
            tree(rng, 820, 400, 300, "#6fa84c"),
            tree(rng, 1090, 405, 240, "#5b9a56"),
            rails,
            fence,
            _meadow(rng, 402),
            bush(rng, 60, 440, 120, "#4f8a45"),
            bush(rng, 1150, 450, 140, "#5c9447"),
            flowers(rng, 430, 660, 42),
        )
    )


def pond(rng: Random) -> str:
    reeds = "".join(
        path(
            f"M{num(x)} 470q{num(rng.uniform(-12, 12))} -60 {num(rng.uniform(-16, 16))} {num(-rng.uniform(90, 160))}",
            paint("none", rng.choice(("#5d7f3a", "#7f9a45")), 5),
        )
        for x in (rng.uniform(20, 330) for _ in range(22))
    )
    lilies = "".join(
        ellipse(x, y, 36, 11, paint("#5da458", "#356b3a", 2))
        for x, y in ((520, 440), (700, 466), (830, 430), (620, 476))
    )
    return "".join(
        (
            wash("sky", 0, 360, "#f7c98b", "#fbe3b4", "#fdf3d7"),
            dabs(rng, 0, 0, WIDTH, 240, ("#f9b87a", "#fff2cf", "#f3a86e"), 35, 100, 0.2),
            hills(rng, 330, 130, "#8aa878"),
            *(tree(rng, x, 380, s, "#5f8f52") for x, s in ((90, 260), (260, 310), (470, 230), (930, 330), (1120, 280))),
            hills(rng, 392, 30, "#7fa05a"),
            ellipse(650, 446, 430, 62, paint("#5b8f86", "#3c6a5d", 4)),
            ellipse(660, 438, 380, 44, paint("#86b9ae")),
            dabs(rng, 320, 405, 980, 480, ("#b8dcd0", "#5b8f86", "#f7d9a0"), 30, 60, 0.35),
            lilies,
            reeds,
            polygon(((0, 480), (WIDTH, 500), (WIDTH, HEIGHT), (0, HEIGHT)), paint("#7d9b4c")),
            dabs(rng, 0, 495, WIDTH, HEIGHT, GREENS, 60, 70, 0.3),
            grass(rng, 495, HEIGHT, ("#5d7f3a", "#93ab54", "#47682f"), 80),
            flowers(rng, 520, 660, 16),
        )
    )


def patch(rng: Random) -> str:
    rows = []
    for k, y in enumerate((440, 492, 556, 634)):
        rows.append(
            smooth(
                [(-40, y + 26), (300, y - 6), (700, y), (1240, y - 10), (1240, y + 30), (600, y + 34)], paint("#7a5236")
            )
        )
        step = 46 + 13 * k
        for x in range(20 + 17 * k, WIDTH, step):
            leaf = rng.choice(("#69a84a", "#8fbf4d", "#4f9260"))
            rows.append(bush(rng, x, y + 6, 34 + 9 * k, leaf))
            if rng.random() < 0.35:
                rows.append(
                    ellipse(x + 8, y - 2, 8 + 2 * k, 8 + 2 * k, paint(rng.choice(("#e5482f", "#f08c2e")), INK, 2))
                )
    return "".join(
        (
            wash("sky", 0, 420, "#a8c4d4", "#dfe9e6", "#f3ecd9"),
            dabs(rng, 0, 0, WIDTH, 240, ("#c8d8df", "#ffffff", "#93aebf"), 40, 110, 0.25),
            hills(rng, 350, 100, "#95b28b"),
            planks(rng, 640, 190, 1010, 410, "#8a6a4c", 34, upright=True),
            polygon(((610, 196), (825, 96), (1040, 196)), paint("#6d4437", INK, 4)),
            rect(770, 280, 100, 130, paint("#5d4330", INK, 3)),
            *(tree(rng, x, 412, s, "#77994c") for x, s in ((120, 290), (420, 230))),
            wash("earth", 400, HEIGHT, "#a07a50", "#8a6340", "#6d4a30"),
            dabs(rng, 0, 405, WIDTH, HEIGHT, ("#8a6340", "#b28a5c", "#5f4029"), 60, 60, 0.3),
            *rows,
        )
    )


def greenhouse(rng: Random) -> str:
    panes = []
    for x in range(0, WIDTH, 150):
        panes.append(rect(x, 0, 150, 380, paint(rng.choice(("#cfe9df", "#bfe0d8", "#d9efe2")), "#f7fbf6", 9)))
        panes.append(
            polygon(((x + 20, 360), (x + 90, 20), (x + 116, 20), (x + 46, 360)), paint("#ffffff", opacity=0.28))
        )
    pots = []
    for y, size in ((232, 42), (386, 56)):
        pots.append(rect(0, y, WIDTH, 15, paint("#b58a5a", INK, 2.4)))
        for x in range(40, WIDTH, int(size * 1.9)):
            if rng.random() < 0.8:
                pots.append(bush(rng, x, y - size * 0.6, size * 1.3, rng.choice(("#4c9a52", "#7ab648", "#2f7d5b"))))
                pots.append(
                    polygon(
                        (
                            (x - size * 0.42, y - size * 0.8),
                            (x + size * 0.42, y - size * 0.8),
                            (x + size * 0.3, y),
                            (x - size * 0.3, y),
                        ),
                        paint(rng.choice(("#c8693e", "#b5583a", "#d98a5c")), INK, 2.4),
                    )
                )
    return "".join(
        (
            *panes,
            dabs(rng, 0, 0, WIDTH, 400, ("#8fc79f", "#f4fbe8", "#a8d8c0"), 50, 80, 0.25),
            *pots,
            wash("floor", 402, HEIGHT, "#c9b08a", "#a98b63"),
            planks(rng, 0, 404, WIDTH, HEIGHT, "#b99a70", 44),
            dabs(rng, 0, 410, WIDTH, HEIGHT, ("#8f7450", "#e2cba2"), 40, 70, 0.25),
            crate(1120, 520, 150),
        )
    )


def oak(rng: Random) -> str:
    bark = "".join(
        path(
            f"M{num(x)} {num(y)}q{num(rng.uniform(-14, 14))} 40 {num(rng.uniform(-8, 8))} 90",
            paint("none", "#4b3425", 5),
        )
        for x, y in ((rng.uniform(300, 530), rng.uniform(0, 400)) for _ in range(28))
    )
    leaves = "".join(
        group(
            ellipse(0, 0, 30, 15, paint(vary)),
            rng.uniform(-20, WIDTH),
            rng.uniform(-30, 130),
            angle=rng.uniform(-60, 60),
        )
        for vary in (rng.choice(("#d98b2b", "#c45f2a", "#e8b64a", "#a8762f", "#b94a2a")) for _ in range(150))
    )
    return "".join(
        (
            wash("sky", 0, 440, "#9fc3d8", "#e6e4cf", "#f6e6c0"),
            dabs(rng, 0, 0, WIDTH, 300, ("#e6d9b8", "#ffffff"), 30, 100, 0.25),
            hills(rng, 400, 120, "#c2a45c"),
            *(tree(rng, x, 440, s, "#cf8a3a") for x, s in ((700, 250), (880, 310), (1080, 270))),
            hills(rng, 452, 26, "#a8a04e"),
            smooth(
                [(270, 560), (310, 380), (300, -20), (540, -20), (530, 380), (590, 560), (430, 530)],
                paint("#6f4f38", INK, 4),
            ),
            bark,
            ellipse(416, 236, 36, 48, paint("#2f2119", "#4b3425", 6)),
            leaves,
            polygon(((0, 470), (300, 520), (640, 515), (WIDTH, 465), (WIDTH, HEIGHT), (0, HEIGHT)), paint("#98923f")),
            dabs(rng, 0, 500, WIDTH, HEIGHT, ("#c47a2c", "#a8a04e", "#7f7a35", "#d99c3b"), 110, 45, 0.4),
        )
    )


def moonlit(rng: Random) -> str:
    stars = "".join(
        ellipse(rng.uniform(0, WIDTH), rng.uniform(0, 330), r, r, paint("#fdf6d8"))
        for r in (rng.uniform(0.8, 2.6) for _ in range(70))
    )
    return "".join(
        (
            wash("sky", 0, 430, "#131b44", "#27366e", "#5a5f96"),
            dabs(rng, 0, 0, WIDTH, 360, ("#2c3a78", "#1a2350", "#4a5590"), 50, 110, 0.3),
            stars,
            ellipse(250, 130, 66, 66, paint("#fbf3cf")),
            *(ellipse(x, y, r, r, paint("#e3d8a8")) for x, y, r in ((232, 112, 13), (272, 150, 9), (262, 106, 7))),
            ellipse(250, 130, 110, 110, paint("#fbf3cf", opacity=0.13)),
            hills(rng, 400, 120, "#2b3963"),
            house(930, 430, 210, "#3b4672", "#28305a"),
            rect(870, 320, 38, 38, paint("#ffcf5c", "#1c2342", 3)),
            *(tree(rng, x, 440, s, "#2c4a58", "#232743") for x, s in ((90, 330), (520, 280), (700, 220), (1130, 340))),
            wash("lawn", 424, HEIGHT, "#3b5a5e", "#2a4650", "#1d323c"),
            dabs(rng, 0, 430, WIDTH, HEIGHT, ("#31545a", "#4a6f6c", "#1f3a44"), 70, 70, 0.35),
            grass(rng, 450, HEIGHT, ("#55807a", "#3a6263", "#22404a"), 70),
            *(line(((x, 470), (x, 380)), paint("none", shade("#8a8fb5", 0.8), 14)) for x in range(20, WIDTH, 90)),
            line(((0, 412), (WIDTH, 412)), paint("none", "#7a80a8", 9)),
        )
    )
