"""Command lines of opencv_traincascade, run as tutorials write them, on files as OpenCV's tools write them."""

import shlex
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cascades import Box, CascadeClassifier, InvalidParameter, TrainingDataError
from cascades.cli import app
from cascades.opencv_files import read_background, read_info, read_vec
from cascades.traincascade import DEFAULTS, parse
from tests.cascades.conftest import draw_scene

TUTORIAL = (
    "-data data -vec positives.vec -bg bg.txt -numPos 240 -numNeg 300 -numStages 3 -w 24 -h 24 -mode BASIC "
    "-minHitRate 0.995 -maxFalseAlarmRate 0.5 -precalcValBufSize 64 -precalcIdxBufSize 64 "
    "-acceptanceRatioBreakValue 10e-5"
)


def write_vec(path: Path, samples: list[np.ndarray]) -> None:
    """As opencv_createsamples does: a header of 12 bytes, then a zero byte and 16 bits a pixel for each sample."""
    content = struct.pack("<iihh", len(samples), samples[0].size, 0, 0)
    content += b"".join(b"\0" + sample.astype("<i2").tobytes() for sample in samples)
    path.write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with positives.vec, info.dat and bg.txt, as people have it; it is also where the command runs."""
    (tmp_path / "my pictures").mkdir()
    samples, info, background = [], [], []
    for seed in range(30):
        gray, boxes = draw_scene(seed)
        name = f"my pictures/{seed}.png"
        cv2.imwrite(str(tmp_path / name), gray)
        info.append(f"{name}  {len(boxes)}  " + "   ".join(f"{b.x} {b.y} {b.w} {b.h}" for b in boxes))
        for b in boxes:  # as `opencv_createsamples -num` does, a few variants of each
            for dx, dy, more in ((0, 0, 0), (2, -1, 0), (-2, 1, 2), (1, 2, -2)):
                x, y, side = max(b.x + dx, 0), max(b.y + dy, 0), b.w + more
                samples.append(cv2.resize(gray[y : y + side, x : x + side], (24, 24)))
        empty, _ = draw_scene(100 + seed, faces=0)
        cv2.imwrite(str(tmp_path / f"bg{seed}.png"), empty)
        background.append(f"bg{seed}.png")
    write_vec(tmp_path / "positives.vec", samples)
    (tmp_path / "info.dat").write_text("\n".join(info) + "\n")
    (tmp_path / "bg.txt").write_text("# negatives\r\n" + "\r\n".join(background) + "\r\n\r\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def traincascade(line: str) -> Result:
    return CliRunner().invoke(app, ["traincascade", *shlex.split(line)])


def found_faces(xml: Path) -> int:
    """How many faces of other pictures the cascade finds, of 20."""
    classifier, found = CascadeClassifier(xml), 0
    for seed in range(200, 210):
        gray, boxes = draw_scene(seed)
        hits = np.array(classifier.detectMultiScale(gray, 1.1, 1)).reshape(-1, 4)
        for box in boxes:
            found += bool(np.any(np.abs(hits - np.array(box)).max(axis=1) < 0.35 * box.w))
    return found


def test_a_line_from_a_tutorial_trains_a_cascade(folder: Path) -> None:
    done = traincascade(TUTORIAL)
    assert done.exit_code == 0, done.output
    assert done.output.count("note: ") == 2
    assert "note: -precalcIdxBufSize has no counterpart: " in done.output
    assert "note: -acceptanceRatioBreakValue has no counterpart: " in done.output
    classifier = CascadeClassifier(folder / "data" / "cascade.xml")
    assert classifier.getOriginalWindowSize() == (24, 24)
    assert found_faces(folder / "data" / "cascade.xml") >= 15
    again = traincascade(TUTORIAL)  # from its checkpoint: nothing is left to train
    assert again.output.count("stage ") < done.output.count("stage ")


def test_info_dat_in_the_place_of_a_vec_file(folder: Path) -> None:
    line = TUTORIAL.replace("-vec positives.vec", "-info info.dat").replace("-mode BASIC", "-featureType LBP")
    done = traincascade(line)
    assert done.exit_code == 0, done.output
    assert CascadeClassifier(folder / "data" / "cascade.xml").getFeatureType() == 1
    assert found_faces(folder / "data" / "cascade.xml") >= 15


def test_the_options_and_their_defaults() -> None:
    run = parse(shlex.split("-data d -vec a.vec -bg b.txt"))
    params = run.params
    assert (params.positives, params.negatives, params.stages, params.window) == (2000, 1000, 20, (24, 24))
    assert (params.min_hit_rate, params.max_false_alarm, params.weight_trim) == (0.995, 0.5, 0.95)
    assert (params.max_depth, params.max_weak_count, params.boosting, params.features) == (1, 100, "gentle", "basic")
    assert (params.mirror, params.jitter, params.margin, params.ranking, run.notes) == (False, 0.0, 0.0, 0, [])
    run = parse(shlex.split("-data d -info i -bg b -w 20 -h 30 -bt lb -mode ALL -baseFormatSave -maxDepth 2"))
    assert (run.params.window, run.params.features, run.params.max_depth, run.params.mirror) == (
        (20, 30),
        "all",
        2,
        True,
    )
    assert [note.partition(" has")[0] for note in run.notes] == ["-baseFormatSave", "-bt LB"]
    assert len(DEFAULTS) == 22


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-vec a -bg b", "-data is missing"),
        ("-data d -bg b", "expected the positives"),
        ("-data d -vec a -bg b -numpos 3", "'-numpos' is no option of opencv_traincascade; did you mean -numPos?"),
        ("-data d -vec a -bg b -w", "-w has no value behind it"),
        ("-data d -vec a -bg b -w 24x", "-w is '24x', expected a whole number"),
        ("-data d -vec a -bg b -minHitRate high", "-minHitRate is 'high', expected a number"),
        ("-data d -vec a -bg b -featureType HOG", "-featureType is HOG, expected HAAR or LBP"),
        ("-data d -vec a -bg b -maxFalseAlarmRate 2", "max_false_alarm is 2.0"),
        ("-data d -vec none.vec -bg bg.txt", "none.vec: cannot be read: No such file"),
        ("-data d -vec positives.vec -bg bg.txt -w 20 -h 20", "perhaps -w 24 -h 24"),
        ("-data bg.txt -vec positives.vec -bg bg.txt", "-data bg.txt cannot be made"),
    ],
)
def test_wrong_lines_are_one_clear_error(folder: Path, line: str, message: str) -> None:
    done = traincascade(line)
    assert done.exit_code == 1
    assert message in done.output
    assert len(done.stderr.splitlines()) == 1


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (7, 12, 20), np.uint8)
    write_vec(tmp_path / "a.vec", list(samples))
    assert np.array_equal(read_vec(tmp_path / "a.vec", (20, 12)), samples)
    whole = (tmp_path / "a.vec").read_bytes()
    for content, message in (
        (b"", "0 bytes"),
        (whole[:-1], "cut off after 6 of 7"),
        (b"\xff" * 40, "no .vec file"),
    ):
        (tmp_path / "b.vec").write_bytes(content)
        with pytest.raises(TrainingDataError, match=message):
            read_vec(tmp_path / "b.vec", (20, 12))


def test_lists_are_read_with_spaces_and_backslashes_in_names(folder: Path) -> None:
    (folder / "lists").mkdir()
    (folder / "my pictures" / "0 1.png").write_bytes((folder / "my pictures" / "0.png").read_bytes())
    (folder / "lists" / "info.dat").write_text("../my pictures\\0 1.png 2 1 2 30 40 5 6 70 80\nbg0.png 0\n")
    picture = folder / "lists" / "../my pictures/0 1.png"
    assert read_info(folder / "lists" / "info.dat") == {
        picture: (Box(1, 2, 30, 40), Box(5, 6, 70, 80)),
        Path("bg0.png"): (),
    }
    assert read_background(folder / "bg.txt")[1] == Path("bg1.png")
    for wrong in ("bg0.png 2 1 2 3 4", "bg0.png 1 1 2 3 x", "bg0.png"):
        (folder / "wrong.dat").write_text(wrong)
        with pytest.raises(TrainingDataError, match="line 1"):
            read_info(folder / "wrong.dat")
    (folder / "wrong.txt").write_text("bg0.png\nnowhere.png\n")
    with pytest.raises(TrainingDataError, match=r"no picture 'nowhere\.png'"):
        read_background(folder / "wrong.txt")
    with pytest.raises(InvalidParameter):
        parse(["-data"])
