"""Bringing answers from a Label Studio export into annotations/emotions.csv: rows are appended, never changed."""

import csv
import io
import json
from pathlib import Path

from labeling.errors import InvalidExport
from labeling.exports import emotion_rows
from pipeline.annotations import EMOTION_COLUMNS, EMOTIONS, NO_EMOTION, check_header
from pipeline.console import say_counts
from pipeline.params import load_params
from pipeline.tables import write_text

COLUMNS = [*EMOTION_COLUMNS, "annotator", "annotated_at", "lead_time_s"]


def import_emotions(export: Path, target: Path = EMOTIONS) -> None:
    """Append the export's rows that the file does not hold yet; the file's own rows keep their bytes."""
    params = load_params()
    try:
        tasks = json.loads(export.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidExport(f"there is no file {export}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidExport(f"{export} is not JSON ({error}); in Label Studio choose Export → JSON") from error
    rows = [
        {name: str(value) for name, value in row.items()}
        for row in emotion_rows(tasks, [*params.emotions, *NO_EMOTION])
    ]
    text = target.read_text(encoding="utf-8-sig") if target.exists() else ",".join(COLUMNS) + "\n"
    text, header = _with_columns(text, target)
    known = {tuple(row[name] or "" for name in COLUMNS) for row in csv.DictReader(io.StringIO(text))}
    added = [row for row in rows if tuple(row[name] for name in COLUMNS) not in known]
    lines = io.StringIO()
    csv.DictWriter(lines, header, restval="", lineterminator="\n").writerows(added)
    if added:
        write_text(target, text + ("" if text.endswith("\n") else "\n") + lines.getvalue())
    say_counts("label import", {"answers": len(rows), "new": len(added), "there already": len(rows) - len(added)})


def _with_columns(text: str, target: Path) -> tuple[str, list[str]]:
    """The file's text and columns; columns that may be left out are added to its first line where they are missing.

    Rows stay as they are: they are shorter than the first line then, which says nothing where nothing was said.
    """
    first, newline, rest = text.partition("\n")
    header = check_header(target, first, EMOTION_COLUMNS)
    missing = [name for name in COLUMNS if name not in header]
    return ",".join([first.rstrip("\r"), *missing]) + newline + rest, header + missing
