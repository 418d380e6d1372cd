"""`toonset benchmark`: both splits, kept runs, what a results file says, and clear errors."""

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError, ParamsError
from pipeline.params import FacesFrom, Train
from pipeline.schemas import PICTURES
from pipeline.tables import to_table, write_table
from pipeline.training import benchmark as module
from pipeline.training.benchmark import apart, benchmark, code_of, digest_of
from pipeline.training.benchmark_results import Code, read_result, spread
from pipeline.training.protocols import PROTOCOLS, protocol_of
from pipeline.training.recipes import plan_of
from tests.support.drawn_shapes import params, rows, write_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    splits = {split: rows(n, seed=i, split=split) for i, (split, n) in enumerate(SIZES.items())}
    write_project(tmp_path, splits, "net: vanilla", "epochs: 1", "batch: 12")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "code_of", lambda folder: Code(version="1", commit="a" * 40, changed=False))
    return tmp_path


SIZES = {"train": 24, "validation": 6, "test": 12}


def test_a_protocol_is_run_on_both_splits_and_a_finished_run_is_not_run_again(project, capsys, monkeypatch):
    benchmark("project", 2, called="shapes")
    printed = capsys.readouterr().out
    path = project / "reports" / "benchmark" / "project.json"
    result = read_result(path)
    assert (result.faces.name, result.faces.train, result.faces.test) == ("shapes", 24, 12)
    assert (result.faces.apart, result.faces.scenes, result.seeds) == ({"scene": 12}, 2, [0, 1])
    assert result.settings["net"] == "vanilla"
    assert result.settings["epochs"] == 1
    known = json.loads(path.read_text())
    accuracy = {how: np.array([run["accuracy"] for run in known[how]]) for how in ("by_scene", "at_random")}
    gap = accuracy["at_random"] - accuracy["by_scene"]
    assert f"gap        {gap.mean():+.3f} ± {gap.std(ddof=1):.3f}" in printed
    first = path.read_bytes()
    kept = sorted(one.name.rsplit("-", 1)[0] for one in (project / "data" / "cache" / "benchmark").iterdir())
    assert kept == [".gitignore", *(f"project-{how}-{seed}" for how in ("at_random", "by_scene") for seed in (0, 1))]
    monkeypatch.setattr(module, "run_once", None)
    benchmark("project", 2, called="shapes")
    assert path.read_bytes() == first


def test_no_face_of_a_scene_crosses_the_split_by_scene_but_does_at_random(project, monkeypatch):
    seen = []

    def note(rows, *_):
        places = [set(rows.loc[rows["split"] == split, "scene"]) for split in ("train", "test")]
        seen.append((len(places[0] & places[1]), rows["split"].value_counts().to_dict()))
        return {"accuracy": 0.5, "macro_f1": 0.5, "low": None, "high": None, "cpu_s": 1.0, "parameters": 3}

    monkeypatch.setattr(module, "run_once", note)
    splits = pd.concat([rows(12, seed=i, split=split) for i, split in enumerate(SIZES)], ignore_index=True)
    splits["scene"] = splits["scene"] + 10 * pd.factorize(splits["split"])[0]
    module.measure("hill2017", PROTOCOLS["hill2017"], splits, params(), [0], "shapes")
    assert seen[0][0] == 0
    assert seen[1][0] > 0
    assert seen[0][1] == seen[1][1]


def test_faces_are_told_apart_by_label_split_and_picture_but_not_by_order():
    faces = rows(6, seed=1)
    others = [
        faces.assign(split=["test", *faces["split"][1:]]),
        faces.assign(emotion=["disc", "disc", *faces["emotion"][2:]]),
        faces.assign(image=[faces["image"][1], *faces["image"][1:]]),
        faces.assign(margin=0.1),
    ]
    assert digest_of(faces.iloc[::-1]) == digest_of(faces)
    assert len({digest_of(one) for one in [faces, *others]}) == 5


def test_pictures_say_what_keeps_them_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = [("a", "test", ""), ("b", "", "actor 1"), ("c", "", "")]
    pictures = [
        {**dict.fromkeys(PICTURES.names), "face_id": face_id, "given_split": split, "group": group, "status": "ok"}
        for face_id, split, group in facts
    ]
    write_table(tmp_path / "data" / "pictures.parquet", to_table(pictures, PICTURES))
    own = params().model_copy(update={"faces_from": (FacesFrom(id="web"),)})
    test = pd.DataFrame({"face_id": ["a", "b", "c", "of an episode"]})
    assert apart(test, own) == {"given": 1, "group": 1, "look-alikes": 1, "scene": 1}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_a_training_that_can_be_made(name):
    assert plan_of(Train(**PROTOCOLS[name].train)).settings.net in name


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(ParamsError, match=r"no benchmark 'hil2017'\. Did you mean 'hill2017'\? Expected one of toon, "):
        protocol_of("hil2017", Train())


def test_without_test_faces_there_is_nothing_to_compare(project):
    write_project(project, {"train": rows(6, 0), "validation": rows(0, 1), "test": rows(0, 2)})
    with pytest.raises(InputError, match=r"test\.parquet has no face"):
        benchmark("hill2017", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": 0}, "parameters: Input should be greater than or equal to 1"),
        ({"at_random": []}, r"by_scene has the seeds \[0\], at_random \[\]"),
        ({"note": "mine"}, "note: Extra inputs are not permitted"),
    ],
)
def test_a_results_file_is_checked(project, change, said):
    benchmark("project", 1)
    path = project / "reports" / "benchmark" / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        read_result(path)


def test_the_commit_is_that_of_the_packages_own_checkout(tmp_path):
    folder = tmp_path / "pipeline"
    folder.mkdir()
    shutil.copy(__file__, folder / "__init__.py")
    assert code_of(folder).commit is None
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert (code_of(folder).commit, code_of(folder).changed) == (head.stdout.strip(), False)
    (folder / "new.py").touch()
    assert code_of(folder).changed
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / "__init__.py").touch()
    assert code_of(folder / "site-packages").commit is None


def test_a_spread_needs_two_values():
    assert (spread([0.5]), spread([0.5, 0.7]), spread([0.1], "+")) == ("0.500", "0.600 ± 0.141", "+0.100")
