"""What labelling takes on a real server: `python -m benchmarks.labelling [FACES]` (10,000 when none is said).

Starts our own Label Studio in a folder of its own with an SQLite database, pushes tasks, answers them, pulls; then
opens the pages in headless Chromium. Pictures are drawn by the benchmark and shown by the server, as in a project.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.studio import Person, Studio, browser
from labeling.config import SHEET_KEYS, emotion_config, sheet_config
from labeling.exports import emotion_rows
from labeling.push import ensure_project, push
from labeling.server import Project, Server
from labeling.tasks import emotion_task, sheet_task
from pipeline.images import encode_jpeg
from pipeline.tasks.pull import append_rows
from pipeline.tasks.sheets import draw_sheet

CONFIGS = Path(__file__).resolve().parents[1] / "labeling" / "configs"
EMOTIONS = ["angry", "happy", "neutral", "sad", "surprised", "unclear", "not-a-face", "another-character"]
PICTURES = 200
IN_BROWSER = 25
"""Faces labelled in the browser."""


def face(i: int) -> dict[str, Any]:
    place = {"episode_id": "pilot", "frame": i, "character": "cat", "x": 10, "y": 20, "w": 60, "h": 60}
    return {"face_id": f"{i:020x}", "time_s": i / 24, **place}


def draw_pictures(folder: Path) -> list[bytes]:
    """Crops and frames of about the size that a project has."""
    rng = np.random.default_rng(0)
    crops = []
    for i in range(PICTURES):
        small = rng.integers(0, 255, (12, 12, 3)).astype(np.uint8)
        crops.append(encode_jpeg(small.repeat(10, axis=0).repeat(10, axis=1)))
        (folder / f"{i}.jpg").write_bytes(crops[-1])
        wide = rng.integers(0, 255, (36, 64, 3)).astype(np.uint8).repeat(10, axis=0).repeat(10, axis=1)
        (folder / f"scene-{i}.jpg").write_bytes(encode_jpeg(wide, 85))
    return crops


def task(i: int) -> dict[str, Any]:
    address = "/data/local-files/?d=media/"
    return emotion_task(face(i), f"{address}{i % PICTURES}.jpg", f"{address}scene-{i % PICTURES}.jpg")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def answer_all(server: Server, found: Project, faces: int) -> None:
    """The same tasks in a project of their own, answered: Label Studio imports annotations with tasks."""
    for first in range(0, faces, 500):
        chunk = []
        for i in range(first, min(first + 500, faces)):
            result = {"from_name": "emotion", "to_name": "face", "type": "choices", "value": {"choices": ["happy"]}}
            chunk.append(task(i) | {"annotations": [{"result": [result], "lead_time": 2.0}]})
        server.add_tasks(found, chunk)


def pull(server: Server, found: Project, path: Path) -> int:
    return append_rows(path, list(emotion_rows(server.annotated(found), server.people())))


def in_browser(studio: Studio, emotions: Project, sheets: Project) -> list[tuple[str, str]]:
    """Seconds and key presses as a person at a browser meets them."""
    rows = []
    with browser() as chromium:
        person = Person(chromium.new_context(viewport={"width": 1366, "height": 850}).new_page(), studio.account.url)
        person.sign_up(studio.server().invitation(), "bench@example.org")
        address = f"{studio.account.url}/projects/{emotions.id}/data"

        def open_list() -> None:
            person.page.goto(address)
            person.page.wait_for_selector("text=Label All Tasks", timeout=60_000)
            person.page.wait_for_function(
                "() => document.querySelectorAll('[class*=table-row], [class*=row-wrapper]').length > 3"
            )

        rows.append(("page of all tasks, until its rows are there", f"{timed(open_list)[0]:.1f} s"))
        person.open_stream(emotions.id)
        for i in range(IN_BROWSER):
            person.press(str(1 + i % 5))
            person.submit()
        waits = sorted(person.waits)
        rows.append(("submit to next face with its pictures, median", f"{1000 * median(waits):.0f} ms"))
        rows.append(("the same, slowest tenth from", f"{1000 * waits[int(0.9 * len(waits))]:.0f} ms"))
        rows.append(("key presses a label, one face at a time", f"{person.presses / IN_BROWSER:.2f}"))
        person.keep_picture("benchmark-emotions")
        person.open_stream(sheets.id)
        person.presses, faces = 0, 0
        for _ in range(4):
            person.press(SHEET_KEYS[2])  # one of 24 is wrong
            person.submit()
            faces += len(SHEET_KEYS)
        rows.append(
            (f"key presses a face, sheets of {len(SHEET_KEYS)} with one wrong", f"{person.presses / faces:.2f}")
        )
    return rows


def main(faces: int) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {faces:,} faces\n")
    with tempfile.TemporaryDirectory() as temporary:
        studio = Studio(Path(temporary))
        seconds, _ = timed(studio.start)
        rows = [("first start, with its database", f"{seconds:.1f} s")]
        try:
            server = studio.server()
            media = Path(temporary) / "data" / "labeling" / "media"
            crops = draw_pictures(media)
            tasks = [task(i) for i in range(faces)]
            config = emotion_config(CONFIGS / "emotions.xml", EMOTIONS)
            emotions = ensure_project(server, "emotions", "emotions", config)[0]
            server.serve_folder(emotions, str(media.resolve()))
            for name in ("push", "second push of the same"):
                seconds, counts = timed(lambda: push(server, emotions, tasks, lambda data: True))
                rows.append((name, f"{seconds:.1f} s ({counts['added']} added, {counts['unchanged']} unchanged)"))
            answered = ensure_project(server, "answered", "emotions", config)[0]
            answer_all(server, answered, faces)
            path = Path(temporary) / "emotions.csv"
            for name in ("pull, all answered", "second pull"):
                seconds, new = timed(lambda: pull(server, answered, path))
                rows.append((name, f"{seconds:.1f} s ({new} new rows)"))
            sheets = ensure_project(server, "sheets", "sheets", sheet_config(CONFIGS / "sheets.xml"))[0]
            server.serve_folder(sheets, str(media.resolve()))
            (media / "sheet.jpg").write_bytes(encode_jpeg(draw_sheet(crops[: len(SHEET_KEYS)]), 85))
            parts = [[face(24 * n + i) for i in range(len(SHEET_KEYS))] for n in range(6)]
            address = "/data/local-files/?d=media/sheet.jpg"
            push(server, sheets, [sheet_task("cat", "character", part, address) for part in parts], lambda data: True)
            rows += in_browser(studio, emotions, sheets)
        finally:
            studio.stop()
    print("| what | result |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
