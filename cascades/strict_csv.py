"""CSV files that people keep, read strictly: a file is read whole, or refused with the line that is wrong.

Python's own reader takes every line below an open quotation mark into one cell, so rows vanish without a word. Here a
row is one line: a cell has no line break, and a quotation mark is closed in the line that opens it. Boxes, emotions and
splits need no more. Columns without a name at the end, which spreadsheets leave behind, do no harm.
"""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

LINE_END = re.compile(r"\r\n|\r|\n")
LONGEST_CELL = csv.field_size_limit()
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class InvalidCsv(ValueError):
    """The file cannot be read as a table; the message names the file, the line and what to do."""


@dataclass(frozen=True)
class CsvTable:
    """A table: the names of its columns, and its rows that are not blank as (line from 1, cells without blanks around).

    A row has as many cells as its line, which may be fewer or more than there are columns. unnamed: columns without a
    name at the end of the first line.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]
    unnamed: int = 0

    def records(self) -> list[dict[str, str]]:
        """The rows by column; what a short row lacks is empty."""
        empty = dict.fromkeys(self.header, "")
        return [empty | dict(zip(self.header, cells, strict=False)) for _, cells in self.rows]


def parse_csv(content: bytes, name: str, required: Sequence[str]) -> CsvTable:
    """Read the bytes of a file called `name`, whose first line names at least the columns in `required`.

    Raises InvalidCsv for another encoding than UTF-8, a column that is missing or there twice, a quotation mark that is
    not closed, and a cell too long for other programs to read.
    """
    lines = LINE_END.split(decode(content, name))
    header, unnamed = _header(lines[0], name, required)
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = _cells(line, number, name)
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if any(cells):
            rows.append((number, cells))
    return CsvTable(header, rows, unnamed)


def decode(content: bytes, name: str) -> str:
    """UTF-8 bytes as text, without a byte-order mark. Raises InvalidCsv that says what the encoding seems to be."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        where = f" (byte 0x{content[error.start]:02x} in line {line})"
        raise InvalidCsv(_not_utf8(content, name, where)) from error
    if "\0" in text:
        raise InvalidCsv(_not_utf8(content, name, " (it has zero bytes)"))
    return text


def whole_number(text: str) -> int | None:
    """A whole number below 2³¹ as people and spreadsheets write it: 70, 70.0, 7e1; None for anything else."""
    if not NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return int(number) if abs(number) < 2**31 and number == number.to_integral_value() else None


def _header(line: str, name: str, required: Sequence[str]) -> tuple[list[str], int]:
    header = _cells(line, 1, name)
    columns = len(header)
    while header and not header[-1]:
        header.pop()
    missing = [column for column in required if column not in header]
    if missing:
        other = next((word for mark, word in ((";", "semicolons"), ("\t", "tabs")) if mark in line), "")
        hint = f" It looks separated by {other}: save it with commas." if other else ""
        raise InvalidCsv(
            f"{name}, line 1: found the columns {','.join(header)[:200] or '(none)'}; {', '.join(missing)} missing, "
            f"expected {','.join(required)}.{hint}"
        )
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise InvalidCsv(f"{name}, line 1: the column {', '.join(twice)} stands there more than once")
    return header, columns - len(header)


def _cells(line: str, number: int, name: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True, skipinitialspace=True), [])]
    except csv.Error as error:
        if len(line) > LONGEST_CELL:
            raise InvalidCsv(
                f"{name}, line {number}: a cell of more than {LONGEST_CELL:,} characters; shorten or remove it"
            ) from error
        raise InvalidCsv(
            f'{name}, line {number}: a quotation mark (") that is not closed in its line, or text behind a closed one. '
            "Remove the mark, or close it; a cell cannot have a line break in it"
        ) from error


def _not_utf8(content: bytes, name: str, where: str) -> str:
    seems = seeming_encoding(content)
    guess = f"it seems to be {seems}" if seems else "its encoding is not known"
    command = f", or run `iconv -f {seems} -t UTF-8 {name} > new.csv` and use new.csv" if seems else ""
    return (
        f"{name} is not UTF-8 text: {guess}{where}. Save it as “CSV UTF-8” in Excel, or with the character set "
        f"Unicode (UTF-8) in LibreOffice{command}"
    )


def seeming_encoding(content: bytes) -> str:
    """What the bytes seem to be, by the name that iconv takes; empty where nothing fits."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return encoding
    start = content[:4096]
    for offset, encoding in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        half = start[offset::2]
        if half and half.count(0) > 0.4 * len(half):
            return encoding
    if 0 in content:
        return ""
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "WINDOWS-1252"
