"""The history of rounds, and when it says to stop."""

from pathlib import Path

import pytest

from pipeline import paths
from pipeline.errors import InputError
from pipeline.labels.people_files import append
from pipeline.tasks.gains import Gain, Measured, in_words
from pipeline.tasks.round_history import ROUND_FILE, advice, answers_so_far, last_round, open_history, rows_of_round

NAMES = {"cat": "Kater", "mouse": "mouse"}


def rounds(*found: tuple[int, int, int, int]) -> list[dict[str, str]]:
    """A history of rounds: answers so far, the cat's found faces and the mouse's, and the mouse's validation faces."""
    rows: list[dict[str, str]] = []
    before: tuple[Measured | None, Measured | None] = (None, None)
    for number, (answers, cat, mouse, mice) in enumerate(found, start=1):
        now = (Measured(cat, 0.9), Measured(mouse, 0.8))
        gains = [Gain("cat", 30, before[0], now[0]), Gain("mouse", mice, before[1], now[1])]
        rows += rows_of_round(number, "2026-01-02T03:04:05Z", answers, {"cat": (5, 6), "mouse": (7, 8)}, gains)
        before = now
    return rows


def test_it_says_stop_after_twenty_answers_without_a_face_gained_and_only_then() -> None:
    assert "Go on" in advice(rounds((40, 20, 20, 30)), NAMES)  # both were found for the first time
    said = advice(rounds((40, 20, 20, 30), (61, 20, 20, 30)), NAMES)
    assert "the last 21 answers changed recall by less than a face (Kater, mouse)" in said
    assert "You can stop" in said
    said = advice(rounds((40, 20, 20, 30), (61, 22, 19, 30)), NAMES)
    assert "the last 21 answers changed how many faces are found: Kater +2, mouse -1. Go on." in said
    # A round of ten answers says little, so the one before it counts too.
    assert "last 25 answers" in advice(rounds((40, 20, 20, 30), (55, 21, 20, 30), (65, 21, 20, 30)), NAMES)
    assert "Kater +1" in advice(rounds((40, 20, 20, 30), (55, 21, 20, 30), (65, 21, 20, 30)), NAMES)
    assert advice(rounds((12, 20, 20, 30)), NAMES).startswith("12 answers so far are too few")


def test_a_character_with_few_validation_faces_is_not_judged() -> None:
    said = advice(rounds((40, 20, 3, 4), (61, 20, 2, 4)), NAMES)
    assert "less than a face (Kater)" in said
    assert "For mouse (4 faces) it cannot be told" in said
    assert "whether more answers help is not known" in advice(rounds((40, 20, 3, 4)), {"mouse": "mouse"})


def test_what_was_gained_in_words() -> None:
    one, other = Measured(20, 0.8), Measured(22, 0.912)
    assert in_words(Gain("cat", 30, one, other), "Kater") == (
        "Kater: finds 22 of 30 faces, 20 before; average precision 0.91, 0.80 before"
    )
    assert "finds 20 of 30 faces, as before" in in_words(Gain("cat", 30, one, one), "cat")
    assert in_words(Gain("cat", 30, None, one), "cat").endswith("it had no detector before")
    assert "one scene only can never be measured" in in_words(Gain("cat", 0, None, None), "cat")
    assert in_words(Gain("cat", 3, None, None), "cat") == "cat: has no detector yet"


def test_the_file_grows_and_a_damaged_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = rounds((40, 20, 20, 30), (61, 22, 19, 30))
    assert last_round(open_history().table.records()) == 0
    for own in (rows[:2], rows[2:]):
        before = paths.ROUNDS.read_bytes() if paths.ROUNDS.exists() else b""
        append(open_history(), ROUND_FILE, own)
        assert paths.ROUNDS.read_bytes().startswith(before)
    found = open_history().table.records()
    assert found == rows
    assert (last_round(found), answers_so_far(found)) == (2, 61)
    assert [row["found_before"] for row in found] == ["", "", "20", "20"]
    paths.ROUNDS.write_text("round,character\n1,cat\n")
    with pytest.raises(InputError, match=r"rounds\.csv"):
        open_history()
