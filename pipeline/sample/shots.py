"""Kinds of shot: how a director would place the camera, the characters and what is around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from pipeline.sample.backdrops import BACKDROPS, HEIGHT, WIDTH
from pipeline.sample.bodies import feet
from pipeline.sample.cast import DESIGNS
from pipeline.sample.expressions import EXPRESSIONS, mix, pure
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH, Actor, Curve, Extra, Shot

CREATURE_FEET = {
    "dog": 170.0,
    "owl": 142.0,
    "bird": 80.0,
    "rabbit": 150.0,
    "crab": 58.0,
    "pumpkin": 208.0,
    "gull": 134.0,
    "kettle": 52.0,
    "goldfish": 72.0,
}
OTHER = {"cat": "mouse", "mouse": "cat"}


def pair_of(who: str) -> tuple[str, str]:
    """The two of a shot: "fox pig", or one of the sample show's two and the other one, or those in this order."""
    first, _, second = (who or "cat").partition(" ")
    return first, second or OTHER[first]


class Moods:
    """Expressions handed out so that every character shows each about equally often."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._bags: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}

    def next(self, character: str) -> str:
        bag = self._bags.setdefault(character, [])
        if not bag:
            bag.extend(EXPRESSIONS)
            self._rng.shuffle(bag)
            if bag[-1] == self._last.get(character):
                bag.insert(0, bag.pop())
        self._last[character] = bag.pop()
        return self._last[character]


def act(
    rng: Random, moods: Moods, character: str, length: int, size: float, place: Curve, facing: float, light: float
) -> Actor:
    """An actor who changes expression every second or two; facing is the yaw (degrees) it keeps coming back to."""
    frames, values, takes = [0], [pure(moods.next(character), rng.uniform(0.6, 1.0))], []
    at = rng.randint(20, 40)
    while at < length - 16:
        quick = rng.randint(5, 12)
        frames += [at, at + quick]
        values += [values[-1], pure(moods.next(character), rng.choice((0.5, 0.7, 0.85, 1.0, 1.0)))]
        takes.append(at)
        at += quick + rng.randint(20, 44)
    if rng.random() < 0.12:  # now and then somebody feels two things at once
        values[0] = mix(values[0], pure(rng.choice(EXPRESSIONS)), 0.35)
    beats, heads = [0], [_held(rng, facing)]
    at = rng.randint(14, 30)
    while at < length:
        beats += [at, at + 8]
        heads += [heads[-1], _held(rng, facing)]
        at += 8 + rng.randint(16, 40)
    blinks = tuple(k for k in range(rng.randint(6, 50), length - 8, rng.randint(44, 80)))
    talks = ((lambda a: (a, a + rng.randint(16, 40)))(rng.randint(0, length // 2)),) if rng.random() < 0.4 else ()
    return Actor(
        character,
        size,
        place,
        Curve(tuple(frames), tuple(values)),
        Curve(tuple(beats), tuple(heads)),
        tuple(takes),
        blinks,
        talks,
        light,
        brow_skew=rng.choice((0.0, 0.0, 1.5, -1.5)),
    )


def _held(rng: Random, facing: float) -> tuple[float, float, float, float]:
    yaw = max(-36.0, min(36.0, facing + rng.uniform(-14, 14)))
    return (
        yaw,
        max(-20.0, min(20.0, 9.0 * (rng.uniform(-1, 1) + rng.uniform(-1, 1) + rng.uniform(-1, 1)))),
        rng.uniform(-0.4, 0.4) + yaw / 60,
        rng.uniform(-0.3, 0.3),
    )


def _camera(rng: Random, length: int, x: float, y: float, width: float, pan: float = 0.0, zoom: float = 1.0) -> Curve:
    """From (x, y, width) sideways by pan canvas px and closer by zoom (0.9: a tenth narrower), kept on the canvas."""

    def inside(cx: float, cy: float, w: float) -> tuple[float, float, float]:
        w = max(640.0, min(float(WIDTH), w))
        h = w * FRAME_HEIGHT / FRAME_WIDTH
        return max(w / 2, min(WIDTH - w / 2, cx)), max(h / 2, min(HEIGHT - h / 2, cy)), w

    start, end = inside(x - pan / 2, y, width), inside(x + pan / 2, y, width * zoom)
    if pan == 0.0 and zoom == 1.0:
        return Curve.still(*start)
    hold = rng.randint(0, length // 4)
    return Curve((hold, length - rng.randint(0, length // 5)), (start, end))


def _move(rng: Random) -> tuple[float, float]:
    """Pan (canvas px) and zoom of a shot; half of all cameras stand still."""
    return rng.choice(
        (
            (0.0, 1.0),
            (0.0, 1.0),
            (0.0, 1.0),
            (rng.uniform(-140, 140), 1.0),
            (0.0, rng.choice((0.85, 1.15))),
            (60.0, 0.9),
        )
    )


def _on_canvas(camera: Curve, x: float, y: float) -> tuple[float, float]:
    """Canvas px of a point of the picture, halfway through the camera's move."""
    cx, cy, width = (sum(v) / len(v) for v in zip(*camera.values, strict=True))
    scale = FRAME_WIDTH / width
    return cx + (x - FRAME_WIDTH / 2) / scale, cy + (y - FRAME_HEIGHT / 2) / scale


def _width(camera: Curve) -> float:
    return sum(v[2] for v in camera.values) / len(camera.values)


def _standing(rng: Random, shot: Shot, character: str, x: float, height: float) -> tuple[float, Curve]:
    """Size and place of somebody whose feet are on the ground, at picture x, with a face so many picture px high."""
    size = height * _width(shot.camera) / FRAME_WIDTH
    ground = rng.uniform(*BACKDROPS[shot.backdrop].ground)
    return size, Curve.still(_on_canvas(shot.camera, x, 0)[0], ground - feet(character) * size / 100)


def _creature(rng: Random, shot: Shot, name: str, x: float, height: float) -> Extra:
    size = height * _width(shot.camera) / FRAME_WIDTH
    low, high = BACKDROPS[shot.backdrop].ground
    return Extra(
        name,
        size,
        Curve.still(
            _on_canvas(shot.camera, x, 0)[0], rng.uniform(low, (low + high) / 2) - CREATURE_FEET[name] * size / 100
        ),
    )


Recipe = Callable[[Random, Moods, Shot, str, str], Shot]


def empty(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """The place, with a creature or nobody."""
    width = rng.uniform(820, 1000)
    camera = _camera(
        rng,
        shot.length,
        rng.uniform(450, 750),
        HEIGHT - width * 0.28 - rng.uniform(0, 60),
        width,
        rng.choice((-220, 220, 150)),
    )
    shot = replace(shot, camera=camera)
    if not extra:
        return shot
    return replace(shot, creatures=(_creature(rng, shot, extra, rng.uniform(200, 440), rng.uniform(60, 120)),))


def two(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """Two characters, turned to each other."""
    width = rng.uniform(860, 1100)
    camera = _camera(rng, shot.length, rng.uniform(480, 720), HEIGHT - width * 0.2813, width, *_move(rng))
    shot = replace(shot, camera=camera)
    swapped, light = rng.random() < 0.5, rng.choice((-1.0, 1.0))
    actors = []
    for character, first in zip(pair_of(who), (True, False), strict=True):
        left = first != swapped
        height = rng.uniform(58, 92) * DESIGNS[character].stature
        size, place = _standing(rng, shot, character, rng.uniform(130, 235) if left else rng.uniform(405, 510), height)
        actors.append(act(rng, moods, character, shot.length, size, place, 16.0 if left else -16.0, light))
        if rng.random() < 0.2:
            actors[-1] = replace(actors[-1], hop=rng.uniform(0.2, 0.4))
    shot = replace(shot, actors=tuple(actors))
    if extra:
        shot = replace(shot, creatures=(_creature(rng, shot, extra, rng.choice((60, 320, 580)), rng.uniform(45, 75)),))
    return shot


def close(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """One face, large."""
    width = rng.uniform(660, 820)
    camera = _camera(
        rng,
        shot.length,
        rng.uniform(380, 820),
        rng.uniform(230, 330),
        width,
        *rng.choice(((0.0, 1.0), (0.0, 1.0), (0.0, 0.93), (50.0, 1.0))),
    )
    height = rng.uniform(118, 186)
    x, y = _on_canvas(camera, rng.uniform(210, 430), rng.uniform(185, 215))
    size = height * _width(camera) / FRAME_WIDTH
    actor = act(
        rng, moods, who, shot.length, size, Curve.still(x, y), rng.choice((-16.0, 0.0, 16.0)), rng.choice((-1.0, 1.0))
    )
    return replace(shot, camera=camera, actors=(actor,), soft=rng.random() < 0.6)


def solo(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """One character, to the knees, sometimes beside a creature."""
    width = rng.uniform(760, 980)
    camera = _camera(
        rng, shot.length, rng.uniform(450, 750), HEIGHT - width * 0.2813 - rng.uniform(0, 30), width, *_move(rng)
    )
    shot = replace(shot, camera=camera)
    left = rng.random() < 0.5
    size, place = _standing(
        rng, shot, who, rng.uniform(190, 280) if left else rng.uniform(360, 450), rng.uniform(78, 118)
    )
    actor = act(rng, moods, who, shot.length, size, place, 14.0 if left else -14.0, rng.choice((-1.0, 1.0)))
    shot = replace(shot, actors=(actor,))
    if extra:
        shot = replace(shot, creatures=(_creature(rng, shot, extra, 480 if left else 150, rng.uniform(70, 110)),))
    return shot


def wide(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """Two far away, walking, while the camera follows."""
    width = rng.uniform(1020, 1120)
    pan = rng.choice((-100.0, 100.0))
    shot = replace(shot, camera=_camera(rng, shot.length, 600, HEIGHT - width * 0.2813, width, pan))
    actors = []
    for character, x in zip(pair_of(who), (rng.uniform(180, 260), rng.uniform(340, 420)), strict=True):
        size, place = _standing(rng, shot, character, x, rng.uniform(30, 50))
        (px, py), way = place.values[0], pan * rng.uniform(1.2, 2.0)
        path = Curve((0, shot.length), ((px - way / 2, py), (px + way / 2, py)))
        actors.append(
            replace(act(rng, moods, character, shot.length, size, path, 20.0 if pan > 0 else -20.0, -1.0), stride=0.8)
        )
    shot = replace(shot, actors=tuple(actors))
    if extra:
        shot = replace(shot, creatures=(_creature(rng, shot, extra, rng.uniform(440, 560), rng.uniform(35, 60)),))
    return shot


def chase(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """One runs across the picture after the other."""
    width = rng.uniform(940, 1100)
    way = rng.choice((-1, 1))
    shot = replace(shot, camera=_camera(rng, shot.length, 600, HEIGHT - width * 0.2813, width, way * 90.0))
    actors = []
    for character, late in zip(pair_of(who or "mouse"), (0.0, 0.34), strict=True):
        size, place = _standing(rng, shot, character, 320, rng.uniform(46, 74))
        y = place.values[0][1]
        a, b = (
            _on_canvas(shot.camera, x if way > 0 else FRAME_WIDTH - x, 0)[0]
            for x in (40 - 420 * late, 700 - 420 * late)
        )
        actor = act(
            rng, moods, character, shot.length, size, Curve((0, shot.length), ((a, y), (b, y))), 24.0 * way, -1.0
        )
        actors.append(replace(actor, stride=1.0))
    shot = replace(shot, actors=tuple(actors))
    if not extra:
        return shot
    x, low = _on_canvas(shot.camera, rng.uniform(250, 390), 0)[0], BACKDROPS[shot.backdrop].ground[1]
    return replace(shot, props=(Extra(extra, actors[0].size * rng.uniform(1.7, 2.3), Curve.still(x, low + 25.0)),))


def peek(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """One hides behind a prop and comes up."""
    shot = solo(rng, moods, shot, who, "")
    actor = shot.actors[0]
    x, y = actor.place.values[0]
    size = actor.size
    down = y + size * rng.uniform(0.75, 1.0)
    beat = rng.randint(10, 20)
    frames = (0, beat, beat + 12, shot.length - 14, shot.length)
    way = Curve(frames, ((x, down), (x, down), (x, y), (x, y), (x, y + 0.2 * size)))
    foot = y + 1.95 * size
    prop = Extra(extra or "crate", size * rng.uniform(1.2, 1.45), Curve.still(x + rng.uniform(-0.3, 0.3) * size, foot))
    return replace(shot, actors=(replace(actor, place=way, floor=foot - 0.05 * size),), props=(prop,))


def over(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """One large at the edge of the picture, the other small in the depth."""
    width = rng.uniform(700, 860)
    shot = replace(
        shot,
        camera=_camera(
            rng,
            shot.length,
            rng.uniform(400, 800),
            HEIGHT - width * 0.2813 - 20,
            width,
            *rng.choice(((0.0, 1.0), (0.0, 0.95))),
        ),
    )
    left = rng.random() < 0.5
    scale = _width(shot.camera) / FRAME_WIDTH
    x, y = _on_canvas(shot.camera, rng.uniform(105, 150) if left else rng.uniform(490, 535), rng.uniform(150, 180))
    large, small = pair_of(who)
    near = act(
        rng, moods, large, shot.length, rng.uniform(125, 165) * scale, Curve.still(x, y), 18.0 if left else -18.0, 1.0
    )
    size, place = _standing(
        rng, shot, small, rng.uniform(400, 500) if left else rng.uniform(140, 240), rng.uniform(42, 66)
    )
    far = act(rng, moods, small, shot.length, size, place, -16.0 if left else 16.0, 1.0)
    return replace(shot, actors=(far, near))


def behind(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """A medium shot in which something passes in front of the face."""
    shot = solo(rng, moods, shot, who, "")
    actor = shot.actors[0]
    (x, y), size = actor.place.values[0], actor.size
    hanging = extra in ("branch", "rope")
    py = y - (0.4 if hanging else -1.1) * size
    way = rng.choice((-1, 1)) * 1.7 * size
    path = Curve((4, shot.length - 4), ((x - way, py), (x + way, py)))
    return replace(shot, props=(Extra(extra, size * rng.uniform(0.95, 1.2), path),))


def crowd(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """Many in two rows: those behind are smaller, and partly hidden by those in front."""
    names = who.split()
    width = rng.uniform(940, 1120)
    camera = _camera(rng, shot.length, rng.uniform(560, 640), HEIGHT - width * 0.2813, width, rng.choice((0, 0, 60)))
    shot = replace(shot, camera=camera)
    light, step = rng.choice((-1.0, 1.0)), 540 / len(names)
    low, high = BACKDROPS[shot.backdrop].ground
    actors = []
    for k, character in enumerate(names):
        front = k % 2 == 0
        height = (rng.uniform(54, 76) if front else rng.uniform(38, 54)) * DESIGNS[character].stature
        size, place = _standing(rng, shot, character, 50 + step * (k + 0.5) + rng.uniform(-0.2, 0.2) * step, height)
        ground = high - rng.uniform(0, 0.25) * (high - low) if front else low + rng.uniform(0, 0.25) * (high - low)
        place = Curve.still(place.values[0][0], ground - feet(character) * size / 100)
        facing = rng.choice((-16.0, 0.0, 16.0))
        actors.append(act(rng, moods, character, shot.length, size, place, facing, light))
        if rng.random() < 0.2:
            actors[-1] = replace(actors[-1], hop=rng.uniform(0.15, 0.3))
    return replace(shot, actors=tuple(actors))


def title(rng: Random, moods: Moods, shot: Shot, who: str, extra: str) -> Shot:
    """The opening, the same drawings in every episode."""
    camera = Curve((0, 30), ((600.0, 337.5, 1180.0), (600.0, 337.5, 1080.0)))
    actors = []
    for character, x, facing, size in (("cat", 420.0, 14.0, 165.0), ("mouse", 790.0, -14.0, 150.0)):
        rise = 590.0 - feet(character) * size / 100
        place = Curve((0, 6, 18, 24), ((x, 760.0), (x, 760.0), (x, rise - 14), (x, rise)))
        actors.append(act(rng, moods, character, shot.length, size, place, facing, -1.0))
    return replace(shot, camera=camera, actors=tuple(actors))


RECIPES: Mapping[str, Recipe] = {
    "title": title,
    "empty": empty,
    "two": two,
    "close": close,
    "solo": solo,
    "wide": wide,
    "chase": chase,
    "peek": peek,
    "over": over,
    "behind": behind,
    "crowd": crowd,
}
