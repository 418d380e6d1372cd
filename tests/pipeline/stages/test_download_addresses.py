"""The download stage against a web server that misbehaves, and killed while it loads."""

import gc
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import paths
from pipeline.schemas import EPISODES
from pipeline.stages import download as stage
from pipeline.tables import read_table
from tests.support.downloads import kept, run, sha256, write_params
from tests.support.servers import Hold, Site, serving
from tests.support.worlds import scene, write_video

pytestmark = pytest.mark.usefixtures("empty_project")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """yt-dlp leaves connections open where a fetch fails; they are collected here, not in another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_address_is_fetched_once(site: Site, film: bytes) -> None:
    entry = {"id": "pilot", "source": site.add("/film.mp4", film)}
    row = run(entry)["pilot"]
    assert (row["status"], row["sha256"], row["path"]) == ("ok", sha256(film), "pilot.mp4")
    files, asked = kept(), len(site.requests)
    assert run(entry)["pilot"] == row
    assert len(site.requests) == asked
    assert kept() == files
    assert list(Path("data/cache/incoming").iterdir()) == []


def test_equal_base_names_do_not_collide(site: Site, film: bytes) -> None:
    other = write_video(Path("other.mp4"), scene(2, 20)).read_bytes()
    rows = run(
        {"id": "a", "source": site.add("/one/film.mp4", film)}, {"id": "b", "source": site.add("/two/film.mp4", other)}
    )
    assert (rows["a"]["sha256"], rows["b"]["sha256"]) == (sha256(film), sha256(other))


def test_another_source_under_the_same_id_is_fetched(site: Site, film: bytes) -> None:
    other = write_video(Path("other.mkv"), scene(2, 20)).read_bytes()
    run({"id": "a", "source": site.add("/film.mp4", film)})
    assert run({"id": "a", "source": site.add("/other.mkv", other)})["a"]["sha256"] == sha256(other)
    assert set(kept()) == {"a.mkv", "a.json"}


def test_a_web_page_named_mp4(site: Site) -> None:
    page = b"<!DOCTYPE html><html><body>" + b"please log in " * 400 + b"</body></html>"
    row = run({"id": "a", "source": site.add("/film.mp4", page, kind="video/mp4")})["a"]
    assert row["status"] == "rejected"
    assert "web page" in row["reason"]
    assert kept() == {}


def test_a_web_page_without_a_video(site: Site) -> None:
    row = run({"id": "a", "source": site.add("/page.html", b"<!DOCTYPE html><html><body>hello</body></html>")})["a"]
    assert row["status"] == "rejected"
    assert "could not be fetched" in row["reason"]


def test_a_file_that_is_short_with_a_consistent_length(site: Site, film: bytes) -> None:
    row = run({"id": "a", "source": site.add("/film.mp4", film[: len(film) * 2 // 3])})["a"]
    assert row["reason"].startswith(f"cut short: its headers promise {len(film):,} bytes")
    assert kept() == {}


def test_a_transfer_that_breaks_off_is_continued(site: Site, film: bytes) -> None:
    address = site.add("/film.mp4", film, breaks=3, break_at=len(film) // 2)
    first = run({"id": "a", "source": address})["a"]
    assert first["status"] == "rejected"
    assert "run again (what has come is kept)" in first["reason"]
    assert kept() == {}
    (part,) = Path("data/cache/incoming").rglob("*.part")
    size = part.stat().st_size
    assert 0 < size < len(film)
    site.pages["/film.mp4"].breaks = 0
    site.requests.clear()
    assert run({"id": "a", "source": address})["a"]["sha256"] == sha256(film)
    assert site.requests[-1] == ("/film.mp4", f"bytes={size}-")


def test_a_corrupt_part_is_not_believed(site: Site, film: bytes) -> None:
    address = site.add("/film.mp4", film, breaks=3, break_at=len(film) // 2)
    run({"id": "a", "source": address})
    (part,) = Path("data/cache/incoming").rglob("*.part")
    part.write_bytes(b"\xff" * part.stat().st_size)
    site.pages["/film.mp4"].breaks = 0
    assert run({"id": "a", "source": address})["a"]["sha256"] == sha256(film)


def test_retries_within_a_run(site: Site, film: bytes) -> None:
    address = site.add("/film.mp4", film, failures=[500, 503])
    assert run({"id": "a", "source": address}, retries=2)["a"]["status"] == "ok"


def test_retries_end(site: Site) -> None:
    row = run({"id": "a", "source": site.add("/film.mp4", b"x", failures=[500] * 9)}, retries=1)["a"]
    assert "tries: 2" in row["reason"]
    assert "500" in row["reason"]


def test_no_is_not_asked_twice(site: Site) -> None:
    row = run({"id": "a", "source": site.address + "/nothing.mp4"}, retries=5)["a"]
    assert "tries: 1" in row["reason"]
    assert "404" in row["reason"]


def test_nobody_listens() -> None:
    with serving() as gone:
        address = gone.address
    row = run({"id": "a", "source": f"{address}/film.mp4"})["a"]
    assert "could not be fetched" in row["reason"]
    assert "check the address and the network" in row["reason"]


def test_wrong_sha256_of_an_address(site: Site, film: bytes) -> None:
    row = run({"id": "a", "source": site.add("/film.mp4", film), "sha256": "1" * 64})["a"]
    assert "params.yaml expects 1111" in row["reason"]
    assert kept() == {}
    assert list(Path("data/cache/incoming").iterdir()) == []


def test_no_timestamps_or_paths_in_what_is_kept(site: Site, film: bytes, empty_project: Path) -> None:
    entries = ({"id": "a", "source": site.add("/film.mp4", film)},)
    first, files = run(*entries), kept()
    shutil.rmtree("data")
    assert run(*entries) == first
    assert kept() == files
    assert str(empty_project) not in files["a.json"].decode()
    assert json.loads(files["a.json"])["sha256"] == sha256(film)


def test_youtube_needs_a_javascript_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for address in ("https://www.youtube.com/watch?v=x", "https://youtu.be/x"):
        row = run({"id": "a", "source": address})["a"]
        assert "JavaScript runtime" in row["reason"]
        assert "install deno" in row["reason"]


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(site: Site, film: bytes) -> None:
    """The process is killed while the second file arrives; the next run asks for the rest of it only."""
    second = write_video(Path("second.mp4"), scene(2, 48, (320, 240)), options={"crf": "5"}).read_bytes()
    hold = Hold(at=len(second) // 2)
    write_params(site.add("/a.mp4", film), site.add("/b.mp4", second, hold=hold))
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipeline.stages.download import main; main()"],
        env={**os.environ, "PYTHONPATH": str(Path(stage.__file__).parents[2])},
        stderr=subprocess.DEVNULL,
    )
    assert hold.reached.wait(60)
    process.kill()
    process.wait()
    hold.release.set()
    site.pages["/b.mp4"].hold = None
    site.requests.clear()
    stage.main()
    rows = read_table(paths.EPISODES, EPISODES).to_pylist()
    assert [row["sha256"] for row in rows] == [sha256(film), sha256(second)]
    assert set(kept()) == {"e0.mp4", "e0.json", "e1.mp4", "e1.json"}


def test_a_playlist_by_address_is_fetched_as_one_video(site: Site) -> None:
    """HLS: yt-dlp joins the segments, whose counters start over."""
    parts = [
        write_video(Path(f"{index}.ts"), scene(index, 48), container_options={"output_ts_offset": str(2 * index)})
        for index in range(3)
    ]
    for part in parts:
        site.add(f"/{part.name}", part.read_bytes())
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2"]
    lines += [line for part in parts for line in ("#EXTINF:2.0,", part.name)]
    address = site.add("/list.m3u8", "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode())
    row = run({"id": "a", "source": address})["a"]
    assert (row["status"], row["reason"], row["frames"]) == ("ok", "", 144)
    assert (row["rate_num"], row["variable_rate"]) == (24, False)


# yt-dlp leaves its .part open when a fragment cannot be had.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_playlist_by_address_reads_no_file_of_this_machine(site: Site) -> None:
    secret = write_video(Path("secret.ts"), scene(1, 48)).absolute()
    for name, target in (("list.m3u8", f"file://{secret}"), ("other.m3u8", str(secret))):
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n"
        row = run({"id": "a", "source": site.add(f"/{name}", text.encode())})["a"]
        assert row["status"] == "rejected", name
    disguised = site.add("/film.mp4", f"#EXTM3U\n#EXTINF:2.0,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode())
    assert run({"id": "a", "source": disguised})["a"]["status"] == "rejected"
    assert kept() == {}
