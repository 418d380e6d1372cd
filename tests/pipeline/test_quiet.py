"""No command asks anybody outside this machine for anything it was not told to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labeling.local_server import cache, ensure_environment
from pipeline.quiet import SWITCHES
from tests.support import ROOT
from tests.support.alone import RESOLVER, alone, why_not
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


CACHE = str(cache().parent)
"""Where Label Studio's environment is, seen before any test has another home."""


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


@pytest.fixture(scope="module")
def own_network() -> bool:
    """Whether each command can have a network of its own, where whatever sends a packet is seen, Python or not."""
    return why_not() == ""


def run(words: str, folder: Path, own_network: bool) -> str:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words.split()]
    if words.startswith("dvc"):
        command = [sys.executable, "-m", *words.split()]
    if own_network:
        command = alone(command, Path(os.environ["ASKED"]))
    return output(command, folder)


def output(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def need(own_network: bool) -> None:
    if not own_network:
        pytest.skip(f"no command can have a network of its own here: {why_not()}")


def test_a_network_of_its_own_sees_what_is_no_python_and_what_outlives_the_command(
    asked: Path, tmp_path: Path, own_network: bool
) -> None:
    need(own_network)
    later = "import socket, subprocess, sys; subprocess.Popen([sys.executable, '-I', '-c', sys.argv[1]])"
    ask = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('198.51.100.7', 9))"
    output(alone(["getent", "hosts", "example.invalid"], asked), tmp_path)
    output(alone([sys.executable, "-I", "-c", later, ask], asked), tmp_path)
    here = "import socket; a = socket.create_server(('127.0.0.1', 0)); socket.create_connection(a.getsockname())"
    assert output(alone([sys.executable, "-I", "-c", here], asked), tmp_path) == ""
    assert asked.read_text() == f"{RESOLVER} port 53, asked for example.invalid\n198.51.100.7 port 9\n"


def test_the_recorder_sees_a_request(asked: Path) -> None:
    ask = "import urllib.request; urllib.request.urlopen('http://example.invalid/')"
    subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False)
    assert "example.invalid" in asked.read_text()


@pytest.mark.slow
def test_no_command_asks_anybody(asked: Path, tmp_path: Path, own_network: bool) -> None:
    assert "is a project now" in run("new show", tmp_path, own_network)
    project = tmp_path / "show"
    write_video(project / "video.mp4", scene(0, 30) + scene(1, 30))
    params = (project / "params.yaml").read_text()
    one = "\nepisodes: [{id: pilot, source: video.mp4}]\n"
    assert "\nepisodes: []\n" in params
    (project / "params.yaml").write_text(params.replace("\nepisodes: []\n", one).replace("workers: 0", "workers: 2"))
    assert "2 scenes" in run("dvc repro scenes", project, own_network)
    for words in (
        "stage cascade hero", "stage faces", "stage manifest", "stage tasks", "stage labels", "stage dataset",
        "stage train", "stage random_split", "stage evaluate", "stage report", "summary", "splits", "repair",
        "label push boxes", "label pull", "predict video.mp4", "export out.onnx", "dvc status", "dvc dag",
    ):  # fmt: skip
        assert "Traceback" not in run(words, project, own_network), words
    assert asked.read_text() == ""


BROWSER = """
import sys
from benchmarks.studio import browser

with browser() as chromium:
    page = chromium.new_page()
    page.goto(f"file://{sys.argv[1]}")
    print(page.inner_text("body"))
"""
STUDIO = """
import sys
from pathlib import Path
from benchmarks.studio import Studio, browser

studio = Studio(Path(sys.argv[1]))
studio.start()
try:
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(studio.account.url)
        page.fill("input[name=email]", studio.account.username)
        page.fill("input[name=password]", studio.account.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_function("() => !location.pathname.startsWith('/user')", timeout=120_000)
        print("signed in")
finally:
    studio.stop()
"""


@pytest.mark.slow
@pytest.mark.browser
def test_the_browser_of_the_tests_asks_nobody(asked: Path, tmp_path: Path, own_network: bool) -> None:
    need(own_network)
    (tmp_path / "page.html").write_text("<p>a page of ours</p>")
    command = [sys.executable, "-c", BROWSER, str(tmp_path / "page.html")]
    assert "a page of ours" in output(alone(command, asked), tmp_path)
    assert asked.read_text() == ""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.server
def test_label_studio_and_its_pages_ask_nobody(
    asked: Path, tmp_path: Path, own_network: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(own_network)
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)
    ensure_environment(print)
    command = [sys.executable, "-c", STUDIO, str(tmp_path)]
    assert "signed in" in output(alone(command, asked), tmp_path)
    assert asked.read_text() == ""


def test_the_switches_are_set_before_anything_is_imported() -> None:
    script = (
        "import pipeline, os, sys; from pipeline.quiet import SWITCHES; "
        "assert all(os.environ[name] == value for name, value in SWITCHES.items()); "
        "assert not {'onnxruntime', 'dvc', 'torch'} & set(sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
