"""Where each face is in every frame of a video, also between the frames that were looked at."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Rectangle
from pipeline.schemas import BOX_NAMES

END: Final = 2**62
"""A frame that no video has."""


class Placed(NamedTuple):
    """A face in one frame; `probability` and `unsure` are of the last looked-at frame."""

    character: str
    box: Rectangle
    emotion: str
    probability: float
    unsure: bool


class Places:
    """The faces of a video by frame: a box moves evenly from one looked-at frame of its track to the next.

    parts: rows of `watched_schema`, sorted by frame, part by part, so that memory holds few of them; no track goes on
    from one part to the next. hold: frames that a face stays after its track's last one, but never beyond its scene.
    stops: the frames before which scenes end, ascending.
    """

    COLUMNS = ("frame", "track", "character", *BOX_NAMES, "emotion", "probability", "unsure")

    def __init__(self, parts: Iterable[pd.DataFrame], hold: int, stops: Sequence[int] = ()) -> None:
        self._rest = (_Part(part, hold, np.array([*stops, END])) for part in parts if len(part))
        self._coming = next(self._rest, None)
        self._here: list[_Part] = []

    def at(self, frame: int) -> Iterator[Placed]:
        """The faces in a frame, in the order of the table; frames must be asked for in ascending order."""
        while self._coming is not None and self._coming.first <= frame:
            self._here.append(self._coming)
            self._coming = next(self._rest, None)
        self._here = [part for part in self._here if frame < part.stop]
        for part in self._here:
            yield from part.at(frame)


class _Part:
    """The faces of one part; they are shown from frame `first` to before `stop`."""

    def __init__(self, faces: pd.DataFrame, hold: int, stops: NDArray[np.int64]) -> None:
        self._boxes = faces[BOX_NAMES].to_numpy(np.float64)
        self._frames = faces["frame"].to_numpy(np.int64)
        self._rows = faces
        following = faces.groupby("track")["frame"].shift(-1)
        self._next = np.full(len(faces), -1, dtype=np.int64)
        for places in faces.groupby("track").indices.values():
            self._next[places[:-1]] = places[1:]
        last = np.minimum(self._frames + hold, stops[np.searchsorted(stops, self._frames, side="right")])
        self._until = np.where(following.isna(), last, following.fillna(0)).astype(np.int64)
        self._longest = int((self._until - self._frames).max(initial=1))
        self.first, self.stop = int(self._frames[0]), int(self._until.max())

    def at(self, frame: int) -> Iterator[Placed]:
        """The faces in a frame."""
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
