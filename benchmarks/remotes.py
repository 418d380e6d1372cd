"""Two people, one project, a remote between them: `python -m benchmarks.remotes [folder] [ssh] [s3]` (all by default).

Anna makes a project of pictures, runs it and pushes; Ben clones it, pulls, adds five labelled pictures, runs it and
pushes; Anna pulls. Each has a folder and a DVC cache of their own. Then everything is compared: dvc.lock, the pictures,
the dataset, and `dvc status`. The remotes are a folder; ssh:// with asyncssh's server; s3:// with moto. The servers run
on 127.0.0.1, and DVC's packages for them are in an environment of their own, which pip makes.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import httpx
import numpy as np

from benchmarks.studio import free_port

EMOTIONS: Final = ("angry", "happy", "sad")
EACH: Final = 12
PACKAGES: Final = ["dvc", "dvc-ssh", "dvc-s3", "moto[server,s3]"]
PULLED: Final = ["pictures", "dataset", "annotations/pictures/faces.dvc"]
"""The stages that were run, and the pictures."""
SERVER: Final = """
import asyncio, sys, asyncssh

async def main(port, host_key, allowed):
    keys = {"server_host_keys": [host_key], "authorized_client_keys": allowed}
    async with asyncssh.listen("127.0.0.1", int(port), sftp_factory=True, **keys) as server:
        await server.wait_closed()

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass
class Person:
    """Somebody with a folder of the project. python: that whose DVC knows the remotes."""

    place: Path
    python: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        name = {"GIT_AUTHOR_NAME": self.place.name, "GIT_AUTHOR_EMAIL": f"{self.place.name}@example.org"}
        committer = {key.replace("AUTHOR", "COMMITTER"): value for key, value in name.items()}
        environment = os.environ | name | committer | self.environment
        done = subprocess.run(command, cwd=self.place, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self.place.name}: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def dvc(self, *words: str) -> str:
        """DVC with the packages for remotes; stages are run by `repro`, with toonset's."""
        return self.run(str(self.python), "-m", "dvc", *words)

    def repro(self) -> None:
        self.run(sys.executable, "-m", "dvc", "repro", "--quiet", "dataset")

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def files(self) -> dict[str, bytes]:
        """What both should have the same."""
        patterns = ("annotations/pictures/**/*", "data/*.parquet", "data/dataset/*")
        paths = [self.place / "dvc.lock", *(path for pattern in patterns for path in self.place.glob(pattern))]
        return {path.relative_to(self.place).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def draw(folder: Path, numbers: range) -> None:
    """Pictures of large blocks, no two alike."""
    for emotion in EMOTIONS:
        (folder / emotion).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            blocks = np.random.default_rng([number, EMOTIONS.index(emotion)]).integers(0, 256, (6, 6, 3), np.uint8)
            picture = cv2.resize(blocks, (96, 96), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / emotion / f"{number:03d}.png"), picture)


@contextlib.contextmanager
def ended(command: list[str]) -> Iterator[None]:
    """A server that runs meanwhile."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def remote(kind: str, folder: Path, python: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """The address of a remote, DVC's settings for it, and what a person's environment needs."""
    (folder / "store").mkdir(parents=True)
    port = free_port()
    if kind == "folder":
        yield str(folder / "store"), {}, {}
    elif kind == "ssh":
        for name in ("host", "person"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        server = [str(python), "-c", SERVER, str(port), str(folder / "host"), str(folder / "person.pub")]
        with ended(server):
            yield f"ssh://somebody@127.0.0.1:{port}{folder / 'store'}", {"keyfile": str(folder / "person")}, {}
    else:
        with ended([str(python.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]):
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(transport=httpx.HTTPTransport(retries=30), timeout=60) as client:
                client.put(f"{address}/bucket").raise_for_status()
            keys = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything"}
            yield "s3://bucket/show", {"endpointurl": address}, keys


def two_people(kind: str, folder: Path, python: Path) -> str:
    """Let both work; what differs in the end."""
    with remote(kind, folder / "server", python) as (address, settings, environment):
        anna, ben = (Person(folder / name, python, environment) for name in ("anna", "ben"))
        draw(folder / "faces", range(EACH))
        here = Person(folder, python)
        here.run(sys.executable, "-c", "from pipeline.cli import main; main()", "new", "anna", "--faces", "faces")
        anna.dvc("remote", "add", "--default", "store", address)
        anna.repro()
        anna.commit("A new show")
        here.run("git", "clone", "--quiet", "--bare", "anna", "hub.git")
        anna.run("git", "remote", "add", "origin", str(folder / "hub.git"))
        here.run("git", "clone", "--quiet", "hub.git", "ben")
        for person in (anna, ben):
            for key, value in settings.items():
                person.dvc("remote", "modify", "--local", "store", key, value)
        anna.dvc("push", "--quiet")
        ben.dvc("pull", "--quiet", *PULLED)
        first = difference(anna, ben)
        draw(ben.place / "annotations" / "pictures" / "faces", range(EACH, EACH + 5))
        ben.run(sys.executable, "-m", "dvc", "add", "--quiet", "annotations/pictures/faces")
        ben.repro()
        ben.commit("Fifteen labels more")
        ben.run("git", "push", "--quiet", "origin", "HEAD")
        ben.dvc("push", "--quiet")
        branch = anna.run("git", "branch", "--show-current").strip()
        anna.run("git", "pull", "--quiet", "origin", branch)
        anna.dvc("pull", "--quiet", *PULLED)
        status = anna.run(sys.executable, "-m", "dvc", "status", "--quiet", *PULLED).strip()
        return "; ".join(one for one in (first, difference(anna, ben), status) if one)


def difference(one: Person, other: Person) -> str:
    mine, theirs = one.files(), other.files()
    differing = sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name))
    return f"{len(differing)} files differ, such as {differing[0]}" if differing else ""


def main(kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "environment", with_pip=True)
        python = folder / "environment" / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True)
        print("| remote | files that differ in the end | s |\n|---|---|---|")
        for kind in kinds:
            begun = time.monotonic()
            found = two_people(kind, folder / kind, python)
            print(f"| {kind} | {found or 'none'} | {time.monotonic() - begun:.0f} |", flush=True)


if __name__ == "__main__":
    if shutil.which("ssh-keygen") is None:
        raise SystemExit("no ssh-keygen: install Debian's package openssh-client")
    main(sys.argv[1:] or ["folder", "ssh", "s3"])
