"""Creatures with faces of their own that are not the two characters: what a detector must learn to leave alone.

Each is a function of a beat (degrees of its idle movement) in the same units as the characters: about 100 high for the
face, origin in its middle. They have eyes and mouths on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.sample.svg import ellipse, group, line, num, paint, path, polygon, rect, sin_deg, smooth

INK = "#2b2320"


def _eyes(x: float, y: float, rx: float, ry: float, pupil: float, beat: float, white: str = "#ffffff") -> str:
    if sin_deg(beat * 1.7 + 20) > 0.985:
        return "".join(line(((s * x - rx, y), (s * x + rx, y)), paint("none", INK, 3)) for s in (-1, 1))
    look = 0.3 * rx * sin_deg(beat * 0.4)
    return "".join(
        ellipse(s * x, y, rx, ry, paint(white, INK, 2.4))
        + ellipse(s * x + look, y + 1, pupil, pupil * 1.1, paint("#17120f"))
        + ellipse(s * x + look - pupil * 0.3, y - pupil * 0.4, pupil * 0.33, pupil * 0.33, paint("#ffffff"))
        for s in (-1, 1)
    )


def dog(beat: float) -> str:
    """A brown dog with hanging ears and its tongue out."""
    wag = 5 * sin_deg(beat * 2)
    parts = [
        smooth([(-30, 44), (30, 44), (44, 110), (40, 170), (-40, 170), (-44, 110)], paint("#8d5a34", INK, 3)),
        ellipse(0, 128, 22, 34, paint("#e8cfa6")),
        rect(-30, 46, 60, 11, paint("#c22f3b", INK, 2.4), 5),
        ellipse(0, 60, 6, 6, paint("#f2c744", INK, 2)),
        smooth(
            [(0, -50), (30, -44), (44, -14), (44, 18), (28, 42), (0, 50), (-28, 42), (-44, 18), (-44, -14), (-30, -44)],
            paint("#a56b3f", INK, 3.2),
        ),
        *(
            smooth(
                [(s * 30, -42), (s * 58, -30), (s * (64 + wag), 20), (s * 48, 26), (s * 40, -6)],
                paint("#6f4223", INK, 3),
            )
            for s in (-1, 1)
        ),
        ellipse(17, -10, 17, 20, paint("#e8cfa6")),
        _eyes(17, -8, 8.5, 11, 5, beat),
        ellipse(0, 24, 27, 18, paint("#e8cfa6", INK, 2)),
        ellipse(0, 12, 11, 8, paint("#2a1d19")),
        path("M-18 27Q0 44 18 27", paint("none", INK, 3)),
        path(f"M-7 35Q-9 {num(56 + wag)} 0 {num(57 + wag)}Q9 {num(56 + wag)} 7 35Z", paint("#ef7382", INK, 2)),
    ]
    return "".join(parts)


def owl(beat: float) -> str:
    """An owl with large eyes."""
    turn = 4 * sin_deg(beat * 0.5)
    face = "".join(
        (
            *(polygon(((s * 12, -44), (s * 44, -66), (s * 46, -22)), paint("#6b4c3a", INK, 3)) for s in (-1, 1)),
            ellipse(0, 0, 50, 48, paint("#8a6750", INK, 3.2)),
            *(ellipse(s * 21, -4, 24, 25, paint("#e9d8b8")) for s in (-1, 1)),
            _eyes(21, -4, 15, 16, 8, beat, "#ffd75e"),
            polygon(((-7, 8), (7, 8), (0, 25)), paint("#e99a2c", INK, 2.4)),
        )
    )
    breast = "".join(
        path(f"M{num(x)} {num(y)}q6 8 12 0", paint("none", "#6b4c3a", 2.4)) for y in (72, 88, 104) for x in (-20, -6, 8)
    )
    body = ellipse(0, 84, 46, 58, paint("#8a6750", INK, 3)) + ellipse(0, 90, 28, 44, paint("#cdb08c")) + breast
    return body + group(face, 0, 0, angle=turn)


def bird(beat: float) -> str:
    """A round robin."""
    hop = 3 * abs(sin_deg(beat * 2))
    return group(
        "".join(
            (
                polygon(((34, 30), (92, 52), (88, 66), (30, 52)), paint("#55616e", INK, 3)),
                *(line(((x, 50), (x, 76), (x - 10, 80)), paint("none", "#a8632a", 4)) for x in (-10, 12)),
                ellipse(0, 6, 48, 46, paint("#6d7c8c", INK, 3.2)),
                ellipse(-12, 22, 32, 28, paint("#e2603a")),
                _eyes(15, -10, 8, 10, 5, beat),
                polygon(((-8, 2), (8, 2), (-2, 17)), paint("#f3b43c", INK, 2.4)),
                smooth([(16, 10), (50, 14), (44, 40), (20, 36)], paint("#4e5a67", INK, 2.6)),
            )
        ),
        0,
        -hop,
    )


def rabbit(beat: float) -> str:
    """A white rabbit: long ears, whiskers, the nearest thing to the two characters."""
    wave = 4 * sin_deg(beat)
    return "".join(
        (
            smooth([(-22, 44), (22, 44), (36, 110), (28, 150), (-28, 150), (-36, 110)], paint("#e9e4dc", INK, 3)),
            *(
                group(
                    ellipse(0, -34, 12, 42, paint("#f4f0ea", INK, 3)) + ellipse(0, -32, 5.5, 30, paint("#f0b6bd")),
                    s * 18,
                    -40,
                    angle=s * 12 + wave,
                )
                for s in (-1, 1)
            ),
            smooth(
                [
                    (0, -48),
                    (28, -40),
                    (40, -8),
                    (48, 22),
                    (26, 46),
                    (0, 50),
                    (-26, 46),
                    (-48, 22),
                    (-40, -8),
                    (-28, -40),
                ],
                paint("#f4f0ea", INK, 3.2),
            ),
            _eyes(18, -8, 8, 12, 5.5, beat),
            polygon(((-6, 12), (6, 12), (0, 19)), paint("#e58a9b", INK, 2)),
            path("M0 19L0 25M-12 26Q-5 33 0 25Q5 33 12 26", paint("none", INK, 2.6)),
            rect(-6, 28, 12, 10, paint("#ffffff", INK, 1.6)),
            path("M-20 20L-54 14M-20 26L-54 30M20 20L54 14M20 26L54 30", paint("none", INK, 1.3)),
        )
    )


def crab(beat: float) -> str:
    """A red crab waving its claws."""
    wave = 12 * sin_deg(beat * 2)
    legs = "".join(
        path(f"M{s * 36} {y}q{s * 22} -4 {s * 30} 18", paint("none", INK, 6)) for s in (-1, 1) for y in (20, 30, 40)
    )
    claws = "".join(
        path(f"M{s * 42} 8Q{s * 70} -6 {s * 66} {num(-30 + s * wave)}", paint("none", "#a92f27", 11))
        + smooth(
            [
                (s * 54, -30 + s * wave),
                (s * 52, -58 + s * wave),
                (s * 66, -44 + s * wave),
                (s * 82, -60 + s * wave),
                (s * 84, -32 + s * wave),
                (s * 68, -22 + s * wave),
            ],
            paint("#d9463a", INK, 3),
        )
        for s in (-1, 1)
    )
    stalks = "".join(line(((s * 16, -14), (s * 18, -36)), paint("none", "#a92f27", 7)) for s in (-1, 1))
    shell = smooth(
        [(0, -22), (36, -16), (54, 10), (40, 40), (0, 48), (-40, 40), (-54, 10), (-36, -16)], paint("#d9463a", INK, 3.2)
    )
    return (
        legs
        + claws
        + stalks
        + shell
        + _eyes(18, -40, 11, 12, 5, beat)
        + path("M-18 18Q0 32 18 18", paint("none", INK, 3.2))
    )


def pumpkin(beat: float) -> str:
    """A carved pumpkin on a pole, the scarecrow's head: a face that never changes."""
    sway = 3 * sin_deg(beat * 0.5)
    pole = rect(-6, 40, 12, 170, paint("#7b5a3a", INK, 3)) + rect(-70, 70, 140, 10, paint("#7b5a3a", INK, 3))
    coat = polygon(
        ((-66, 64), (66, 64), (72, 96), (34, 94), (38, 160), (-38, 160), (-34, 94), (-72, 96)), paint("#4f6d8f", INK, 3)
    )
    ribs = "".join(ellipse(x, 0, 24, 48, paint("#e8862e", INK, 2.4)) for x in (-34, 34, -18, 18, 0))
    face = (
        "".join(polygon(((s * 10, -6), (s * 34, -6), (s * 22, -26)), paint("#3b1a0a")) for s in (-1, 1))
        + polygon(((-6, 8), (6, 8), (0, -2)), paint("#3b1a0a"))
        + polygon(
            ((-34, 14), (-18, 20), (-10, 14), (0, 20), (10, 14), (18, 20), (34, 14), (20, 36), (-20, 36)),
            paint("#3b1a0a"),
        )
    )
    hat = polygon(((-48, -40), (48, -40), (30, -50), (22, -92), (-22, -88), (-30, -50)), paint("#6b4a2c", INK, 3))
    return pole + coat + group(ribs + face + hat, 0, 0, angle=sway)


def gull(beat: float) -> str:
    """A seagull with a cross look."""
    bob = 2 * sin_deg(beat)
    return "".join(
        (
            *(line(((x, 96), (x, 132), (x - 9, 134)), paint("none", "#d98a2b", 5)) for x in (-10, 12)),
            smooth(
                [(-26, 30), (22, 24), (66, 66), (98, 76), (40, 104), (-20, 100), (-36, 70)], paint("#f3f5f7", INK, 3)
            ),
            smooth([(0, 56), (50, 60), (96, 78), (40, 92), (4, 84)], paint("#94a3b0", INK, 2.6)),
            ellipse(0, bob, 38, 40, paint("#fbfcfd", INK, 3.2)),
            _eyes(14, -8 + bob, 9, 10, 4, beat),
            *(line(((s * 4, -16 + bob), (s * 25, -23 + bob)), paint("none", INK, 4)) for s in (-1, 1)),
            smooth(
                [(-11, 6 + bob), (11, 6 + bob), (8, 20 + bob), (0, 33 + bob), (-8, 20 + bob)],
                paint("#f2b233", INK, 2.6),
            ),
        )
    )


def kettle(beat: float) -> str:
    """A kettle that someone gave a face."""
    steam = 5 * sin_deg(beat)
    return "".join(
        (
            path(f"M62 -22q{num(8 + steam)} -16 0 -30q{num(-8 - steam)} -14 2 -28", paint("none", "#ffffff", 7, 0.55)),
            path("M-34 -36C-30 -84 30 -84 34 -36", paint("none", INK, 9)),
            polygon(((38, 8), (66, -18), (74, -10), (46, 34)), paint("#c9d3da", INK, 3)),
            smooth(
                [(-30, -38), (30, -38), (50, 12), (46, 46), (0, 52), (-46, 46), (-50, 12)], paint("#c0cbd3", INK, 3.2)
            ),
            ellipse(0, -39, 24, 7, paint("#a1adb7", INK, 2.6)),
            _eyes(17, -6, 8, 10, 4.5, beat),
            path("M-16 18Q0 34 16 18", paint("none", INK, 3.4)),
            *(ellipse(s * 29, 14, 6, 4, paint("#f08a94", opacity=0.7)) for s in (-1, 1)),
        )
    )


def goldfish(beat: float) -> str:
    """A goldfish in a bowl."""
    x, y = 14 * sin_deg(beat), 5 * sin_deg(beat * 1.6)
    fish = "".join(
        (
            polygon(((26, 0), (54, -20), (54, 20)), paint("#f0752a", INK, 2.6)),
            ellipse(0, 0, 34, 26, paint("#ff9a3d", INK, 3)),
            _eyes(11, -5, 7.5, 9, 4, beat),
            ellipse(0, 12, 6, 4 + 2 * sin_deg(beat * 3), paint("#7a2a10", INK, 2)),
        )
    )
    bowl = ellipse(0, 0, 84, 72, paint("#bfe6f2", "#53808f", 4, 0.55))
    return bowl + group(fish, x, 8 + y) + ellipse(-34, -34, 16, 9, paint("#ffffff", opacity=0.6))


CREATURES: Mapping[str, Callable[[float], str]] = {
    "dog": dog,
    "owl": owl,
    "bird": bird,
    "rabbit": rabbit,
    "crab": crab,
    "pumpkin": pumpkin,
    "gull": gull,
    "kettle": kettle,
    "goldfish": goldfish,
}

CREATURE_REACH = (-112.0, -125.0, 112.0, 212.0)
"""Left, top, right, bottom that no creature leaves, in units."""
