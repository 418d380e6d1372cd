"""`toonset watch --live`: a camera, a file or a stream, watched live without a browser; a line for each change."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from pipeline.app.command import open_live
from pipeline.errors import InputError
from pipeline.images import Pixels
from pipeline.video.container import FAULTS, MOST_PIXELS, open_video
from pipeline.video.decode import as_fraction, decode_frames
from pipeline.watch.emoji import face_of

Shot = tuple[float, Pixels]
"""A frame: its time since the first one, s, and RGB uint8 [H, W, 3]."""

HOLD_S: Final = 0.2
"""How long something must be true before it is said, s."""
GONE_S: Final = 1.0
"""A character who is not seen for so long is gone, s."""
STREAM: Final = {
    "protocol_whitelist": "http,https,tcp,tls,rtp,rtsp,udp,crypto,httpproxy",
    "max_pixels": str(MOST_PIXELS),
}
"""What a stream may read: nothing of this machine's files."""
PATIENCE_S: Final = 20.0
"""How long a stream may give nothing, s."""


def watch_live(source: str, model: Path) -> None:
    """Print who feels what whenever it changes, until the source ends or Ctrl-C.

    source: a camera's number, a video file, or an address. Of a camera and a stream, frames that come while one is
    looked at are dropped; of a file all are looked at. Raises InputError where it cannot be opened.
    """
    live, params = open_live([], model)
    changes = Changes(params.names if params is not None else {})
    for time_s, rgb in shots_of(source):
        for line in changes.after(live.look(rgb, time_s), time_s):
            print(line, flush=True)


class Changes:
    """What was said last of each character. names: what people call characters and emotions."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._said: dict[str, str] = {}
        self._new: dict[str, tuple[str, float]] = {}
        self._seen_s: dict[str, float] = {}

    def after(self, rows: Sequence[Mapping[str, Any]], time_s: float) -> Iterator[str]:
        """A line for each character of whom something new is true for HOLD_S, with the time at which it began.

        rows: of `watched_schema`, the faces of the next frame. Of two faces of one character the surer one counts.
        """
        surest = {row["character"]: row for row in sorted(rows, key=lambda row: float(row["probability"]))}
        self._seen_s |= dict.fromkeys(surest, time_s)
        for character, seen_s in sorted(self._seen_s.items()):
            if character in surest:
                said, more = self._answer(surest[character])
                if self._new.get(character, ("", 0.0))[0] != said:
                    self._new[character] = (said, time_s)
                began_s = self._new[character][1]
            elif time_s - seen_s >= GONE_S and character in self._said:
                said, more, began_s = "gone", "", seen_s
                self._new[character] = (said, seen_s)
            else:
                continue
            if said != self._said.get(character) and time_s - began_s >= HOLD_S:
                self._said[character] = said
                yield f"{_clock(began_s)} {self._names.get(character, character)}: {said}{more}"

    def _answer(self, row: Mapping[str, Any]) -> tuple[str, str]:
        if row["unsure"]:
            return "unsure", ""
        emotion = row["emotion"]
        said = f"{face_of(emotion).text} {self._names.get(emotion, emotion)}"
        return said, f" {100 * row['probability']:.0f} %"


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(time_s, 60)
    return f"{int(minutes):02}:{seconds:05.2f}"


def shots_of(source: str) -> Iterator[Shot]:
    """The frames of a source. Raises InputError where it cannot be opened."""
    if source.isdecimal():
        return newest(_of_camera(int(source)))
    if "://" in source:
        return newest(_paced(_of_stream(source)))
    return _of_file(Path(source).expanduser())


def newest(shots: Iterable[Shot]) -> Iterator[Shot]:
    """Of the frames that came since the last one was taken only the newest: who is slow does not lag behind."""
    news = threading.Condition()
    waiting: list[Shot] = []
    ended: list[Exception | None] = []

    def read() -> None:
        problem = None
        try:
            for shot in shots:
                with news:
                    waiting[:] = [shot]
                    news.notify()
        except InputError as error:  # told to whoever takes the frames
            problem = error
        finally:
            with news:
                ended.append(problem)
                news.notify()

    threading.Thread(target=read, daemon=True).start()
    while True:
        with news:
            news.wait_for(lambda: waiting or ended)
            if not waiting:
                if ended[0] is not None:
                    raise ended[0]
                return
            shot = waiting.pop()
        yield shot


def _paced(shots: Iterable[Shot]) -> Iterator[Shot]:
    """A film behind an address comes as fast as the net; its frames are given when they are due."""
    start = time.monotonic()
    for time_s, rgb in shots:
        time.sleep(max(0.0, start + time_s - time.monotonic()))
        yield time_s, rgb


def _of_file(path: Path) -> Iterator[Shot]:
    with open_video(path) as opened:
        unit = as_fraction(opened.stream.time_base)
    first = None
    for frame in decode_frames(path):
        first = frame.pts if first is None else first
        yield float((frame.pts - first) * unit), np.ascontiguousarray(frame.rgb())


def _of_camera(number: int) -> Iterator[Shot]:
    cv2.setLogLevel(0)  # what goes wrong is said below
    camera = cv2.VideoCapture(number)
    try:
        start = time.monotonic()
        given = False
        while camera.isOpened():
            sound, picture = camera.read()
            if not sound:
                break
            given = True
            yield time.monotonic() - start, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        # Whoever wants a camera wants it for as long as it is watched: its end is a fault.
        raise InputError(
            f"camera {number} gives no {'more ' if given else ''}pictures: see that it is plugged in, that no other "
            "program uses it, and that you may read it"
        )
    finally:
        camera.release()


def _of_stream(address: str) -> Iterator[Shot]:
    try:
        with av.open(address, options=STREAM, timeout=PATIENCE_S, metadata_errors="replace") as container:
            if not container.streams.video:
                raise InputError(f"{address}: no video in it; expected the address of a video or a stream")
            first = None
            for picture in container.decode(video=0):
                if picture.pts is None:
                    continue
                first = picture.time if first is None else first
                yield picture.time - first, np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
    except FAULTS as error:
        raise InputError(f"{address} cannot be read ({error}); expected the address of a video or a stream") from error
