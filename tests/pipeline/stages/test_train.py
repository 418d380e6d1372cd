"""The stage `train`: what it makes, twice the same bytes, and what it says about bad input."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipeline.classifier.model import load_model
from pipeline.compute.arithmetic import INSTRUCTIONS
from pipeline.errors import StageError
from pipeline.training.train import train
from tests.support import ROOT
from tests.support.drawn_shapes import SHAPES, params, rows, write_project

NONE = rows(0, seed=9)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose stage `train` has run once: the folder, the line printed, sha256 of every file made."""
    folder = tmp_path_factory.mktemp("project")
    splits = {"train": rows(36, seed=1), "validation": rows(12, seed=2)}
    write_project(folder, splits, "net: hill2017", "epochs: 2", "threads: 2")
    line = run_stage(folder)
    return folder, line, digests(folder)


def run_stage(folder: Path, **environment: str) -> str:
    """Run the stage in a process of its own; return the last line it prints."""
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from pipeline.stages.train import main; main()"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def digests(folder: Path) -> dict[str, str]:
    made = [*(folder / "models").rglob("*"), *(folder / "reports").rglob("*")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made if path.is_file()}


@pytest.mark.slow
def test_two_processes_make_the_same_bytes_and_everything_that_is_promised(project):
    folder, line, first = project
    assert set(first) == {"model.safetensors", "model.json", "curves.csv", "metrics.json"}
    assert run_stage(folder) == line
    assert digests(folder) == first
    assert line.startswith("train: 36 training faces, 12 validation faces, 0 skipped (the image does not decode), 2 ep")
    assert first["model.safetensors"][:12] in line

    curves = pd.read_csv(folder / "reports/train/curves.csv")
    names = ["epoch", "train_loss", "validation_loss", "train_accuracy", "validation_accuracy"]
    assert list(curves.columns) == names
    assert curves["epoch"].tolist() == [1, 2]
    assert curves.notna().all(axis=None)
    metrics = json.loads((folder / "reports/train/metrics.json").read_text())
    assert metrics["per_class"] == dict.fromkeys(SHAPES, 12)
    assert metrics["validation_accuracy"] == pytest.approx(curves["validation_accuracy"][1], abs=1e-6)
    assert metrics["best_validation_accuracy"] == pytest.approx(curves["validation_accuracy"].max(), abs=1e-6)
    about = load_model(folder / "models/emotion").about
    assert (about.net, about.emotions, about.epoch) == ("hill2017", SHAPES, 2)
    assert str(folder) not in (folder / "models/emotion/model.json").read_text()


@pytest.mark.slow
def test_the_pinned_instructions_are_what_torch_then_uses(project):
    """Set from outside or by the stage: the same bytes, so setting them after `import torch` is early enough."""
    folder, _, first = project
    run_stage(folder, **INSTRUCTIONS)
    assert digests(folder) == first


def test_another_seed_gives_other_weights():
    made = [train(rows(12, seed=1), NONE, params(seed=seed, epochs=1)).classifier for seed in (0, 0, 1)]
    picture = [[p.detach().numpy().tobytes() for p in classifier.net.parameters()] for classifier in made]
    assert picture[0] == picture[1] != picture[2]


def test_without_validation_faces_there_is_no_best_epoch():
    made = train(rows(12, seed=1), NONE, params())
    assert made.metrics["best_epoch"] is None
    assert made.metrics["validation_images"] == 0
    assert made.metrics["validation_accuracy"] is None
    assert made.curves["validation_loss"].isna().all()
    assert made.curves.to_csv(index=False).splitlines()[1].split(",")[2] == ""


def test_images_that_do_not_decode_are_skipped_and_counted():
    data = rows(12, seed=1)
    data.at[3, "image"] = {"bytes": b"no picture", "path": None}
    data.at[4, "image"] = {"bytes": None, "path": None}
    made = train(data, NONE, params(epochs=1))
    assert (made.metrics["images"], made.metrics["skipped"]) == (10, 2)


def test_an_emotion_without_an_example_and_one_with_a_single_one_stay_classes():
    data = rows(12, seed=1)
    data = pd.concat([data[data["emotion"] == "disc"], data[data["emotion"] == "square"][:1]], ignore_index=True)
    made = train(data, NONE, params(epochs=1))
    assert made.metrics["per_class"] == {"disc": 4, "square": 1, "cross": 0}
    assert made.classifier.predict([]).shape == (0, 3)


def test_no_face_at_all():
    with pytest.raises(StageError, match=r"no labelled face to train on. Label some faces"):
        train(NONE, NONE, params())


def test_only_damaged_images():
    data = rows(3, seed=1)
    data["image"] = [{"bytes": b"x", "path": None}] * 3
    with pytest.raises(StageError, match="no labelled face to train on: all 3 images are damaged"):
        train(data, NONE, params())


def test_one_emotion_only():
    data = rows(12, seed=1)
    with pytest.raises(StageError, match="all 4 training faces are labelled 'disc': there is nothing to learn"):
        train(data[data["emotion"] == "disc"], NONE, params())


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_label_that_is_no_emotion_stops_with_its_name_and_count(split):
    bad = rows(12, seed=1)
    bad.loc[bad["emotion"] == "disc", "emotion"] = "disk"
    good = rows(12, seed=1)
    message = (
        rf"data/dataset/{split}.parquet has labels .* \(disc, square, cross\): 'disk' on 4 faces. Did you mean 'disc'"
    )
    with pytest.raises(StageError, match=message):
        train(*((bad, good) if split == "train" else (good, bad)), params())


def test_a_learning_rate_far_too_high():
    with pytest.raises(StageError, match=r"the loss became .* try a tenth|Try a smaller train.learning_rate"):
        train(rows(12, seed=1), NONE, params(learning_rate=1e30, epochs=5))
