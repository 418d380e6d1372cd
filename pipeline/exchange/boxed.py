"""The one shape of boxes between all formats: a picture of an episode's frame with the faces boxed in it.

A frame's picture is called EPISODE-FRAME.jpg (`pilot-000412.jpg`), so every format that keeps file names keeps what the
frame is. Frames count from 0.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cascades.boxes import intersection_over_union
from labeling.answers import NO_EMOTION, SHEET_ANSWERS
from pipeline import paths
from pipeline.console import progress
from pipeline.errors import InputError
from pipeline.images import encode_jpeg
from pipeline.labels.annotations import read_boxes, read_emotions, read_looked_at, rows_in_force
from pipeline.params import Params
from pipeline.rows import AnnotationRow, EpisodeRow
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.tables import read_rows, replacing, rows_of
from pipeline.video.decode import decode_chosen, known_frames

NAME: Final = re.compile(r"(?P<head>.*?)[-_ ]?(?P<frame>\d{1,9})$", re.ASCII)
"""A file's name without its ending: an episode's id, then the number of the frame."""


@dataclass(frozen=True)
class Box:
    """A face that somebody boxed, px of the picture; fractions where a tool gives them."""

    name: str
    """Whose face it is."""
    x: float
    y: float
    w: float
    h: float
    emotion: str = ""
    annotator: str = ""


@dataclass(frozen=True)
class BoxedPicture:
    """A picture, or a frame of a video, and the boxes in it."""

    file: str
    """Name of the picture's file; of a video where `frame` is given."""
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    split: str = ""
    frame: int | None = None
    """Of a video; None where the file is a picture."""
    time_s: float | None = None
    """Of a video, s from its first frame, in place of `frame`."""
    shares: bool = False
    """Whether boxes are shares of the picture's width and height, and not px."""
    complete: bool = True
    """Whether every face in it is boxed."""
    faults: tuple[str, ...] = field(default=())
    """Boxes of it that cannot be read, and why."""


def moment_of(picture: BoxedPicture) -> str:
    """For people: where in a video it is; empty where the file is a picture."""
    if picture.time_s is not None:
        return f", {picture.time_s:g} s,"
    return "" if picture.frame is None else f", frame {picture.frame},"


def file_of(episode_id: str, frame: int) -> str:
    """The name of a frame's picture."""
    return f"{episode_id}-{frame:06d}.jpg"


def boxed_pictures(params: Params) -> list[BoxedPicture]:
    """The frames that people boxed in this project, in order, with what they said of the faces.

    An emotion belongs to a box of the same frame and character that it overlaps by `labels.min_iou`. Raises InputError
    where there is no box.
    """
    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    boxes, looks = rows_in_force(
        read_boxes(paths.BOXES, episodes, params.characters), read_looked_at(paths.FRAMES, episodes)
    )
    emotions = read_emotions(paths.EMOTIONS, episodes, params.characters, params.emotions)
    said = dict(iter(emotions[emotions["status"] == OK].groupby(["episode_id", "frame", "character"])))
    boxes, looks = boxes[boxes["status"] == OK], looks[looks["status"] == OK]
    by_frame = dict(iter(boxes.groupby(["episode_id", "frame"])))
    listed = looks.drop_duplicates(["episode_id", "frame"], keep="last").set_index(["episode_id", "frame"])["complete"]
    sizes = {
        row.episode_id: (int(row.width), int(row.height)) for row in rows_of(episodes, EpisodeRow) if row.status == OK
    }
    found = []
    for key in sorted({*by_frame, *listed.index}):
        episode_id, frame = str(key[0]), int(key[1])
        own = by_frame.get(key)
        rows = [] if own is None else rows_of(own, AnnotationRow)
        width, height = sizes[episode_id]
        found.append(
            BoxedPicture(
                file_of(episode_id, frame),
                width,
                height,
                tuple(_box(row, said.get((episode_id, frame, row.character)), params) for row in rows),
                _split(scenes, episode_id, frame),
                complete=bool(listed.get(key, 1)),
            )
        )
    if not found:
        raise InputError(f"{paths.BOXES} has no box that can be used: there is nothing to export in this format")
    return found


def _box(row: AnnotationRow, emotions: pd.DataFrame | None, params: Params) -> Box:
    emotion = ""
    if emotions is not None:
        places = emotions[list("xywh")].to_numpy(np.int64)
        shares = intersection_over_union(np.array([[row.x, row.y, row.w, row.h]]), places)[0]
        told = ~emotions["emotion"].isin([*NO_EMOTION, *SHEET_ANSWERS]).to_numpy() & (shares >= params.labels.min_iou)
        emotion = str(emotions["emotion"].to_numpy()[told][-1]) if told.any() else ""
    return Box(row.character, row.x, row.y, row.w, row.h, emotion, getattr(row, "annotator", ""))


def _split(scenes: pd.DataFrame, episode_id: str, frame: int) -> str:
    inside = scenes[
        (scenes["episode_id"] == episode_id) & (scenes["start_frame"] <= frame) & (frame < scenes["stop_frame"])
    ]
    return str(inside["split"].iloc[0]) if len(inside) and inside["split"].notna().iloc[0] else "train"


def write_frames(pictures: Sequence[BoxedPicture], places: Sequence[Path]) -> None:
    """Write the frames of `boxed_pictures` as JPEG files. places: the file of each."""
    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    wanted: dict[str, dict[int, Path]] = {}
    for picture, place in zip(pictures, places, strict=True):
        episode_id, frame = identity(picture.file)
        wanted.setdefault(episode_id, {})[frame] = place
    with progress(desc="export", unit="frames", total=len(places)) as bar:
        for episode in rows_of(episodes[episodes["episode_id"].isin(wanted)], EpisodeRow):
            starts = scenes[scenes["episode_id"] == episode.episode_id]
            known = known_frames(episode, starts["start_frame"], starts["start_pts"])
            own = wanted[episode.episode_id]
            for decoded in decode_chosen(paths.VIDEOS / episode.path, own, known):
                with replacing(own[decoded.index]) as temporary:
                    temporary.write_bytes(encode_jpeg(decoded.rgb()))
                bar.update()


def identity(file: str) -> tuple[str, int]:
    """The episode's id and the number of the frame, of a picture's name; ("", -1) where it has no number at its end."""
    found = NAME.fullmatch(Path(file.replace("\\", "/")).stem)
    return (found["head"], int(found["frame"])) if found else ("", -1)


def splits_of(pictures: Sequence[BoxedPicture]) -> Iterator[tuple[str, list[BoxedPicture]]]:
    """The pictures by split, in the order train, validation, test; splits without pictures are left out."""
    for split in ("train", "validation", "test"):
        own = [picture for picture in pictures if picture.split == split]
        if own:
            yield split, own
