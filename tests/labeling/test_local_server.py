"""What becomes of our own server when the command that started it is killed; and to whom its token goes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.team import compose
from labeling import until_parent_ends
from labeling.errors import LocalServerError
from labeling.local_server import Credentials, LocalServer, pinned_version

PARENT = f"""
import subprocess, sys
command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
watched = subprocess.Popen([sys.executable, "-I", {str(until_parent_ends.__file__)!r}, *command], stdin=subprocess.PIPE)
watched.wait()
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return (
            Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z" if Path("/proc").is_dir() else True
        )
    except (ProcessLookupError, FileNotFoundError):  # it may go between the two looks
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_the_server_ends_when_the_command_that_started_it_is_killed(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert is_alive(server)
        parent.send_signal(number)
        until = time.monotonic() + 60
        while is_alive(server):
            assert time.monotonic() < until, "the server lives on"
            time.sleep(0.05)


def test_the_servers_own_end_is_told() -> None:
    command = [sys.executable, "-I", str(until_parent_ends.__file__), sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
        assert watcher.wait() == 7
        assert watcher.stderr is not None
        assert watcher.stderr.read() == b""


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org:8080",
        "https://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "http://0.0.0.0:8080",
        "http://[::ffff:10.0.0.1]:8080",
        "file:///etc/passwd",
    ],
)
def test_credentials_that_name_another_address_are_refused(url: str, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / ".labelstudio", tmp_path)
    server.home.mkdir()
    account = {"url": url, "username": "u", "password": "p", "token": "secret-token"}
    server.credentials_file.write_text(json.dumps(account))
    with pytest.raises(LocalServerError, match=r"is at http://127\.0\.0\.1") as refused:
        server.credentials()
    assert "secret-token" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"url": 1, "username": [], "password": null, "token": {}}', "[" * 9999]
)
def test_damaged_credentials_are_one_line(text: str, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / ".labelstudio", tmp_path)
    server.home.mkdir()
    server.credentials_file.write_text(text)
    with pytest.raises(LocalServerError, match="cannot be read"):
        server.credentials()


def test_the_compose_file_for_teams_sets_what_our_own_server_is_told(tmp_path: Path) -> None:
    """`python -m benchmarks.team` starts Label Studio with both: what a team starts is then what was tried."""
    server = compose()["labels"]
    assert server["image"].endswith(f":{pinned_version()}")
    own = LocalServer(tmp_path / "home", tmp_path).settings(Credentials("", "a", "b", "c"))
    asked = server["environment"]
    own_of_postgres = {"DJANGO_DB", "POSTGRE_HOST", "POSTGRE_NAME", "POSTGRE_USER", "POSTGRE_PASSWORD"}
    assert set(asked) - set(own) == own_of_postgres
    assert {name: value for name, value in asked.items() if name not in own_of_postgres} == {
        name: own[name] for name in set(asked) - own_of_postgres
    }
