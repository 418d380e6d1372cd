"""Numbers and their nouns."""

import pytest

from cascades.words import counted


@pytest.mark.parametrize(
    ("nouns", "one"),
    [
        ("boxes", "1 box"),
        ("new boxes", "1 new box"),
        ("faces", "1 face"),
        ("weak classifiers", "1 weak classifier"),
        ("matches", "1 match"),
        ("classes", "1 class"),
        ("pairs of faces", "1 pair of faces"),
        ("frames without a face, or not complete", "1 frame without a face, or not complete"),
        ("in training scenes", "1 in training scenes"),
        ("left until faces are found", "1 left until faces are found"),
        ("rejected", "1 rejected"),
    ],
)
def test_one_thing_is_singular(nouns: str, one: str) -> None:
    assert counted(1, nouns) == one
    assert counted(2, nouns) == f"2 {nouns}"
    assert counted(1200, nouns) == f"1,200 {nouns}"
