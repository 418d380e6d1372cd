"""What was seen live, written to a folder of its own as `toonset watch` writes it."""

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StageError
from pipeline.tables import COMPRESSION, read_rows, replacing, to_table, write_table
from pipeline.watch.record import FACES, SEGMENTS_FILE
from pipeline.watch.segments import segments_of
from pipeline.watch.tables import SEGMENTS

AT_ONCE: Final = 4096
"""Rows in memory."""


class Recording:
    """A recording that is being made: `watch/live-001/` or the next free number, so that none is overwritten.

    `close` gives the file its name; a process that is killed before loses the recording.
    """

    def __init__(self, out: Path, schema: pa.Schema) -> None:
        self.folder = _next_folder(out)
        self.faces = 0
        self.frames = 0
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._times: list[float] = []
        self._stack = contextlib.ExitStack()
        temporary = self._stack.enter_context(replacing(self.folder / FACES))
        self._writer = self._stack.enter_context(pq.ParquetWriter(temporary, schema, compression=COMPRESSION))

    @property
    def name(self) -> str:
        """What stands as `episode_id` in the rows."""
        return self.folder.name

    def add(self, rows: Sequence[dict[str, Any]], time_s: float) -> None:
        """Rows of `watched_schema`: the faces of one more frame, which may have none."""
        self._rows += rows
        self._times = [*self._times[:1], time_s]
        self.frames += 1
        self.faces += len(rows)
        if len(self._rows) >= AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the segments. Raises StageError where they cannot be written."""
        self._flush()
        self._stack.close()
        rows = read_rows(self.folder / FACES, self._schema)
        frame_s = (self._times[-1] - self._times[0]) / (self.frames - 1) if self.frames > 1 else 0.0
        found = [segments_of(rows, max(0.0, frame_s))] if len(rows) else []
        segments = pd.concat([SEGMENTS.empty_table().to_pandas(), *found], ignore_index=True)
        write_table(self.folder / SEGMENTS_FILE, to_table(segments, SEGMENTS))

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(to_table(self._rows, self._schema))
            self._rows = []


def _next_folder(out: Path) -> Path:
    """A new folder in `out`, numbered. Raises StageError where it cannot be made."""
    for number in itertools.count(1):
        folder = out / f"live-{number:03}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StageError(
                f"{folder} cannot be made ({error.strerror}): mend the folder's permissions or name another with --out"
            ) from error
        return folder
    raise AssertionError("numbers do not end")
