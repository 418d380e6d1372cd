"""Where each face is in every frame of a video, also between the frames that were looked at."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.images import Rectangle
from pipeline.schemas import BOX_NAMES


class Placed(NamedTuple):
    """A face in one frame; `probability` and `unsure` are of the last looked-at frame."""

    character: str
    box: Rectangle
    emotion: str
    probability: float
    unsure: bool


class Places:
    """The faces of a video by frame: a box moves evenly from one looked-at frame of its track to the next.

    faces: rows of `watched_schema`, sorted by frame. hold: frames that a face stays after its track's last one.
    """

    COLUMNS = ("frame", "track", "character", *BOX_NAMES, "emotion", "probability", "unsure")

    def __init__(self, faces: pd.DataFrame, hold: int) -> None:
        self._boxes = faces[BOX_NAMES].to_numpy(np.float64)
        self._frames = faces["frame"].to_numpy(np.int64)
        self._rows = faces
        following = faces.groupby("track")["frame"].shift(-1)
        self._next = np.full(len(faces), -1, dtype=np.int64)
        for places in faces.groupby("track").indices.values():
            self._next[places[:-1]] = places[1:]
        self._until = following.fillna(faces["frame"] + hold).to_numpy(np.int64)
        self._longest = int((self._until - self._frames).max(initial=1))

    def at(self, frame: int) -> Iterator[Placed]:
        """The faces in a frame, in the order of the table."""
        first = int(np.searchsorted(self._frames, frame - self._longest, side="left"))
        last = int(np.searchsorted(self._frames, frame, side="right"))
        for i in range(first, last):
            if self._until[i] <= frame:
                continue
            box = self._boxes[i]
            if self._next[i] >= 0:
                share = (frame - self._frames[i]) / (self._until[i] - self._frames[i])
                box = box + share * (self._boxes[self._next[i]] - box)
            x, y, w, h = (round(float(edge)) for edge in box)
            row = self._rows.iloc[i]
            yield Placed(row["character"], (x, y, w, h), row["emotion"], float(row["probability"]), bool(row["unsure"]))
