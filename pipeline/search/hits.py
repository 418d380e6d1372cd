"""The faces that are most alike, with where to see them: what the page, the sheet and the JSON are made of."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import paths
from pipeline.classifier.model import Description
from pipeline.errors import InputError, nearest
from pipeline.rows import BoxRow, EpisodeRow, FrameRow
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.search.index import Index
from pipeline.search.query import Asked
from pipeline.tables import read_rows, rows_of

WATCHED: Final = (paths.WATCH, paths.WATCH_REPORTS)
"""Folders in which an episode may have been watched, the first that is there counts."""


class IndexRow(FrameRow, BoxRow):
    """A row of `Index.faces`, with what the face feels."""

    face_id: str
    character: str
    scene: int
    track: int
    split: str
    cluster_size: int
    label: str
    emotion: str
    probability: float
    unsure: bool


@dataclass(frozen=True)
class Wanted:
    """Which faces may be found; empty: any."""

    characters: Sequence[str] = ()
    not_characters: Sequence[str] = ()
    emotions: Sequence[str] = ()
    count: int = 24

    def check(self, characters: Sequence[str], emotions: Sequence[str]) -> None:
        """Raise InputError where one of these is none of the project's."""
        for kind, asked, known in (
            ("character", (*self.characters, *self.not_characters), characters),
            ("emotion", self.emotions, emotions),
        ):
            for name in asked:
                if name not in known:
                    there = ", ".join(known)
                    raise InputError(f"no {kind} is called {name!r}; there is {there}.{nearest(name, known)}")

    def among(self, faces: pd.DataFrame) -> NDArray[np.bool_]:
        """Which faces (character, emotion, unsure) may be found: bool [N]. An unsure answer is no emotion."""
        allowed = ~faces["character"].isin(list(self.not_characters))
        if self.characters:
            allowed &= faces["character"].isin(list(self.characters))
        if self.emotions:
            allowed &= faces["emotion"].isin(list(self.emotions)) & ~faces["unsure"]
        return allowed.to_numpy(bool)

    @property
    def said(self) -> str:
        """In words, for the page."""
        parts = [
            ("only ", self.characters),
            ("not ", self.not_characters),
            ("feeling ", self.emotions),
        ]
        return ", ".join(lead + " or ".join(dict.fromkeys(names)) for lead, names in parts if names)


@dataclass(frozen=True)
class Hit:
    """A face that is like the one asked about; links are relative to the folder that they were made for."""

    face: dict[str, Any]
    """Of `IndexRow`."""
    likeness: float
    moment_s: float
    """Time in a player, which calls the first frame 0, whatever its pts is."""
    video: str
    """Link to the moment in the video; empty where the video is not there."""
    watch: str
    """Link to the moment on the page of the watched episode; empty where there is none."""


@dataclass(frozen=True)
class Answer:
    """A face that was asked about, what the classifier says of it, and the faces like it."""

    asked: Asked
    emotion: str
    probability: float
    unsure: bool
    hits: list[Hit]


def with_emotions(faces: pd.DataFrame, found: NDArray[np.float32], about: Description) -> pd.DataFrame:
    """The faces with `emotion`, `probability` and `unsure`: what people said, else the classifier's answer [N, K].

    probability: of the answer; 1 where people said it. unsure: whether the answer should not be believed.
    """
    best = found.argmax(axis=1) if len(found) else np.zeros(0, dtype=np.int64)
    said = faces["label"].to_numpy(object)
    answers = np.array(about.emotions, dtype=object)[best]
    labelled = said != ""
    top = np.where(labelled, 1.0, found.max(axis=1, initial=0.0).astype(np.float64).round(4))
    return faces.assign(emotion=np.where(labelled, said, answers), probability=top, unsure=top < about.unsure_below)


def hits_of(index: Index, features: NDArray[np.float32], wanted: Wanted, links: "Links") -> list[Hit]:
    """The faces most like one with these features [D], among those that are wanted."""
    rows, likeness = index.best(features, wanted.among(index.faces), wanted.count)
    found = []
    for row, alike in zip(rows_of(index.faces.iloc[rows], IndexRow), likeness.tolist(), strict=True):
        moment_s, video, watch = links.of(row)
        found.append(Hit(dict(row._asdict()), round(alike, 4), moment_s, video, watch))
    return found


class Links:
    """Where a face can be seen in its episode, as a page in `folder` links to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        episodes = read_rows(paths.EPISODES, EPISODES) if paths.EPISODES.exists() else pd.DataFrame(columns=["status"])
        self._videos = {row.episode_id: row.path for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow)}
        scenes = read_rows(paths.SCENES, SCENES, ["episode_id", "start_s"]) if paths.SCENES.exists() else None
        self._starts = {} if scenes is None else scenes.groupby("episode_id")["start_s"].min().to_dict()

    def of(self, face: IndexRow) -> tuple[float, str, str]:
        """The face's moment, s, and links to it: in the video and on the watched episode's page; empty without one."""
        moment_s = round(max(0.0, face.time_s - self._starts.get(face.episode_id, 0.0)), 3)
        moment = f"#t={moment_s:.3f}"
        video = paths.VIDEOS / self._videos.get(face.episode_id, "")
        pages = [folder / face.episode_id / "index.html" for folder in WATCHED]
        page = next((path for path in pages if path.is_file()), None)
        return (
            moment_s,
            self._to(video) + moment if video.is_file() else "",
            self._to(page) + moment if page is not None else "",
        )

    def _to(self, path: Path) -> str:
        return quote(Path(os.path.relpath(path.resolve(), self._folder.resolve())).as_posix())
