"""What a show is made of: shots, cameras, actors and the curves they move on. Frames are counted from the shot's start.

Positions are in canvas px (see `backdrops`) unless said otherwise. Everything here is plain data and exact arithmetic:
the same plan draws the pictures and writes the truth.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from pipeline.sample.bodies import Stance
from pipeline.sample.design import Pose
from pipeline.sample.expressions import Look, Weights, look_of
from pipeline.sample.svg import sin_deg

FRAME_WIDTH, FRAME_HEIGHT, RATE = 640, 360, 24
BLINK = (0.6, 1.0, 1.0, 0.4)
FLASH = (55, 100, 100, 70, 40, 15)  # percent of white, frame by frame
# An anticipation, a stretch and a settling whenever an expression changes: share of the full squash per drawing.
TAKE = (0.5, 1.0, 0.7, -0.5, -0.9, -0.5, 0.3, 0.15)


@dataclass(frozen=True)
class Curve:
    """Values at frames, eased between them."""

    frames: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]

    @classmethod
    def still(cls, *values: float) -> Curve:
        return cls((0,), (values,))

    def at(self, frame: int) -> tuple[float, ...]:
        k = bisect_right(self.frames, frame)
        if k == 0:
            return self.values[0]
        if k == len(self.frames):
            return self.values[-1]
        u = (frame - self.frames[k - 1]) / (self.frames[k] - self.frames[k - 1])
        u = u * u * (3 - 2 * u)
        return tuple(a + (b - a) * u for a, b in zip(self.values[k - 1], self.values[k], strict=True))


@dataclass(frozen=True)
class View:
    """A camera at one frame: the canvas px at the picture's left top corner, and picture px per canvas px."""

    left: float
    top: float
    scale: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) * self.scale, (y - self.top) * self.scale


@dataclass(frozen=True)
class Actor:
    """A character in a shot."""

    character: str
    size: float  # face height, canvas px
    place: Curve  # middle of the face
    mood: Curve  # Weights
    head: Curve  # yaw, tilt in degrees, gaze x, gaze y
    takes: tuple[int, ...]  # frames of a squash-and-stretch
    blinks: tuple[int, ...]
    talks: tuple[tuple[int, int], ...]  # frames from, to (exclusive)
    light: float
    stride: float = 0.0
    hop: float = 0.0  # height of a hop in face heights
    brow_skew: float = 0.0
    floor: float = 10000.0  # canvas height below which nothing of it is drawn: it stands in or behind something


@dataclass(frozen=True)
class Extra:
    """A creature behind the actors or a prop in front of them."""

    name: str
    size: float  # canvas px per 100 units
    place: Curve


@dataclass(frozen=True)
class Shot:
    """One scene: from a boundary to the next."""

    start: int
    stop: int
    backdrop: str
    camera: Curve  # middle x, middle y, width of what is seen
    actors: tuple[Actor, ...]
    creatures: tuple[Extra, ...] = ()
    props: tuple[Extra, ...] = ()
    light: str = "day"
    weather: str = ""
    soft: bool = False
    fade_in: int = 0  # frames
    fade_out: int = 0
    dark_tail: int = 0  # black frames before the next boundary
    dissolve: int = 0  # last frames, in which the next shot's first picture shines through
    flash: int = -1  # frame at which a flash begins
    transition: str = "cut"

    @property
    def length(self) -> int:
        return self.stop - self.start

    def view(self, frame: int) -> View:
        x, y, width = self.camera.at(frame)
        scale = FRAME_WIDTH / width
        return View(x - width / 2, y - FRAME_HEIGHT / scale / 2, scale)

    def white(self, frame: int) -> int:
        """How far a flash has bleached a frame, percent."""
        since = frame - self.flash
        return FLASH[since] if self.flash >= 0 and 0 <= since < len(FLASH) else 0

    def mix(self, frame: int) -> int:
        """Share of the next shot's first picture in a frame, per mille: a dissolve."""
        into = frame - (self.length - self.dissolve) + 1
        return 1000 * into // (self.dissolve + 1) if into > 0 else 0

    def gain(self, frame: int) -> int:
        """Brightness of a frame, per mille: fades and the black gap."""
        left = self.length - self.dark_tail - frame
        if left <= 0:
            return 0
        level = 1000
        if frame < self.fade_in:
            level = 1000 * (frame + 1) // (self.fade_in + 1)
        if left <= self.fade_out:
            level = min(level, 1000 * left // (self.fade_out + 1))
        return level


@dataclass(frozen=True)
class Drawing:
    """An actor as drawn in one frame: what, at how many px per unit, and the px where the face's middle goes."""

    character: str
    pose: Pose
    look: Look
    stance: Stance
    scale: float
    x: int
    y: int
    floor: int
    weights: Weights


def drawing(shot: Shot, actor: Actor, frame: int) -> Drawing:
    """The actor in a frame. New drawings come every second frame; only the camera moves in between."""
    even = frame - frame % 2
    x, y = actor.place.at(even)
    yaw, tilt, gaze_x, gaze_y = actor.head.at(even)
    a, b, c, d, e = actor.mood.at(even)
    weights: Weights = (a, b, c, d, e)
    look = look_of(weights)
    if any(start <= even < stop for start, stop in actor.talks):
        flap = (0.0, 0.35, 0.6, 0.2, 0.5, 0.1)[(even // 4) % 6]
        look = Look(**{**look.__dict__, "open": round(min(1.0, look.open * 0.6 + flap * 0.6), 2)})
    steps = even // 2
    phase = (steps * 36) % 360 if actor.stride else 0
    swing = round(sin_deg((even - even % 6) * 5), 1)
    rise = actor.hop * abs(sin_deg(even * 9)) + (0.06 * abs(sin_deg(phase)) * actor.stride)
    if not actor.stride:
        rise += 0.012 * sin_deg(even * 6)
    squash = 1.0 - 0.05 * weights[4] + 0.03 * weights[0] + 0.11 * _pulse(actor.takes, steps)
    if actor.hop:
        squash += 0.1 * (0.45 - abs(sin_deg(even * 9)))
    view = shot.view(frame)
    scale = round(actor.size * shot.view(even).scale / 100, 2)  # px of face height: few rasters for a slow zoom
    px, py = view.point(x, y - rise * actor.size)
    return Drawing(
        character=actor.character,
        pose=Pose(
            yaw=round(yaw / 2) * 2.0,
            tilt=float(round(tilt)),
            squash=round(squash, 2),
            blink=_blink(actor.blinks, steps),
            gaze=(round(gaze_x, 1), round(gaze_y, 1)),
            light=actor.light,
            brow_skew=actor.brow_skew,
        ),
        look=look,
        stance=Stance(float(phase), actor.stride, swing),
        scale=scale,
        x=round(px),
        y=round(py),
        floor=round(view.point(0.0, actor.floor)[1]),
        weights=weights,
    )


def _pulse(takes: tuple[int, ...], step: int) -> float:
    return sum(TAKE[step - take // 2] for take in takes if 0 <= step - take // 2 < len(TAKE))


def _blink(blinks: tuple[int, ...], step: int) -> float:
    return max((BLINK[step - b // 2] for b in blinks if 0 <= step - b // 2 < len(BLINK)), default=0.0)
