"""The page of results, and the moment that it links to, in a real browser without a network."""

from pathlib import Path

import pytest

from benchmarks.live_page import until
from benchmarks.studio import browser
from pipeline import paths
from pipeline.params import load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES
from pipeline.search.command import search
from pipeline.search.hits import Wanted
from pipeline.tables import read_rows, rows_of
from pipeline.watch.command import make_all, open_viewer
from pipeline.watch.video import video_of_episode
from tests.pipeline.search.world import face, make_project

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_faces_are_shown_and_lead_to_their_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    Path("face.jpg").write_bytes(face(18, "ring")["crop"]["bytes"])
    params = load_params()
    (row,) = rows_of(read_rows(paths.EPISODES, EPISODES), EpisodeRow)
    viewer = open_viewer(params, paths.CLASSIFIER)
    make_all(video_of_episode(row), viewer, paths.WATCH / "pilot", params, overlay=False)
    search(Path("face.jpg"), Wanted(characters=("ring",), count=6), paths.CLASSIFIER, paths.SEARCH)
    with browser("--host-resolver-rules=MAP * ~NOTFOUND") as chromium:
        page = chromium.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "search" / "face.html").as_uri())
        sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(sizes) == 7
        assert min(sizes) > 0
        video, _ = page.evaluate("[...document.querySelectorAll('li:first-child a')].map(link => link.href)")
        assert video.endswith("/data/episodes/pilot%201.mp4#t=0.750")
        page.click("li:first-child a:last-child")
        until(page, "video.readyState > 1 && !video.seeking && video.currentTime > 0")
        assert page.evaluate("video.currentTime") == pytest.approx(18 / 24, abs=1 / 24)
        assert [one for one in asked if not one.startswith(("file:///", "data:"))] == []
