"""`watch/NAME/`: everything that is made of one watched video, from its table of faces."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.params import Compute
from pipeline.tables import COMPRESSION, read_rows, replacing, to_table, write_json, write_table
from pipeline.watch.look import Viewer, watch_faces
from pipeline.watch.segments import segments_of
from pipeline.watch.tables import SEGMENTS, watched_schema
from pipeline.watch.video import Video

FACES: Final = "faces.parquet"
SEGMENTS_FILE: Final = "segments.parquet"
ABOUT: Final = "video.json"
"""Which video a folder is of."""


@dataclass(frozen=True)
class Watched:
    """A watched video: the folder its tables lie in, and what is needed to read them."""

    video: Video
    folder: Path
    emotions: tuple[str, ...]
    characters: tuple[str, ...]

    @property
    def link(self) -> str:
        """The video's path as a file in the folder links to it."""
        return relative(self.video.path, self.folder)

    def segments(self) -> pd.DataFrame:
        """Rows of SEGMENTS."""
        return read_rows(self.folder / SEGMENTS_FILE, SEGMENTS)

    def faces(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Rows of `watched_schema`."""
        return read_rows(self.folder / FACES, watched_schema(self.emotions), list(columns) if columns else None)

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """The rows of `faces`, a run of scenes after the other, so that memory holds one of them."""
        chosen = list(columns) if columns else None
        with pq.ParquetFile(self.folder / FACES) as file:
            if not file.num_row_groups:
                yield file.read(chosen).to_pandas()
            for number in range(file.num_row_groups):
                yield file.read_row_group(number, chosen).to_pandas()


def relative(path: Path, folder: Path) -> str:
    """A path as a page in `folder` links to it."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def claim(folder: Path, video: Video) -> None:
    """Write into a folder which video it is of.

    Raises InputError where it is of another one: what is left there, perhaps edited, would be taken for this video's.
    """
    about, own = folder / ABOUT, {"sha256": video.episode["sha256"], "video": video.path.name}
    if about.exists():
        there = json.loads(about.read_text(encoding="utf-8"))
        if there["sha256"] != own["sha256"]:
            raise InputError(
                f"{folder} is of another video ({there['video']}): rename or delete that "
                "folder, or give another one with --out"
            )
    else:
        folder.mkdir(parents=True, exist_ok=True)
    write_json(about, own)


def watch_video(video: Video, viewer: Viewer, folder: Path, compute: Compute) -> Watched:
    """Look through a video and write its two tables into `folder`.

    Raises InputError where the video does not decode to its end; what was there before is then left as it was.
    """
    emotions = viewer.classifier.emotions
    frame_s = float(1 / video.rate)
    found: list[pd.DataFrame] = []
    with replacing(folder / FACES) as temporary:
        parts = _with_segments(watch_faces(video, viewer, compute), frame_s, found)
        write_parts(temporary, parts, watched_schema(emotions))
    segments = pd.concat([SEGMENTS.empty_table().to_pandas(), *found], ignore_index=True)
    segments = segments.sort_values(["start_s", "character", "track"], ignore_index=True)
    write_table(folder / SEGMENTS_FILE, to_table(segments, SEGMENTS))
    return Watched(video, folder, emotions, viewer.characters)


def write_parts(path: Path, parts: Iterable[pd.DataFrame], schema: pa.Schema) -> None:
    """Write a table part by part, so that memory holds one of them."""
    with pq.ParquetWriter(path, schema, compression=COMPRESSION) as writer:
        for part in parts:
            writer.write_table(to_table(part, schema).cast(schema))


def _with_segments(parts: Iterable[pd.DataFrame], frame_s: float, found: list[pd.DataFrame]) -> Iterable[pd.DataFrame]:
    for part in parts:
        if len(part):
            found.append(segments_of(part, frame_s))
        yield part
