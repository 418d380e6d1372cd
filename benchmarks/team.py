"""A team at one server: `python -m benchmarks.team [TASKS [ANSWERS [DATABASES [PICTURES]]]]`
(10,000 tasks, 100 answers of each annotator, PostgreSQL,SQLite, http; PICTURES may be s3).

Label Studio is started twice: with PostgreSQL (Debian's package `postgresql`, in a folder of its own, on 127.0.0.1)
and the settings of the compose file in docs/labelling.md; then with SQLite, as `toonset label serve` starts it. Eight
annotators answer by API at once, two more in Chromium. Beside them one thread pushes changed and new tasks, and one
pulls. The pictures come from a web server, by an `http://` prefix, or from a bucket, by `s3://`: moto stands in for S3,
in an environment of its own, and is connected in the project's settings. Afterwards everything is counted: each answer
that the server took is in the pulled file once, and each task is on the server once.
"""

import contextlib
import csv
import functools
import http.server
import os
import platform
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import psutil
from ruamel.yaml import YAML

from benchmarks.labelling import CONFIGS, EMOTIONS, PICTURES, draw_pictures, face, pull, timed
from benchmarks.studio import PASSWORD, Person, Studio, browser, free_port
from labeling.config import emotion_config
from labeling.push import ensure_project, push
from labeling.server import Project, Server
from labeling.tasks import emotion_task

ANNOTATORS: Final = 8
IN_BROWSER: Final = 10
"""Answers of each of the two people at a browser."""
CHANGED, NEW = 200, 50
"""Tasks that each push beside the annotators changes, and adds."""
TRIES: Final = 8
"""How often an annotator asks or submits again what the server did not take."""
DOCS: Final = Path(__file__).resolve().parents[1] / "docs" / "labelling.md"


def compose() -> dict[str, Any]:
    """The services of the compose file in the docs."""
    (block,) = re.findall(r"```yaml\n(services:.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return dict(YAML(typ="safe").load(block)["services"])


@contextlib.contextmanager
def postgres(password: str) -> Iterator[dict[str, str]]:
    """A PostgreSQL on 127.0.0.1 with the compose file's database; what it sets for Label Studio."""
    services = compose()
    asked, settings = (
        {key: str(value).replace("${DB_PASSWORD}", password) for key, value in services[name]["environment"].items()}
        for name in ("db", "labels")
    )
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise SystemExit("no PostgreSQL in /usr/lib/postgresql: install Debian's package postgresql")
    programs, port = found[-1], free_port()
    as_user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}  # it does not run as root
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres") if as_user else None
        user, data = asked["POSTGRES_USER"], str(folder / "data")
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": name, **as_user}
        initdb = [str(programs / "initdb"), "-D", data, "-U", user, "-A", "scram-sha-256", "-E", "UTF8"]
        subprocess.run([*initdb, "--pwfile", str(folder / "password")], check=True, **quiet)
        server = [str(programs / "postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", name]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(server, cwd=name, stdout=log, stderr=log, **as_user)
        try:
            environment = os.environ | {"PGPASSWORD": password}
            ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            until = time.monotonic() + 60
            while subprocess.run(ready, check=False).returncode and time.monotonic() < until:
                time.sleep(0.2)
            createdb = [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", user]
            subprocess.run([*createdb, asked["POSTGRES_DB"]], check=True, env=environment)
            yield settings | {"POSTGRE_HOST": "127.0.0.1", "POSTGRE_PORT": str(port)}
        finally:
            process.terminate()  # a smart end waits for connections, so the server above ends first
            process.wait(60)


@contextlib.contextmanager
def environment_of(values: dict[str, str]) -> Iterator[None]:
    """The process's environment with these values in it."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and prints nothing. Without this header, Label Studio's page shows no picture of it."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        del arguments


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """The address of a plain web server that serves a folder."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextlib.contextmanager
def bucket(folder: Path, files: Path) -> Iterator[str]:
    """The address of a moto server on 127.0.0.1 with a bucket `pictures` that holds the files of a folder."""
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "moto[server,s3]"], check=True)
    port = free_port()
    command = [str(folder / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=20), timeout=60) as client:
            client.put(f"{address}/pictures").raise_for_status()
            for path in files.glob("*.jpg"):
                client.put(f"{address}/pictures/{path.name}", content=path.read_bytes()).raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait(60)


def connect(server: Server, project: Project, address: str) -> None:
    """Do what a person does at Settings → Cloud Storage, so that the server resolves s3://pictures/…."""
    server.client.import_storage.s3.create(
        project=project.id, bucket="pictures", title="pictures", use_blob_urls=True, s3endpoint=address, presign=True,
        aws_access_key_id="anybody", aws_secret_access_key="anything", region_name="us-east-1",
    )  # fmt: skip


@dataclass
class Annotator:
    """Somebody who asks for the next task and answers it, by API. taken: the frame of each answer → the emotion."""

    url: str
    email: str
    client: httpx.Client
    taken: list[tuple[int, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    gone: int = 0
    """Tasks that a push replaced between the question and the answer."""

    @classmethod
    def sign_up(cls, url: str, invitation: str, email: str) -> "Annotator":
        """Make an account as the page does, and take its token."""
        with httpx.Client(follow_redirects=True, timeout=120) as client:
            client.get(invitation)
            form = {"email": email, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
            client.post(invitation, data=form, headers={"Referer": invitation}).raise_for_status()
            token = client.get(f"{url}/api/current-user/token").json()["token"]
        return cls(url, email, httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=120))

    def answer(self, project: Project, count: int, dice: random.Random) -> None:
        """Answer so many tasks, or all there are."""
        while len(self.taken) < count:
            begun = time.monotonic()
            task = self._until_taken(lambda: self.client.get(f"{self.url}/api/projects/{project.id}/next"))
            if task is None:
                return
            data, emotion = task.json(), dice.choice(EMOTIONS[:5])
            result = {"from_name": "emotion", "to_name": "face", "type": "choices", "value": {"choices": [emotion]}}
            body = {"result": [result], "lead_time": 1.0}
            address = f"{self.url}/api/tasks/{data['id']}/annotations/?project={project.id}"
            if self._until_taken(functools.partial(self.client.post, address, json=body)) is None:
                self.gone += 1
            else:
                self.taken.append((int(data["data"]["frame"]), emotion))
                self.waits.append(time.monotonic() - begun)

    def _until_taken(self, request: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The answer to a request that the server has taken; None where the task is not there (any more)."""
        for number in range(TRIES):
            answer = request()
            if answer.is_success:
                return answer
            self.refused[answer.status_code] += 1
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            time.sleep(0.1 * 2**number)
        raise SystemExit(f"{self.email}: the server refused {TRIES} times: {answer.status_code} {answer.text[:300]}")


def tasks_of(count: int, prefix: str, revised: Counter[int]) -> list[dict[str, Any]]:
    """The tasks that a push wants. revised: by number, how often the task was changed since."""
    return [
        emotion_task(face(i), f"{prefix}/{(i + revised[i]) % PICTURES}.jpg", f"{prefix}/scene-{i % PICTURES}.jpg")
        for i in range(count)
    ]


@dataclass
class Beside:
    """What goes on beside the annotators until they have ended: pushes, pulls."""

    server: Server
    project: Project
    prefix: str
    path: Path
    count: int
    revised: Counter[int] = field(default_factory=Counter)
    pushes: list[float] = field(default_factory=list)
    pulls: list[float] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def push(self, dice: random.Random | None = None) -> dict[str, int]:
        """Push what is wanted now; with dice, after some tasks have changed and some are new."""
        if dice:
            self.revised.update(dice.sample(range(self.count), CHANGED))
            self.count += NEW
        wanted = tasks_of(self.count, self.prefix, self.revised)
        seconds, counts = timed(lambda: push(self.server, self.project, wanted, lambda data: True))
        self.pushes.append(seconds)
        return dict(counts)

    def keep_pushing(self) -> None:
        dice = random.Random(1)
        while not self.ended.wait(2):
            self.push(dice)

    def keep_pulling(self) -> None:
        while not self.ended.wait(2):
            self.pulls.append(timed(lambda: pull(self.server, self.project, self.path))[0])


@contextlib.contextmanager
def at_browsers(studio: Studio, project: Project, invitation: str) -> Iterator[list[Person]]:
    """Two people with the first task before them."""
    people = []
    with browser() as chromium:
        for email in ("anna@example.org", "ben@example.org"):
            page = chromium.new_context(viewport={"width": 1366, "height": 850}).new_page()
            people.append(Person(page, studio.account.url))
            people[-1].sign_up(invitation, email)
            people[-1].open_stream(project.id)
        yield people


def run(name: str, folder: Path, count: int, answers: int, pictures: str) -> Iterator[tuple[str, str]]:
    """Start Label Studio in a folder, let the team work, and say what was measured and counted."""
    studio = Studio(folder)
    yield "first start, with its database", f"{timed(studio.start)[0]:.0f} s"
    with contextlib.ExitStack() as stack:
        stack.callback(studio.stop)
        server, media = studio.server(), folder / "data" / "labeling" / "media"
        draw_pictures(media)
        in_bucket = pictures == "s3"
        address = stack.enter_context(bucket(folder / "moto", media) if in_bucket else web_server(media))
        prefix = "s3://pictures" if in_bucket else address
        config = emotion_config(CONFIGS / "emotions.xml", EMOTIONS)
        project = ensure_project(server, "team", "emotions", config, sampling="Sequential sampling")[0]
        if in_bucket:
            connect(server, project, address)
        beside = Beside(server, project, prefix, folder / "emotions.csv", count)
        beside.push()
        yield f"push of {count:,} tasks, nobody else there", f"{beside.pushes[0]:.1f} s"
        invitation = server.invitation()
        people = [Annotator.sign_up(studio.account.url, invitation, f"p{i}@example.org") for i in range(ANNOTATORS)]
        shown = stack.enter_context(at_browsers(studio, project, invitation))
        with ThreadPoolExecutor(ANNOTATORS + 2) as pool:
            others = [pool.submit(beside.keep_pushing), pool.submit(beside.keep_pulling)]
            begun, before = time.monotonic(), cpu_s()
            work = [pool.submit(one.answer, project, answers, random.Random(i)) for i, one in enumerate(people)]
            try:
                for number in range(2 * IN_BROWSER):  # by turns: Playwright's pages belong to one thread
                    shown[number % 2].press("2")
                    shown[number % 2].submit()
                shown[0].keep_picture("team")
                for job in work:
                    job.result()
            finally:
                seconds = time.monotonic() - begun
                beside.ended.set()
            for job in others:
                job.result()
        yield "CPU seconds of the servers meanwhile", f"{cpu_s() - before:.0f}"
        beside.push()
        pull(server, project, beside.path)
        yield from found(people, shown, beside, seconds)


def found(people: list[Annotator], shown: list[Person], beside: Beside, seconds: float) -> Iterator[tuple[str, str]]:
    """The figures, and what was lost or is there twice."""
    waits = sorted(wait for one in people for wait in one.waits)
    total = len(waits) + 2 * IN_BROWSER
    yield "answers", f"{total:,} in {seconds:.0f} s, {total / seconds:.1f}/s"
    yield "asking for a task and answering it, by API, median", f"{median(waits):.2f} s"
    yield "the same, slowest tenth from", f"{waits[int(0.9 * len(waits))]:.2f} s"
    in_browser = [wait for one in shown for wait in one.waits]
    yield "submit to next face with its pictures, in a browser, median", f"{median(in_browser):.2f} s"
    yield "pushes beside it, median", f"{len(beside.pushes) - 2}, {median(beside.pushes[1:-1] or [0]):.1f} s"
    yield "pulls beside it, median", f"{len(beside.pulls)}, {median(beside.pulls or [0]):.1f} s"
    refused = sum((one.refused for one in people), Counter[int]())
    yield "requests refused and sent again", ", ".join(f"{n} × {code}" for code, n in sorted(refused.items())) or "none"
    yield "tasks that a push replaced before the answer came", str(sum(one.gone for one in people))
    with beside.path.open(newline="") as file:
        rows = [(row["annotator"], int(row["frame"]), row["emotion"]) for row in csv.DictReader(file)]
    sent = Counter((one.email, frame, emotion) for one in people for frame, emotion in one.taken)
    by_api = Counter(row for row in rows if row[0] in {one.email for one in people})
    yield "answers taken by the server and not pulled", str((Counter(set(sent)) - by_api).total())
    yield "answers pulled twice, or that nobody gave", str((by_api - Counter(set(sent))).total())
    by_hand = Counter(row[0] for row in rows if row[0] not in {one.email for one in people})
    yield "answers of the two people at browsers", " and ".join(str(n) for n in by_hand.values()) or "none"
    on_server = Counter(int(task.data["frame"]) for task in beside.server.tasks(beside.project))
    yield (
        "tasks on the server twice, and missing",
        (f"{sum(n > 1 for n in on_server.values())}, {len(set(range(beside.count)) - set(on_server))}"),
    )
    yield (
        "faces answered by two people although one was asked",
        str(sum(n > 1 for n in Counter(frame for _, frame, _ in rows).values())),
    )


def cpu_s() -> float:
    """CPU seconds of the servers: of this process's children that still run, and of theirs."""
    whole = 0.0
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            whole += sum(one.cpu_times()[:4])
    return whole


def main(count: int, answers: int, databases: list[str], pictures: str) -> None:
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; {count:,} tasks, pictures by {pictures}\n")
    columns: dict[str, dict[str, str]] = {}
    for name in databases:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if name == "PostgreSQL":
                settings = stack.enter_context(postgres(secrets.token_hex(8)))
                stack.enter_context(environment_of(settings))
            columns[name] = {}
            for what, value in run(name, folder, count, answers, pictures):
                columns[name][what] = value
                print(f"{name}: {what}: {value}", file=sys.stderr, flush=True)
    print(f"| what | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    for what in columns[databases[0]]:
        print(f"| {what} | {' | '.join(column.get(what, '–') for column in columns.values())} |")


if __name__ == "__main__":
    words = sys.argv[1:] + ["10000", "100", "PostgreSQL,SQLite", "http"][len(sys.argv) - 1 :]
    main(int(words[0]), int(words[1]), words[2].split(","), words[3])
