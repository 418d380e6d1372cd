"""The page in a real browser, with a camera that plays drawn pictures."""

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.live_page import ALLOWED, app_running, camera_of, page_at, until
from pipeline.classifier.model import save_model
from pipeline.faces.cascade_files import save_cascade
from pipeline.tables import read_rows
from pipeline.watch.record import FACES
from tests.pipeline.app.seen import MIN_SCORE, SIDE, classifier, disc, live, scene
from tests.support.worlds import write_video

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLACES = [(20, 30), (60, 80), (130, 40)]
"""Of the one disc in the pictures of the camera, each for ten pictures."""


def pictures() -> Iterator[np.ndarray]:
    for number, place in itertools.product(range(10), PLACES):
        yield scene(number, (place,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a person who has a cascade and a classifier, and no project."""
    folder = tmp_path_factory.mktemp("live")
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, folder)
    save_model(folder / "emotion", classifier())
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with app_running(folder, "--cascade", "disc.xml", "--model", "emotion") as running:
        yield running


def test_a_camera_is_watched_and_recorded(folder, url):
    with page_at(url, *camera_of(folder / "camera.mjpeg", pictures())) as page:
        page.click("#camera")
        until(page, "live.counts.latency.length > 5")
        page.click("#record")
        until(page, "live.counts.latency.length > 25")
        assert page.locator("#faces .face").count() == 1
        assert page.evaluate("over.getContext('2d').getImageData(0, 0, over.width, over.height).data.some(v => v > 0)")
        assert page.inner_text("#figures").startswith("latency ")
        page.click("#record")
        until(page, "live.recorded")
        said = page.evaluate("live.recorded")
        assert set(page.evaluate("Object.keys(live.seen)")) <= {f"disc {name}" for name in classifier().emotions}
        page.click("#stop")
        assert page.locator("#record").is_disabled()
    recorded = read_rows(folder / said["recorded"] / FACES, live().schema)
    assert len(recorded) == said["rows"] >= 10
    middles = recorded[["x", "y"]].to_numpy() + recorded[["w", "h"]].to_numpy() / 2
    away = np.abs(middles[:, None] - (np.array(PLACES) + SIDE / 2)).max(axis=2).min(axis=1)
    assert away.max() < 12  # each box is where a disc was
    assert recorded["time_s"].is_monotonic_increasing


def test_a_camera_that_is_refused_or_absent_is_one_line(url):
    with page_at(url, "--use-fake-device-for-media-stream", "--deny-permission-prompts") as page:
        page.click("#camera")
        until(page, "document.getElementById('problem').textContent")
        assert page.inner_text("#problem") == "The camera was refused: allow it for this page in the browser."
    with page_at(url, *ALLOWED) as page:
        page.click("#camera")
        until(page, "document.getElementById('problem').textContent")
        assert page.inner_text("#problem") == "No camera was found."


def test_a_video_file_is_watched_and_its_last_frame_is_answered_when_it_stands(folder, url):
    video = write_video(folder / "pilot.mp4", [scene(i, (PLACES[i // 12],)) for i in range(36)])
    with page_at(url) as page:
        page.set_input_files("#file", video)
        until(page, "live.counts.latency.length > 3")
        for second, (x, y) in zip((0.25, 0.75, 1.25), PLACES, strict=True):
            page.evaluate(f"video.pause(); live.faces = []; video.currentTime = {second}")
            until(page, f"!video.seeking && live.faces.length === 1 && Math.abs(live.faces[0].box[0] - {x}) < 14")
            assert abs(page.evaluate("live.faces[0].box[1]") - y) < 14
        for width, height in ((420, 900), (1240, 400)):  # with bars above and below the picture, and beside it
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("live.faces = []; video.currentTime = video.currentTime > 1 ? 0.3 : 1.3")
            until(page, "!video.seeking && live.faces.length === 1")
            shown, player = page.evaluate("[over, video].map(e => e.getBoundingClientRect().toJSON())")
            assert shown["width"] / shown["height"] == pytest.approx(200 / 160, rel=0.02)
            tight = max(shown["width"] / player["width"], shown["height"] / player["height"])
            assert tight == pytest.approx(1, abs=0.02)
            for low, size in (("left", "width"), ("top", "height")):
                middle = shown[low] + shown[size] / 2
                assert middle == pytest.approx(player[low] + player[size] / 2, abs=2)
        page.set_input_files("#file", {"name": "no.mp4", "mimeType": "video/mp4", "buffer": b"no video"})
        until(page, "document.getElementById('problem').textContent")
        assert page.inner_text("#problem").startswith("This video cannot be played")


def test_a_picture_that_is_dropped_is_answered(url):
    data = base64.b64encode(cv2.imencode(".png", scene(7, ((20, 30), (120, 90))))[1].tobytes()).decode()
    drop = """data => {
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), dropped = new DataTransfer();
        dropped.items.add(new File([bytes], "two.png", { type: "image/png" }));
        dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, cancelable: true }));
    }"""
    with page_at(url) as page:
        page.evaluate(drop, data)
        page.locator("#answers .face").nth(1).wait_for()
        assert page.locator("#answers .face").count() == 2
        assert page.inner_text("#about") == "two.png"
        page.set_input_files("#drawing", {"name": "notes.txt", "mimeType": "image/png", "buffer": b"mine"})
        until(page, "document.getElementById('problem').textContent")
        assert page.inner_text("#problem").startswith("notes.txt: no picture that can be decoded")
