"""Reading videos, frame by frame in sequence, so that every machine sees the same frames and the same bytes.

`probe` decodes a whole file and says what is in it and whether it is sound; `decode_frames` is what stages read with. A
frame is known by its `pts`; its index counts frames in decode order. A seek alone may be off by some frames, so where
one is made, frames are counted from one whose pts is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import InputError
from pipeline.video.frame import Frame
from pipeline.video.headers import promised_bytes

EVEN: Final = Fraction(1, 10)
"""How much of a frame's duration the step to the next may be off in a video of constant rate."""


@dataclass(frozen=True)
class VideoInfo:
    """What a decode of the whole stream found. `problem` is empty for a sound video; sizes are px as shown, upright."""

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
    problem: str = ""


def decode_frames(
    path: Path, *, start: int = 0, stop: int | None = None, start_pts: int | None = None, threads: int = 1
) -> Iterator[Frame]:
    """Yield the frames from `start` to before `stop`.

    start_pts: the pts of frame `start`. Where it is given, decoding begins at the keyframe before that frame, if the
    file allows; otherwise at the beginning of the file. The frames are the same.
    threads: for the decoder; changes no frame.
    Raises InputError if the file is no video, or is damaged before `stop`.
    """
    index = -1
    try:
        if start_pts is not None and start > 0:
            index = start - 1
            for pts, picture in _decode_from(path, start_pts, threads):
                index += 1
                if stop is not None and index >= stop:
                    return
                yield Frame(index, pts, picture)
        if index < start:
            for index, (pts, picture) in enumerate(_decode_all(path, threads)):
                if stop is not None and index >= stop:
                    return
                if index >= start:
                    yield Frame(index, pts, picture)
    except av.FFmpegError as error:
        raise InputError(f"{path} does not decode after frame {index}: {_mend(path)}") from error


def _decode_all(path: Path, threads: int) -> Iterator[tuple[int, av.VideoFrame]]:
    with _open(path) as container:
        stream = _threaded(container, path, threads)
        yield from _decode(container.demux(stream), stream)


def _decode_from(path: Path, start_pts: int, threads: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Frames from the one with `start_pts` on, decoded from a keyframe before it; none if it is not found there.

    Not found: the file cannot be sought in, or its frames have no times of their own, or times that start over.
    """
    with _open(path) as container:
        stream = _threaded(container, path, threads)
        sound = found = False
        try:
            container.seek(start_pts, stream=stream)
            for pts, picture in _decode(container.demux(stream), stream):
                if not found:
                    if picture.pts != pts or pts > start_pts:
                        return
                    # What is shown before the keyframe may need frames that were not read.
                    sound = sound or bool(picture.key_frame)
                    found = sound and pts == start_pts
                if found:
                    yield pts, picture
        except av.FFmpegError:
            if found:
                raise


def _open(path: Path) -> InputContainer:
    try:
        return av.open(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: {_why_not_opened(path, error)}") from error


def _threaded(container: InputContainer, path: Path, threads: int) -> VideoStream:
    """The stream to read, its decoder set to work with some threads on several frames at once."""
    stream = _video_stream(container)
    if stream is None:
        raise InputError(f"{path}: {_NO_VIDEO_STREAM}")
    if threads > 1:
        stream.thread_type = "AUTO"
    stream.codec_context.thread_count = threads
    return stream


def probe(path: Path) -> VideoInfo:
    """Decode the whole of a file's video stream and say what it holds and whether it is sound.

    Raises InputError only if there is no such file; everything else that is wrong is `problem`.
    """
    try:
        container = av.open(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (av.FFmpegError, OSError) as error:
        return VideoInfo(problem=_why_not_opened(path, error))
    with container:
        stream = _video_stream(container)
        if stream is None:
            return VideoInfo(problem=_NO_VIDEO_STREAM)
        return _probe_stream(path, container, stream)


_NO_VIDEO_STREAM: Final = "it has no video stream, only sound or other data; expected a video: name another file"


class _Watch:
    """What goes by while a container is demuxed: how far in time it reaches, whether a packet is marked damaged."""

    def __init__(self, packets: Iterator["Packet[Any]"]) -> None:
        self._packets = packets
        self.reached = Fraction(0)
        self.corrupt = False

    def __iter__(self) -> Iterator["Packet[Any]"]:
        for packet in self._packets:
            self.corrupt = self.corrupt or packet.is_corrupt
            if packet.pts is not None and packet.time_base is not None:
                self.reached = max(self.reached, (packet.pts + (packet.duration or 0)) * _fraction(packet.time_base))
            yield packet


def _probe_stream(path: Path, container: InputContainer, stream: VideoStream) -> VideoInfo:
    watch = _Watch(container.demux())
    times: list[int] = []
    damage = ""
    size: tuple[int, int] | None = None
    last: av.VideoFrame | None = None
    try:
        for pts, picture in _decode(iter(watch), stream):
            shown = (picture.width, picture.height) if picture.rotation % 180 == 0 else (picture.height, picture.width)
            if size not in (None, shown):
                damage = f"its picture changes size from {size} to {shown} at frame {len(times)}: {_mend(path)}"
                break
            size, last = shown, picture
            watch.corrupt = watch.corrupt or picture.is_corrupt
            times.append(pts)
    except av.FFmpegError as error:
        damage = f"damaged: {len(times)} frames decode, then FFmpeg says {error.strerror!r}: {_mend(path)}"
    if last is None or size is None:
        return VideoInfo(codec=stream.codec_context.name, problem=damage or f"no frame decodes: {_mend(path)}")
    time_base = _fraction(stream.time_base)
    rate = _rate(stream, times, time_base)
    shown_last = last.duration * time_base if last.duration else 1 / rate
    return VideoInfo(
        codec=stream.codec_context.name,
        width=size[0],
        height=size[1],
        frames=len(times),
        rate=rate,
        time_base=time_base,
        first_pts=times[0],
        last_pts=times[-1],
        duration_s=float((times[-1] - times[0]) * time_base + shown_last),
        variable_rate=_uneven(times, time_base),
        problem=_cut_short(path, len(times)) or damage or _unsound(path, container, watch, len(times)),
    )


def _decode(packets: Iterator["Packet[Any]"], stream: VideoStream) -> Iterator[tuple[int, av.VideoFrame]]:
    """Each frame of `stream` with a pts that always grows: some AVI and damaged files give none, or the same twice."""
    rate = stream.average_rate or stream.guessed_rate
    step = max(1, round(1 / (_fraction(rate) * _fraction(stream.time_base)))) if rate else 1
    last: int | None = None
    for packet in packets:
        if packet.stream.index != stream.index:
            continue
        for picture in packet.decode():
            assert isinstance(picture, av.VideoFrame)
            pts = picture.pts
            if pts is None or (last is not None and pts <= last):
                pts = 0 if last is None else last + step
            last = pts
            yield pts, picture


def _video_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that is not a cover picture."""
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    return moving[0] if moving else None


def _rate(stream: VideoStream, times: list[int], time_base: Fraction) -> Fraction:
    """Frames per second: of the rates that FFmpeg reads from the container, the one that the frames' times bear out.

    (The average rate of Big Buck Bunny is 286300/11929, because its stated duration is a little off; its frames come
    at 24.) The measured rate if they bear out none to 1 % or to rounding.
    """
    stated = [_fraction(rate) for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate]
    if len(times) < 2:
        return stated[0] if stated else Fraction(25)
    steps, span = len(times) - 1, (times[-1] - times[0]) * time_base
    best = min(stated, key=lambda rate: abs(steps / rate - span), default=None)
    if best is not None and abs(steps / best - span) <= max(span / 100, 2 * time_base):
        return best
    return (steps / span).limit_denominator(1001)


def _uneven(times: list[int], time_base: Fraction) -> bool:
    """Whether some step between frames is off the usual one by more than rounding to the time base explains."""
    steps = np.diff(np.array(times, dtype=np.int64))
    if len(steps) == 0:
        return False
    usual = int(np.median(steps))
    return bool(np.abs(steps - usual).max() > max(1, usual * EVEN))


def _unsound(path: Path, container: InputContainer, watch: _Watch, frames: int) -> str:
    """Why a file of which every frame decoded is not whole after all, or an empty string."""
    if watch.corrupt:
        return f"damaged: {frames} frames decode, some of them in part: {_mend(path)}"
    stated = Fraction(container.duration or 0, av.time_base)
    # One second in a hundred: headers round, and count what players add at the end.
    if watch.reached + max(Fraction(1), stated / 100) < stated:
        return (
            f"cut short: it should last {float(stated):.1f} s, but picture and sound end at "
            f"{float(watch.reached):.1f} s ({frames} frames decode): {_mend(path)}"
        )
    return ""


def _cut_short(path: Path, frames: int) -> str:
    promised, found = promised_bytes(path) or 0, path.stat().st_size
    if promised <= found:
        return ""
    sizes = f"its headers promise {promised:,} bytes, the file has {found:,}"
    return f"cut short: {sizes} ({frames} frames decode): {_mend(path)}"


def _mend(path: Path) -> str:
    return (
        f"get the file again, or save what decodes with `ffmpeg -err_detect ignore_err -i IN{path.suffix} "
        "-c:v libx264 -crf 16 OUT.mp4` and name OUT.mp4 as the source"
    )


def _why_not_opened(path: Path, error: av.FFmpegError | OSError) -> str:
    """Why FFmpeg took a file for no video, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "the file is empty (0 bytes); expected a video: get it again"
    short = _cut_short(path, 0)
    if short:
        return short
    if head[4:8] == b"ftyp":
        return (
            "cut short: an MP4 without its index (moov), as a broken-off download or copy leaves it; "
            "no frame decodes: get the file again"
        )
    start = head.decode("utf-8", errors="replace").strip()
    if start.startswith("<"):
        return f"not a video but a web page (it begins with {start[:24]!r}): give the address of the video file itself"
    return f"not a video (it begins with {start[:16]!r}; FFmpeg says {error.strerror!r}): name another file"


def _fraction(value: object) -> Fraction:
    """PyAV's rational as a Fraction."""
    return Fraction(int(value.numerator), int(value.denominator))  # type: ignore[attr-defined]
