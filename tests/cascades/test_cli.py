"""The command line over a folder of drawn images."""

import csv
import io
import json
from pathlib import Path

import cv2
import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

from cascades import TrainingDataError
from cascades.cli import Boosting, Features, Planes, app
from cascades.params import AUTO, BOOSTINGS, FEATURES, PLANES
from cascades.tables import ImageFolder, read_boxes
from tests.cascades.conftest import draw_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["image,x,y,w,h"]
    for number, image in enumerate(draw_images(0, 16)):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), image.gray)
        lines += [f"{number:02}.png,{b.x},{b.y},{b.w},{b.h}" for b in image.boxes]
    (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
def test_train_detect_evaluate(folder: Path) -> None:
    run = CliRunner().invoke
    images, boxes, xml = str(folder), str(folder / "boxes.csv"), str(folder / "face.xml")
    trained = run(app, ["train", images, boxes, xml, "--stages", "3", "--positives", "100", "--negatives", "200"])
    assert trained.exit_code == 0, trained.output
    assert "stopped by stages: all 3 stages are trained" in trained.output
    assert (folder / "face.json").is_file()
    found = run(app, ["detect", xml, images])
    rows = list(csv.DictReader(io.StringIO(found.output)))
    assert {r["image"] for r in rows} == {f"{n:02}.png" for n in range(16)}
    judged = run(app, ["evaluate", xml, images, boxes])
    assert "32 faces in 16 images" in judged.output
    assert "false positives per image, from score" in judged.output


@pytest.mark.slow
def test_detect_reads_every_kind_of_picture_and_one_alone(folder: Path) -> None:
    run = CliRunner().invoke
    images, xml = folder / "tiffs", str(folder / "face.xml")
    small = ["--stages", "3", "--positives", "100", "--negatives", "200"]
    assert run(app, ["train", str(folder), str(folder / "boxes.csv"), xml, *small]).exit_code == 0
    images.mkdir()
    for suffix in ("tif", "TIFF", "webp", "bmp"):
        Image.open(folder / "00.png").convert("RGB").save(images / f"a.{suffix}", lossless=True)
    expected = [row.split(",")[1:] for row in run(app, ["detect", xml, str(folder / "00.png")]).stdout.splitlines()]
    assert len(expected) > 1
    found = list(csv.reader(io.StringIO(run(app, ["detect", xml, str(images)]).stdout)))
    for name in ("a.tif", "a.TIFF", "a.webp", "a.bmp"):
        assert [row[1:] for row in found if row[0] == name] == expected[1:]
    (images / "b.tif").write_bytes(b"no picture")
    some = run(app, ["detect", xml, str(images)])
    assert (some.exit_code, list(csv.reader(io.StringIO(some.stdout)))) == (0, found)
    assert "b.tif: no picture that can be decoded" in some.stderr
    assert "1 of 5 images could not be read" in some.stderr
    none = run(app, ["detect", xml, str(images / "b.tif")])
    assert none.exit_code == 1
    (images / "empty").mkdir()
    assert "no image in it; expected files that end in" in run(app, ["detect", xml, str(images / "empty")]).stderr


@pytest.mark.slow
def test_validation_folder_calibrates_and_chooses(folder: Path) -> None:
    run = CliRunner().invoke
    (folder / "s2").mkdir()
    lines = (folder / "boxes.csv").read_text().splitlines()
    for number, image in enumerate(draw_images(50, 8)):
        cv2.imwrite(str(folder / "s2" / f"{number}.png"), image.gray)
        lines += [f"s2/{number}.png,{b.x},{b.y},{b.w},{b.h}" for b in image.boxes]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    images, boxes, xml = str(folder), str(folder / "boxes.csv"), str(folder / "face.xml")
    train = ["train", images, boxes, xml, "--stages", "2", "--ranking", "0"]
    train += ["--positives", "100", "--negatives", "200"]
    trained = run(app, [*train, "--planes", "auto", "--validation", str(folder / "s2")])
    assert trained.exit_code == 0, trained.output
    training = json.loads((folder / "face.json").read_text())["training"]
    assert training["boxes"] == 32  # the 16 faces of s2 are not trained on
    assert f"planes: {training['planes']['chosen']}: {training['planes']['reason']}\n" in trained.output
    assert "average precision on 16 validation faces: " in trained.output
    every = list(csv.DictReader(io.StringIO(run(app, ["detect", xml, images]).output)))
    kept = list(csv.DictReader(io.StringIO(run(app, ["detect", xml, images, "--fppi", "0.1"]).output)))
    least = json.loads((folder / "face.json").read_text())["calibration"]["score_at_fppi"]["0.1"]
    assert kept == [row for row in every if float(row["score"]) >= least]
    assert 0 < len(kept) < len(every)
    assert all(0 <= float(row["probability"]) <= 1 for row in every)


def test_validation_errors_say_what_to_do(folder: Path) -> None:
    run = CliRunner().invoke
    train = ["train", str(folder), str(folder / "boxes.csv"), str(folder / "face.xml")]
    assert "name a folder of them with --validation" in run(app, [*train, "--planes", "auto"]).output
    outside = run(app, [*train, "--validation", str(folder.parent)])
    assert "give its --validation-boxes too" in outside.output
    (folder / "empty").mkdir()
    assert "no image in it" in run(app, [*train, "--validation", str(folder / "empty")]).output
    orphan = run(app, [*train, "--validation-boxes", str(folder / "boxes.csv")])
    assert "goes with one --validation folder, found 0" in orphan.output


def test_errors_are_one_line(folder: Path) -> None:
    (folder / "bad.xml").write_text("<html/>")
    result = CliRunner().invoke(app, ["detect", str(folder / "bad.xml"), str(folder)])
    assert result.exit_code == 1
    assert "error: " in result.output
    result = CliRunner().invoke(app, ["train", str(folder), str(folder / "boxes.csv"), "x.xml", "--boosting", "logit"])
    assert result.exit_code == 2
    assert "'logit' is not one of 'gentle', 'discrete', 'real'" in " ".join(result.output.replace("│", " ").split())


def test_a_place_that_cannot_be_written_is_said_before_training(folder: Path) -> None:
    images, boxes = str(folder), str(folder / "boxes.csv")
    for words in (["no/such/out.xml"], [images], ["out.xml", "--checkpoint", "no/such/c.npz"]):
        done = CliRunner().invoke(app, ["train", images, boxes, *words, "--stages", "30"])
        assert done.exit_code == 1
        assert done.output.startswith("error: ")
        assert len(done.output.splitlines()) == 1
        assert "stage 1" not in done.output
    assert not Path("out.xml").exists()


def test_the_choices_of_the_command_line_are_those_of_the_settings() -> None:
    assert tuple(Features) == FEATURES
    assert tuple(Boosting) == BOOSTINGS
    assert tuple(Planes) == (*PLANES, AUTO)


def test_every_option_and_argument_has_a_help_text() -> None:
    commands = get_command(app).commands
    assert sorted(commands) == ["data", "detect", "evaluate", "train", "traincascade", "view"]
    nameless = [
        f"{name} {parameter.name}"
        for name, command in commands.items()
        for parameter in command.params
        if parameter.name != "help" and not parameter.help
    ]
    assert not nameless


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffimage,x,y,w,h\ns1/0.png,1,2,3,4\n",
        "image,x,y,w,h\r\ns1/0.png,1.0,2.0,3.0,4.0\r\n",
        "image, x, y, w, h\ns1/0.png, 1, 2, 3, 4\n",
        "image,x,y,w,h\n./s1/0.png,1,2,3,4\n",
        "image,x,y,w,h,,\ns1/0.png,1,2,3,4,,\n",
        'image,who,x,y,w,h\n"s1/0.png","a ""cat"", or two",1,2,3,4',
    ],
    ids=["byte-order mark", "decimals", "blanks", "dot slash", "trailing columns", "quoted"],
)
def test_a_box_table_is_read_as_people_and_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    table = tmp_path / "boxes.csv"
    table.write_bytes(text.encode())
    assert read_boxes(table) == {"s1/0.png": [(1, 2, 3, 4)]}


@pytest.mark.parametrize("kind", ["bom", "dotslash", "float0", "spaces"])
def test_the_tables_that_went_wrong_are_read(cases: Path, kind: str) -> None:
    found = read_boxes(cases / "annotations" / f"cascade_cli_{kind}.csv")
    plain = (cases / "annotations" / "cascade_cli_bom.csv").read_text(encoding="utf-8-sig")
    expected = {row["image"]: [tuple(int(row[side]) for side in "xywh")] for row in csv.DictReader(io.StringIO(plain))}
    assert len(found) == 8
    assert found == expected


def test_box_table_problems_name_the_place(folder: Path) -> None:
    table = folder / "boxes.csv"
    table.write_text("image,x,y\n")
    with pytest.raises(TrainingDataError, match=r"line 1: .*w, h missing"):
        read_boxes(table)
    table.write_text("image,x,y,w,h\n00.png,1,2,3,4\n00.png,1,two,3,4\n")
    with pytest.raises(TrainingDataError, match="line 3: y is 'two'"):
        read_boxes(table)
    table.write_text('image,x,y,w,h\n00.png,1,2,3,4\n"00.png,1,2,3,4\n00.png,1,2,3,4\n')
    with pytest.raises(TrainingDataError, match="line 3: a quotation mark"):
        read_boxes(table)
    table.write_text("image,x,y,w,h\nnowhere.png,1,2,3,4\n")
    with pytest.raises(TrainingDataError, match=r"nowhere\.png"):
        ImageFolder(folder, read_boxes(table))
    (folder / "03.png").write_text("no picture")
    with pytest.raises(TrainingDataError, match="no picture that can be decoded"):
        ImageFolder(folder, {})[3]
