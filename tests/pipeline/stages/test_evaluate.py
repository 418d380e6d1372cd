"""The stage `evaluate`: its numbers, its pictures, and what becomes of bad input."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from pipeline import paths
from pipeline.classifier.model import load_model, save_model
from pipeline.classifier.scoring import score_classifier
from pipeline.errors import InputError, StageError
from pipeline.pages.plots import Mistake, draw_confusion, draw_mistakes, drawn
from pipeline.stages import evaluate as stage
from pipeline.tables import write_json
from pipeline.training.train import train
from tests.support.drawn_shapes import SHAPES, draw, params, rows, write_project
from tests.support.pages import photographs, pictures

REPORTS = (
    "evaluate/metrics.json",
    "evaluate/breakdown.json",
    "evaluate/predictions.csv",
    "evaluate/confusion.png",
    "evaluate/mistakes.png",
    "model.html",
)
RANDOM = {
    "accuracy": 0.9,
    "macro_f1": 0.8,
    "weighted_f1": 0.9,
    "n": 30,
    "intervals": {},
    "share_in_training_scenes": 1.0,
}


@pytest.fixture(scope="module")
def classifier():
    return train(rows(36, seed=1), rows(0, seed=9), params(epochs=3, threads=1)).classifier


def run_stage(folder, monkeypatch, classifier, test_rows):
    write_project(folder, {"train": rows(6, seed=7), "validation": rows(0, seed=8), "test": test_rows})
    save_model(folder / paths.CLASSIFIER, classifier)
    write_json(folder / "reports/random_split/metrics.json", RANDOM)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("pipeline.classifier.explain.STEPS", 2)  # what the filters look for need not be found out here
    monkeypatch.setattr("pipeline.pages.classifier.FILTERS", 4)
    stage.main()
    return {Path(name).name: (folder / "reports" / name).read_bytes() for name in REPORTS}


def test_a_name_without_glyphs_or_from_right_to_left_is_drawn_as_its_id() -> None:
    assert drawn("Dée Dée", "deedee") == "Dée Dée"
    assert [drawn(name, "wukong") for name in ("孫悟空", "Tom 🙂", "סמח", "قط")] == ["wukong"] * 4


@pytest.mark.slow
def test_numbers_follow_from_the_predictions(tmp_path, monkeypatch, classifier, capsys):
    made = run_stage(tmp_path, monkeypatch, classifier, rows(30, seed=3, split="test"))
    metrics, breakdown = json.loads(made["metrics.json"]), json.loads(made["breakdown.json"])
    predictions = pd.read_csv(tmp_path / "reports/evaluate/predictions.csv")
    assert list(predictions.columns) == [
        "face_id",
        "character",
        "episode_id",
        "scene",
        "actual",
        "predicted",
        "probability",
    ]
    assert len(predictions) == metrics["n"] == 30
    assert metrics["accuracy"] == pytest.approx(
        accuracy_score(predictions["actual"], predictions["predicted"]), abs=1e-6
    )
    assert predictions["probability"].between(1 / 3, 1).all()
    assert metrics["majority_share"] == pytest.approx(1 / 3, abs=1e-6)
    assert {name: own["n"] for name, own in breakdown["per_character"].items()} == {"cat": 15, "mouse": 15}
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("evaluate: 30 test faces, 0 skipped (the image does not decode), accuracy 0.")


@pytest.mark.slow
def test_twice_the_same_bytes(tmp_path, monkeypatch, classifier):
    data = rows(30, seed=3, split="test")
    assert run_stage(tmp_path / "a", monkeypatch, classifier, data) == run_stage(
        tmp_path / "b", monkeypatch, classifier, data
    )


def test_predictions_are_those_of_the_loaded_model(tmp_path, monkeypatch, classifier):
    data = rows(6, seed=3, split="test")
    run_stage(tmp_path, monkeypatch, classifier, data)
    pictures = [cv2.imdecode(np.frombuffer(i["bytes"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for i in data["image"]]
    probabilities = load_model(tmp_path / paths.CLASSIFIER).predict([np.ascontiguousarray(p) for p in pictures])
    predictions = pd.read_csv(tmp_path / "reports/evaluate/predictions.csv")
    assert predictions["predicted"].tolist() == [SHAPES[i] for i in probabilities.argmax(axis=1)]
    np.testing.assert_allclose(predictions["probability"], probabilities.max(axis=1), atol=1e-5)


def test_an_empty_test_set_gives_nulls_and_pictures_that_say_so(tmp_path, monkeypatch, classifier):
    made = run_stage(tmp_path, monkeypatch, classifier, rows(0, seed=3))
    metrics = json.loads(made["metrics.json"])
    assert metrics["n"] == 0
    assert metrics["accuracy"] is None
    assert json.loads(made["breakdown.json"])["per_character"] == {}
    assert made["predictions.csv"] == b"face_id,character,episode_id,scene,actual,predicted,probability\n"
    for name in ("confusion.png", "mistakes.png"):
        assert cv2.imdecode(np.frombuffer(made[name], np.uint8), cv2.IMREAD_COLOR) is not None


def test_images_that_do_not_decode_are_left_out_and_counted(classifier):
    data = rows(6, seed=3, split="test")
    data.at[1, "image"] = {"bytes": b"", "path": None}
    found = score_classifier(data, classifier)
    assert (found.metrics["n"], found.metrics["skipped"]) == (5, 1)
    assert data["face_id"][1] not in set(found.predictions["face_id"])
    assert found.confusion.sum() == 5


def test_a_label_the_model_does_not_know(classifier):
    data = rows(3, seed=3, split="test")
    data.loc[0, "emotion"] = "star"
    with pytest.raises(StageError, match=r"test.parquet has labels .*: 'star' on 1 face\."):
        score_classifier(data, classifier)


def test_no_model(tmp_path, monkeypatch):
    write_project(tmp_path, {"test": rows(3, seed=3)})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no trained model"):
        stage.main()


def test_mistakes_come_surest_first():
    data = rows(3, seed=3)
    predictions = pd.DataFrame(
        {
            "face_id": data["face_id"],
            "character": data["character"],
            "actual": ["disc", "square", "cross"],
            "predicted": ["square", "square", "disc"],
            "probability": [0.5, 0.9, 0.8],
        }
    )
    shown, total = stage.mistakes(data, predictions, params())
    assert total == 2
    assert [(m.actual, m.predicted, m.probability) for m in shown] == [("cross", "disc", 0.8), ("disc", "square", 0.5)]


def test_a_users_matplotlibrc_does_not_show(tmp_path):
    from matplotlib import rc_context

    counts = np.array([[5, 1], [0, 3]])
    draw_confusion(tmp_path / "a.png", counts, ["happy", "sad"])
    with rc_context({"font.size": 20, "figure.facecolor": "black", "savefig.dpi": 30}):
        draw_confusion(tmp_path / "b.png", counts, ["happy", "sad"])
    first, second = (hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in ("a.png", "b.png"))
    assert first == second


def test_darker_cells_hold_larger_shares_of_their_row(tmp_path):
    draw_confusion(tmp_path / "c.png", np.array([[90, 10], [1, 0]]), ["happy", "sad"])
    gray = cv2.imread(str(tmp_path / "c.png"), cv2.IMREAD_GRAYSCALE)
    cells = np.unique(gray, return_counts=True)
    large = {int(level) for level, n in zip(*cells, strict=True) if n > 2000}
    assert len(large) >= 4  # white paper and 0 %, 10 %, 90 %, 100 %: at least four flat areas


def test_a_page_of_mistakes_holds_every_face_given(tmp_path):
    rng = np.random.default_rng(0)
    faces = [Mistake(draw("disc", "cat", rng), "disc", "cross", 0.9, "cat") for _ in range(7)]
    draw_mistakes(tmp_path / "m.png", faces, 7)
    draw_mistakes(tmp_path / "n.png", faces[:6], 7)
    heights = [cv2.imread(str(tmp_path / name)).shape[0] for name in ("m.png", "n.png")]
    assert heights[0] > heights[1]  # seven need a second row


def test_faces_of_one_scene_in_two_splits_fail_the_stage(tmp_path, monkeypatch, classifier):
    leaking = rows(6, seed=3, split="test").assign(episode_id="pilot-train")
    with pytest.raises(StageError, match="1 scene with faces in more than one split, such as scene 0 of pilot-train"):
        run_stage(tmp_path, monkeypatch, classifier, leaking)


def test_a_near_duplicate_in_two_splits_fails_the_stage(tmp_path, monkeypatch, classifier):
    test = rows(6, seed=3, split="test")
    test.at[2, "image"] = rows(6, seed=7)["image"][2]  # of the training split
    with pytest.raises(StageError, match="1 pair of near-duplicates in different splits, such as train0700002"):
        run_stage(tmp_path, monkeypatch, classifier, test)


@pytest.mark.slow
def test_the_page_shows_figures_mistakes_heat_and_filters_offline(tmp_path, monkeypatch, classifier):
    made = run_stage(tmp_path, monkeypatch, classifier, rows(30, seed=3, split="test"))
    for name in ("index.html", "dataset.html"):  # the pages beside it, which another stage makes
        (tmp_path / "reports" / name).touch()
    text = made["model.html"].decode()
    metrics = json.loads(made["metrics.json"])
    assert f"{metrics['macro_f1']:.3f} [" in text
    assert metrics["random_split_gap_accuracy"] == pytest.approx(0.9 - metrics["accuracy"], abs=1e-6)
    shown = pictures(tmp_path / "reports/model.html")
    assert len([kind for kind, _ in shown if kind == "image/png"]) == 2  # confusion and reliability
    predictions = pd.read_csv(tmp_path / "reports/evaluate/predictions.csv")
    wrong = int((predictions["actual"] != predictions["predicted"]).sum())
    heated = int(predictions["predicted"].value_counts().clip(upper=10).sum())
    assert len(photographs(tmp_path / "reports/model.html")) == wrong + heated + 3  # a sheet per convolution


def test_the_random_split_must_have_run(tmp_path, monkeypatch, classifier):
    write_project(tmp_path, {split: rows(3, seed=i, split=split) for i, split in enumerate(("train", "test"))})
    write_project(tmp_path, {"validation": rows(0, seed=5)})
    save_model(tmp_path / paths.CLASSIFIER, classifier)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="run `dvc repro random_split`"):
        stage.main()
