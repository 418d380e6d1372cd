"""What is in a video file, and whether it is sound: found by decoding the whole of it once.

Headers are not believed. Frames are counted, their times are looked at, a few of them are sought and compared with what
the reading in sequence gave; what the container says of itself (its size, its length, its count of samples) must agree.
"""

import zlib
from array import array
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.video.complaints import LONGEST, heard
from pipeline.video.container import FAULTS, OPTIONS, Opened, Unreadable, cut_short, mend, open_video
from pipeline.video.decode import as_fraction, decode_from, pictures
from pipeline.video.frame import Frame

EVEN: Final = Fraction(1, 10)
"""How much of a frame's duration the step to the next may be off in a video of constant rate."""
FASTEST: Final = 1000
SLOWEST: Final = Fraction(1, 60)
"""Frames per second that a video may have on average; what its times say beyond that is an error in its headers."""
ESTIMATED: Final = ("mpegts", "mpeg")
"""Containers that do not state how long they last: FFmpeg guesses from the first and last clock, which may wrap."""
HIDDEN: Final = {"mov,mp4,m4a,3gp,3g2,mj2": Fraction(1, 100)}
"""Share of its samples, and at least two, that an MP4 may list and not show: a beginning cut between keyframes."""
DROPPED: Final = Fraction(1, 10)
"""The same for other containers, whose counts are less exact: an AVI counts frames that its recorder dropped."""
KEPT: Final = 8
"""Frames, evenly spread and up to twice as many, of which a digest is kept."""
SOUGHT: Final = 4
"""How many of these are sought."""
FOLLOWING: Final = 8
"""Frames after a sought one whose times must be those of the reading in sequence."""

Times = Sequence[int]


@dataclass(frozen=True)
class VideoInfo:
    """What a decode of the whole stream found. `problem` is empty for a sound video; sizes are px as shown, upright.

    seekable: whether frames may be sought. note: what is odd about it and does no harm, in words; may be empty.
    """

    codec: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    rate: Fraction = Fraction(0)
    time_base: Fraction = Fraction(0)
    first_pts: int = 0
    last_pts: int = 0
    duration_s: float = 0.0
    variable_rate: bool = False
    seekable: bool = False
    note: str = ""
    problem: str = ""


def probe(path: Path) -> VideoInfo:
    """Decode the whole of a file's video stream and say what it holds and whether it is sound.

    Raises InputError only if there is no such file; everything else that is wrong is `problem`.
    """
    reading = Reading(path)
    for _ in reading:
        pass
    return reading.info


class Reading:
    """One reading of a video, from its beginning to its end: every frame, and after the last what `probe` says of it.

    What the headers say stands from the first frame on: `rate`, frames per second, `time_base`, s, and `stated_frames`,
    0 where they do not say it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.info = VideoInfo(problem="not read to its end")
        self.rate = Fraction(25)
        self.time_base = Fraction(0)
        self.stated_frames = 0

    def __iter__(self) -> Iterator[Frame]:
        """Every frame that decodes, in order. Raises InputError only if there is no such file."""
        try:
            with open_video(self._path) as opened:
                stated = opened.stream.guessed_rate or opened.stream.average_rate
                if stated and 0 < stated <= FASTEST:
                    self.rate = as_fraction(stated)
                self.time_base = as_fraction(opened.stream.time_base)
                self.stated_frames = opened.stream.frames
                self.info = yield from _read(self._path, opened)
        except Unreadable as error:
            self.info = VideoInfo(problem=error.why)


class _Watch:
    """What goes by while a container is demuxed: how far in time it reaches, whether a packet is marked damaged."""

    def __init__(self, packets: Iterator["Packet[Any]"]) -> None:
        self._packets = packets
        self.began = self.reached = Fraction(0)
        self.corrupt = False

    def __iter__(self) -> Iterator["Packet[Any]"]:
        for packet in self._packets:
            self.corrupt = self.corrupt or packet.is_corrupt
            if packet.pts is not None and packet.time_base is not None:
                unit = as_fraction(packet.time_base)
                self.began = min(self.began, packet.pts * unit)
                self.reached = max(self.reached, (packet.pts + (packet.duration or 0)) * unit)
            yield packet


class _Seen:
    """The frames of a reading in sequence: their times, and of some of them what they look like."""

    def __init__(self) -> None:
        self.times = array("q")
        self.made_up = 0
        self.corrupt = 0
        self.said: list[str] = []
        self.size: tuple[int, int] | None = None
        self.last: av.VideoFrame | None = None
        self._digests: dict[int, int] = {}
        self._stride = 1

    def add(self, frame: Frame, picture: av.VideoFrame) -> None:
        """Take the next frame into account."""
        self.size, self.last = frame.size, picture
        self.times.append(frame.pts)
        self.made_up += picture.pts != frame.pts
        self.corrupt += picture.is_corrupt
        if frame.index % self._stride == 0:
            self._digests[frame.index] = digest(frame)
            if len(self._digests) > 2 * KEPT:
                self._stride *= 2
                self._digests = {index: own for index, own in self._digests.items() if index % self._stride == 0}

    def samples(self) -> list[tuple[int, int]]:
        """Index and digest of the frames to be sought, evenly spread; never the first frame."""
        later = [item for item in self._digests.items() if item[0] > 0]
        return later[:: max(1, len(later) // SOUGHT)][-SOUGHT:]


def digest(frame: Frame) -> int:
    """A short number for what a frame looks like, in gray and in color."""
    return zlib.crc32(frame.preview(64).tobytes(), zlib.crc32(np.ascontiguousarray(frame.gray)))


def _read(path: Path, opened: Opened) -> Generator[Frame, None, VideoInfo]:
    """Yield every frame; return what they and the headers say of the file."""
    watch, seen, damage = _Watch(opened.container.demux()), _Seen(), ""
    packets = heard(pictures(iter(watch), opened.stream), seen.said)
    while True:
        try:
            pts, picture = next(packets)
        except StopIteration:
            break
        except FAULTS as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            damage = f"damaged: {len(seen.times)} frames decode, then FFmpeg says {words!r}: {mend(path)}"
            break
        frame = Frame(len(seen.times), pts, picture, opened.aspect)
        if seen.size not in (None, frame.size):
            damage = f"its picture changes size from {seen.size} to {frame.size} at frame {frame.index}: {mend(path)}"
            break
        seen.add(frame, picture)
        yield frame
    return _info(path, opened, watch, seen, damage)


def _info(path: Path, opened: Opened, watch: _Watch, seen: _Seen, damage: str) -> VideoInfo:
    stream = opened.stream
    codec, times = stream.codec_context.name, seen.times
    if seen.last is None or seen.size is None:
        return VideoInfo(codec=codec, problem=damage or cut_short(path, 0) or f"no frame decodes: {mend(path)}")
    time_base = as_fraction(stream.time_base)
    rate = _rate(stream, times, time_base)
    hidden, trimmed = _hidden(path, stream, times, time_base)
    problem = (
        cut_short(path, len(times)) or damage or hidden
        or _no_film(path, times, rate) or _unsound(path, opened, watch, seen, time_base)
    )  # fmt: skip
    why = "" if problem else _untrusted(path, seen)
    shown_last = seen.last.duration * time_base if seen.last.duration else 1 / rate
    return VideoInfo(
        codec=codec,
        width=seen.size[0],
        height=seen.size[1],
        frames=len(times),
        rate=rate,
        time_base=time_base,
        first_pts=times[0],
        last_pts=times[-1],
        duration_s=float((times[-1] - times[0]) * time_base + shown_last),
        variable_rate=_uneven(times),
        seekable=not problem and not why,
        note="; ".join(filter(None, [_beside(opened), _shape(opened, seen.size), trimmed, why])),
        problem=problem,
    )


def _rate(stream: VideoStream, times: Times, time_base: Fraction) -> Fraction:
    """Frames per second: of the rates that FFmpeg reads from the container, the one that the frames' times bear out.

    (The average rate of Big Buck Bunny is 286300/11929, because its stated duration is a little off; its frames come
    at 24.) The measured rate if they bear out none to 1 % or to rounding.
    """
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    stated = [as_fraction(rate) for rate in rates if rate and rate > 0]
    if len(times) < 2:
        return stated[0] if stated else Fraction(25)
    steps, span = len(times) - 1, (times[-1] - times[0]) * time_base
    best = min(stated, key=lambda rate: abs(steps / rate - span), default=None)
    if best is not None and abs(steps / best - span) <= max(span / 100, 2 * time_base):
        return best
    if span <= 0:
        return best or Fraction(25)
    # Damaged times can be hours apart; a rate is never 0.
    return max((steps / span).limit_denominator(1001), Fraction(1, 1001))


def _uneven(times: Times) -> bool:
    """Whether some step between frames is off the usual one by more than rounding to the time base explains."""
    steps = np.diff(np.array(times, dtype=np.int64))
    if len(steps) == 0:
        return False
    usual = int(np.median(steps))
    return bool(np.abs(steps - usual).max() > max(1, usual * EVEN))


def _hidden(path: Path, stream: VideoStream, times: Times, time_base: Fraction) -> tuple[str, str]:
    """Why the samples that the container lists and does not show are a problem, or are none; both may be empty.

    An edit list hides samples on purpose: what is left has the rate of the whole. Wrong times hide them too.
    """
    kind = stream.container.format.name
    # An MP4 says it twice, in its times and in its sizes.
    listed, shown = max(stream.frames, len(stream.index_entries) if kind in HIDDEN else 0), len(times)
    if listed - shown <= max(2, int(listed * HIDDEN.get(kind, DROPPED))):
        return "", ""
    facts = f"its index lists {listed} frames and {shown} are shown"
    whole = _unedited(path, stream.index)
    if len(whole) == listed and shown > 1 and whole[-1] > whole[0]:
        rates = [(len(own) - 1) / ((own[-1] - own[0]) * time_base) for own in (times, whole)]
        if abs(rates[0] - rates[1]) <= rates[1] * EVEN and _uneven(times) >= _uneven(whole):
            return "", f"{facts}: its edit list hides the others, as in players"
    return f"damaged: {facts}; its headers give wrong times: {mend(path)}", ""


def _unedited(path: Path, index: int) -> list[int]:
    """The pts of all samples of a stream, sorted, as they are without an edit list."""
    options = OPTIONS | {"ignore_editlist": "1"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            found = container.demux(container.streams[index])
            return sorted(packet.pts for packet in found if packet.size and packet.pts is not None)
    except FAULTS:
        return []


def _no_film(path: Path, times: Times, rate: Fraction) -> str:
    """Why a file whose frames all decode is no film, or an empty string."""
    if len(times) == 1:
        return "it holds a single picture, as a cover or a photograph does; expected a video: name another file"
    if not SLOWEST <= rate <= FASTEST:
        return f"its times cannot be true: {len(times)} frames, {float(rate):.3g} a second: {mend(path)}"
    return ""


def _unsound(path: Path, opened: Opened, watch: _Watch, seen: _Seen, time_base: Fraction) -> str:
    """Why a file of which every frame decoded is not whole after all, or an empty string."""
    frames = len(seen.times)
    if seen.corrupt:
        return f"damaged: {frames} frames decode, {seen.corrupt} of them in part: {mend(path)}"
    # Where segments are joined, packets are marked though nothing is missing: then frames follow each other evenly.
    if watch.corrupt and (opened.container.format.name not in ESTIMATED or _uneven(seen.times)):
        return f"damaged: {frames} frames decode, but parts of the file are missing between them: {mend(path)}"
    stated = Fraction(opened.container.duration or 0, av.time_base)
    lasted = watch.reached - watch.began
    # One second in a hundred: headers round, and count what players add at the end.
    if opened.container.format.name not in ESTIMATED and lasted + max(Fraction(1), stated / 100) < stated:
        return (
            f"cut short: it should last {float(stated):.1f} s, but picture and sound end at "
            f"{float(watch.reached):.1f} s ({frames} frames decode): {mend(path)}"
        )
    return ""


def _untrusted(path: Path, seen: _Seen) -> str:
    """Why frames of this video must not be sought, or an empty string."""
    always = "frames are always read from its beginning"
    if seen.said:
        # What the decoder fills a damaged part with depends on the frames that it has read before.
        return f"FFmpeg reports damage in it ({seen.said[0][:LONGEST]!r}), so {always}"
    if seen.made_up:
        return f"{seen.made_up} of its frames have no time, or another frame's, so {always}"
    for index, expected in seen.samples():
        times = list(seen.times[index : index + FOLLOWING])
        found: list[int] = []
        for frame in decode_from(path, times[0], index):
            if not found and digest(frame) != expected:
                return f"frame {index} looks otherwise after a seek, so {always}"
            found.append(frame.pts)
            if len(found) == len(times):
                break
        if found != times:
            return f"a seek does not lead to frame {index}, so {always}"
    return ""


def _beside(opened: Opened) -> str:
    """What was passed over, in words."""

    def named(stream: VideoStream) -> str:
        context = stream.codec_context
        return f"stream {stream.index} ({context.name}, {context.width}×{context.height} px)"

    others = ", ".join(map(named, opened.passed_over))
    return f"{named(opened.stream)} is read, passed over: {others}" if others else ""


def _shape(opened: Opened, size: tuple[int, int]) -> str:
    """What became of pixels that are not square, in words."""
    stated = opened.stream.sample_aspect_ratio
    if opened.aspect != 1:
        context, aspect = opened.stream.codec_context, f"{opened.aspect.numerator}:{opened.aspect.denominator}"
        return f"stored as {context.width}×{context.height} px of {aspect}, shown as {size[0]}×{size[1]}"
    if stated and abs(stated - 1) > 1:
        return f"its header says pixels of {stated.numerator}:{stated.denominator}; taken as square"
    return ""
