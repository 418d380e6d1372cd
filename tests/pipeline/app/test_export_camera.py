"""The exported page before a camera, opened from the disk with the network cut."""

from pathlib import Path

import pytest

from benchmarks.live_page import camera_of, until
from benchmarks.studio import browser
from pipeline.app.export import page_of
from pipeline.faces.cascade_files import CharacterCascade
from tests.pipeline.app.seen import MIN_SCORE, classifier, disc, scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"


@pytest.fixture
def address(tmp_path: Path) -> str:
    path = tmp_path / "page.html"
    path.write_text(page_of(classifier(), [CharacterCascade("disc", disc(), MIN_SCORE)], {}), encoding="utf-8")
    return path.as_uri()


def test_a_camera_is_watched(address: str, tmp_path: Path) -> None:
    pictures = (scene(i, ((20, 30),)) for i in range(10))
    with browser(OFFLINE, *camera_of(tmp_path / "camera.mjpeg", pictures)) as chromium:
        page = chromium.new_page()
        page.goto(address)
        page.click("#camera")
        until(page, "document.querySelectorAll('#faces .face').length > 0")
        page.click("#stop")
        assert page.locator("#stop").is_hidden()


def test_a_camera_that_is_refused_is_one_line(address: str) -> None:
    with browser(OFFLINE, "--use-fake-device-for-media-stream", "--deny-permission-prompts") as chromium:
        page = chromium.new_page()
        page.goto(address)
        page.click("#camera")
        until(page, "document.getElementById('said').textContent.startsWith('The camera was refused')")
        assert "\n" not in page.inner_text("#said")


def test_a_machine_without_a_camera_is_one_line(address: str) -> None:
    with browser(OFFLINE, "--use-fake-ui-for-media-stream") as chromium:
        page = chromium.new_page()
        page.goto(address)
        page.click("#camera")
        until(page, "document.getElementById('said').textContent.startsWith('No camera can be used')")
        assert "\n" not in page.inner_text("#said")
