"""One pass over a video: what a file is, where its scenes begin, and the frames to be looked at, from one decoding.

`probe`, `find_starts` and `decode_frames` each decode everything. Here every frame is decoded once and given to the
check, to the scene detector, and, if it is one that is looked at, to whoever reads the pass.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pipeline.params import Scenes
from pipeline.video.frame import Frame
from pipeline.video.probe import Reading, VideoInfo
from pipeline.video.shots import ShotFinder, Start

MOST_HELD: Final = 32
"""Frames that wait until it is settled which scene they are in. Only a long black inside a video needs more."""


class OnePass:
    """One reading of a video. Iterating gives each scene's start and then its frames that are looked at.

    every: every so-many-th frame of the video is looked at; 1: all.
    info, starts: what `probe` and `find_starts` say of the file; they stand when the last frame was given. `starts` is
    empty where the file is not sound. The starts that were given on the way are the same, but for a video whose headers
    give a wrong frame rate or that is black for long: who needs it exactly compares the two.
    """

    def __init__(self, path: Path, scenes: Scenes, every: int) -> None:
        self.reading = Reading(path)
        self.starts: list[Start] = []
        self._scenes, self._every = scenes, every

    @property
    def info(self) -> VideoInfo:
        """What `probe` says of the file."""
        return self.reading.info

    def __iter__(self) -> Iterator[Start | Frame]:
        """Raises InputError only if there is no such file; what is wrong with it is `info.problem`."""
        finder: ShotFinder | None = None
        waiting = _Waiting()
        for frame in self.reading:
            finder = finder or ShotFinder(self.reading.rate, self._scenes)
            finder.add(frame)
            if frame.index % self._every == 0:
                waiting.frames.append(frame)
            settled, new = finder.settled()
            waiting.begin(new)
            yield from waiting.before(settled)
        if finder is not None and not self.info.problem:
            self.starts = finder.starts(self.info.rate)
            waiting.begin(self.starts)
            yield from waiting.before(self.info.frames)


class _Waiting:
    """Frames that are looked at and starts of scenes that are not given yet."""

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque()
        self._starts: deque[Start] = deque()
        self._begun = -1
        self._given = -1

    def begin(self, starts: Iterable[Start]) -> None:
        """Scenes begin: of the starts, those that come after what is known and given."""
        for start in starts:
            if start.frame > max(self._begun, self._given):
                self._starts.append(start)
                self._begun = start.frame

    def before(self, settled: int) -> Iterator[Start | Frame]:
        """Give what comes before frame `settled`, or more where too many frames wait."""
        if len(self.frames) > MOST_HELD:
            settled = max(settled, self.frames[0].index + 1)
        while self.frames and self.frames[0].index < settled:
            yield from self._starts_before(self.frames[0].index + 1)
            self._given = self.frames[0].index
            yield self.frames.popleft()
        yield from self._starts_before(settled)

    def _starts_before(self, frame: int) -> Iterator[Start]:
        while self._starts and self._starts[0].frame < frame:
            yield self._starts.popleft()
