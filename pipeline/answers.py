"""Bringing answers from a Label Studio export into annotations/emotions.csv: rows are appended, never changed."""

import csv
import io
import json
from pathlib import Path

from labeling.errors import InvalidExport
from labeling.exports import emotion_rows
from pipeline.annotations import EMOTION_COLUMNS, EMOTIONS, NO_EMOTION
from pipeline.console import say_counts
from pipeline.errors import InputError
from pipeline.params import load_params
from pipeline.tables import write_text

COLUMNS = [*EMOTION_COLUMNS, "annotator", "annotated_at", "lead_time_s"]


def import_emotions(export: Path, target: Path = EMOTIONS) -> None:
    """Append the export's rows that the file does not hold yet; the file's own rows keep their bytes."""
    params = load_params()
    try:
        tasks = json.loads(export.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidExport(f"{export} cannot be read as JSON: {error}") from error
    rows = [
        {name: str(value) for name, value in row.items()}
        for row in emotion_rows(tasks, [*params.emotions, *NO_EMOTION])
    ]
    text = target.read_text(encoding="utf-8-sig") if target.exists() else ",".join(COLUMNS) + "\n"
    reader = csv.DictReader(io.StringIO(text))
    header = list(reader.fieldnames or [])
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{target} lacks the columns {', '.join(missing)}: add them to its first line, then try again")
    known = {tuple(row[name] for name in COLUMNS) for row in reader}
    added = [row for row in rows if tuple(row[name] for name in COLUMNS) not in known]
    lines = io.StringIO()
    csv.DictWriter(lines, header, restval="", lineterminator="\n").writerows(added)
    if added:
        write_text(target, text + ("" if text.endswith("\n") else "\n") + lines.getvalue())
    say_counts("label import", {"answers": len(rows), "new": len(added), "there already": len(rows) - len(added)})
