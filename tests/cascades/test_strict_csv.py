"""People's CSV files: read whole, as Python's own reader has them, or refused with the line that is wrong."""

import csv
import io
import random
from fractions import Fraction

import pytest

from cascades.strict_csv import LONGEST_CELL, InvalidCsv, parse_csv, whole_number

HEAD = b"who,x\n"


def parse(content: bytes) -> list[dict[str, str]]:
    return parse_csv(content, "boxes.csv", ["who", "x"]).records()


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_table_is_read_as_pythons_own_reader_reads_it(seed: int) -> None:
    dice = random.Random(seed)
    words = ["cat", "a, b", 'she said "no"', "ß¶", "", "5", "'", "x;y", "\u2028", '"', "a\x0bb"]
    rows = [{"who": dice.choice(words), "x": dice.choice(words), "note": dice.choice(words)} for _ in range(30)]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["who", "x", "note"], lineterminator=dice.choice(["\n", "\r\n", "\r"]))
    writer.writeheader()
    writer.writerows(rows)
    mark = dice.choice(["", "\ufeff"])
    assert parse((mark + text.getvalue()).encode()) == [
        {name: cell.strip() for name, cell in row.items()} for row in rows if any(cell.strip() for cell in row.values())
    ]


def test_a_short_row_is_filled_and_a_long_one_keeps_its_cells() -> None:
    table = parse_csv(b"who,x,,\nanna\nben,1,,\ncarl,2,,3\n,,,\n", "boxes.csv", ["who"])
    assert (table.header, table.unnamed) == (["who", "x"], 2)
    assert table.rows == [(2, ["anna"]), (3, ["ben", "1"]), (4, ["carl", "2", "", "3"])]
    assert table.records()[0] == {"who": "anna", "x": ""}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'"anna,2\nben,3', "line 3: a quotation mark"),
        (b'anna,"2\nben,3"', "line 3: a quotation mark"),
        (b'"an"na,2', "line 3: a quotation mark"),
        (b"anna," + b"2" * (LONGEST_CELL + 1), "line 3: a cell of more than 131,072 characters"),
        (b'"' + b"anna,2\n" * 50_000, "line 3: a quotation mark"),
    ],
)
def test_what_would_swallow_rows_is_an_error_with_its_line(line: bytes, said: str) -> None:
    with pytest.raises(InvalidCsv, match=f"boxes.csv, {said}"):
        parse(HEAD + b"zoe,1\n" + line + b"\n")


@pytest.mark.parametrize(
    ("content", "seems"),
    [
        ("who,x\nZoë,1\n".encode("cp1252"), "WINDOWS-1252.*byte 0xeb in line 2"),
        ("who,x\nZoë,1\n".encode("utf-16"), "UTF-16"),
        ("who,x\nZoe,1\n".encode("utf-16-le"), "UTF-16LE"),
        ("who,x\nZoe,1\n".encode("utf-16-be"), "UTF-16BE"),
        ("who,x\nZoë,1\n".encode("utf-32"), "UTF-32"),
        (b"who,x\nZo\x81,1\n", "not known"),
        (b"who,x\nZo\0,1\n", "not known"),
    ],
)
def test_another_encoding_is_named_with_what_to_do(content: bytes, seems: str) -> None:
    with pytest.raises(InvalidCsv, match=f"boxes.csv is not UTF-8 text: .*{seems}.*CSV UTF-8") as caught:
        parse(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"found the columns \(none\); who, x missing"),
        (b"who;x\n", "separated by semicolons"),
        (b"who\tx\n", "separated by tabs"),
        (b"who,x,x\n", "more than once"),
    ],
)
def test_a_wrong_first_line_is_named(content: bytes, said: str) -> None:
    with pytest.raises(InvalidCsv, match=f"boxes.csv, line 1: .*{said}"):
        parse(content)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[(text, int(Fraction(text))) for text in ("7", "-7", "+7", "7.0", "7.", "70e-1", "7E1", "0.7e1", "1e9")],
        *[(text, None) for text in ("", "7.5", "1_0", "٣", "７", "nan", "inf", "1e-400", "1e400", "1e999")],
        *[(text, None) for text in ("2147483648", "0x7", "7,0", "1e", "e1", "--7", "7 0", "9" * 5000, "1e99999")],
    ],
)
def test_whole_numbers_are_read_exactly_and_nothing_else_is_one(text: str, number: int | None) -> None:
    assert whole_number(text) == number
