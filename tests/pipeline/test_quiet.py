"""No command asks anybody outside this machine for anything it was not told to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.quiet import SWITCHES
from tests.support import ROOT
from tests.support.worlds import scene, write_video

RECORDER = """
import ipaddress, os, sys

def recorder(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        if not isinstance(arguments[1], tuple):
            return
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    try:
        here = host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here:
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{sys.argv}: {event} {host}\\n")

sys.addaudithook(recorder)
"""
"""A `sitecustomize` that every Python process of a command loads: who was asked for or spoken to."""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/sitecustomize.py").write_text(RECORDER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'hooks'}{os.pathsep}{ROOT}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("HOME", str(tmp_path))  # without the switches of whoever runs this
    for name in (*SWITCHES, "CI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "asked").touch()
    return tmp_path / "asked"


def run(words: str, folder: Path) -> str:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words.split()]
    if words.startswith("dvc"):
        command = [sys.executable, "-m", *words.split()]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_recorder_sees_a_request(asked: Path) -> None:
    ask = "import urllib.request; urllib.request.urlopen('http://example.invalid/')"
    subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False)
    assert "example.invalid" in asked.read_text()


@pytest.mark.slow
def test_no_command_asks_anybody(asked: Path, tmp_path: Path) -> None:
    assert "is a project now" in run("new show", tmp_path)
    project = tmp_path / "show"
    write_video(project / "video.mp4", scene(0, 30) + scene(1, 30))
    params = (project / "params.yaml").read_text()
    one = "\nepisodes: [{id: pilot, source: video.mp4}]\n"
    assert "\nepisodes: []\n" in params
    (project / "params.yaml").write_text(params.replace("\nepisodes: []\n", one).replace("workers: 0", "workers: 2"))
    assert "2 scenes" in run("dvc repro scenes", project)
    for words in (
        "stage cascade hero", "stage faces", "stage manifest", "stage tasks", "stage labels", "stage dataset",
        "stage train", "stage random_split", "stage evaluate", "stage report", "summary", "splits", "repair",
        "label push boxes", "label pull", "predict video.mp4", "export out.onnx", "dvc status", "dvc dag",
    ):  # fmt: skip
        assert "Traceback" not in run(words, project), words
    assert asked.read_text() == ""


def test_the_switches_are_set_before_anything_is_imported() -> None:
    script = (
        "import pipeline, os, sys; from pipeline.quiet import SWITCHES; "
        "assert all(os.environ[name] == value for name, value in SWITCHES.items()); "
        "assert not {'onnxruntime', 'dvc', 'torch'} & set(sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
