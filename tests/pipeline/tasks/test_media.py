"""Pictures at a prefix: what a task names is what a web server with a copy of the folder shows."""

import shutil
from pathlib import Path

import httpx

from benchmarks.team import web_server
from pipeline.tasks.media import Media


def test_a_copy_of_the_folder_at_the_prefix_has_every_picture(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with web_server(tmp_path) as address:
        for prefix in (f"{address}/copy", f"{address}/copy/"):
            media = Media(prefix, tmp_path / "media")
            given = {media.put(name, name.encode()): name for name in ("faces/a.jpg", "scenes/a.jpg")}
            shutil.copytree(tmp_path / "media", copy, dirs_exist_ok=True)
            assert sorted(given) == [f"{address}/copy/faces/a.jpg", f"{address}/copy/scenes/a.jpg"]
            for where, name in given.items():
                assert httpx.get(where).content == name.encode()
