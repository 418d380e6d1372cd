"""Where the scenes of a video begin: PySceneDetect's adaptive cuts, and fades through black.

Frames come from `decode_frames`, not from a backend of PySceneDetect: those convert every frame at full size, with
instructions whose results differ between machines. `Frame.preview` takes every so-many-th pixel of the decoder's
planes, which is exact and costs a twentieth of decoding; docs/benchmarks.md has the figures.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

from pipeline.params import Scenes
from pipeline.video.decode import decode_frames

PREVIEW: Final = 128
"""Width in px at which frames are compared: half of PySceneDetect's own choice, which finds the same boundaries."""


@dataclass(frozen=True)
class Start:
    """How a scene begins: its first frame, that frame's pts, and start, cut or fade."""

    frame: int
    pts: int
    transition: str


def find_starts(path: Path, rate: Fraction, params: Scenes, threads: int = 1) -> list[Start]:
    """Where the scenes of a video begin; `rate` is in frames per second, `threads` of the decoder change nothing.

    Raises InputError if the file does not decode to its end.
    """
    shortest = max(1, ceil(params.min_scene_s * rate))
    # Every cut, however close to the last: `merge` has to see the one that ends a short black.
    detector = AdaptiveDetector(params.threshold, 1, params.window, params.min_content)
    times: list[int] = []
    levels: list[float] = []
    cuts: list[int] = []
    for frame in decode_frames(path, threads=threads):
        picture = frame.preview(PREVIEW)
        # PySceneDetect expects BGR. It is given frame numbers, not times: boundaries are frames.
        found = detector.process_frame(FrameTimecode(frame.index, rate), picture[..., ::-1])
        cuts += [cut.frame_num for cut in found]
        times.append(frame.pts)
        levels.append(float(picture.mean()))
    fades = dark_runs(np.array(levels), params.fade_level, shortest)
    boundaries = merge(cuts, fades, len(times), shortest)
    return [Start(0, times[0], "start"), *(Start(frame, times[frame], how) for frame, how in boundaries)]


def dark_runs(levels: npt.NDArray[np.float64], fade_level: float, shortest: int) -> list[tuple[int, int]]:
    """Runs of frames (start, stop exclusive) whose mean level, 0 to 255, is below `fade_level`.

    PySceneDetect's ThresholdDetector follows the same rule but tells only the middle of a run; what is needed to give
    a fade one boundary is where the black begins and ends. Runs less than `shortest` frames apart are one.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels < fade_level, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < shortest:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return runs


def merge(cuts: Iterable[int], fades: Iterable[tuple[int, int]], frames: int, shortest: int) -> list[tuple[int, str]]:
    """Cuts and dark runs as boundaries (frame, transition), in order, at least `shortest` frames apart.

    A dark run is one boundary, whatever cuts lie in it or at its edges: the first frame after it if the picture comes
    back with a cut, else the middle of the black. One that touches the first or the last frame is none, because no
    scene lies beyond it.
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
    return sorted(boundaries)
