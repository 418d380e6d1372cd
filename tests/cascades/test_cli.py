"""The command line over a folder of drawn images."""

import csv
import io
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from cascades import TrainingDataError
from cascades.cli import app
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


def test_errors_are_one_line(folder: Path) -> None:
    (folder / "bad.xml").write_text("<html/>")
    result = CliRunner().invoke(app, ["detect", str(folder / "bad.xml"), str(folder)])
    assert result.exit_code == 1
    assert "error: " in result.output
    result = CliRunner().invoke(app, ["train", str(folder), str(folder / "boxes.csv"), "x.xml", "--boosting", "logit"])
    assert "boosting is 'logit'" in result.output


def test_box_table_problems_name_the_place(folder: Path) -> None:
    table = folder / "boxes.csv"
    table.write_text("image,x,y\n")
    with pytest.raises(TrainingDataError, match="no column w, h"):
        read_boxes(table)
    table.write_text("image,x,y,w,h\n00.png,1,2,3,4\n00.png,1,two,3,4\n")
    with pytest.raises(TrainingDataError, match="line 3"):
        read_boxes(table)
    table.write_text("image,x,y,w,h\nnowhere.png,1,2,3,4\n")
    with pytest.raises(TrainingDataError, match=r"nowhere\.png"):
        ImageFolder(folder, read_boxes(table))
    (folder / "03.png").write_text("no picture")
    with pytest.raises(TrainingDataError, match="not an image"):
        ImageFolder(folder, {})[3]
