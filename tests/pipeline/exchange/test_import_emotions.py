"""What somebody said of frames becomes the emotion of the face that was found there, or a row with its reason."""

import csv
import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from pipeline import paths
from pipeline.errors import InputError
from pipeline.exchange.import_boxes import Choices
from pipeline.exchange.import_emotions import import_emotions
from pipeline.schemas import FACES, OK, REJECTED
from pipeline.tables import to_table, write_table


@pytest.fixture
def project(boxed: Path) -> Path:
    """The boxed project with faces found: in frame 6 a cat, in frame 12 a cat and a mouse."""
    rows = [(6, "cat", 5, OK), (6, "cat", 50, REJECTED), (12, "cat", 7, OK), (12, "mouse", 40, OK)]
    known = [
        dict.fromkeys(FACES.names)
        | {"face_id": str(n), "episode_id": "one", "frame": frame, "pts": frame, "character": who, "status": status,
           "x": x, "y": 8, "w": 20, "h": 21}
        for n, (frame, who, x, status) in enumerate(rows)
    ]  # fmt: skip
    write_table(paths.FACES / "one.parquet", to_table(known, FACES))
    Path("annotations/emotions.csv").write_text("episode_id,frame,character,x,y,w,h,emotion,annotator\n")
    return boxed


def said_of(text: str, **choices: Any) -> str:
    Path("table.csv").write_text(text)
    with redirect_stdout(io.StringIO()) as said:
        import_emotions(Path("table.csv"), Choices(**choices))
    return said.getvalue()


def emotions() -> list[tuple[str, ...]]:
    rows = csv.DictReader(io.StringIO(Path("annotations/emotions.csv").read_text()))
    return [tuple(row[name] for name in ("frame", "character", "x", "emotion")) for row in rows]


def test_a_table_of_frames_and_emotions_is_of_the_faces_found_there(project: Path) -> None:
    said = said_of("Frame_ID,Emotion\n6,joy\n5,sad\n12,sad\n30,happy\n6,odd\nx,happy\n", episode="one",
                   unused=Path("no.csv"))  # fmt: skip
    assert "1 rows of 'joy': is happy (another word for it)" in said
    assert "1 rows of 'odd': is not used" in said
    assert emotions() == [("6", "cat", "5", "happy"), ("6", "cat", "5", "sad")]  # 5: a frame beside it
    reasons = Path("no.csv").read_text()
    assert "2 faces were found; say whose" in reasons
    assert "frame 30 of one: no face was found" in reasons
    assert "`map` does not say" in reasons
    assert "no number of a frame" in reasons
    said = said_of("Frame_ID,Emotion\n6,joy\n", episode="one")
    assert "0 new emotions, 1 there already" in said


def test_a_row_can_name_its_picture_its_time_and_whose_face_it_means(project: Path) -> None:
    said_of("file,emotion,character\none-000012.jpg,sad,Jerry\n", maps={"Jerry": "mouse"})
    said_of("episode_id,time_s,emotion,character\none,0.5,happy,cat\n")
    assert emotions() == [("12", "mouse", "40", "sad"), ("12", "cat", "7", "happy")]


MANY = "frame,emotion\n" + "".join(f"6,e{n}\n" for n in range(300))


def test_what_is_no_such_table_is_one_line(project: Path) -> None:
    for text, said in (
        ("a,b\n1,2\n", "expected emotion, and frame"),
        ("frame,emotion\n", "of no row"),
        (MANY, "300 different labels"),
    ):
        with pytest.raises(InputError) as caught:
            said_of(text, episode="one")
        assert said in str(caught.value)
    paths.FACES.joinpath("one.parquet").unlink()
    with pytest.raises(InputError, match="dvc repro faces"):
        said_of("frame,emotion\n6,happy\n", episode="one")
