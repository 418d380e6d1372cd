"""Parquet tables of labelled pictures, as Hugging Face `datasets` writes them, whoever made them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError

LABELS: Final = ("emotion", "label", "labels", "expression")
"""What the column of labels may be called; the first that is there counts."""
AT_ONCE: Final = 256


@dataclass(frozen=True)
class LabelledRow:
    """A row: its number from 1, its words, and its encoded picture."""

    number: int
    label: str
    character: str = ""
    group: str = ""
    picture: bytes = b""
    fault: str = ""


def labelled_rows(path: Path) -> Iterator[LabelledRow]:
    """The rows of a table. Raises InputError where it has no pictures or no labels.

    Numbers are labels only where the table names them (a ClassLabel). A scene of an episode is a group.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            label, names = _label_of(schema, path)
            wanted = [name for name in ("image", label, "character", "episode_id", "scene") if name in schema.names]
            number = 0
            for batch in file.iter_batches(AT_ONCE, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(number, row, label, names)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet ({type(error).__name__}): get it again") from error


def _label_of(schema: pa.Schema, path: Path) -> tuple[str, list[str] | None]:
    """The column of labels, and the names of its numbers where it has numbers."""
    label = next((name for name in LABELS if name in schema.names), None)
    image = schema.field("image").type if "image" in schema.names else None
    if label is None or image is None or not pa.types.is_struct(image):
        raise InputError(
            f"{path} has the columns {', '.join(schema.names)[:200]}; expected image (with its bytes) and one of "
            f"{', '.join(LABELS)}"
        )
    if not pa.types.is_integer(schema.field(label).type):
        return label, None
    try:
        known: Any = json.loads((schema.metadata or {})[b"huggingface"])
        names = [str(name) for name in known["info"]["features"][label]["names"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} has numbers for {label}, and no names for them: save it with class names (`datasets.ClassLabel`)"
        ) from error
    return label, names


def _row(number: int, row: dict[str, Any], label: str, names: list[str] | None) -> LabelledRow:
    value, picture = row[label], (row["image"] or {}).get("bytes")
    if value is None or (names is not None and not 0 <= value < len(names)):
        return LabelledRow(number, "", fault=f"{label} is {value}, which has no name")
    word = str(value) if names is None else names[value]
    if not picture:
        return LabelledRow(number, word, fault="has no picture in it, only its name")
    group = "" if row.get("scene") is None else f"{row.get('episode_id') or ''} {row['scene']}"
    return LabelledRow(number, word, str(row.get("character") or ""), group, bytes(picture))
