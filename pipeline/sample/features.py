"""The parts of a head that an expression moves, each as SVG shapes in units; see `design`."""

from __future__ import annotations

from pipeline.sample.design import Design, Pose, Turn
from pipeline.sample.expressions import Look
from pipeline.sample.svg import CIRCLE, Point, ellipse, group, line, num, paint, path, polygon


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


def cat_coat(design: Design, turn: Turn) -> str:
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


def mouse_coat(design: Design, turn: Turn) -> str:
    """A tuft of hair and a pale mask around the eyes."""
    x = turn.x(0, 8)
    tuft = path(
        f"M{num(x - 8)} -47Q{num(x - 12)} -60 {num(x - 15)} -62Q{num(x - 2)} -60 {num(x)} -53"
        f"Q{num(x + 4)} -63 {num(x + 13)} -64Q{num(x + 5)} -57 {num(x + 8)} -47Z",
        paint(design.fur_dark, design.ink, 2.4),
    )
    mask = ellipse(turn.x(0, 34), -4, 35 * turn.cosine, 30, paint(design.fur_light, opacity=0.75))
    return tuft + mask


def cheeks(design: Design, turn: Turn, look: Look) -> str:
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


def eye(design: Design, turn: Turn, pose: Pose, look: Look, side: int) -> str:
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


def brow(design: Design, turn: Turn, pose: Pose, look: Look, side: int) -> str:
    top = design.eye_y - design.eye_ry * max(1.0, look.eye) - 5.5 - look.brow_raise * 0.8 + side * pose.brow_skew
    inner_x, outer_x = turn.x(side * (design.eye_x - 11.5), 37), turn.x(side * (design.eye_x + 13), 30)
    inner_y, outer_y = top + look.brow_inner, top + 3 - look.brow_inner * 0.45
    middle_x, middle_y = (inner_x + outer_x) / 2, (inner_y + outer_y) / 2 - look.brow_arch * 1.6
    return path(
        f"M{num(inner_x)} {num(inner_y)}Q{num(middle_x)} {num(middle_y)} {num(outer_x)} {num(outer_y)}",
        paint("none", design.brow, 6.4),
    )


def furrow(design: Design, turn: Turn, depth: float) -> str:
    if depth < 0.25:
        return ""
    x, y = turn.x(0, 36), design.eye_y - design.eye_ry + 4
    return "".join(
        line(((x + side * 2.6, y - 6), (x + side * 2.2, y + 3)), paint("none", design.ink, 1.8, min(1.0, depth)))
        for side in (-1, 1)
    )


def muzzle(character: str, design: Design, turn: Turn) -> str:
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


def mouth(character: str, design: Design, turn: Turn, look: Look) -> str:
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


def whiskers(design: Design, turn: Turn, lift: float) -> str:
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


def tears(design: Design, turn: Turn, amount: float) -> str:
    if amount < 0.35:
        return ""
    size = 5.5 * amount
    parts = []
    for side in (-1, 1):
        x, y = turn.x(side * (design.eye_x + 6), 31), design.eye_y + design.eye_ry + 3
        low, high, foot = num(y + size), num(y - size), num(y + 2.4 * size)
        left, right = num(x - size), num(x + size)
        drop = (
            f"M{num(x)} {high}C{right} {low} {right} {foot} {num(x)} {foot}C{left} {foot} {left} {low} {num(x)} {high}Z"
        )
        parts.append(path(drop, paint("#8fd8ff", "#3b86b8", 1.2)))
    return "".join(parts)
