"""How much every frame of a video differs from the one before: all that finding its scenes needs of the pictures.

`download` measures it while it checks a video and keeps it in the cache. `scenes` decodes only a video of which nothing
is kept. The settings of the scenes have no part in it.
"""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schemas import CHANGES
from pipeline.tables import read_table, table_key, write_table
from pipeline.video import container
from pipeline.video.dissolves import DissolveFinder
from pipeline.video.frame import Frame, Pixels

VERSION: Final = 2
"""Grows when a change here, in `dissolves` or in `Frame.preview` can change a value: then all is measured again."""
PREVIEW: Final = 128
"""Width in px at which frames are compared: half of PySceneDetect's own choice, which finds the same boundaries."""


class Change(NamedTuple):
    """A frame's pts; how much it differs from the one before, 0 to 255, as `content_val` of PySceneDetect; its mean
    level, 0 to 255; how many frames back the middle of a dissolve is, 0 where there is none."""

    pts: int
    content: float
    level: float
    dissolve: int = 0


class Meter:
    """Measures the frames of a video that it is given in order."""

    def __init__(self) -> None:
        self._last: Pixels | None = None
        self._dissolves = DissolveFinder()

    def change(self, frame: Frame) -> Change:
        """The change from the frame before; of the first frame it is 0.

        content: the mean absolute difference of hue, saturation and value (OpenCV's, uint8), and the mean of the three.
        PySceneDetect's ContentDetector gives the same number, bit for bit, in eight times the time: it takes the
        difference of 32-bit numbers, channel by channel.
        """
        picture = frame.preview(PREVIEW)
        looks = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV), np.uint8)
        pixels = float(looks.shape[0] * looks.shape[1])
        content = 0.0
        if self._last is not None:
            content = sum(total / pixels for total in _totals(cv2.absdiff(looks, self._last))) / 3.0
        self._last = looks
        return Change(frame.pts, content, sum(_totals(picture)) / picture.size, self._dissolves.add(picture))


def _totals(picture: npt.NDArray[Any]) -> list[float]:
    """The sum of each channel of a color picture: whole numbers, so it is exact."""
    totals: list[float] = np.array(cv2.sumElems(picture)).tolist()
    return totals[:3]


class Changes:
    """The changes of a video's frames, in order."""

    def __init__(self) -> None:
        self.pts, self.content, self.level, self.dissolve = array("q"), array("d"), array("d"), array("b")

    def __len__(self) -> int:
        return len(self.pts)

    def __iter__(self) -> Iterator[Change]:
        return map(Change, self.pts, self.content, self.level, self.dissolve)

    def measure(self, frames: Iterable[Frame]) -> None:
        """Add the changes of these frames."""
        meter = Meter()
        for frame in frames:
            change = meter.change(frame)
            self.pts.append(change.pts)
            self.content.append(change.content)
            self.level.append(change.level)
            self.dissolve.append(change.dissolve)


def kept_name(sha256: str) -> str:
    """The name of the file in which the changes of a video are kept, by its content."""
    return f"{sha256[:32]}-{VERSION}.{container.VERSION}.parquet"


def keep(path: Path, changes: Changes) -> None:
    """Write changes to where a later run finds them."""
    columns = [pa.array(np.array(getattr(changes, name))) for name in CHANGES.names]
    write_table(path, pa.table(columns, schema=CHANGES), {"frames": str(len(changes))})


def kept(path: Path, frames: int) -> Changes | None:
    """What `keep` wrote of a video with so many frames; None where there is nothing, or a byte of it was harmed."""
    if table_key(path) != {"frames": str(frames)}:
        return None
    table, changes = read_table(path, CHANGES), Changes()
    for name in CHANGES.names:
        getattr(changes, name).frombytes(table[name].to_numpy().tobytes())
    return changes
