"""Reading and writing the project's tables: Parquet with one explicit schema, and people's CSV files.

Twice the same rows give the same bytes, and a file is either the old one or the whole new one: everything is written
to a temporary file, flushed and renamed. What is kept from one run to the next carries a checksum of its bytes, and
damaged it is made again.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.contents import fault_of
from pipeline.errors import InputError, StageError
from pipeline.rows import Row
from pipeline.schemas import LABELS, OK

Kind = TypeVar("Kind", bound=Row)

COMPRESSION: Final = "zstd"
AS_GIVEN: Final = frozenset({"episode_id", "emotion"})
"""Columns of LABELS in which rejected rows keep what a person wrote; they name no file."""
ROW_GROUP = 4096
"""Rows per row group: small enough that readers of crops need little memory."""
KEY: Final = "toonset"
"""Entry of a Parquet footer: what the table was made from, as JSON."""
CHECKSUM: Final = "toonset.sha256"
"""Entry of a Parquet footer: sha256 of the file's bytes with UNKNOWN in the place of this entry's value."""
UNKNOWN: Final = "0" * 64
ABANDONED_S: Final = 3600.0
"""A temporary file that nobody has written to for so long belongs to a process that was killed."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path` if the block ends well and vanishes if it does not.

    Raises StageError where it cannot be written: a full disk, a folder that may only be read.
    """
    temporary = path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
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
        if temporary != path:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Where `path` is written first.

    Stages depend on the folders of other stages, and what a killed one left there would change their hash. So what
    stages make is written in the cache first; other files, and those on another file system, beside their place.
    """
    if not path.is_absolute() and path.parts[0] in paths.MADE:
        folder = cache_folder(paths.TEMPORARY.name)
        if folder.stat().st_dev == path.parent.stat().st_dev:
            return folder / f"{'+'.join(path.parts)}.{os.getpid()}.tmp"
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def forget_abandoned(folder: Path) -> None:
    """Delete the temporary files that killed processes left in `folder`."""
    for path in folder.glob("*.tmp"):
        with contextlib.suppress(FileNotFoundError):  # its process has just renamed it
            if time.time() - path.stat().st_mtime > ABANDONED_S:
                path.unlink()


def to_table(rows: pd.DataFrame | list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows as a table of exactly `schema`: columns in its order, types checked, nothing added or dropped."""
    if isinstance(rows, list):
        return pa.Table.from_pylist(rows, schema=schema)
    return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False).replace_schema_metadata(None)


def write_table(
    path: Path, table: pa.Table, key: Mapping[str, str] | None = None, features: Mapping[str, Any] | None = None
) -> None:
    """Write a table as Parquet, the same bytes for the same rows.

    `key` is what the table was made from (content, parameters, code version); `table_key` reads it back, so that work
    already done is recognised. `features` is how Hugging Face `datasets` shows columns that Parquet has no type for.
    """
    # Where pages end depends on how a table is cut into chunks, and that on how its parts got here.
    table = table.combine_chunks()
    if features is not None:
        named = {"huggingface": json.dumps({"info": {"features": dict(features)}}, sort_keys=True)}
        table = table.replace_schema_metadata(named)
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression=COMPRESSION) as writer:
            writer.write_table(table, row_group_size=ROW_GROUP)
            if key is not None:
                writer.add_key_value_metadata({KEY: json.dumps(dict(key), sort_keys=True), CHECKSUM: UNKNOWN})
        if key is not None:
            _seal(temporary)


def _seal(path: Path) -> None:
    """Put the sha256 of the file's bytes in the place that `write_table` left for it."""
    place = _place_of(UNKNOWN, path)
    digest = _sealed(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(digest.encode("ascii"))


def _place_of(checksum: str, path: Path) -> int:
    """Where in the file the checksum stands, or -1: behind the tables, in the last place where such bytes are."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        footer = min(int.from_bytes(file.read(4), "little"), file.tell())
        start = max(0, path.stat().st_size - 8 - footer)
        file.seek(start)
        found = file.read().rfind(checksum.encode("ascii"))
    return start + found if found >= 0 else -1


def _sealed(path: Path, place: int) -> str:
    """sha256 of the file with UNKNOWN at `place`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = place
        while left and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
        file.seek(len(UNKNOWN), os.SEEK_CUR)
        digest.update(UNKNOWN.encode("ascii"))
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table_key(path: Path) -> dict[str, str] | None:
    """What the table at `path` was made from.

    None where there is no readable table with a key, or where a byte of the file is not as it was written.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
        key, checksum = json.loads(metadata[KEY.encode()]), metadata[CHECKSUM.encode()].decode("ascii")
        place = _place_of(checksum, path)
        sound = len(checksum) == len(UNKNOWN) and place >= 0 and _sealed(path, place) == checksum
    except (OSError, pa.ArrowException, KeyError, ValueError, RecursionError):
        return None
    return dict(key) if sound and isinstance(key, dict) else None


def read_table(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet table and hold it to its schema.

    Raises InputError if it is missing, no Parquet, has other columns or types, or values that may not stand in them
    (`contents`).
    """
    if not path.exists():
        raise InputError(f"{path} does not exist yet: run `dvc repro`")
    try:
        table = pq.read_table(path, columns=columns)
        table.validate(full=True)
        found = table.schema.names  # a damaged name is no UTF-8
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet ({error}). `dvc repro` makes it again.") from error
    expected = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    if not table.schema.equals(expected):
        raise InputError(
            f"{path} does not have the columns expected of it: found {found}, expected {expected.names}. "
            "It was written by another version of toonset: delete it and run `dvc repro`."
        )
    fault = fault_of(table, AS_GIVEN if schema.equals(LABELS) else frozenset())
    if fault:
        raise InputError(f"{path}: {fault}: something else than toonset wrote it; run `dvc repro`, or fetch it again")
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
    """Which rows of MANIFEST are faces: those in use, and their near-duplicates."""
    return (manifest["status"] == OK) | (manifest["cluster"] != manifest["face_id"])


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON with sorted keys, the same bytes for the same value."""
    write_text(path, _as_json(value))


def write_kept_json(path: Path, value: Mapping[str, Any]) -> None:
    """`write_json` of a mapping that a later run believes if `read_kept_json` finds it as it was written."""
    write_json(path, {**value, CHECKSUM: _checksum(value)})


def read_kept_json(path: Path) -> dict[str, Any] | None:
    """What `write_kept_json` wrote; None where there is none, or where a byte of it is not as it was written."""
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or _as_json(value) != text:
        return None
    checksum = value.pop(CHECKSUM, None)
    return value if checksum == _checksum(value) else None


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _checksum(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(value), sort_keys=True).encode("utf-8")).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
