"""Decoding videos, frame by frame in sequence, so that every machine sees the same frames and the same bytes.

`decode_frames` gives a run of frames, `decode_chosen` some frames here and there. A frame is known by its `pts`; its
index counts frames in decode order. A seek alone may be off by some frames, so where one is made, frames are counted
from one whose pts is known, and only in videos whose seeks `probe` has tried (`seekable` of EPISODES).
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.errors import InputError
from pipeline.video.container import FAULTS, mend, open_video
from pipeline.video.frame import Frame

JUMP: Final = 100
"""Frames that are rather decoded than jumped over: a seek leads to a keyframe, and some frames are read again."""


def decode_frames(
    path: Path, *, start: int = 0, stop: int | None = None, start_pts: int | None = None, threads: int = 1
) -> Iterator[Frame]:
    """Yield the frames from `start` to before `stop`.

    start_pts: the pts of frame `start`, only for a video whose seeks can be trusted (`seekable` of EPISODES). Where it
    is given, decoding begins at the keyframe before that frame, if the file allows; otherwise at the beginning of the
    file. The frames are the same.
    threads: for the decoder; changes no frame.
    Raises InputError if the file is no video, or is damaged before `stop`.
    """
    index = -1
    try:
        if start_pts is not None and start > 0:
            index = start - 1
            for frame in decode_from(path, start_pts, start, threads):
                index = frame.index
                if stop is not None and index >= stop:
                    return
                yield frame
        if index < start:
            for frame in _decode_all(path, threads):
                index = frame.index
                if stop is not None and index >= stop:
                    return
                if index >= start:
                    yield frame
    except FAULTS as error:
        raise InputError(f"{path} does not decode after frame {index}: {mend(path)}") from error


def decode_chosen(
    path: Path, frames: Collection[int], known: Mapping[int, int] | None = None, threads: int = 1
) -> Iterator[Frame]:
    """Yield the frames of these indices, in order, decoding as little as possible of what lies between.

    known: pts by index of frames that may be sought, such as the first ones of scenes (see `known_frames`); without
    them the file is read from its beginning to the last frame wanted. The frames are the same.
    Raises InputError as `decode_frames` does. Frames that the file has not are left out.
    """
    known = known or {}
    places, position = sorted(known), 0
    runs: list[tuple[int, list[int]]] = [(0, [])]
    for frame in sorted(set(frames)):
        before = bisect_right(places, frame)
        if before and places[before - 1] - position >= JUMP:
            runs.append((places[before - 1], []))
        runs[-1][1].append(frame)
        position = frame + 1
    for start, own in (run for run in runs if run[1]):
        stop, chosen = own[-1] + 1, set(own)
        for decoded in decode_frames(path, start=start, stop=stop, start_pts=known.get(start), threads=threads):
            if decoded.index in chosen:
                yield decoded


def known_frames(episode: Any, frames: Iterable[int], pts: Iterable[int]) -> dict[int, int]:
    """Frames and their pts as `decode_chosen` takes them: none for an episode whose seeks cannot be trusted.

    episode: a row of EPISODES.
    """
    if not episode.seekable:
        return {}
    return {int(frame): int(time) for frame, time in zip(frames, pts, strict=True)}


def _decode_all(path: Path, threads: int) -> Iterator[Frame]:
    with open_video(path, threads) as opened:
        packets = opened.container.demux(opened.stream)
        for index, (pts, picture) in enumerate(pictures(packets, opened.stream)):
            yield Frame(index, pts, picture, opened.aspect)


def decode_from(path: Path, start_pts: int, start: int, threads: int = 1) -> Iterator[Frame]:
    """Frames from number `start` on, which has `start_pts`, decoded from a keyframe before it; none if it is not found.

    Not found: the file cannot be sought in, or its frames have no times of their own, or times that start over.
    """
    with open_video(path, threads) as opened:
        sound = found = False
        index = start
        try:
            opened.container.seek(start_pts, stream=opened.stream)
            for pts, picture in pictures(opened.container.demux(opened.stream), opened.stream):
                if not found:
                    if picture.pts != pts or pts > start_pts:
                        return
                    # What is shown before the keyframe may need frames that were not read.
                    sound = sound or bool(picture.key_frame)
                    found = sound and pts == start_pts
                if found:
                    yield Frame(index, pts, picture, opened.aspect)
                    index += 1
        except FAULTS:
            if found:
                raise


def pictures(packets: Iterable["Packet[Any]"], stream: VideoStream) -> Iterator[tuple[int, av.VideoFrame]]:
    """Each frame of `stream` with a pts that always grows: some AVI and damaged files give none, or the same twice."""
    rate = stream.average_rate or stream.guessed_rate
    step = max(1, round(1 / (as_fraction(rate) * as_fraction(stream.time_base)))) if rate else 1
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


def as_fraction(value: object) -> Fraction:
    """PyAV's rational as a Fraction."""
    return Fraction(int(value.numerator), int(value.denominator))  # type: ignore[attr-defined]
