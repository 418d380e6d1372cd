"""The two tables of a watched video: a row per face and looked-at frame, and a row per run of one emotion."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from pipeline.errors import InputError
from pipeline.rows import BoxRow, FrameRow, Row
from pipeline.schemas import BOX, FRAME, column

TRACK: Final = "0-based index of the track in the video: one face followed through a scene"
FOUND: Final = [
    *FRAME,
    column("character", pa.string(), "whose face the cascade takes it for"),
    *BOX,
    column("scene", pa.int32(), "0-based index of the scene in the video"),
    column("track", pa.int32(), TRACK),
    column("detection", pa.float32(), "probability that it is the character's face; null: the cascade is uncalibrated"),
]
ANSWER: Final = [
    column("emotion", pa.string(), "the answer, smoothed along the track"),
    column("probability", pa.float32(), "probability of the answer, smoothed along the track"),
    column("unsure", pa.bool_(), "whether the answer should not be believed"),
]
SEGMENTS: Final = pa.schema(
    [
        column("episode_id", pa.string(), "the video"),
        column("character", pa.string(), "whose face it is"),
        column("track", pa.int32(), TRACK),
        column("emotion", pa.string(), "the answer, the same in every looked-at frame of the segment"),
        column("start_s", pa.float64(), "time of the first frame, s"),
        column("end_s", pa.float64(), "time at which it ends, s"),
        column("start_frame", pa.int32(), "first frame"),
        column("end_frame", pa.int32(), "last looked-at frame"),
        column("probability", pa.float32(), "mean probability of the answer"),
        column("frames", pa.int32(), "looked-at frames"),
        column("unsure", pa.bool_(), "whether the answer should not be believed"),
    ]
)


class WatchedFace(FrameRow, BoxRow):
    """A row of `watched_schema`, without its columns named like emotions."""

    character: str
    scene: int
    track: int
    detection: float
    emotion: str
    probability: float
    unsure: bool


class SegmentRow(Row):
    """A row of SEGMENTS."""

    episode_id: str
    character: str
    track: int
    emotion: str
    start_s: float
    end_s: float
    start_frame: int
    end_frame: int
    probability: float
    frames: int
    unsure: bool


def watched_schema(emotions: Sequence[str]) -> pa.Schema:
    """The schema of `faces.parquet`: between what was found and the answer, a column for each emotion, named like it.

    Raises InputError where an emotion is called like another column.
    """
    taken = {field.name for field in (*FOUND, *ANSWER)} & set(emotions)
    if taken:
        raise InputError(
            f"the classifier has an emotion called {min(taken)!r}, as a column of the table of faces is: "
            "give the emotion another name in params.yaml and train again"
        )
    own = [column(name, pa.float32(), f"calibrated probability of {name} in this frame alone") for name in emotions]
    return pa.schema([*FOUND, *own, *ANSWER])
