"""Opening a video file: only as a real container, with the one stream that everything reads.

A playlist, a concat file or a pattern of picture names is a text that names other files. FFmpeg would follow it to any
file of this machine, and the episode's identity would be the text's. So a file is opened only as one of `FORMATS`, and
nothing but that very file is read.
"""

import contextlib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import InputError
from pipeline.video.headers import promised_bytes

VERSION: Final = 2
"""Grows when the same file would give other frames or other pixels: what was made from them is then made again."""

FORMATS: Final = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "asf_o", "ogg"),
    *("rm", "ivf", "mxf", "mxf_opatom", "gxf", "dv", "nut", "nsv", "nuv", "wtv", "swf", "ty", "pva", "yuv4mpegpipe"),
    *("h264", "hevc", "vvc", "av1", "obu", "m4v", "h263", "h261", "vc1", "dirac", "mjpeg", "gif", "apng"),
    *("flic", "smk", "bink", "roq", "film_cpk"),
    # Sound alone is opened too, so that it can be called what it is.
    *("mp3", "wav", "flac", "aac", "ac3", "aiff"),
)
"""FFmpeg's names of the containers and bare streams that a video may come in."""
MOST_PIXELS: Final = 2**26
"""Pixels of a frame at most: 8192×8192. A damaged header may promise any size, and memory would be taken for it."""
OPTIONS: Final = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "file",
    "max_pixels": str(MOST_PIXELS),
}
FAULTS: Final = (av.FFmpegError, OSError, ValueError, ArithmeticError, MemoryError)
"""What PyAV raises on damaged files: a text that is no UTF-8 or a fraction over zero is not FFmpeg's error."""

MANY: Final = 25
"""Packets that are looked at before a choice among streams; four times as many where one of them does not move."""
SQUARE: Final = Fraction(1, 100)
"""How far from 1 the pixels' aspect may be and still count as square: the scaling would change more than the shape."""
WIDEST: Final = 4
"""How many times as wide as high, or as high as wide, pixels may be; what says more is damaged."""
PLAYLISTS: Final = {b"#EXTM3U": "HLS", b"ffconcat": "ffconcat", b"<MPD": "DASH", b"v=0": "SDP", b"[playlist]": "PLS"}


class Unreadable(InputError):
    """A file that is no video; `why` is the reason without the file's name."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.why = why


@dataclass(frozen=True)
class Opened:
    """An open file: `stream` is what is read; `aspect` is the width of a pixel over its height, 1 where it is square.

    passed_over: the moving or still pictures beside it that are not read.
    """

    container: InputContainer
    stream: VideoStream
    aspect: Fraction
    passed_over: tuple[VideoStream, ...]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()


def open_video(path: Path, threads: int = 1) -> Opened:
    """Open a file at its beginning, its decoder set to work with some threads; to be used in a `with` statement.

    Raises InputError if there is no such file, Unreadable if it is no video.
    """
    container = open_container(path)
    try:
        streams = _candidates(container)
        if len(streams) > 1:
            chosen = _chosen(container, streams)
            container.close()
            container = open_container(path)
            streams = _candidates(container)
            stream = next((one for one in streams if one.index == chosen), streams[0])
        elif streams:
            (stream,) = streams
        else:
            raise Unreadable(path, _no_stream(container))
        size = stream.codec_context.width * stream.codec_context.height
        if size > MOST_PIXELS:
            shape = f"{stream.codec_context.width}×{stream.codec_context.height}"
            raise Unreadable(path, f"its header says {shape} px; expected at most {MOST_PIXELS:,} pixels: {mend(path)}")
        if threads > 1:
            stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        others = tuple(one for one in streams if one.index != stream.index)
        return Opened(container, stream, pixel_aspect(stream.sample_aspect_ratio), others)
    except BaseException:
        container.close()
        raise


def pixel_aspect(stated: Fraction | None) -> Fraction:
    """Width of a pixel over its height as frames are made by: 1 for what is nearly square, or cannot be true."""
    if not stated or not Fraction(1, WIDEST) <= stated <= WIDEST or abs(stated - 1) <= SQUARE:
        return Fraction(1)
    return stated


def open_container(path: Path) -> InputContainer:
    """Open a file at its beginning with all its streams, only as a real container; to be closed by who opens it.

    Raises InputError if there is no such file, Unreadable if it is no video.
    """
    try:
        # With its protocol named, no name of a file is taken for an address.
        return av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except FAULTS as error:
        raise Unreadable(path, why_not_opened(path, error)) from error


def _candidates(container: InputContainer) -> list[VideoStream]:
    """The video streams that can be decoded and are not marked as cover pictures or thumbnails."""
    no_film = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [one for one in container.streams.video if one.codec_context is not None and not one.disposition & no_film]


def _no_stream(container: InputContainer) -> str:
    if any(one.codec_context is None for one in container.streams.video):
        return (
            "its pictures are in a codec that FFmpeg does not know; expected a video: save it anew with its own player"
        )
    return "it has no video stream, only sound or other data; expected a video: name another file"


def _chosen(container: InputContainer, streams: list[VideoStream]) -> int:
    """The index of the stream to read: one that moves, then the default one, then the largest, then the first."""
    # The container's own count, 0 where it keeps none; then what comes in its first packets.
    seen = Counter({one.index: one.frames for one in streams})
    with contextlib.suppress(*FAULTS):  # what was seen up to a fault decides
        for packet in container.demux(*streams):
            seen[packet.stream.index] += bool(packet.size)
            if (max(seen.values()) >= MANY and min(seen.values()) > 1) or max(seen.values()) >= 4 * MANY:
                break

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        shown = bool(stream.disposition & Disposition.default)
        area = stream.codec_context.width * stream.codec_context.height
        return seen[stream.index] > 1, shown, area, -stream.index

    return max(streams, key=rank).index


def cut_short(path: Path, frames: int) -> str:
    """Why a file is shorter than its own headers say, or an empty string."""
    promised, found = promised_bytes(path) or 0, path.stat().st_size
    if promised <= found:
        return ""
    sizes = f"its headers promise {promised:,} bytes, the file has {found:,}"
    return f"cut short: {sizes} ({frames} frames decode): {mend(path)}"


def mend(path: Path) -> str:
    """What to do about a damaged video."""
    return (
        f"get the file again, or save what decodes with `ffmpeg -err_detect ignore_err -i IN{path.suffix} "
        "-c:v libx264 -crf 16 OUT.mp4` and name OUT.mp4 as the source"
    )


def why_not_opened(path: Path, error: Exception) -> str:
    """Why FFmpeg took a file for no video, from its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as refused:
        return f"it cannot be read ({refused.strerror}); expected a video file that can be read"
    if not head:
        return "the file is empty (0 bytes); expected a video: get it again"
    for mark, kind in PLAYLISTS.items():
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(mark) or (mark[:1] == b"<" and mark in head):
            return (
                f"a playlist ({kind}), which only names other files; expected a video file: name the video itself, or "
                "give the playlist's http(s):// address"
            )
    short = cut_short(path, 0)
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
    words = error.strerror if isinstance(error, OSError) else str(error)
    return f"not a video (it begins with {start[:16]!r}; FFmpeg says {words!r}): name another file"
