"""`toonset app` as a process, and Chromium with a camera that plays given pictures: for tests and benchmarks."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
from playwright.sync_api import Page

from benchmarks.studio import browser
from pipeline.images import Pixels

ROOT = Path(__file__).resolve().parent.parent

ALLOWED = ("--use-fake-ui-for-media-stream",)
"""Nobody is asked whether the page may use the camera: it may."""


def camera_of(path: Path, pictures: Iterable[Pixels]) -> tuple[str, ...]:
    """Chromium's arguments for a camera that shows these pictures, RGB, over and over."""
    with path.open("wb") as file:
        for picture in pictures:
            file.write(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return (*ALLOWED, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}")


@contextlib.contextmanager
def app_running(folder: Path, *arguments: str) -> Iterator[str]:
    """The address of `toonset app` in `folder`; it ends by Ctrl-C, as people end it."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "app", "--port", "0", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("app: http://127.0.0.1:"), line
            yield line.split()[1]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130


@contextlib.contextmanager
def page_at(url: str, *arguments: str) -> Iterator[Page]:
    """The page in Chromium; in the end it has asked no other server for anything, and no script failed."""
    with browser(*arguments) as chromium:
        page = chromium.new_page(viewport={"width": 1240, "height": 860})
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        yield page
        assert [one for one in asked if not one.startswith((url, "blob:", "data:"))] == []
        assert faults == []


def until(page: Page, condition: str) -> None:
    """Wait for a condition in JavaScript; the page's policy forbids Playwright's own way of it."""
    check = f"if ({condition}) {{ clearInterval(timer); done(); }}"
    page.evaluate(f"new Promise(done => {{ const timer = setInterval(() => {{ {check} }}, 30); }})")
