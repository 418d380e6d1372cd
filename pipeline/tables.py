"""Reading and writing the project's tables: Parquet with one explicit schema, and people's CSV files.

Twice the same rows give the same bytes, and a file is either the old one or the whole new one: everything is written
to a temporary name beside it, flushed and renamed.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError, StageError
from pipeline.rows import Row
from pipeline.schemas import OK

Kind = TypeVar("Kind", bound=Row)

COMPRESSION: Final = "zstd"
ROW_GROUP = 4096
"""Rows per row group: small enough that readers of crops need little memory."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block ends well and vanishes if it does not.

    Raises StageError where it cannot be written: a full disk, a folder that may only be read.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StageError(
            f"{path} cannot be written ({error}): make room on the disk or mend the folder's permissions, then run "
            "this again; what was there before is untouched, and what was finished is kept"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def to_table(rows: pd.DataFrame | list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows as a table of exactly `schema`: columns in its order, types checked, nothing added or dropped."""
    if isinstance(rows, list):
        return pa.Table.from_pylist(rows, schema=schema)
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False).replace_schema_metadata(None)


def write_table(path: Path, table: pa.Table, key: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet, the same bytes for the same rows.

    `key` is what the table was made from (content, parameters, code version); `table_key` reads it back, so that work
    already done is recognised.
    """
    # Where pages end depends on how a table is cut into chunks, and that on how its parts got here.
    table = table.combine_chunks()
    if key is not None:
        table = table.replace_schema_metadata({"toonset": json.dumps(dict(key), sort_keys=True)})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression=COMPRESSION, row_group_size=ROW_GROUP)


def table_key(path: Path) -> dict[str, str] | None:
    """What the table at `path` was made from, or None where there is no readable table with a key."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    text = metadata.get(b"toonset")
    return None if text is None else dict(json.loads(text))


def read_table(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table and hold it to its schema.

    Raises InputError if it is missing, no Parquet, or has other columns or types.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist yet: run `dvc repro`")
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet ({error}). `dvc repro` makes it again.") from error
    expected = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    if not table.schema.equals(expected):
        raise InputError(
            f"{path} does not have the columns expected of it: found {table.schema.names}, expected {expected.names}. "
            "It was written by another version of toonset: delete it and run `dvc repro`."
        )
    return table


def read_rows(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pd.DataFrame:
    """`read_table` as a pandas frame."""
    return read_table(path, schema, columns).to_pandas()


def rows_of(table: pd.DataFrame, kind: type[Kind]) -> Iterator[Kind]:
    """The rows of a table as named tuples; `kind` tells the type checker what they hold (`pipeline.rows`)."""
    return cast(Iterator[Kind], table.itertuples(index=False))


def row_of(values: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """A row from its columns, as one comes back from `_asdict`: what can be sent to another process."""
    return cast(Kind, SimpleNamespace(**values))


def is_face(manifest: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows of MANIFEST are faces: those in use, and the near-duplicates that another face stands for."""
    return (manifest["status"] == OK) | (manifest["cluster"] != manifest["face_id"])


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON with sorted keys, the same bytes for the same value."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
