"""DVC's lock file, left empty by a kill: the real dvc refuses it, `toonset repair` mends it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import SetupError
from pipeline.project.locks import RWLOCK, mend_lock

WAITING = "stages: {wait: {cmd: 'touch began; read line < fifo', outs: [done]}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    dvc("init", "--no-scm", "--quiet")
    Path("dvc.yaml").write_text("stages: {make: {cmd: echo made > out, outs: [out]}}\n")
    return tmp_path


def dvc(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("left", ["", '{"read": {"/x": [{"pid": 1, "cm', "[]"])
def test_a_half_written_lock_stops_dvc_until_it_is_mended(project: Path, left: str) -> None:
    RWLOCK.parent.mkdir(exist_ok=True)
    RWLOCK.write_text(left)
    refused = dvc("repro")
    assert refused.returncode != 0
    assert "RWLock-file" in refused.stderr
    assert "deleted" in mend_lock(project)
    assert dvc("repro").returncode == 0
    assert Path("out").read_text() == "made\n"
    assert "nothing to repair" in mend_lock(project)


def test_while_dvc_runs_its_lock_is_left_alone(project: Path) -> None:
    Path("dvc.yaml").write_text(WAITING)
    subprocess.run(["mkfifo", "fifo"], check=True)
    with subprocess.Popen([sys.executable, "-m", "dvc", "repro"], stdout=subprocess.DEVNULL) as running:
        while not Path("began").exists():
            assert running.poll() is None
            time.sleep(0.05)
        whole = RWLOCK.read_text()
        assert "nothing to repair" in mend_lock(project)
        RWLOCK.write_text("")
        with pytest.raises(SetupError, match=f"process {running.pid}.*wait until it has ended"):
            mend_lock(project)
        assert RWLOCK.read_text() == ""
        RWLOCK.write_text(whole)
        Path("fifo").write_text("go on\n")
        running.wait()
