"""`toonset new` and the command line, run as a person runs them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import __version__
from tests.support import ROOT

EMOTIONS = "annotations/emotions.csv"


def toonset(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(program, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert toonset("--version", cwd=tmp_path).stdout == f"toonset {__version__}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    done = toonset("new", "my show", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "my show"


@pytest.mark.slow
def test_a_new_project_is_complete_and_its_flow_is_the_repositorys_own(project: Path) -> None:
    assert (project / "dvc.yaml").read_bytes() == (ROOT / "dvc.yaml").read_bytes()
    for name in ("params.yaml", "annotations/boxes.csv", "labeling/configs/emotions.xml", ".gitignore", ".dvc/config"):
        assert (project / name).stat().st_size > 0, name
    listed = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
    assert "params.yaml" in listed
    stages = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cascade" in stages.stdout.split()


def test_new_never_writes_into_a_directory_that_holds_anything(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = toonset("new", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stage", "faces", "cat"], "the stage faces takes no character"),
        (["stage", "cascade", "heron"], "Did you mean 'hero'?"),
        (["stage", "faces"], "data/episodes.parquet"),
        (["splits"], "data/scenes.parquet"),
    ],
)
def test_an_error_is_one_message_without_a_traceback(project: Path, arguments: list[str], said: str) -> None:
    done = toonset(*arguments, cwd=project)
    assert done.returncode == 1
    assert done.stderr.startswith("toonset: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def export(*emotions: str) -> str:
    data = {"face_id": "f", "episode_id": "e", "frame": 1, "character": "hero", "x": 1, "y": 2, "w": 3, "h": 4}
    answers = [
        {
            "result": [{"from_name": "emotion", "value": {"choices": [emotion]}}],
            "completed_by": {"email": "anna@example.org"},
            "updated_at": "2026-01-02T03:04:05Z",
            "lead_time": 2.0,
        }
        for emotion in emotions
    ]
    return json.dumps([{"data": data, "annotations": answers}])


@pytest.mark.slow
def test_answers_are_appended_once_and_what_was_there_keeps_its_bytes(project: Path) -> None:
    before = (project / EMOTIONS).read_text() + 'e,0,hero,1,2,3,4,"happy",ben,,,,,\n'
    (project / EMOTIONS).write_text(before)
    (project / "export.json").write_text(export("happy", "sad"))
    first = toonset("label", "import", "export.json", cwd=project)
    assert first.stdout.strip() == "label emotions: 2 answers, 2 new, 0 there already"
    after = (project / EMOTIONS).read_text()
    assert after.startswith(before)
    assert after[len(before) :] == (
        "e,1,hero,1,2,3,4,happy,anna@example.org,2026-01-02T03:04:05Z,2.0,task,,\n"
        "e,1,hero,1,2,3,4,sad,anna@example.org,2026-01-02T03:04:05Z,2.0,task,,\n"
    )
    again = toonset("label", "import", "export.json", cwd=project)
    assert again.stdout.strip() == "label emotions: 2 answers, 0 new, 2 there already"
    assert (project / EMOTIONS).read_text() == after


@pytest.mark.slow
def test_columns_that_may_be_left_out_are_added_where_an_import_needs_them(project: Path) -> None:
    short = "episode_id,frame,character,x,y,w,h,emotion\n"
    (project / EMOTIONS).write_text(short + "e,0,hero,1,2,3,4,happy\n")
    (project / "export.json").write_text(export("sad"))
    for new in (1, 0):
        done = toonset("label", "import", "export.json", cwd=project)
        assert done.stdout.strip() == f"label emotions: 1 answer, {new} new, {1 - new} there already"
    assert (project / EMOTIONS).read_text() == (
        short.replace("\n", ",annotator,annotated_at,lead_time_s,given_by,suggested,guess\n")
        + "e,0,hero,1,2,3,4,happy\n"
        + "e,1,hero,1,2,3,4,sad,anna@example.org,2026-01-02T03:04:05Z,2.0,task,,\n"
    )


@pytest.mark.slow
def test_a_file_with_semicolons_is_not_written_to(project: Path) -> None:
    (project / EMOTIONS).write_text("episode_id;frame;character;x;y;w;h;emotion\n")
    (project / "export.json").write_text(export("sad"))
    done = toonset("label", "import", "export.json", cwd=project)
    assert "separated by semicolons" in done.stderr
    assert (project / EMOTIONS).read_text() == "episode_id;frame;character;x;y;w;h;emotion\n"


@pytest.mark.slow
def test_an_answer_that_params_do_not_know_is_kept_as_it_was_given(project: Path) -> None:
    (project / "export.json").write_text(export("happy", "hapy"))
    done = toonset("label", "import", "export.json", cwd=project)
    assert done.stdout.strip() == "label emotions: 2 answers, 2 new, 0 there already"
    assert ",hapy," in (project / EMOTIONS).read_text()  # the labels stage rejects the row, and says why


def test_git_is_asked_for_where_there_is_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", "new", "show"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shutil.which("git") is not None
    assert done.returncode == 1
    assert "install git" in done.stderr
