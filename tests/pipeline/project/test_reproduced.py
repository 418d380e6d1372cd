"""Holding a clean run against the committed dvc.lock."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import SetupError, StageError
from pipeline.project.reproduced import check, differences, lock


def stage(md5: str, **more: object) -> dict[str, object]:
    return {"cmd": "x", "outs": [{"path": "data/a", "md5": md5}]} | more


def test_every_difference_is_named() -> None:
    first = {"faces": stage("1", params={"params.yaml": {"every": 3}}), "gone": stage("1"), "same": stage("1")}
    second = {"faces": stage("2", params={"params.yaml": {"every": 2}}), "new": stage("1"), "same": stage("1")}
    assert list(differences(first, second)) == [
        "faces: params ",
        "faces: outs data/a",
        "gone: only in the commit",
        "new: only in the new run",
    ]


def project(path: Path, **commands: str) -> Path:
    """A real DVC project under git whose stages write one file each, run and committed."""
    path.mkdir()
    stages = "".join(f"  {name}:\n    cmd: '{command}'\n    outs: [{name}.txt]\n" for name, command in commands.items())
    (path / "dvc.yaml").write_text(f"stages:\n{stages}")
    for command in (
        ["git", "init", "-q"],
        ["git", "config", "user.email", "a@example.org"],
        ["git", "config", "user.name", "a"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        [sys.executable, "-m", "dvc", "repro", "-q"],
        ["git", "add", "-A"],
        ["git", "commit", "-qm", "all"],
    ):
        subprocess.run(command, cwd=path, check=True, capture_output=True)
    return path


@pytest.mark.slow
def test_a_stage_that_gives_other_bytes_each_time_is_found_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    check(project(tmp_path / "good", dataset="echo same > dataset.txt"))
    assert "leaves dvc.lock as it was" in capfd.readouterr().out
    changing = 'head -c 16 /dev/urandom > "$(basename dataset).txt"'
    with pytest.raises(StageError, match=r"dataset: outs dataset\.txt"):
        check(project(tmp_path / "bad", dataset=changing))


@pytest.mark.slow
def test_what_only_torch_computes_may_differ_openly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check(project(tmp_path / "p", dataset="echo same > dataset.txt", train="head -c 16 /dev/urandom > train.txt"))
    assert "on this processor these differ:\n  train: outs train.txt" in capfd.readouterr().out


def test_no_lock_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="run `dvc repro` and commit it"):
        lock(tmp_path)
