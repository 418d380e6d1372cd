"""Files of others. CSV is read row by row: data sets have cells (of pixels) and files larger than people's tables."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from cascades.errors import TrainingDataError
from cascades.strict_csv import seeming_encoding
from pipeline.errors import InputError

LONGEST_LINE: Final = 1 << 20
"""Characters of a line at most; a file without line ends would otherwise be read into memory whole."""


T = TypeVar("T")


def reading(read: Callable[..., T], *words: Any) -> T:
    """What a reader of `cascades` gives. Raises InputError."""
    try:
        return read(*words)
    except TrainingDataError as error:
        raise InputError(str(error)) from error


def rows_of_csv(path: Path, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that are not blank, as (line from 1, cells by column); blanks around names and cells do not count.

    Raises InputError where there is no such file, a column is missing or there twice, a line has more cells than the
    first one, a quotation mark is not closed in its line, or it is not UTF-8.
    """
    if not path.is_file() or path.is_symlink():
        raise InputError(f"{path} is not there; expected a CSV file with the columns {','.join(required)}")
    with path.open("rb") as file:
        header: list[str] = []
        number = 0
        while content := file.readline(LONGEST_LINE + 1):
            number += 1
            cells = _cells(content, path, number)
            if number == 1:
                header = _checked(cells, path, required)
            elif any(cells):
                if len(cells) > len(header):
                    raise InputError(f"{path}, line {number}: {len(cells)} cells; expected {len(header)}")
                yield number, dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    if not number:
        raise InputError(f"{path} is empty; expected a CSV file with the columns {','.join(required)}")


def _cells(content: bytes, path: Path, number: int) -> list[str]:
    if len(content) > LONGEST_LINE:
        raise InputError(f"{path}, line {number}: more than {LONGEST_LINE:,} characters; expected a CSV file")
    try:
        text = content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        if "\0" in text:
            raise ValueError("zero bytes")
    except ValueError as error:
        seems = seeming_encoding(content)
        guess = f"it seems to be {seems}" if seems else "its encoding is not known"
        raise InputError(f"{path}, line {number}: not UTF-8 text: {guess}. Save it as CSV UTF-8") from error
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True, skipinitialspace=True), [])]
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: {error}; expected cells with commas between them") from error


def _checked(header: list[str], path: Path, required: Sequence[str]) -> list[str]:
    missing = [name for name in required if name not in header]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if missing or twice:
        fault = f"{', '.join(missing)} missing" if missing else f"{', '.join(twice)} there more than once"
        raise InputError(f"{path}, line 1: found the columns {','.join(header)[:200]}; {fault}")
    return header
