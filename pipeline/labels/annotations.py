"""What people made: the CSV files in `annotations/`, read row by row.

    boxes.csv     episode_id,frame,character,x,y,w,h[,annotator,annotated_at,lead_time_s]   a face somebody boxed
    frames.csv    episode_id,frame,complete[,annotator,annotated_at,lead_time_s]   a frame somebody looked at: 1 if
                                                   every face of the characters in it is boxed, 0 if not
    names.csv     episode_id,frame,character,x,y,w,h[,annotator,annotated_at,lead_time_s,given_by]   a found face that
                                                   somebody named on a sheet; the box is the detector's
    emotions.csv  episode_id,frame,character,x,y,w,h,emotion[,annotator,annotated_at,lead_time_s,…]   an emotion given

Three more columns may say how an emotion came to be given: `given_by` is task (one face at a time), sheet (many faces
at one look) or review; `suggested` what the annotator was shown as a guess or claim; `guess` what the model held the
face to be, whether that was shown or withheld. Empty: not said, nothing shown, no model.

The files are read only. A row that cannot be used stays in the tables with `status` rejected and the reason, under its
line number. Further columns are carried by people's tools and ignored here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from cascades.strict_csv import whole_number
from labeling.answers import NO_EMOTION, NOBODY, PLACE, PROVENANCE, SHEET_ANSWERS, UNNAMED
from pipeline.errors import nearest
from pipeline.labels.people_files import read_table_file
from pipeline.rows import AnnotationRow, EpisodeRow
from pipeline.schemas import OK, REJECTED
from pipeline.tables import rows_of

BOX_COLUMNS = list(PLACE)
FRAME_COLUMNS = ["episode_id", "frame", "complete"]
EMOTION_COLUMNS = [*BOX_COLUMNS, "emotion"]


def read_boxes(path: Path, episodes: pd.DataFrame, characters: Sequence[str]) -> pd.DataFrame:
    """Rows of boxes.csv: line, BOX_COLUMNS, annotator, status, reason.

    `episodes` are the rows of episodes.parquet: boxes are held to their frame sizes and clipped to them.
    """
    rows = _read(path, BOX_COLUMNS, ("annotator", "annotated_at"), whole=("frame", "x", "y", "w", "h"))
    _reject_unknown(rows, "character", characters)
    return _hold_to_episodes(rows, episodes)


def read_looked_at(path: Path, episodes: pd.DataFrame) -> pd.DataFrame:
    """Rows of frames.csv: line, FRAME_COLUMNS, annotator, status, reason. A missing file has no rows."""
    if not path.exists():
        return pd.DataFrame(columns=["line", *FRAME_COLUMNS, "annotator", "annotated_at", "status", "reason"])
    rows = _read(path, FRAME_COLUMNS, ("annotator", "annotated_at"), whole=("frame", "complete"))
    _reject(rows, lambda row: "" if row.complete in (0, 1) else f"complete is {row.complete}, expected 0 or 1")
    return _hold_to_episodes(rows, episodes)


def read_names(path: Path, episodes: pd.DataFrame, characters: Sequence[str]) -> pd.DataFrame:
    """Rows of names.csv in force: line, BOX_COLUMNS, annotator, annotated_at, given_by, status, reason.

    Of each face the last answer counts, whoever gave it; `character` is one, or NOBODY, or UNNAMED. A missing file has
    no rows.
    """
    optional = ("annotator", "annotated_at", "given_by")
    if not path.exists():
        return pd.DataFrame(columns=["line", *BOX_COLUMNS, *optional, "status", "reason"])
    rows = _read(path, BOX_COLUMNS, optional, whole=("frame", "x", "y", "w", "h"))
    _reject_unknown(rows, "character", [*characters, NOBODY, UNNAMED])
    in_order = _hold_to_episodes(rows, episodes).sort_values(["annotated_at", "line"])
    last = in_order.drop_duplicates(["episode_id", "frame", "x", "y", "w", "h"], keep="last")
    return last.sort_values("line", ignore_index=True)


def rows_in_force(boxes: pd.DataFrame, frames: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of `read_boxes` and `read_looked_at` in force: of each frame, those of the last time it was boxed.

    Who boxes a frame in Label Studio says of all of it what is there, so a row of frames.csv with a time takes the
    place of all earlier rows of that frame, boxes included; rows without a time are the earliest. Files only grow, so
    the earlier ones stay in them.
    """
    key = ["episode_id", "frame"]
    latest = frames.groupby(key)["annotated_at"].max()

    def in_force(table: pd.DataFrame) -> pd.DataFrame:
        last = latest.reindex(pd.MultiIndex.from_frame(table[key])).fillna("").to_numpy()
        return table[pd.Series(table["annotated_at"].to_numpy() >= last, index=table.index)]

    return in_force(boxes), in_force(frames)


def read_emotions(
    path: Path, episodes: pd.DataFrame, characters: Sequence[str], emotions: Sequence[str]
) -> pd.DataFrame:
    """Rows of emotions.csv: line, EMOTION_COLUMNS, annotator, PROVENANCE, status, reason."""
    rows = _read(path, EMOTION_COLUMNS, ("annotator", *PROVENANCE), whole=("frame", "x", "y", "w", "h"))
    _reject_unknown(rows, "character", characters)
    _reject_unknown(rows, "emotion", [*emotions, *NO_EMOTION, *SHEET_ANSWERS])
    return _hold_to_episodes(rows, episodes)


def _read(path: Path, required: list[str], optional: tuple[str, ...], whole: tuple[str, ...]) -> pd.DataFrame:
    """The file's rows as text, the columns in `whole` as integers where they are."""
    table = read_table_file(path, required)
    records = []
    for (line, cells), row in zip(table.rows, table.records(), strict=True):
        record: dict[str, object] = {"line": line, **{name: row.get(name, "") for name in (*required, *optional)}}
        reason = f"{len(cells)} cells in {len(table.header)} columns" if len(cells) > len(table.header) else ""
        for name in whole:
            number = whole_number(str(record[name]))
            if number is None:
                reason = reason or f"{name} is {str(record[name])[:80]!r}, expected a whole number"
            record[name] = -1 if number is None else number
        records.append(record | {"status": REJECTED if reason else OK, "reason": reason})
    return pd.DataFrame(records, columns=["line", *required, *optional, "status", "reason"])


def _reject(rows: pd.DataFrame, reason: Callable[[AnnotationRow], str]) -> None:
    """Mark the rows for which `reason(row)` has something to say; the first reason found stays."""
    if rows.empty:
        return
    reasons = [reason(row) if row.status == OK else row.reason for row in rows_of(rows, AnnotationRow)]
    rows["reason"] = reasons
    rows["status"] = [REJECTED if text else OK for text in reasons]


def _reject_unknown(rows: pd.DataFrame, name: str, valid: Sequence[str]) -> None:
    def reason(row: AnnotationRow) -> str:
        found = getattr(row, name)
        if found in valid:
            return ""
        return f"{found!r} is not among the {name}s in params.yaml ({', '.join(valid)}).{nearest(found, valid)}"

    _reject(rows, reason)


def _hold_to_episodes(rows: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    """Reject rows of episodes and frames that are not there and boxes outside; clip boxes that reach over the edge."""
    known = {episode.episode_id: episode for episode in rows_of(episodes, EpisodeRow)}

    def reason(row: AnnotationRow) -> str:
        episode = known.get(row.episode_id)
        if episode is None:
            return f"unknown episode {row.episode_id!r}; not in params.yaml.{nearest(row.episode_id, known)}"
        if episode.status != OK:
            return f"its episode is rejected: {episode.reason}"
        if not 0 <= row.frame < episode.frames:
            return f"frame {row.frame}, but the episode has frames 0 to {episode.frames - 1}"
        return _box_fault(row, episode.width, episode.height) if hasattr(row, "w") else ""

    _reject(rows, reason)
    if "w" in rows and not rows.empty:
        sizes = [known.get(name) for name in rows["episode_id"]]
        clipped = [
            _clip(row, size.width, size.height)
            if row.status == OK and size is not None
            else (row.x, row.y, row.w, row.h)
            for row, size in zip(rows_of(rows, AnnotationRow), sizes, strict=True)
        ]
        rows[["x", "y", "w", "h"]] = pd.DataFrame(clipped, index=rows.index)
    return rows


def _box_fault(row: AnnotationRow, width: int, height: int) -> str:
    x, y, w, h = (getattr(row, name) for name in "xywh")
    if w < 1 or h < 1:
        return f"a box of {w}×{h} px; expected a width and height of at least 1"
    left, top, right, bottom = _edges(row, width, height)
    if max(0, right - left) * max(0, bottom - top) < 0.5 * w * h:
        return f"more than half of the box {x},{y} {w}×{h} lies outside the frame of {width}×{height} px"
    return ""


def _edges(row: AnnotationRow, width: int, height: int) -> tuple[int, int, int, int]:
    x, y, w, h = (getattr(row, name) for name in "xywh")
    return max(0, x), max(0, y), min(width, x + w), min(height, y + h)


def _clip(row: AnnotationRow, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = _edges(row, width, height)
    return left, top, right - left, bottom - top
