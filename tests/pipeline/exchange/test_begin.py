"""A project of pictures alone, from the folder to the report, as a person makes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.support import ROOT
from tests.support.face_pictures import SHAPES, write_faces


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def toonset(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", "from pipeline.cli import main; main()", *arguments, cwd=cwd)


@pytest.mark.slow
def test_two_commands_make_a_network_and_a_report_of_a_folder_for_each_emotion(tmp_path: Path) -> None:
    write_faces(tmp_path / "my faces", each=14)
    (tmp_path / "my faces/joy/damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = toonset("new", "show", "--faces", "my faces", "--map", "joy=happy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "99 pictures of 99 files" in done.stdout
    project = tmp_path / "show"
    params = (project / "params.yaml").read_text()
    assert "emotions: [anger, disgust, fear, happy, neutral, sadness, surprise]" in params
    (project / "params.yaml").write_text(params.replace("  epochs: null", "  epochs: 2"))

    done = run(sys.executable, "-m", "dvc", "repro", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 pictures labelled 'joy': is happy (by `map`)" in done.stdout
    tables = [pd.read_parquet(project / f"data/dataset/{split}.parquet") for split in ("train", "validation", "test")]
    dataset = pd.concat(tables)
    assert set(dataset["emotion"]) == {*SHAPES, "happy"} - {"joy"}
    assert (dataset["episode_id"] == "my-faces").all()
    for row in dataset.head(20).to_dict("records"):
        assert row["image"]["bytes"] == (tmp_path / "my faces" / row["image"]["path"]).read_bytes()
    pictures = pd.read_parquet(project / "data/pictures.parquet")
    assert len(pictures) == 99
    assert len(dataset) == (pictures["status"] == "ok").sum()
    assert "no picture that can be decoded" in pictures.set_index("name").loc["joy/damaged.png", "reason"]
    assert json.loads((project / "reports/metrics.json").read_text())["test_faces"] == len(tables[2])
    page = (project / "reports/index.html").read_text()
    assert "What the labels became" in page
    assert "no picture that can be decoded" in page
    assert toonset("summary", cwd=project).stdout.splitlines()[-1].endswith("look at reports/index.html")

    nothing = run(sys.executable, "-m", "dvc", "repro", cwd=project)
    assert "Data and pipelines are up to date" in nothing.stdout
    write_faces(project / "annotations/pictures/my-faces/more", each=1, seed=9)  # another character, looked at by DVC
    assert "annotations/pictures" in run(sys.executable, "-m", "dvc", "status", cwd=project).stdout
    done = run(sys.executable, "-m", "dvc", "repro", "pictures", cwd=project)
    assert "106 pictures" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "there is no"),
        (lambda folder: folder.mkdir(), "0 emotions"),
        (lambda folder: write_numbers(folder, 30), "30 emotions (0, 1, 10, 11, 12, …); expected 2 to 20"),
        (lambda folder: write_numbers(folder, 300), "300 different labels"),
    ],
)
def test_what_is_no_folder_of_faces_makes_no_project(tmp_path: Path, make, said: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "faces")
    done = toonset("new", "show", "--faces", "faces", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert said in done.stderr
    assert not (tmp_path / "show").exists()


def write_numbers(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / str(number)).mkdir(parents=True)
        assert cv2.imwrite(str(folder / str(number) / "a.png"), np.zeros((16, 16, 3), np.uint8))
