"""The parts of a head that an expression moves, each as SVG shapes in units; see `design`."""

from __future__ import annotations

from pipeline.sample.design import Design, Pose, Turn
from pipeline.sample.expressions import Look
from pipeline.sample.svg import CIRCLE, Point, ellipse, group, line, num, paint, path, polygon


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


def muzzle(nose: str, design: Design, turn: Turn) -> str:
    """What is under the mouth; `beak` goes over it."""
    if nose not in ("cat", "mouse", "pig"):
        return ""
    x, depth = turn.x(0, design.muzzle_depth), design.muzzle_depth
    skin = paint(design.muzzle)
    if nose == "cat":
        chin = ellipse(turn.x(0, depth - 6), 36, 15, 10, skin)
        lobes = "".join(
            ellipse(turn.x(side * 12, depth), 22, 16 * turn.width(side * 12), 12.5, skin) for side in (-1, 1)
        )
        tip = path(
            f"M{num(x - 6.5)} 8.5Q{num(x)} 5.5 {num(x + 6.5)} 8.5Q{num(x + 3)} 15 {num(x)} 15.5"
            f"Q{num(x - 3)} 15 {num(x - 6.5)} 8.5Z",
            paint("#e8637a", design.ink, 1.8),
        )
        return chin + lobes + tip
    if nose == "pig":
        holes = "".join(ellipse(turn.x(side * 6, depth + 4), 15, 3.2, 5, paint(design.ink)) for side in (-1, 1))
        return ellipse(turn.x(0, depth + 4), 15, 19 * turn.width(0), 13, paint(design.muzzle, design.ink, 2.6)) + holes
    snout = ellipse(turn.x(0, depth - 4), 26, 24, 18, skin)
    end = turn.x(0, depth + 8)
    ball = ellipse(end, 12, 8, 6.8, paint("#d8405a", design.ink, 1.8))
    return snout + ball + ellipse(end - 2.4, 9.8, 2.4, 1.7, paint("#ffd3da"))


def beak(design: Design, turn: Turn) -> str:
    x = turn.x(0, design.muzzle_depth)
    return path(f"M{x - 9:.2f} 8Q{x:.2f} 3 {x + 9:.2f} 8L{x:.2f} 20Z", paint("#f2a93b", design.ink, 2.2))


def mouth(nose: str, design: Design, turn: Turn, look: Look) -> str:
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
        return snout + shape + (_incisors(x0, upper, 7.0, design) if nose == "mouse" else "")
    parts = [snout, path(_loop(lip(upper), lip(lower)), paint("#6b1524"))]
    if look.teeth < 0.8 and gap > 7:
        parts.append(path(_loop(between(0.62 + 0.2 * look.round), lip(lower)), paint("#ef7382")))
    if look.teeth > 0.05:
        parts.append(path(_loop(lip(upper), between(min(look.teeth, 0.94))), paint("#fffdf3")))
    if look.teeth > 0.62:
        parts += [_tooth_gap(x0 + k * half * 0.36, upper, lower, design) for k in (-1.2, -0.4, 0.4, 1.2)]
    elif nose == "mouse":
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
