"""Looking through a video that the project does not know, in one pass: what it is, its scenes, who is in it.

What it finds in a run of scenes is kept as soon as the run ends, so that `watch_faces` finds it there. A pass that was
killed begins at the first frame again, but searches no run for faces that is kept: decoding is the least of the work.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple
from fractions import Fraction
from itertools import groupby
from typing import Any, Final

import pandas as pd

from pipeline.compute.ahead import ahead
from pipeline.compute.each import cores
from pipeline.console import progress
from pipeline.errors import InputError
from pipeline.faces.cascade_files import load_cascade
from pipeline.faces.find import FaceFinder, as_faces
from pipeline.faces.runs import LENGTH
from pipeline.params import Params
from pipeline.rows import EpisodeRow
from pipeline.schemas import FACES
from pipeline.tables import row_of, to_table
from pipeline.video.frame import Frame
from pipeline.video.one_pass import OnePass
from pipeline.video.probe import VideoInfo
from pipeline.video.shots import Start
from pipeline.watch.kept import Kept
from pipeline.watch.look import Viewer, judge_faces
from pipeline.watch.tables import watched_schema
from pipeline.watch.video import Unseen, Video, scenes_of, video_of_file

AHEAD: Final = 16
"""Frames that are decoded while another is searched."""


def looked_through(given: Video | Unseen, viewer: Viewer, params: Params) -> Video:
    """The video with its scenes; one that cannot be sought in is read now, in one pass, as an unknown one is.

    Raises InputError where it is not sound.
    """
    if isinstance(given, Video) and given.episode["seekable"]:
        return given
    unseen = given if isinstance(given, Unseen) else Unseen(given.path, given.name, given.episode["sha256"])
    kept = Kept(unseen.sha256, viewer.key())
    found = kept.video(params.scenes)
    if found is None:
        reading = OnePass(unseen.path, params.scenes, viewer.faces.every)
        _look(unseen, reading, viewer, kept, threads=cores(params.compute))
        if reading.info.problem:
            raise InputError(f"{unseen.path}: {reading.info.problem}")
        found = _as_json(reading)
        kept.write_video(params.scenes, found)
    return given if isinstance(given, Video) else video_of_file(unseen, *_of_json(found))


def _look(unseen: Unseen, reading: OnePass, viewer: Viewer, kept: Kept, threads: int) -> None:
    """Read a video to its end and keep the faces of each run of scenes."""
    runs = _Runs(unseen, reading, viewer, kept)
    items = iter(reading) if threads == 1 else ahead(reading, AHEAD)
    with progress(desc=f"watch {unseen.name}", unit="frames") as bar:
        for start, frames in _by_scene(items):
            bar.total = reading.reading.stated_frames or None
            bar.update(start.frame - bar.n)
            runs.add(start, frames)
        bar.update(reading.info.frames - bar.n)
    if not reading.info.problem:
        runs.finish(reading.info.frames)


class _Runs:
    """The scenes of a video as they come, put into runs as `faces.runs.in_runs` does."""

    def __init__(self, unseen: Unseen, reading: OnePass, viewer: Viewer, kept: Kept) -> None:
        self._unseen, self._reading, self._viewer, self._kept = unseen, reading, viewer, kept
        known = {character: load_cascade(character, viewer.cascades) for character in viewer.characters}
        self._cascades = {character: one.cascade for character, one in known.items()}
        self._finder = FaceFinder(list(known.values()), viewer.faces)
        self._number = self._scene = 0
        self._starts: list[Start] = []
        self._found: list[pd.DataFrame] = []
        self._done = False

    def add(self, start: Start, frames: Iterator[Frame]) -> None:
        """Look through the next scene."""
        if self._starts and start.frame - self._starts[0].frame >= LENGTH:
            self.finish(start.frame)
        if not self._starts:
            # Which scenes the run has is known when it ends; what is kept says it beforehand, and rightly, unless
            # parameters have changed. `watch_faces` compares both and looks again where they differ.
            self._done = [start.frame] == [first for first, _ in self._kept.bounds(self._number)[:1]]
        self._starts.append(start)
        if not self._done:
            self._found.append(self._finder.scene(self._scene, frames))
        self._scene += 1

    def finish(self, stop: int) -> None:
        """The run has come to its end, before frame `stop`."""
        if self._starts and not self._done:
            base = self._reading.reading.time_base
            episode = {
                "episode_id": self._unseen.name,
                "sha256": self._unseen.sha256,
                "time_base_num": base.numerator,
                "time_base_den": base.denominator,
            }
            found = to_table(as_faces(self._found, row_of(episode, EpisodeRow)), FACES)
            rows = judge_faces(found, self._cascades, self._viewer)
            scenes = scenes_of(self._unseen.name, self._starts, stop)
            self._kept.write(self._number, scenes, rows, watched_schema(self._viewer.classifier.emotions))
        self._number += 1
        self._starts, self._found = [], []


def _by_scene(items: Iterable[Start | Frame]) -> Iterator[tuple[Start, Iterator[Frame]]]:
    """Each scene's start, with its frames, which must be read before the next scene is asked for."""
    current: Start | None = None

    def scene(item: Start | Frame) -> Start:
        nonlocal current
        current = item if isinstance(item, Start) else current
        assert current is not None, "a scene's start comes before its frames"
        return current

    for start, own in groupby(items, key=scene):
        yield start, (item for item in own if isinstance(item, Frame))


def _as_json(reading: OnePass) -> dict[str, Any]:
    """What a pass found, as JSON can hold it."""
    info = {name: str(value) if isinstance(value, Fraction) else value for name, value in vars(reading.info).items()}
    return {"info": info, "starts": [astuple(start) for start in reading.starts]}


def _of_json(found: dict[str, Any]) -> tuple[VideoInfo, list[Start]]:
    info = found["info"] | {name: Fraction(found["info"][name]) for name in ("rate", "time_base")}
    return VideoInfo(**info), [Start(*start) for start in found["starts"]]
