"""Scene boundaries of shows whose scenes dissolve: `python -m benchmarks.dissolves FOOTAGE [--project PROJECT]`.

The film, the drawn excerpts and, after `dvc repro` in PROJECT, the sample's episodes are taken as they are. Then the
scenes of each are put into another order and joined by dissolves in which both scenes go on. Frames are given to
`ShotFinder` as previews, in color; a boundary anywhere in a dissolve is right.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.boundaries import BoundaryScore, boundary_f1
from pipeline import paths
from pipeline.params import Scenes
from pipeline.sample import EPISODES, episode_truth
from pipeline.video.changes import PREVIEW
from pipeline.video.decode import decode_frames
from pipeline.video.frame import Frame, Pixels
from pipeline.video.shots import ShotFinder

RATE: Final = Fraction(24)
LENGTHS: Final = (8, 12, 20, 32, 48)
"""Frames of a dissolve that joins two scenes."""
LEAST: Final = 12
"""Frames that a joined scene has alone, at least; shorter scenes are left out."""
ORDER: Final = 0
"""Seed of the order in which scenes are joined."""


@dataclass(frozen=True)
class Show:
    """A show's previews, where its scenes begin (the first at 0), and first and last frame of gradual transitions."""

    name: str
    previews: list[Pixels]
    starts: list[int]
    gradual: list[tuple[int, int]]


def footage_shows(folder: Path) -> Iterator[Show]:
    """The film and the excerpts."""
    scenes, transitions = (pd.read_csv(folder / f"{name}.csv") for name in ("scenes", "transitions"))
    for episode_id, own in scenes.groupby("episode_id"):
        name = str(episode_id)
        file = folder / ("big_buck_bunny_720p.mp4" if name == "bbb" else f"{name}.mkv")
        seen = transitions[transitions["episode_id"] == name]
        gradual = list(zip(seen["first_frame"].tolist(), seen["last_frame"].tolist(), strict=True))
        yield Show(name, previews_of(file), own["start_frame"].tolist(), gradual)


def sample_shows(project: Path) -> Iterator[Show]:
    """The sample's episodes."""
    for name in EPISODES:
        truth = episode_truth(name)
        gradual = [(start, stop - 1) for start, stop in truth.gradual]
        previews = previews_of(project / paths.VIDEOS / f"sample-{name}.mp4")
        yield Show(f"sample-{name}", previews, [scene.start_frame for scene in truth.scenes], gradual)


def previews_of(file: Path) -> list[Pixels]:
    """The previews of a video's frames, RGB."""
    return [frame.preview(PREVIEW) for frame in decode_frames(file, threads=2)]


def joined_by_dissolves(show: Show, length: int) -> Show:
    """The show's scenes in another order, the last `length` frames of each mixed with the first of the next.

    Gradual transitions of the show itself are cut off, so what a scene shows is one scene.
    """
    bounds = zip(show.starts, [*show.starts[1:], len(show.previews)], strict=True)
    inside = [_alone(first, stop, show.gradual) for first, stop in bounds]
    long = [(a, b) for a, b in inside if b - a >= 2 * length + LEAST]
    order = np.random.default_rng(ORDER).permutation(len(long))
    previews: list[Pixels] = []
    starts, gradual = [0], []
    for number, index in enumerate(order):
        own = show.previews[slice(*long[index])]
        if number:
            first = len(previews) - length
            for step in range(length):
                share = (step + 1) / (length + 1)
                mixed = (1 - share) * previews[first + step].astype(np.float64) + share * own[step]
                previews[first + step] = np.rint(mixed).astype(np.uint8)
            gradual.append((first, first + length - 1))
            starts.append(first + length)
            own = own[length:]
        previews += own
    return Show(f"{show.name}, dissolves of {length}", previews, starts, gradual)


def _alone(first: int, stop: int, gradual: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """A scene without the gradual transitions at its ends: its first frame, and the one after its last."""
    before = [last + 1 for start, last in gradual if start <= first <= last + 1]
    after = [start for start, last in gradual if start < stop <= last + 1]
    return max([first, *before]), min([stop, *after])


def found_in(previews: Iterable[NDArray[np.uint8]], *, dissolves: bool) -> list[int]:
    """Frames at which scenes are found to begin, but the first; with or without those that begin in a dissolve."""
    finder = ShotFinder(RATE, Scenes())
    for index, pixels in enumerate(previews):
        finder.add(Frame(index, index, av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
    return [one.frame for one in finder.starts(RATE)[1:] if dissolves or one.transition != "dissolve"]


def scores(shows: Sequence[Show], *, dissolves: bool) -> BoundaryScore:
    """Of several shows together; `missed` and `extra` are frames of different shows."""
    each = [boundary_f1(found_in(one.previews, dissolves=dissolves), one.starts[1:], one.gradual) for one in shows]
    missed, extra = (tuple(frame for score in each for frame in getattr(score, name)) for name in ("missed", "extra"))
    return BoundaryScore(sum(score.hits for score in each), missed, extra)


def main() -> None:
    """Print a row for each kind of show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--project", type=Path, help="whose episodes are the sample's")
    arguments = parser.parse_args()
    footage = list(footage_shows(arguments.footage))
    groups = {"the film": footage[:1], "the drawn excerpts": footage[1:]}
    if arguments.project:
        groups["the sample show"] = list(sample_shows(arguments.project))
    columns = "show | boundaries | F1 without dissolves | with them | false boundaries without, with"
    print(f"| {columns} |\n|---|---|---|---|---|")
    for name, shows in groups.items():
        _row(f"{name}, as it is", shows)
        for length in LENGTHS:
            joined = [joined_by_dissolves(show, length) for show in shows]
            several = [show for show in joined if len(show.starts) > 1 and show.previews]
            if several:
                _row(f"{name}, joined by {length} frames", several)


def _row(name: str, shows: Sequence[Show]) -> None:
    without, found = (scores(shows, dissolves=dissolves) for dissolves in (False, True))
    true = sum(len(show.starts) - 1 for show in shows)
    extra = f"{len(without.extra)}, {len(found.extra)}"
    print(f"| {name} | {true} | {without.f1:.3f} | {found.f1:.3f} | {extra} |", flush=True)


if __name__ == "__main__":
    main()
