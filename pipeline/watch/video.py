"""A video to be watched: what it is, and where its scenes begin, from the project's tables where it is an episode."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pipeline import paths
from pipeline.errors import InputError
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.tables import read_rows, rows_of, sha256_of
from pipeline.video.container import open_video
from pipeline.video.probe import VideoInfo
from pipeline.video.shots import Start
from pipeline.video.sources import slug

TAKEN: Final = "stats"
"""The name of a folder beside those of the videos."""


@dataclass(frozen=True)
class Video:
    """A video file with what is known of it before any face is looked for."""

    path: Path
    episode: dict[str, Any]
    """The columns of EPISODES that are known of it."""
    scenes: pd.DataFrame
    """Rows of SCENES without their split."""

    @property
    def name(self) -> str:
        """The episode's id, or what the file's name makes of one."""
        return str(self.episode["episode_id"])

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.episode["rate_num"], self.episode["rate_den"])

    @property
    def time_base(self) -> Fraction:
        """The unit of pts, s."""
        return Fraction(self.episode["time_base_num"], self.episode["time_base_den"])

    @property
    def start_s(self) -> float:
        """Time of the first frame, s: what players call 0."""
        return float(int(self.scenes["start_pts"].iloc[0]) * self.time_base)


@dataclass(frozen=True)
class Unseen:
    """A video file that the project does not know, before it is looked through (`pipeline.watch.once`)."""

    path: Path
    name: str
    sha256: str


def open_videos(files: list[Path], all_episodes: bool) -> list[Video | Unseen]:
    """The videos to watch: the files named, and all of the project's episodes where they are asked for.

    Raises InputError where there is none, a file is no video, or two have one name.
    """
    episodes = read_rows(paths.EPISODES, EPISODES) if paths.EPISODES.exists() else None
    found = [_of_file(path, episodes) for path in files]
    if all_episodes:
        if episodes is None:
            raise InputError(f"{paths.EPISODES} is not made yet: run `dvc repro`, or name video files")
        found += [video_of_episode(row) for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow)]
    if not found:
        raise InputError("no video to watch: name video files, or give --episodes for all episodes of the project")
    known: dict[str, Video | Unseen] = {}
    for video in found:
        if video.name == TAKEN:
            raise InputError(f"{video.path}: `toonset stats` writes to watch/{TAKEN}: give the video another name")
        other = known.setdefault(video.name, video)
        if other.path.resolve() != video.path.resolve():
            raise InputError(
                f"{other.path} and {video.path} would both be written to watch/{video.name}: watch them one by one, "
                "with --out, or rename one"
            )
    return list(known.values())


def _of_file(path: Path, episodes: pd.DataFrame | None) -> Video | Unseen:
    path = path.expanduser()
    if path.is_dir():
        raise InputError(f"{path.absolute()} is a folder: name the video files in it")
    if not path.is_file():
        raise InputError(f"there is no file {path.absolute()}: name a video file")
    sha256 = sha256_of(path)
    if episodes is not None and paths.SCENES.exists():
        same = episodes[(episodes["sha256"] == sha256) & (episodes["status"] == OK)]
        if len(same):
            return video_of_episode(next(rows_of(same, EpisodeRow)))
    with open_video(path):  # what is no video at all is said before any work
        return Unseen(path, slug(path.stem) or sha256[:12], sha256)


def video_of_episode(row: EpisodeRow) -> Video:
    """An episode of the project, with its scenes from the project's tables."""
    scenes = read_rows(paths.SCENES, SCENES)
    own = scenes[(scenes["episode_id"] == row.episode_id) & (scenes["status"] == OK)].reset_index(drop=True)
    return Video(paths.VIDEOS / row.path, row._asdict(), own)


def video_of_file(unseen: Unseen, info: VideoInfo, starts: Sequence[Start]) -> Video:
    """A video that the project does not know, from what one pass over it found."""
    episode = {
        "episode_id": unseen.name,
        "path": unseen.path.name,
        "sha256": unseen.sha256,
        "width": info.width,
        "height": info.height,
        "frames": info.frames,
        "rate_num": info.rate.numerator,
        "rate_den": info.rate.denominator,
        "time_base_num": info.time_base.numerator,
        "time_base_den": info.time_base.denominator,
        "duration_s": info.duration_s,
        "seekable": info.seekable,
    }
    return Video(unseen.path, episode, scenes_of(unseen.name, starts, info.frames))


def scenes_of(name: str, starts: Sequence[Start], stop: int) -> pd.DataFrame:
    """Rows of SCENES without their split, numbered from 0. stop: the frame before which the last one ends."""
    return pd.DataFrame(
        {
            "episode_id": name,
            "scene": range(len(starts)),
            "start_frame": [start.frame for start in starts],
            "stop_frame": [*(start.frame for start in starts[1:]), stop],
            "start_pts": [start.pts for start in starts],
        }
    )
