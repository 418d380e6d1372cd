"""The heads of the two characters: outline, ears, muzzle, and everything an expression moves.

Unit: a hundredth of the face's height. The origin is the middle of the face, x to the right, y down. A turn of the
head (yaw) moves each part as a point at some depth in front of the axis of the neck, which also narrows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.sample.expressions import Look
from pipeline.sample.svg import (
    CIRCLE,
    Point,
    cos_deg,
    ellipse,
    group,
    line,
    num,
    paint,
    path,
    polygon,
    radial_gradient,
    sin_deg,
    smooth,
)

NECK = 46.0


@dataclass(frozen=True)
class Pose:
    """How a head is held; angles in degrees."""

    yaw: float = 0.0  # positive: looks to the right of the picture
    tilt: float = 0.0  # clockwise
    squash: float = 1.0  # above 1: wide and low; the area stays
    blink: float = 0.0  # 1: eyes shut
    gaze: Point = (0.0, 0.0)  # −1..1 each
    light: float = -1.0  # where the light is: −1 left, 1 right
    brow_skew: float = 0.0  # one brow higher than the other


@dataclass(frozen=True)
class Design:
    """Proportions and palette of a character's head."""

    outline: tuple[Point, ...]  # right half of the face, crown to chin
    fur: str
    fur_light: str
    fur_dark: str
    ink: str
    muzzle: str
    iris: str
    brow: str
    eye_x: float
    eye_y: float
    eye_rx: float
    eye_ry: float
    mouth_y: float
    mouth_width: float
    muzzle_depth: float


DESIGNS: Mapping[str, Design] = {
    "cat": Design(
        outline=((0, -50), (25, -47.5), (44, -33), (51, -8), (52, 4), (63, 19), (63, 19), (50, 25), (55, 36), (55, 36),
                 (40, 40), (22, 48), (0, 50)),
        fur="#f0913a", fur_light="#ffbe6a", fur_dark="#c4631d", ink="#4a2412", muzzle="#fff1d8", iris="#58b368",
        brow="#7d3a10", eye_x=22, eye_y=-7, eye_rx=13.5, eye_ry=17, mouth_y=27, mouth_width=25, muzzle_depth=44,
    ),
    "mouse": Design(
        outline=((0, -50), (23, -46.5), (41, -30), (48, -5), (46, 17), (36, 35), (18, 47), (0, 50)),
        fur="#8fa3c9", fur_light="#bccbe8", fur_dark="#63759e", ink="#27304d", muzzle="#eef1fa", iris="#3d2b1f",
        brow="#2f3a5e", eye_x=16.5, eye_y=-9, eye_rx=12.5, eye_ry=18, mouth_y=29, mouth_width=20, muzzle_depth=46,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """A turn of the head, as a projection of points in front of the neck's axis."""

    cosine: float
    sine: float

    @classmethod
    def by(cls, yaw: float) -> Turn:
        return cls(cos_deg(yaw), sin_deg(yaw))

    def x(self, across: float, depth: float) -> float:
        return across * self.cosine + depth * self.sine

    def width(self, across: float, bulge: float = 0.014) -> float:
        """How wide a part at this place appears, 1 when looking at us."""
        return max(0.45, self.cosine - across * self.sine * bulge)


def outline(character: str, yaw: float) -> list[Point]:
    """The closed outline of the face at a turn: the cheek on the far side is flatter."""
    right = DESIGNS[character].outline
    turn = Turn.by(yaw)
    shift = 7.0 * turn.sine
    points = [(x * (1 - 0.16 * max(0.0, turn.sine)) + shift * (1 - abs(y) / 50), y) for x, y in right]
    left = [(-x * (1 - 0.16 * max(0.0, -turn.sine)) + shift * (1 - abs(y) / 50), y) for x, y in right[1:-1]]
    return points + left[::-1]


def placement(pose: Pose, slump: float = 0.0) -> tuple[float, float, float, float, float]:
    """Where the head group goes: x, y, scale x, scale y, angle. It turns about the neck."""
    scale_x, scale_y = round(pose.squash, 3), round(1.0 / pose.squash, 3)
    cosine, sine = cos_deg(pose.tilt), sin_deg(pose.tilt)
    lever = NECK * scale_y
    return lever * sine, NECK - lever * cosine + 7.0 * slump, scale_x, scale_y, pose.tilt


def face_box(character: str, pose: Pose, slump: float = 0.0) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the face without ears and whiskers, in units, as it is drawn at this pose."""
    x0, y0, scale_x, scale_y, angle = placement(pose, slump)
    cosine, sine = cos_deg(angle), sin_deg(angle)
    xs, ys = [], []
    for x, y in outline(character, pose.yaw):
        xs.append(x0 + cosine * scale_x * x - sine * scale_y * y)
        ys.append(y0 + sine * scale_x * x + cosine * scale_y * y)
    return min(xs), min(ys), max(xs), max(ys)


def head_reach(character: str, pose: Pose, look: Look) -> tuple[float, float, float, float]:
    """Left, top, right, bottom that the head with ears and whiskers does not leave at this pose."""
    turn = Turn.by(pose.yaw)
    points = [
        *outline(character, pose.yaw),
        *((turn.x(side * 76, 20), 6.0 + 50 * k) for side in (-1, 1) for k in (0, 1)),
    ]
    for side in (-1, 1):
        if character == "cat":
            x, y = _cat_ear_tip(look.ears)
            points.append((turn.x(side * x, -12), y))
        else:
            (x, y), (wide, high) = _mouse_ear(look.ears)
            middle, size = turn.x(side * x, -10), max(wide, high)
            points += [(middle - size, y - size), (middle + size, y - size), (middle + side * size, y + size)]
    x0, y0, scale_x, scale_y, angle = placement(pose, look.slump)
    cosine, sine = cos_deg(angle), sin_deg(angle)
    xs = [x0 + cosine * scale_x * x - sine * scale_y * y for x, y in points]
    ys = [y0 + sine * scale_x * x + cosine * scale_y * y for x, y in points]
    return min(xs) - 5, min(ys) - 7, max(xs) + 5, max(ys) + 5


def head(character: str, pose: Pose, look: Look) -> str:
    """The whole head, ears included, as SVG shapes in units."""
    design, turn = DESIGNS[character], Turn.by(pose.yaw)
    lamp = (22 * pose.light, -26)
    shade = radial_gradient(
        "fur-" + character, lamp, 96, ((0, design.fur_light), (0.5, design.fur), (1, design.fur_dark))
    )
    skin = f"url(#fur-{character})"
    ears = _cat_ears if character == "cat" else _mouse_ears
    coat = _cat_coat if character == "cat" else _mouse_coat
    parts = [
        f"<defs>{shade}</defs>",
        ears(design, turn, look.ears),
        smooth(outline(character, pose.yaw), paint(skin, design.ink, 3.2)),
        coat(design, turn),
        _cheeks(design, turn, look),
        *(_eye(design, turn, pose, look, side) for side in (-1, 1)),
        _muzzle(character, design, turn),
        _mouth(character, design, turn, look),
        *(_brow(design, turn, pose, look, side) for side in (-1, 1)),
        _furrow(design, turn, look.furrow),
        _whiskers(design, turn, look.whiskers),
        _tears(design, turn, look.tear),
    ]
    x0, y0, scale_x, scale_y, angle = placement(pose, look.slump)
    return group("".join(parts), x0, y0, scale_x, scale_y, angle)


def _between(low: Point, middle: Point, high: Point, value: float) -> Point:
    """The way low, middle, high for a value of −1, 0, 1."""
    end, share = (high, value) if value >= 0 else (low, -value)
    return middle[0] + (end[0] - middle[0]) * share, middle[1] + (end[1] - middle[1]) * share


def _cat_ear_tip(lift: float) -> Point:
    return _between((80, -40), (50, -86), (40, -97), lift)


def _mouse_ear(lift: float) -> tuple[Point, Point]:
    """Middle and half axes of an ear."""
    return _between((63, -14), (52, -50), (42, -64), lift), _between((31, 24), (33, 33), (30, 37), lift)


def _cat_ears(design: Design, turn: Turn, lift: float) -> str:
    parts = []
    for side in (-1, 1):
        tip_x, tip_y = _cat_ear_tip(lift)
        inner, outer, tip = (10.0, -46.0), (50.0, -22.0), (tip_x, tip_y)
        shape = [(turn.x(side * x, -12), y) for x, y in (inner, tip, outer)]
        flesh = [(x * 0.72 + (inner[0] + outer[0]) * 0.14, y * 0.72 - 9) for x, y in (inner, tip, outer)]
        parts.append(polygon(shape, paint(design.fur, design.ink, 3.2)))
        parts.append(polygon([(turn.x(side * x, -12), y) for x, y in flesh], paint("#f7a9a0")))
    return "".join(parts)


def _mouse_ears(design: Design, turn: Turn, lift: float) -> str:
    parts = []
    for side in (-1, 1):
        (x, y), (wide, high) = _mouse_ear(lift)
        angle = side * (34 - 26 * lift)
        narrow = max(0.6, turn.cosine - side * 0.3 * turn.sine)
        ear = ellipse(0, 0, wide * narrow, high, paint(design.fur, design.ink, 3.2))
        ear += ellipse(0, 2.5, (wide - 9) * narrow, high - 9, paint("#f2b5c4"))
        parts.append(group(ear, turn.x(side * x, -10), y, angle=angle))
    return "".join(parts)


def _cat_coat(design: Design, turn: Turn) -> str:
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


def _mouse_coat(design: Design, turn: Turn) -> str:
    """A tuft of hair and a pale mask around the eyes."""
    x = turn.x(0, 8)
    tuft = path(
        f"M{num(x - 8)} -47Q{num(x - 12)} -60 {num(x - 15)} -62Q{num(x - 2)} -60 {num(x)} -53"
        f"Q{num(x + 4)} -63 {num(x + 13)} -64Q{num(x + 5)} -57 {num(x + 8)} -47Z",
        paint(design.fur_dark, design.ink, 2.4),
    )
    mask = ellipse(turn.x(0, 34), -4, 35 * turn.cosine, 30, paint(design.fur_light, opacity=0.75))
    return tuft + mask


def _cheeks(design: Design, turn: Turn, look: Look) -> str:
    if look.blush < 0.04:
        return ""
    return "".join(
        ellipse(
            turn.x(side * 35, 26), 17, 9.5 * turn.width(side * 35), 6.5, paint("#ff6f61", opacity=0.55 * look.blush)
        )
        for side in (-1, 1)
    )


def _cut(points: list[Point], intercept: float, slope: float, above: bool) -> list[Point]:
    """The part of a polygon above (or below) the line y = intercept + slope·x."""
    kept: list[Point] = []
    for i, (x, y) in enumerate(points):
        past_x, past_y = points[i - 1]
        here, past = y - intercept - slope * x, past_y - intercept - slope * past_x
        if (here < 0) != (past < 0):
            share = past / (past - here)
            kept.append((past_x + (x - past_x) * share, past_y + (y - past_y) * share))
        if (here < 0) == above:
            kept.append((x, y))
    return kept


def _eye(design: Design, turn: Turn, pose: Pose, look: Look, side: int) -> str:
    across = side * design.eye_x
    squeeze = turn.width(across)
    rx, ry = design.eye_rx * look.eye * squeeze, design.eye_ry * look.eye
    white = ellipse(0, 0, rx, ry, paint("#ffffff", design.ink, 2.4))

    iris = 0.62 * design.eye_rx * (0.65 + 0.35 * look.pupil)
    pupil = iris * (0.45 + 0.22 * look.pupil)
    gaze_x = max(-1.0, min(1.0, pose.gaze[0])) * max(0.0, rx - iris * squeeze - 1.0)
    gaze_y = max(-1.0, min(1.0, pose.gaze[1] + look.gaze_down)) * (ry - iris - 1.0) * 0.8
    shine = 0.42 * pupil
    ball = (
        ellipse(gaze_x, gaze_y, iris * squeeze, iris * 1.12, paint(design.iris, design.ink, 1.2))
        + ellipse(gaze_x, gaze_y, pupil * squeeze, pupil * 1.15, paint("#14100f"))
        + ellipse(gaze_x + pose.light * shine, gaze_y - 1.1 * shine, shine, shine, paint("#ffffff"))
    )

    rim = [(x * (rx + 1.0), y * (ry + 1.0)) for x, y in CIRCLE]
    shut = look.lid_top + (0.62 - 0.5 * look.lid_bottom - look.lid_top) * pose.blink
    slope = -side * look.lid_slant * (1 - pose.blink)
    level = -ry + 2 * ry * min(shut, 0.96)
    lids = _lid(rim, level, slope, True, design) if shut > 0.02 else ""
    raised = look.lid_bottom + (0.4 - look.lid_bottom) * pose.blink
    if raised > 0.03:
        lids += _lid(rim, ry - 2 * ry * raised, 0.0, False, design)
    return group(white + ball + lids, turn.x(across, 34), design.eye_y)


def _lid(rim: list[Point], level: float, slope: float, above: bool, design: Design) -> str:
    shape = _cut(rim, level, slope, above)
    if len(shape) < 3:
        return ""
    return polygon(shape, paint(design.fur, design.ink, 2.2))


def _brow(design: Design, turn: Turn, pose: Pose, look: Look, side: int) -> str:
    top = design.eye_y - design.eye_ry * max(1.0, look.eye) - 5.5 - look.brow_raise * 0.8 + side * pose.brow_skew
    inner_x, outer_x = turn.x(side * (design.eye_x - 11.5), 37), turn.x(side * (design.eye_x + 13), 30)
    inner_y, outer_y = top + look.brow_inner, top + 3 - look.brow_inner * 0.45
    middle_x, middle_y = (inner_x + outer_x) / 2, (inner_y + outer_y) / 2 - look.brow_arch * 1.6
    return path(
        f"M{num(inner_x)} {num(inner_y)}Q{num(middle_x)} {num(middle_y)} {num(outer_x)} {num(outer_y)}",
        paint("none", design.brow, 6.4),
    )


def _furrow(design: Design, turn: Turn, depth: float) -> str:
    if depth < 0.25:
        return ""
    x, y = turn.x(0, 36), design.eye_y - design.eye_ry + 4
    return "".join(
        line(((x + side * 2.6, y - 6), (x + side * 2.2, y + 3)), paint("none", design.ink, 1.8, min(1.0, depth)))
        for side in (-1, 1)
    )


def _muzzle(character: str, design: Design, turn: Turn) -> str:
    x, depth = turn.x(0, design.muzzle_depth), design.muzzle_depth
    skin = paint(design.muzzle)
    if character == "cat":
        chin = ellipse(turn.x(0, depth - 6), 36, 15, 10, skin)
        lobes = "".join(
            ellipse(turn.x(side * 12, depth), 22, 16 * turn.width(side * 12), 12.5, skin) for side in (-1, 1)
        )
        nose = path(
            f"M{num(x - 6.5)} 8.5Q{num(x)} 5.5 {num(x + 6.5)} 8.5Q{num(x + 3)} 15 {num(x)} 15.5"
            f"Q{num(x - 3)} 15 {num(x - 6.5)} 8.5Z",
            paint("#e8637a", design.ink, 1.8),
        )
        return chin + lobes + nose
    snout = ellipse(turn.x(0, depth - 4), 26, 24, 18, skin)
    tip = turn.x(0, depth + 8)
    nose = ellipse(tip, 12, 8, 6.8, paint("#d8405a", design.ink, 1.8))
    return snout + nose + ellipse(tip - 2.4, 9.8, 2.4, 1.7, paint("#ffd3da"))


def _mouth(character: str, design: Design, turn: Turn, look: Look) -> str:
    x0, y0 = turn.x(0, design.muzzle_depth - 2), design.mouth_y
    half = design.mouth_width * look.width * max(0.72, turn.cosine)
    gap = 21.0 * look.open
    lean = 0.22 * half * turn.sine
    corner_y = y0 - 8.5 * look.smile
    upper = y0 + 3.5 * look.smile - gap * (0.1 + 0.32 * look.round)
    lower = upper + gap + 2.5 * look.smile * min(1.0, look.open * 2)
    spread = half * (0.62 + 0.42 * look.round)

    def lip(middle: float) -> list[Point]:
        control = (middle * 4 - corner_y) / 3
        return [
            (x0 - half, corner_y),
            (x0 - spread + lean, control),
            (x0 + spread + lean, control),
            (x0 + half, corner_y),
        ]

    def between(share: float) -> list[Point]:
        return [(a, b + (d - b) * share) for (a, b), (_, d) in zip(lip(upper), lip(lower), strict=True)]

    snout = line(((x0, 15), (x0 + lean * 0.5, upper)), paint("none", design.ink, 2)) if gap < 8 else ""
    if gap < 2.6:
        shape = path(_curve(lip(upper)), paint("none", design.ink, 3.2))
        return snout + shape + (_incisors(x0, upper, 7.0, design) if character == "mouse" else "")
    parts = [snout, path(_loop(lip(upper), lip(lower)), paint("#6b1524"))]
    if look.teeth < 0.8 and gap > 7:
        parts.append(path(_loop(between(0.62 + 0.2 * look.round), lip(lower)), paint("#ef7382")))
    if look.teeth > 0.05:
        parts.append(path(_loop(lip(upper), between(min(look.teeth, 0.94))), paint("#fffdf3")))
    if look.teeth > 0.62:
        parts += [_tooth_gap(x0 + k * half * 0.36, upper, lower, design) for k in (-1.2, -0.4, 0.4, 1.2)]
    elif character == "mouse":
        parts.append(_incisors(x0 + lean * 0.6, upper, min(9.0, 4 + gap * 0.4), design))
    parts.append(path(_loop(lip(upper), lip(lower)), paint("none", design.ink, 3.2)))
    return "".join(parts)


def _curve(points: list[Point]) -> str:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return f"M{num(ax)} {num(ay)}C{num(bx)} {num(by)} {num(cx)} {num(cy)} {num(dx)} {num(dy)}"


def _loop(there: list[Point], back: list[Point]) -> str:
    (bx, by), (cx, cy), (ax, ay) = back[1], back[2], back[0]
    return _curve(there) + f"C{num(cx)} {num(cy)} {num(bx)} {num(by)} {num(ax)} {num(ay)}Z"


def _tooth_gap(x: float, upper: float, lower: float, design: Design) -> str:
    return line(((x, upper + 1), (x, lower - 1)), paint("none", design.ink, 1.3))


def _incisors(x: float, y: float, length: float, design: Design) -> str:
    teeth = f"M{num(x - 5.5)} {num(y)}l0 {num(length)}l5 0l0 {num(-length)}zm6 0l0 {num(length)}l5 0l0 {num(-length)}z"
    return path(teeth, paint("#ffffff", design.ink, 1.3))


def _whiskers(design: Design, turn: Turn, lift: float) -> str:
    strokes = []
    for side in (-1, 1):
        root, reach = turn.x(side * 24, design.muzzle_depth - 12), 46 * turn.width(side * 20)
        for k in (-1, 0, 1):
            y = 21 + 4 * k
            tip_y = y + 6 * k - 16 * lift
            strokes.append(
                f"M{num(root)} {num(y)}Q{num(root + side * reach * 0.6)} {num(y + 2 * k - 10 * lift)}"
                f" {num(root + side * reach)} {num(tip_y)}"
            )
    return path("".join(strokes), paint("none", design.ink, 1.3))


def _tears(design: Design, turn: Turn, amount: float) -> str:
    if amount < 0.35:
        return ""
    size = 5.5 * amount
    parts = []
    for side in (-1, 1):
        x, y = turn.x(side * (design.eye_x + 6), 31), design.eye_y + design.eye_ry + 3
        drop = (
            f"M{num(x)} {num(y - size)}C{num(x + size)} {num(y + size)} {num(x + size)} {num(y + 2.4 * size)} {num(x)}"
        )
        drop += f" {num(y + 2.4 * size)}C{num(x - size)} {num(y + 2.4 * size)} {num(x - size)} {num(y + size)} {num(x)} {num(y - size)}Z"
        parts.append(path(drop, paint("#8fd8ff", "#3b86b8", 1.2)))
    return "".join(parts)
