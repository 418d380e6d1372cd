"""From the plan to pictures, and from pictures to an H.264 file with the same bytes on every machine.

All arithmetic on pixels is on integers. A frame is a crop of a painted canvas; creatures, characters and props are
small rasters laid over it, remembered as long as they do not change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.sample.backdrops import HEIGHT, WIDTH, canvas
from pipeline.sample.bodies import REACH, body, body_key
from pipeline.sample.creatures import CREATURE_REACH, CREATURES
from pipeline.sample.heads import head, head_reach
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH, RATE, Drawing, Extra, Shot, View
from pipeline.sample.props import PROPS
from pipeline.sample.script import episode_plan
from pipeline.sample.svg import Image, divide_255, group, rasterise
from pipeline.sample.truth import shot_drawings
from pipeline.sample.weather import fall

# Percent of blue, green and red that each light lets through.
LIGHTS = {
    "day": (100, 100, 100),
    "warm": (84, 97, 106),
    "dusk": (84, 78, 98),
    "night": (88, 66, 52),
    "overcast": (90, 88, 84),
    "candle": (56, 80, 100),
    "cold": (110, 98, 86),
    "dim": (60, 60, 62),
}
REMEMBERED = 64  # rasters
SPARE = 32  # px

Reach = tuple[float, float, float, float]  # left, top, right, bottom in units

# One thread, constant quantiser and no decision that depends on floating-point statistics or on the processor.
ENCODER = {
    "preset": "superfast",
    "qp": "23",
    "g": "48",
    "bf": "2",
    "x264-params": "cpu-independent=1:threads=1:lookahead-threads=1:sliced-threads=0:rc-lookahead=0:aq-mode=0:mbtree=0:"
    "psy=0:b-adapt=0:weightp=0:scenecut=0:keyint=48:min-keyint=48",
}


class Painter:
    """Draws frames of one episode, or of another take of it; keeps the canvases and rasters it has made."""

    def __init__(self, name: str, take: int = 0) -> None:
        self.plan = episode_plan(name, take)
        self._canvases: dict[tuple[str, bool], Image] = {}
        self._rasters: OrderedDict[Hashable, Image] = OrderedDict()
        self._ground: tuple[Hashable, Image] | None = None
        self._held: tuple[Hashable, Image] | None = None

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Image]:
        """Frames start to stop (exclusive): (360, 640, 3) uint8, BGR."""
        for shot, after in zip(self.plan, [*self.plan[1:], None], strict=True):
            for frame in range(max(shot.start, start), min(shot.stop, shot.stop if stop is None else stop)):
                picture = self.frame(shot, frame - shot.start)
                mix = shot.mix(frame - shot.start)
                yield _mixed(picture, self.frame(after, 0), mix) if mix and after is not None else picture

    def frame(self, shot: Shot, frame: int, actors: bool = True) -> Image:
        """One frame, counted from the shot's start; without the characters if asked."""
        if shot.gain(frame) == 0:
            return np.zeros((FRAME_HEIGHT, FRAME_WIDTH, 3), np.uint8)
        picture = self._painted(shot, frame, actors)
        if shot.weather:
            picture = picture.copy()
            fall(picture, shot.weather, shot.start + frame)
        return cv2.LUT(picture, _grade(shot, frame)).astype(np.uint8, copy=False)

    def _painted(self, shot: Shot, frame: int, actors: bool) -> Image:
        """A frame before weather and light; not to be changed, as it serves the next one too if nothing moves."""
        view = shot.view(frame)
        key = (shot.start, frame - frame % 2, view, actors)
        if self._held is not None and self._held[0] == key:
            return self._held[1]
        picture = self._backdrop(shot, view).copy()
        for creature in shot.creatures:
            self._creature(picture, shot, creature, frame)
        for d in shot_drawings(shot, frame) if actors else ():
            self._actor(picture, d)
        for prop in shot.props:
            self._prop(picture, shot, prop, frame)
        self._held = (key, picture)
        return picture

    def _canvas(self, name: str, soft: bool) -> Image:
        key = (name, soft)
        if key not in self._canvases:
            if soft:
                sharp = self._canvas(name, False)
                small = cv2.resize(sharp, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_LINEAR_EXACT)
                small = cv2.resize(small, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_LINEAR_EXACT)
                self._canvases[key] = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT).astype(
                    np.uint8
                )
            else:
                self._canvases[key] = canvas(name)
        return self._canvases[key]

    def _backdrop(self, shot: Shot, view: View) -> Image:
        width = min(WIDTH, round(FRAME_WIDTH / view.scale))
        height = min(HEIGHT, round(FRAME_HEIGHT / view.scale))
        left = max(0, min(WIDTH - width, round(view.left)))
        top = max(0, min(HEIGHT - height, round(view.top)))
        key = (shot.backdrop, shot.soft, left, top, width)
        if self._ground is None or self._ground[0] != key:
            crop = self._canvas(shot.backdrop, shot.soft)[top : top + height, left : left + width]
            picture = cv2.resize(crop, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT)
            self._ground = (key, picture.astype(np.uint8, copy=False))
        return self._ground[1]

    def _actor(self, picture: Image, d: Drawing) -> None:
        stance = ("body", d.character, *body_key(d.pose, d.look), d.stance)
        self._lay(
            picture, stance, lambda: body(d.character, d.pose, d.look, d.stance), d.x, d.y, d.scale, REACH, d.floor
        )
        held = ("head", d.character, d.pose, d.look)
        reach = head_reach(d.character, d.pose, d.look)
        self._lay(picture, held, lambda: head(d.character, d.pose, d.look), d.x, d.y, d.scale, reach)

    def _creature(self, picture: Image, shot: Shot, creature: Extra, frame: int) -> None:
        beat = (shot.start + frame - frame % 4) * 6.0 % 3600
        draw = CREATURES[creature.name]
        self._extra(picture, shot, creature, frame, (creature.name, beat), lambda: draw(beat), CREATURE_REACH)

    def _prop(self, picture: Image, shot: Shot, prop: Extra, frame: int) -> None:
        thing = PROPS[prop.name]
        self._extra(picture, shot, prop, frame, (prop.name,), lambda: thing.drawing, thing.reach)

    def _extra(
        self,
        picture: Image,
        shot: Shot,
        extra: Extra,
        frame: int,
        what: Hashable,
        shapes: Callable[[], str],
        reach: Reach,
    ) -> None:
        even = frame - frame % 2
        x, y = shot.view(frame).point(*extra.place.at(even))
        scale = round(extra.size * shot.view(even).scale / 100, 2)
        self._lay(picture, what, shapes, round(x), round(y), scale, reach)

    def _lay(
        self,
        picture: Image,
        what: Hashable,
        shapes: Callable[[], str],
        x: int,
        y: int,
        scale: float,
        reach: Reach,
        floor: int = FRAME_HEIGHT,
    ) -> None:
        """Lay shapes over the picture with their origin at (x, y): what falls inside it and above the floor (px)."""
        edges = (
            int(reach[0] * scale) - 2,
            int(reach[1] * scale) - 2,
            int(reach[2] * scale) + 2,
            int(reach[3] * scale) + 2,
        )
        left, top = max(edges[0], -x), max(edges[1], -y)
        right, bottom = min(edges[2], FRAME_WIDTH - x), min(edges[3], min(FRAME_HEIGHT, floor) - y)
        if right <= left or bottom <= top:
            return
        # A little more than is seen, so that what bobs or slides at the edge of the picture need not be drawn again.
        part = (
            max(edges[0], left // SPARE * SPARE),
            max(edges[1], top // SPARE * SPARE),
            min(edges[2], -(-right // SPARE) * SPARE),
            min(edges[3], -(-bottom // SPARE) * SPARE),
        )
        raster = self._raster((what, scale, part), shapes, scale, part)
        raster = raster[top - part[1] : bottom - part[1], left - part[0] : right - part[0]]
        under = picture[y + top : y + bottom, x + left : x + right]
        rest = 255 - raster[..., 3:].astype(np.uint16)
        under[:] = raster[..., :3] + divide_255(under * rest)

    def _raster(self, key: Hashable, shapes: Callable[[], str], scale: float, part: tuple[int, int, int, int]) -> Image:
        """Draw a part (left, top, right, bottom in px from the origin) of some shapes, or remember it."""
        raster = self._rasters.get(key)
        if raster is None:
            left, top, right, bottom = part
            raster = rasterise(group(shapes(), 0, 0, scale, scale), right - left, bottom - top, left, top)
            self._rasters[key] = raster
            if len(self._rasters) > REMEMBERED:
                self._rasters.popitem(last=False)
        else:
            self._rasters.move_to_end(key)
        return raster


def _mixed(picture: Image, other: Image, mix: int) -> Image:
    """The picture with `mix` per mille of the other, in integers."""
    total = picture.astype(np.uint32) * (1000 - mix) + other.astype(np.uint32) * mix
    return ((total + 500) // 1000).astype(np.uint8)


def _grade(shot: Shot, frame: int) -> Image:
    """The table that turns painted into filmed colors: light, fade and flash."""
    values = np.arange(256, dtype=np.int64)
    gain, white = shot.gain(frame), shot.white(frame)
    channels = []
    for percent in LIGHTS[shot.light]:
        lit = np.minimum(255, values * percent * gain // 100000)
        channels.append(lit + (255 - lit) * white // 100)
    return np.stack(channels, axis=-1).astype(np.uint8)[None]


def render_episode(name: str, path: Path, on_frame: Callable[[], None] | None = None) -> None:
    """Draw an episode and write it to path, an .mp4 (H.264, 640×360, 24 frames a second, no sound)."""
    write_video(Painter(name).frames(), path, on_frame)


def write_video(frames: Iterator[Image], path: Path, on_frame: Callable[[], None] | None = None) -> None:
    """Encode BGR frames; nothing in the file tells when, where or with what it was made."""
    with av.open(
        str(path), "w", format="mp4", options={"fflags": "+bitexact", "video_track_timescale": str(RATE)}
    ) as out:
        stream = out.add_stream("libx264", rate=RATE, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = FRAME_WIDTH, FRAME_HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        context = stream.codec_context
        context.time_base = Fraction(1, RATE)
        context.thread_count = 1
        context.flags |= int(av.codec.context.Flags.bitexact)
        for number, picture in enumerate(frames):
            planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
            if on_frame is not None:
                on_frame()
        out.mux(stream.encode(None))
