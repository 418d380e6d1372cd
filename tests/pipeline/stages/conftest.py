"""What several tests of stages begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Site, serving
from tests.support.worlds import scene, write_video


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project directory that the test runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small sound film, its index first, so that a part of it opens."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, scene(1, 48, (320, 240)), container_options={"movflags": "faststart"}, options={"crf": "5"})
    return path.read_bytes()
