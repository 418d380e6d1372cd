"""A real Label Studio and real browsers, for benchmarks and tests."""

import contextlib
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, Request, sync_playwright

from labeling.local_server import Credentials, LocalServer
from labeling.server import Server

SCREENSHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
"""Kept after the tests, to be looked at."""
PASSWORD = "correct horse battery"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
"""Chromium asks its makers for updates, whatever Playwright tells it; with this it looks up no other machine's name."""
PATIENCE_MS = 120_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Studio:
    """A server that can be stopped in the middle of something and started again."""

    def __init__(self, root: Path) -> None:
        self.local = LocalServer(root / ".labelstudio", root / "data" / "labeling", free_port())
        self._stack = contextlib.ExitStack()
        self.account: Credentials

    def start(self) -> None:
        self.account = self._stack.enter_context(self.local.running(print))

    def stop(self) -> None:
        self._stack.close()

    def server(self, attempts: int = 4) -> Server:
        return Server(self.account.url, self.account.token, attempts=attempts)

    def from_the_end(self, project: int) -> int:
        """Make a tab of a project in which its tasks stand in the opposite order, as a person can; its number."""
        view = {"title": "from the end", "type": "list", "target": "tasks", "ordering": ["-tasks:id"]}
        made = httpx.post(
            f"{self.account.url}/api/dm/views/",
            headers={"Authorization": f"Token {self.account.token}"},
            json={"project": project, "data": view},
            timeout=PATIENCE_MS / 1000,
        )
        return int(made.raise_for_status().json()["id"])


@dataclass
class Person:
    """Somebody at a browser.

    presses counts keys pressed; waits: s from submitting to the next task; elsewhere: what other servers were asked.
    """

    page: Page
    url: str
    presses: int = 0
    waits: list[float] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        """Keep the addresses of requests to any other server."""
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def sign_up(self, invitation: str, email: str) -> None:
        self.page.goto(invitation)
        self._credentials(email)

    def sign_in(self, email: str) -> None:
        self.page.goto(f"{self.url}/user/login/")
        self._credentials(email)

    def _credentials(self, email: str) -> None:
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_function("() => !location.pathname.startsWith('/user')", timeout=PATIENCE_MS)

    def open_stream(self, project: int, tab: int | None = None) -> None:
        """Begin to label a project's tasks, one after the other, in the order of a tab."""
        order = "" if tab is None else f"tab={tab}&"
        self.page.goto(f"{self.url}/projects/{project}/data?{order}labeling=1")
        self.wait_for_task()

    def open_task(self, project: int, task: int) -> None:
        """Open one task by its address, answered or not; with its answer, if it has one."""
        self.page.goto(f"{self.url}/projects/{project}/data?task={task}")
        self.wait_for_task()
        self.page.locator("button[name=submit]").first.wait_for(timeout=PATIENCE_MS)

    def choose(self, shown: str) -> None:
        """Click a choice by what is shown of it."""
        self.page.locator(".lsf-choices").get_by_text(shown).first.click(timeout=PATIENCE_MS)

    def save(self) -> None:
        """Submit or update a task that was opened by its address, with the button, and wait until the server has it."""
        self.page.locator("button[name=submit]").first.click(timeout=PATIENCE_MS)
        told = self.page.get_by_text(re.compile("^Annotation (saved|updated) successfully$"))
        told.first.wait_for(timeout=PATIENCE_MS)

    def wait_for_task(self, other_than: str = "") -> str:
        """The number of the task on the page, once it and its pictures are there."""
        self.page.wait_for_function(
            """before => {
                const id = document.querySelector('.lsf-current-task__task-id');
                const pictures = [...document.querySelectorAll('img[alt=image]')];
                const loaded = pictures.length && pictures.every(p => p.complete && p.naturalWidth);
                return (id && id.innerText !== before && loaded) || document.body.innerText.includes('No More Tasks');
            }""",
            arg=other_than,
            timeout=PATIENCE_MS,
        )
        ids = self.page.locator(".lsf-current-task__task-id")
        return ids.first.inner_text() if ids.count() else ""

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.presses += 1

    def submit(self) -> str:
        """Submit with the key and wait for the next task; its number, or an empty string where there is none."""
        before = self.page.locator(".lsf-current-task__task-id").first.inner_text()
        started = time.monotonic()
        self.press("Enter")
        after = self.wait_for_task(before)
        self.waits.append(time.monotonic() - started)
        return after

    def draw(self, box: tuple[float, float, float, float]) -> None:
        """Drag a rectangle over the picture; x, y, w, h as shares of its size."""
        picture = self.page.locator("img[alt=image]").first.bounding_box()
        assert picture is not None
        x, y, w, h = box
        left, top = picture["x"] + x * picture["width"], picture["y"] + y * picture["height"]
        self.page.mouse.move(left, top)
        self.page.mouse.down()
        self.page.mouse.move(left + w * picture["width"] / 2, top + h * picture["height"] / 2, steps=4)
        self.page.mouse.move(left + w * picture["width"], top + h * picture["height"], steps=4)
        self.page.mouse.up()

    def keep_picture(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path


@contextlib.contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """Headless Chromium, which is asked to be there. arguments: of its command line, besides ours."""
    assert CHROMIUM, "no Chromium on PATH: install Debian's package chromium (.ci/run does)"
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", NOBODY_ELSE, *arguments])
        try:
            yield started
        finally:
            started.close()
