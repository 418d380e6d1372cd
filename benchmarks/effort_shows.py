"""The shows of `benchmarks.effort`: their annotated frames, each with its scene, and those that are held out."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.footage import CHARACTERS, SIZE, Frame, load, rows
from cascades import Box as FaceBox
from pipeline.sample import TEN_CHARACTERS, TEN_EPISODES, episode_truth
from pipeline.sample.render import Painter
from pipeline.sample.truth import Face
from pipeline.tables import replacing

TAKES: Final = 4
"""Episodes that are drawn from each script of the show with ten characters: twelve episodes of a minute."""
EVERY: Final = 12
"""Frames from one that can be boxed to the next, in the show with ten characters."""

Scene = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Show:
    """Annotated frames to learn from, each with its scene, and those to test on."""

    name: str
    characters: tuple[str, ...]
    learn: list[tuple[Scene, Frame]]
    test: list[Frame]


def film() -> Show:
    """The film: held-out shots are the test."""
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    learn = [(scene_of("bbb", frame), frame) for frame in frames if not frame.held_out]
    return Show("film", CHARACTERS, learn, [frame for frame in frames if frame.held_out][::2])


def drawn() -> Show:
    """The excerpts. Two of the three characters have a single shot: its second half is their test, so they are seen."""
    learn, test = [], []
    for episode in ("popeye_p1", "popeye_p2", "popeye_p3", "popeye_p4"):
        for frame in load(episode, f"{episode}.mkv", (640, 477)):
            if episode == "popeye_p1" or (episode == "popeye_p4" and 1244 <= frame.number < 1340):
                learn.append((scene_of(episode, frame), frame))
            elif episode != "popeye_p4" or frame.number < 1244 or frame.number >= 1346:
                test.append(frame)
    return Show("drawn", ("sindbad", "boola", "popeye"), learn, test[::2])


def ten() -> Show:
    """The show with ten characters, twelve episodes long. Every fourth scene of each is held out."""
    learn, test = [], []
    for name in TEN_EPISODES:
        for take in range(TAKES):
            for scene, frame in drawn_episode(name, take):
                if scene % 4 == 1:
                    test.append(frame)
                else:
                    learn.append(((f"{name}-{take}", scene), frame))
    return Show("ten", TEN_CHARACTERS, learn, test[::2])


SHOWS: Final[Mapping[str, Callable[[], Show]]] = {"film": film, "drawn": drawn, "ten": ten}


def drawn_episode(name: str, take: int) -> list[tuple[int, Frame]]:
    """Every twelfth frame of an episode with its scene. It is drawn once and kept in a temporary file."""
    cache = Path(tempfile.gettempdir()) / f"toonset-benchmark-effort-1-{name}-{take}.npz"
    faces = episode_truth(name, take).faces if not cache.is_file() else None
    if faces is not None:
        painter = Painter(name, take)
        places = [
            (scene, shot, number)
            for scene, shot in enumerate(painter.plan)
            for number in range(shot.start + EVERY // 2, shot.stop - shot.dark_tail, EVERY)
        ]
        numbers = [number for *_, number in places]
        with replacing(cache) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                scenes=[scene for scene, *_ in places],
                numbers=numbers,
                planes=[planes_of(painter.frame(shot, number - shot.start)) for _, shot, number in places],
                faces=faces[faces["frame"].isin(numbers)].to_csv(index=False),
            )
    return read_episode(cache)


def read_episode(path: Path) -> list[tuple[int, Frame]]:
    with np.load(path) as kept:
        scenes, numbers, planes, text = (kept[key] for key in ("scenes", "numbers", "planes", "faces"))
    faces = pd.DataFrame([line.split(",") for line in str(text).splitlines()[1:]], columns=list(Face._fields))
    sides = ["frame", "x", "y", "w", "h"]
    faces[sides] = faces[sides].astype(np.int64)
    by_frame = {int(str(number)): own for number, own in faces.groupby("frame")}
    return [
        (int(scene), framed(own, int(number), by_frame.get(int(number), faces.head(0))))
        for scene, number, own in zip(scenes, numbers, planes, strict=True)
    ]


def planes_of(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A painted picture as it would be decoded: uint8 [1.5 H, W], YUV 4:2:0."""
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)


def framed(planes: NDArray[np.uint8], number: int, faces: pd.DataFrame) -> Frame:
    """The frame with the boxes of faces that are worth boxing; it is complete if all its faces are."""
    height, width = len(planes) * 2 // 3, planes.shape[1]
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    worth = faces[faces["annotatable"] == "True"]
    boxes = tuple(
        (str(who), FaceBox(int(x), int(y), int(w), int(h)))
        for who, x, y, w, h in worth[["character", "x", "y", "w", "h"]].itertuples(index=False, name=None)
    )
    return Frame(number, planes[:height], chroma, False, len(worth) == len(faces), boxes)


def scene_of(episode: str, frame: Frame) -> Scene:
    """Episode and number of the shot in which a frame lies."""
    starts = [int(row["start_frame"]) for row in rows("scenes.csv", episode)]
    return episode, int(np.searchsorted(starts, frame.number, side="right")) - 1
