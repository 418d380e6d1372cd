"""The CSV files in `annotations/` as files: read whole or not at all, and only ever appended to.

Nothing is appended to a file that does not read whole, what was appended is read back before it takes the place of the
old file, and everything that was there keeps its bytes: the byte-order mark, the line ends, the file's mode, and the
place where a symbolic link leads.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cascades.strict_csv import LINE_END, CsvTable, InvalidCsv, parse_csv
from pipeline.errors import InputError, StageError
from pipeline.tables import replacing


@dataclass(frozen=True)
class PeoplesFile:
    """A file as it was read. content: its bytes, None where there is no file yet."""

    path: Path
    content: bytes | None
    table: CsvTable


def read_table_file(path: Path, required: Sequence[str]) -> CsvTable:
    """A CSV file with at least these columns. Raises InputError where there is none, or it does not read whole."""
    try:
        return parse_csv(path.read_bytes(), str(path), required)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing; expected a CSV file with the columns {','.join(required)}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except InvalidCsv as error:
        raise InputError(str(error)) from error


def open_to_append(path: Path, required: Sequence[str], columns: Sequence[str]) -> PeoplesFile:
    """A file to which rows will be appended; `columns` are those of a new one, where there is no file yet.

    A file that is empty counts as none: it has no columns yet.
    """
    content = path.read_bytes() if path.exists() else None
    if not (content or b"").strip():
        return PeoplesFile(path, content, CsvTable(list(columns), []))
    return PeoplesFile(path, content, read_table_file(path, required))


def append(file: PeoplesFile, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Write the file with rows below what it has, in its own kind of line ends; no row writes nothing.

    columns: those of `rows`; what the file lacks of them is added to its first line. Rows above stay as they are: they
    are shorter than the first line then, which says nothing where nothing was said.

    Raises InputError where the file has changed since it was read, StageError where it cannot be written.
    """
    if not rows:
        return
    old = (file.content or b"").decode("utf-8")
    first, end, rest = _first_line(old if old.strip() else ",".join(columns) + "\n")
    new = [name for name in columns if name not in file.table.header]
    header = [*file.table.header, *[""] * file.table.unnamed, *new]
    text = ",".join([first, *new]) + end + rest
    text += "" if text.endswith(("\n", "\r")) else end
    lines = io.StringIO()
    csv.DictWriter(lines, header, restval="", lineterminator=end).writerows(rows)
    content = (text + lines.getvalue()).encode("utf-8")
    _check_read_back(content, file, header, rows)
    if (file.path.read_bytes() if file.path.exists() else None) != file.content:
        raise InputError(f"{file.path} was changed by another program just now; nothing was written: run this again")
    replace_kept(file.path, content)


def replace_kept(path: Path, content: bytes) -> None:
    """Write a file that a person keeps: where its symbolic link leads, and with the mode it has."""
    target = path.resolve()
    mode = target.stat().st_mode if target.exists() else None
    with replacing(target) as temporary:
        temporary.write_bytes(content)
        if mode is not None:
            temporary.chmod(mode & 0o7777)


def _first_line(text: str) -> tuple[str, str, str]:
    """A text's first line, its line end (a line feed where there is none), and the rest."""
    found = LINE_END.search(text)
    return (text[: found.start()], found.group(), text[found.end() :]) if found else (text, "\n", "")


def _check_read_back(
    content: bytes, file: PeoplesFile, header: Sequence[str], rows: Sequence[Mapping[str, str]]
) -> None:
    """Hold what is about to be written against what it should say, read by the reader that will read it."""
    before = file.table.records()
    try:
        found = parse_csv(content, str(file.path), []).records()
    except InvalidCsv as error:
        raise StageError(f"nothing was written: a new row could not be read again ({error})") from error
    named = [name for name in header if name]
    expected = [{name: row.get(name, "") for name in named} for row in [*before, *rows]]
    if [{name: row.get(name, "") for name in named} for row in found] != expected:
        raise StageError(f"nothing was written to {file.path}: the new rows would not read as they were given")
