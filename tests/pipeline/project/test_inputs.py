"""Inputs that change while a stage runs, names that are shell commands or paths: with the real dvc."""

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from pipeline.cli import Stage
from pipeline.errors import StageError
from pipeline.project.inputs import declared_inputs, unchanged_inputs
from pipeline.project.new import make_project
from tests.support import ROOT

MEANWHILE = """
import sys
from pathlib import Path
from pipeline import cli
from pipeline.stages import tasks

def main():
    Path("data/made").write_text("made")
    exec(Path("meanwhile.py").read_text())

tasks.main = main
sys.argv = ["toonset", "stage", "tasks"]
cli.main()
"""
"""`toonset stage tasks`, short of its work, during which somebody does what meanwhile.py says."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def dvc(*arguments: str) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ("with open('annotations/boxes.csv', 'a') as f: f.write('one more row')", "annotations/boxes.csv"),
        ("Path('annotations/boxes.csv').unlink()", "annotations/boxes.csv"),
        ("Path('data/episodes/new.mp4').write_bytes(b'video')", "data/episodes/new.mp4"),
        ("Path('params.yaml').write_text(Path('params.yaml').read_text().replace('hero', 'heron'))", "`characters`"),
    ],
)
def test_dvc_records_nothing_of_a_stage_whose_inputs_changed(project: Path, meanwhile: str, said: str) -> None:
    Path("data/episodes").mkdir(parents=True)
    Path("run.py").write_text(MEANWHILE)
    Path("meanwhile.py").write_text(meanwhile)
    stage = {
        "cmd": "python run.py",
        "params": ["characters"],
        "deps": ["annotations/boxes.csv", "data/episodes"],
        "outs": ["data/made"],
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"tasks": stage}}))
    done = dvc("repro")
    assert done.returncode != 0
    assert f"toonset: {said}" in done.stderr
    assert "changed while `tasks` was running" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("dvc.lock").exists()
    Path("meanwhile.py").write_text("pass")
    Path("annotations/boxes.csv").touch()
    assert dvc("repro").returncode == 0
    assert "Data and pipelines are up to date." in dvc("status").stdout


@pytest.mark.slow
def test_what_is_no_input_may_change(project: Path) -> None:
    Path("data/scenes.parquet").parent.mkdir()
    Path("data/scenes.parquet").write_bytes(b"scenes")
    with unchanged_inputs("scenes", None):
        Path("annotations/emotions.csv").write_text("a row")
        Path("params.yaml").write_text(Path("params.yaml").read_text().replace("workers: 0", "workers: 1"))
    with pytest.raises(StageError, match="changed"), unchanged_inputs("scenes", None):  # while an input may not
        Path("annotations/splits.csv").write_text("a row")


@pytest.mark.slow
def test_what_was_kept_while_an_input_changed_is_forgotten(project: Path) -> None:
    for folder in ("data/faces", "models/cascades"):
        Path(folder).mkdir(parents=True)
    Path("data/faces/before.parquet").write_bytes(b"made from the old state")
    with pytest.raises(StageError, match=r"models/cascades/hero.xml changed"), unchanged_inputs("faces", None):  # noqa: PT012
        Path("data/faces/during.parquet").write_bytes(b"made from who knows what")
        Path("models/cascades/hero.xml").write_bytes(b"another")
    assert [path.name for path in Path("data/faces").iterdir()] == ["before.parquet"]


@pytest.mark.slow
def test_every_stage_of_the_flow_declares_what_it_reads(project: Path) -> None:
    flow = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    for stage in Stage:
        declared = declared_inputs(stage, "hero")
        assert declared.params
        assert len(declared.deps) == len(flow[stage].get("deps", []))
        assert not any("$" in str(path) for path in declared.deps)
    assert declared_inputs("faces", None).kept == (Path("data/faces"),)
    assert declared_inputs("cascade", None).kept == (Path("models/cascades"), Path("reports/cascades"))


@pytest.mark.slow
def test_a_name_in_params_reaches_no_shell_and_no_file_outside_its_folder(project: Path) -> None:
    outside = project.parent / "outside.csv"
    for precious in (outside, Path("precious.csv")):
        precious.write_text("mine")
    params = yaml.safe_load(Path("params.yaml").read_text())
    only_cascades(project)
    for name, said in (
        ("x; touch PWNED; true", "expected lower-case letters, digits, - and _"),
        ("$(touch PWNED)", "expected lower-case letters, digits, - and _"),
        ("../../precious", "expected lower-case letters, digits, - and _"),
        ("../../../outside", "expected lower-case letters, digits, - and _"),
    ):
        Path("params.yaml").write_text(yaml.safe_dump(params | {"characters": [name]}))
        done = dvc("repro")
        assert done.returncode != 0
        assert said in done.stderr
    assert outside.read_text() == Path("precious.csv").read_text() == "mine"
    assert not list(project.rglob("*PWNED*"))


def only_cascades(project: Path, **more: object) -> None:
    """Leave of the flow what learns characters, with more said of the stage, as if all else were up to date."""
    flow = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"cascade": flow["cascade"] | more}}))
    (project / "data/episodes").mkdir(parents=True)
    for made in ("data/episodes.parquet", "data/scenes.parquet"):
        (project / made).write_bytes(b"no table")


@pytest.mark.slow
def test_an_older_project_with_a_stage_for_each_character_is_told_what_to_do(project: Path) -> None:
    only_cascades(project, matrix={"character": "${characters}"}, outs=["models/cascades/${item.character}.xml"])
    said = dvc("repro", "--single-item", "cascade@hero").stderr
    assert "copy dvc.yaml from a new project" in said


@pytest.mark.slow
def test_a_params_file_that_grows_without_bound_costs_no_time(project: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in pairwise("abcdefghi")]
    Path("params.yaml").write_text("\n".join([*lines, "episodes: *i", ""]))
    began = time.monotonic()
    with unchanged_inputs("download", None):
        assert time.monotonic() - began < 5
