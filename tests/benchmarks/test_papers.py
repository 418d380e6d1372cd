"""The sweep over published networks: order, names of runs, going on, the table."""

import json

import pandas as pd
import pytest

from benchmarks import papers
from benchmarks.film_faces import film_faces
from tests.support.drawn_shapes import rows


def test_every_light_variant_has_its_first_seed_before_any_has_its_second():
    seeds = [task.seed for task in papers.tasks(["sample", "film"], heavy=False, only=[])]
    assert seeds == sorted(seeds)
    names = {task.variant.name for task in papers.tasks(["film"], heavy=True, only=[])}
    assert {"toon", "hill2017, adagrad", "resnet18, random start", "googlenet, deeper"} <= names


@pytest.mark.parametrize("variant", papers.VARIANTS, ids=lambda one: one.name)
def test_the_settings_of_every_variant_are_valid_and_name_their_run(variant, tmp_path):
    paths = set()
    for seed in (0, 1):
        task = papers.Task("film", variant, seed)
        params = papers.params_of(task, epochs=None)
        assert params.train.seed == seed
        papers.plan_of(params.train)
        paths |= {papers.path_of(task, params, digest, tmp_path) for digest in ("these faces", "others")}
    assert len(paths) == 4


def test_a_run_that_is_finished_is_not_run_again(tmp_path, monkeypatch, capsys):
    emotions = ("angry", "happy", "neutral")
    faces = {
        split: rows(12, seed=i, split=split).replace(
            {"emotion": dict(zip(("disc", "square", "cross"), emotions, strict=True))}
        )
        for i, split in enumerate(("train", "validation", "test"))
    }
    variants = (papers.Variant("small", {"net": "toon", "options": {"width": 4}}, seeds=2),)
    monkeypatch.setattr(papers, "VARIANTS", variants)
    monkeypatch.setattr(papers, "load_sets", lambda *_: {"sample": faces})
    monkeypatch.setattr("sys.argv", ["papers", "--runs", str(tmp_path), "--epochs", "1"])
    papers.main()
    first = capsys.readouterr().out
    assert "sample: 12 train, 12 validation, 12 test" in first
    assert "| small | " in first
    results = sorted(tmp_path.glob("*.json"))
    assert [json.loads(path.read_text())["seed"] for path in results] == [0, 1]
    times = [path.stat().st_mtime_ns for path in results]
    monkeypatch.setattr("sys.argv", ["papers", "--runs", str(tmp_path), "--epochs", "1", "--list"])
    papers.main()
    assert capsys.readouterr().out == first
    assert [path.stat().st_mtime_ns for path in results] == times


def test_the_table_has_the_best_first_with_mean_and_spread():
    runs = [
        {"name": name, "parameters": 1234567, "epochs": 5, "accuracy": f1, "macro_f1": f1, "cpu_s": 3.2}
        for name, f1 in (("a", 0.5), ("b", 0.8), ("b", 0.9), ("c", 0.1))
    ]
    lines = papers.table(runs).splitlines()
    assert lines[2] == "| b | 1,234,567 | 2 | 5 | 0.850 ± 0.071 | 0.850 ± 0.071 | 3 |"
    assert [line.split()[1] for line in lines[2:]] == ["b", "a", "c"]


@pytest.mark.slow
def test_the_films_faces_are_its_boxes_and_no_shot_lies_in_two_splits(footage, tmp_path):
    faces = film_faces(footage, tmp_path / "film.parquet")
    boxes = pd.read_csv(footage / "boxes.csv").query("episode_id == 'bbb'")
    assert sorted(faces["frame"]) == sorted(boxes["frame"])
    assert dict(faces["emotion"].value_counts()) == dict(boxes["emotion"].value_counts())
    assert (faces.groupby("scene")["split"].nunique() == 1).all()
    shots = pd.read_csv(footage / "scenes.csv").query("episode_id == 'bbb'").reset_index(drop=True)
    assert set(faces[faces["split"] == "test"]["scene"]) <= set(shots.index[shots["held_out"] == 1])
    assert not set(faces[faces["split"] != "test"]["scene"]) & set(shots.index[shots["held_out"] == 1])


def test_folds_judge_every_face_that_is_not_held_out_once_and_never_beside_its_scene():
    faces = {one: rows(40, seed=i, split=one) for i, one in enumerate(("train", "validation", "test"))}
    known = pd.concat([faces["train"], faces["validation"]])
    seen = []
    for trained, stopping, judged in papers.parts_of(faces, 4):
        assert not len(stopping)
        places = [set(zip(part["episode_id"], part["scene"], strict=True)) for part in (trained, judged)]
        assert not places[0] & places[1]
        assert len(trained) + len(judged) == len(known)
        seen += list(judged["face_id"])
    assert sorted(seen) == sorted(known["face_id"])
