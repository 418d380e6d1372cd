"""Label Studio on this machine: an environment of its own, an account, a server on 127.0.0.1.

Label Studio needs other versions of some packages than toonset, so it never shares toonset's environment. Its
environment is in the user's cache, is shared by all projects, and is made from `label-studio.lock`. A project's own
files (SQLite database, log, credentials) are in its `.labelstudio/`, which git and dvc ignore.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from filelock import FileLock, Timeout

from labeling import until_parent_ends
from labeling.errors import LocalServerError

HOST = "127.0.0.1"
PORT = 8080
NOBODY = f"http://{HOST}:9"
"""The proxy through which the server reaches other machines: none, so that it reaches no other machine."""
USERNAME = "toonset@localhost"
START_S = 300.0
"""Longest start: the first one on a busy machine, which makes the database."""
KEYMAP = {"annotation:submit": {"key": "enter"}, "annotation:update": {"key": "enter"}}
"""One key submits, instead of Label Studio's two."""
PICTURES = "media"
"""The folder below the document root whose files the server shows."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Credentials:
    """Where our server is and who we are there."""

    url: str
    username: str
    password: str
    token: str


def requirements() -> str:
    """The contents of label-studio.lock."""
    return (resources.files("labeling") / "label-studio.lock").read_text(encoding="utf-8")


def pinned_version() -> str:
    """The release of Label Studio that is installed."""
    lines = requirements().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("label-studio=="))


def cache() -> Path:
    """Where environments are kept, for all of the user's projects."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toonset"


def ensure_environment(say: Say) -> Path:
    """The Python of Label Studio's environment, which is made where it is not there or only half.

    Raises LocalServerError where it cannot be made; what there is of it then is removed the next time.
    """
    key = sha256(f"{sys.version_info[:2]}\n{requirements()}".encode()).hexdigest()[:12]
    folder = cache() / f"label-studio-{pinned_version()}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder / "complete"
    with FileLock(folder.parent / f"{folder.name}.lock"):  # two projects at once: the second waits for the first
        if not done.exists():
            if folder.exists():
                say(f"the environment in {folder} was only half installed: installing it again")
                shutil.rmtree(folder)
            say(f"making an environment for Label Studio {pinned_version()} (1 GB, some minutes) in {folder}")
            _run([sys.executable, "-m", "venv", str(folder)], folder)
            listed = folder / "requirements.txt"
            listed.write_text(requirements(), encoding="utf-8")
            options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", str(listed)]
            _run([str(folder / "bin" / "python"), "-m", "pip", "install", *options], folder)
            done.touch()
    return folder / "bin" / "python"


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = "\n  ".join(result.stderr.strip().splitlines()[-5:])
        raise LocalServerError(
            f"Label Studio's environment could not be made in {folder}:\n  {last}\n"
            "Is there a network, and 1.5 GB of space? Run `toonset label serve` again, or use another server: set "
            "LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY"
        )


class LocalServer:
    """The server of one project. home: its `.labelstudio`; documents: the folder whose `media/` it shows."""

    def __init__(self, home: Path, documents: Path, port: int = PORT) -> None:
        self.home = home.resolve()
        self.documents = documents.resolve()
        self.url = f"http://{HOST}:{port}"
        self.port = port

    @property
    def credentials_file(self) -> Path:
        return self.home / "credentials.json"

    def credentials(self) -> Credentials | None:
        """What an earlier start has written down; its address is where the server was last.

        Raises LocalServerError where the file cannot be read, or names an address that is not on this machine: the
        token is sent there.
        """
        try:
            known = Credentials(**json.loads(self.credentials_file.read_text(encoding="utf-8")))
            if not all(isinstance(value, str) for value in asdict(known).values()):
                raise TypeError("a value is not text")
            address = urlsplit(known.url)
        except FileNotFoundError:
            return None
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalServerError(
                f"{self.credentials_file} cannot be read ({error}). It holds the password and the token of the server "
                "here: repair it, or move .labelstudio/ away to start with an empty server"
            ) from error
        if known.url and (address.scheme, address.hostname) != ("http", HOST):
            raise LocalServerError(
                f"{self.credentials_file} names the server {known.url[:100]!r}, but the one that `toonset label serve` "
                f"starts is at http://{HOST}. For another server set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY; for "
                "ours, start `toonset label serve` anew after moving .labelstudio/ away"
            )
        return known

    def _prepare(self) -> Credentials:
        """The folder, readable by its owner only, and the credentials, generated the first time."""
        (self.home / ".gitignore").write_text("*\n")
        known = self.credentials()
        account = known or Credentials("", USERNAME, secrets.token_urlsafe(12), secrets.token_hex(20))
        account = Credentials(self.url, account.username, account.password, account.token)
        if account != known:
            temporary = self.credentials_file.with_suffix(".tmp")
            temporary.unlink(missing_ok=True)  # one that a kill left may be open to others
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(asdict(account), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.credentials_file)
        return account

    @contextlib.contextmanager
    def running(self, say: Say = lambda text: None) -> Iterator[Credentials]:
        """The server, from when it answers to the end of the block.

        Raises LocalServerError where the port is taken, another server of this project runs, or it does not start.
        """
        python = ensure_environment(say)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)  # before anything secret is in it
        with self._only_one():
            self._check_leftover()
            self._check_port()
            account = self._prepare()
            first = not (self.home / "data").exists()
            say("starting Label Studio" + ("; the first time takes a minute" if first else ""))
            process = self._start(python, account)
            try:
                self._wait(process, account, first)
                yield account
            finally:
                _stop(process)

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Raises LocalServerError where another server of this project runs."""
        lock = FileLock(self.home / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            known = self.credentials()
            where = known.url if known else "an address that is not known yet"
            raise LocalServerError(f"this project's Label Studio is running already, at {where}") from None
        try:
            yield
        finally:
            lock.release()

    def _check_leftover(self) -> None:
        """Raises LocalServerError where our server has outlived the command that started it."""
        known = self.credentials()
        if known is None or not known.url or not _knows(known):
            return
        raise LocalServerError(
            f"this project's Label Studio is still running, at {known.url}, though the command that started it has "
            "ended: a second one would write to the same database. Wait a few seconds, or end the process that "
            "listens there, then start again; `toonset label push` and `pull` work with it as it is"
        )

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
                return
            except OSError as error:
                reason = error.strerror
        advice = f"choose another port: `toonset label serve --port {self.port + 1}`"
        found = running_version(self.url)
        if found is None:
            raise LocalServerError(f"port {self.port} is taken ({reason}) by something else; {advice}")
        raise LocalServerError(
            f"port {self.port} is taken by another Label Studio, version {found} (ours is {pinned_version()}); "
            f"{advice}, or use that one: set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY"
        )

    def settings(self, account: Credentials) -> dict[str, str]:
        """What Label Studio is told in its environment."""
        return {
            "LABEL_STUDIO_USERNAME": account.username,
            "LABEL_STUDIO_PASSWORD": account.password,
            "LABEL_STUDIO_USER_TOKEN": account.token,
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.home / "data"),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.documents),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",  # its pages and the server would report errors to its makers
            "FRONTEND_SENTRY_DSN": "",
            "DEBUG": "false",
            "EDITOR_KEYMAP": json.dumps(KEYMAP),
            "PYTHONWARNINGS": "ignore",
            # It fetches tips from GitHub whenever a page is opened, and has no switch for it.
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOBODY),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), f"{HOST},localhost"),
        }

    def _start(self, python: Path, account: Credentials) -> "subprocess.Popen[bytes]":
        (self.documents / PICTURES).mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")}
        environment |= self.settings(account)
        for name in ("VIRTUAL_ENV", "PYTHONPATH", "HOST", "PORT"):
            environment.pop(name, None)
        # `label-studio` is the script beside that Python; `--internal-host`, or it would listen to the whole network.
        command = [sys.executable, "-I", str(Path(until_parent_ends.__file__).resolve())]
        command += [str(python.with_name("label-studio")), "start", "--no-browser"]
        command += ["--internal-host", HOST, "--port", str(self.port)]
        with (self.home / "server.log").open("wb") as log:
            return subprocess.Popen(
                command, cwd=self.home, env=environment, stdin=subprocess.PIPE, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, umask=0o077,
            )  # fmt: skip

    def _wait(self, process: "subprocess.Popen[bytes]", account: Credentials, first: bool) -> None:
        """Wait until the server answers. A new one must take our token: another program may have taken the port."""
        until = time.monotonic() + START_S
        while not (_knows(account) if first else running_version(self.url)):
            if process.poll() is not None or time.monotonic() > until:
                log = self.home / "server.log"
                last = "\n  ".join(log.read_text(errors="replace").splitlines()[-8:])
                how = "ended" if process.poll() is not None else f"did not answer for {START_S:.0f} s"
                raise LocalServerError(f"Label Studio {how} while starting. The end of {log}:\n  {last}")
            time.sleep(0.2)


def running_version(url: str) -> str | None:
    """The release of the Label Studio at an address, or None where none answers."""
    try:
        answer = httpx.get(f"{url}/api/version", timeout=5, follow_redirects=True)
        return str(answer.json()["release"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def _knows(account: Credentials) -> bool:
    """Whether the server at the account's address takes its token."""
    try:
        answer = httpx.get(
            f"{account.url}/api/current-user/whoami", headers={"Authorization": f"Token {account.token}"}, timeout=5
        )
        return answer.status_code == httpx.codes.OK and answer.json().get("email") == account.username
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server: asked first, then made to (`until_parent_ends`)."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(2 * until_parent_ends.GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
