"""Where the scenes of a video begin: PySceneDetect's adaptive cuts, fades through black, and dissolves.

Frames come from `decode_frames`, not from a backend of PySceneDetect: those convert every frame at full size, with
instructions whose results differ between machines. How much they differ is measured by `changes`.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from pipeline.errors import InputError
from pipeline.params import Scenes
from pipeline.video.changes import Change, Changes, Meter
from pipeline.video.container import mend
from pipeline.video.decode import decode_frames
from pipeline.video.dissolves import LONGEST
from pipeline.video.frame import Frame

NO_PICTURE: Final = np.empty((0, 0, 3), np.uint8)
NEAR_BLACK: Final = LONGEST // 2 + 6
"""Frames from a black within which a mixture of pictures is a fade, and no dissolve."""


@dataclass(frozen=True)
class Start:
    """How a scene begins: its first frame, that frame's pts, and start, cut, fade or dissolve."""

    frame: int
    pts: int
    transition: str


class _CutDetector(AdaptiveDetector):  # type: ignore[misc]  # PySceneDetect has no types
    """PySceneDetect's AdaptiveDetector on differences that are measured already."""

    def cut(self, frame: int, rate: Fraction, content: float) -> list[int]:
        """Take the next frame's difference; the cuts that are now certain."""
        self._content = content
        # It is given frame numbers, not times: boundaries are frames.
        found = self.process_frame(FrameTimecode(frame, rate), NO_PICTURE)
        return [time.frame_num for time in found]

    def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: npt.NDArray[Any]) -> float:
        return self._content


class ShotFinder:
    """Finds where scenes begin while the frames of a video go by: `add` takes all of them, in order.

    rate: frames per second, or what is taken for it until the end; it says only how many frames a scene has at least.
    """

    def __init__(self, rate: Fraction, params: Scenes) -> None:
        self._rate, self._params = rate, params
        # Every cut, however close to the last: `merge` has to see the one that ends a short black.
        self._detector = _CutDetector(params.threshold, 1, params.window, params.min_content)
        self._meter = Meter()
        self._times = array("q")
        self._cuts: list[int] = []
        self._dissolves: list[int] = []
        self._dark: list[tuple[int, int]] = []
        self._fades: list[tuple[int, int]] = []  # the same, joined
        self._last: Start | None = None

    def add(self, frame: Frame) -> None:
        """Take the next frame into account."""
        self.add_change(self._meter.change(frame))

    def add_change(self, change: Change) -> None:
        """The same, where the next frame is measured already."""
        index = len(self._times)
        self._cuts += self._detector.cut(index, self._rate, change.content)
        self._times.append(change.pts)
        if change.dissolve:
            insort(self._dissolves, index - change.dissolve)
        if change.level < self._params.fade_level:
            run = (index, index + 1)
            _extend(self._dark, run, 1)
            _extend(self._fades, run, _shortest(self._rate, self._params))

    def starts(self, rate: Fraction) -> list[Start]:
        """Where the scenes begin, after the last frame was added; `rate` is in frames per second."""
        shortest = _shortest(rate, self._params)
        dark = joined(self._dark, shortest)
        boundaries = merge(self._cuts, dark, len(self._times), shortest, self._dissolves)
        first = Start(0, self._times[0], "start")
        return [first, *(Start(frame, self._times[frame], how) for frame, how in boundaries)]

    def settled(self) -> tuple[int, list[Start]]:
        """What no later frame can change: how many frames are settled, and the starts among them that are new."""
        if self._last is None:
            self._last = Start(0, self._times[0], "start")
            return 0, [self._last]
        seen, shortest, window = len(self._times), _shortest(self._rate, self._params), self._params.window
        last = self._last.frame
        cuts = self._cuts[bisect_right(self._cuts, last) :]
        fades = self._fades[bisect_left(self._fades, last - NEAR_BLACK, key=lambda run: run[1]) :]
        # A black that may go on, or end with a cut. One from the first frame on is no boundary, nor are cuts in it.
        going_on = [run for run in fades if seen - run[1] < max(shortest, window + 1)]
        undecided = (going_on[0][0] or going_on[0][1]) if going_on else seen
        # A cut that is near to a fade is none, and a dissolve that is near to either. A black may begin at `seen`.
        limit = min([seen - window, undecided, *(cut for cut in cuts if cut + shortest > undecided)])
        dissolves = self._dissolves[bisect_right(self._dissolves, last) :]
        near = max(shortest, NEAR_BLACK)
        limit = min([limit, seen - NEAR_BLACK, *(one for one in dissolves if one + near > limit)])
        new: list[Start] = []
        if cuts or fades or dissolves:
            shifted = [(start - last, stop - last) for start, stop in fades]
            own = [[frame - last for frame in frames] for frames in (cuts, dissolves)]
            boundaries = merge(own[0], shifted, seen - last, shortest, own[1])
            sure = [(frame + last, how) for frame, how in boundaries if frame + last < limit]
            new = [Start(frame, self._times[frame], how) for frame, how in sure]
        if new:
            self._last = new[-1]
        return max(0, limit), new


def find_starts(
    path: Path, rate: Fraction, params: Scenes, threads: int = 1, *, frames: int | None = None
) -> list[Start]:
    """Where the scenes of a video begin; `rate` is in frames per second, `threads` of the decoder change nothing.

    frames: how many it has, where that is known.
    Raises InputError if the file does not decode to its end, or has other frames than it should.
    """
    return starts_in(measured(path, threads, frames=frames), rate, params)


def measured(path: Path, threads: int = 1, *, frames: int | None = None) -> Changes:
    """Decode a video for the changes of its frames; arguments and errors as of `find_starts`."""
    changes = Changes()
    changes.measure(decode_frames(path, threads=threads))
    # Of a file that was cut between two packets FFmpeg decodes the first part without an error.
    if frames is not None and len(changes) != frames:
        raise InputError(
            f"{path} does not decode after frame {len(changes) - 1}, expected {frames} frames: {mend(path)}"
        )
    return changes


def starts_in(changes: Changes, rate: Fraction, params: Scenes) -> list[Start]:
    """Where the scenes of a video begin whose frames are measured; `rate` is in frames per second."""
    finder = ShotFinder(rate, params)
    for change in changes:
        finder.add_change(change)
    return finder.starts(rate)


def _shortest(rate: Fraction, params: Scenes) -> int:
    return max(1, ceil(params.min_scene_s * rate))


def dark_runs(levels: npt.NDArray[np.float64], fade_level: float, shortest: int) -> list[tuple[int, int]]:
    """Runs of frames (start, stop exclusive) whose mean level, 0 to 255, is below `fade_level`.

    PySceneDetect's ThresholdDetector follows the same rule but tells only the middle of a run; what is needed to give
    a fade one boundary is where the black begins and ends. Runs less than `shortest` frames apart are one.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels < fade_level, [False]]).astype(np.int8)))
    return joined(((start, stop) for start, stop in edges.reshape(-1, 2).tolist()), shortest)


def joined(dark: Iterable[tuple[int, int]], shortest: int) -> list[tuple[int, int]]:
    """Runs in order, those less than `shortest` frames apart as one."""
    runs: list[tuple[int, int]] = []
    for run in dark:
        _extend(runs, run, shortest)
    return runs


def _extend(runs: list[tuple[int, int]], run: tuple[int, int], shortest: int) -> None:
    """Add a run after the others, or make the last one longer where fewer than `shortest` frames are between."""
    if runs and run[0] - runs[-1][1] < shortest:
        runs[-1] = (runs[-1][0], run[1])
    else:
        runs.append(run)


def merge(
    cuts: Iterable[int],
    fades: Iterable[tuple[int, int]],
    frames: int,
    shortest: int,
    dissolves: Iterable[int] = (),
) -> list[tuple[int, str]]:
    """Cuts, dark runs and dissolves as boundaries (frame, transition), in order, at least `shortest` frames apart.

    A dark run is one boundary, whatever cuts lie in it or at its edges: the first frame after it if the picture comes
    back with a cut, else the middle of the black. One that touches the first or the last frame is none, because no
    scene lies beyond it. A dissolve counts where nothing else is near: a fade is a mixture with black too.
    """
    runs, found = list(fades), sorted(cuts)
    inner = [(start, stop) for start, stop in runs if start > 0 and stop < frames]
    boundaries = [(stop, "cut") if stop in found else ((start + stop) // 2, "fade") for start, stop in inner]
    taken = [0, *(frame for frame, _ in boundaries)]
    for cut in found:
        in_black = any(start <= cut <= stop for start, stop in runs)
        if not in_black and all(abs(cut - frame) >= shortest for frame in taken):
            boundaries.append((cut, "cut"))
            taken.append(cut)
    for middle in sorted(dissolves):
        near_black = any(start - NEAR_BLACK < middle < stop + NEAR_BLACK for start, stop in runs)
        if not near_black and all(abs(middle - frame) >= shortest for frame in taken):
            boundaries.append((middle, "dissolve"))
            taken.append(middle)
    return sorted(boundaries)
