"""The download stage on odd and damaged videos: each costs its own row, and what is odd is said."""

import json
import random
import shutil
from pathlib import Path

import av
import pytest

from benchmarks.mutations_json import damage, mutate, to_text
from pipeline import paths
from pipeline.stages import download as stage
from tests.support.downloads import kept, put, run, write_params
from tests.support.worlds import scene, write_video

pytestmark = pytest.mark.usefixtures("empty_project")


def test_real_cases_cost_their_own_rows_at_most(cases: Path, film: bytes) -> None:
    put("film.mp4", film)
    names = sorted(path.name for path in (cases / "video").iterdir())
    entries = [{"id": name.replace(".", "-"), "source": str(cases / "video" / name)} for name in names]
    rows = run({"id": "film", "source": "film.mp4"}, *entries)
    assert {name for name, row in rows.items() if row["status"] == "rejected"} == {"stream_without_codec-wmv"}
    frames = {"clock_wrap-ts": 96, "joined_segments-mp4": 288, "two_streams-mkv": 96, "unmarked_cover-mkv": 96}
    assert {name: rows[name]["frames"] for name in frames} == frames
    sought = {name for name, row in rows.items() if row["status"] == "ok" and row["seekable"]}
    assert {"film", "anamorphic-mp4", "two_streams-mkv", "unmarked_cover-mkv"} <= sought
    assert not sought & {"pal8-avi", "doubled_pts-mp4"}
    assert (rows["anamorphic-mp4"]["width"], rows["anamorphic-mp4"]["height"]) == (465, 180)
    assert rows["film"]["note"] == ""


def test_files_that_ended_the_stage_cost_their_own_rows(film: bytes) -> None:
    put("film.mp4", film)
    with av.open("latin1.mkv", "w") as container:
        container.metadata["title"] = "Pok_mon"
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in scene(1, 12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    put("latin1.mkv", Path("latin1.mkv").read_bytes().replace(b"Pok_mon", b"Pok\xe9mon"))
    codec = write_video(Path("codec.mkv"), scene(1, 12), codec="mpeg4")
    put("codec.mkv", codec.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_NOBODY/KNOWS/"))
    secret = write_video(Path("secret.ts"), scene(3, 24))
    put("list.mp4", f"ffconcat version 1.0\nfile {secret.absolute()}\nfile gone.mp4\n".encode())
    put("list.m3u8", f"#EXTM3U\n#EXTINF:1,\n{secret.absolute()}\n#EXT-X-ENDLIST\n".encode())
    names = ("film.mp4", "latin1.mkv", "codec.mkv", "list.mp4", "list.m3u8")
    rows = run(*({"id": name.replace(".", "-"), "source": name} for name in names))
    assert {name for name, row in rows.items() if row["status"] == "ok"} == {"film-mp4", "latin1-mkv"}
    assert "in a codec that FFmpeg does not know" in rows["codec-mkv"]["reason"]
    assert "a playlist (ffconcat)" in rows["list-mp4"]["reason"]
    assert "a playlist (HLS)" in rows["list-m3u8"]["reason"]


def test_what_is_odd_is_printed(film: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    part = write_video(Path("a.ts"), scene(1, 20)).read_bytes()
    put("joined.ts", part * 2)
    write_params("joined.ts")
    stage.main()
    out = capsys.readouterr().out
    assert "download: e0: 20 of its frames have no time, or another frame's, so frames are always read" in out


@pytest.mark.slow
def test_a_record_with_anything_changed_is_not_believed(film: bytes) -> None:
    put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    first, files = run(entry), kept()
    record = paths.VIDEOS / "pilot.json"
    put("data/notes.txt", b"mine")
    known = json.loads(files["pilot.json"])
    for seed in range(40):
        dice = random.Random(seed)
        if seed % 2:
            record.write_bytes(damage(files["pilot.json"], dice)[0])
        else:
            record.write_text(to_text(mutate(known, dice)[0]), encoding="utf-8", errors="surrogatepass")
        assert run(entry) == first
        assert kept() == files
    record.write_text(json.dumps(known | {"path": "../notes.txt"}), encoding="utf-8")
    assert run(entry) == first
    record.write_text(json.dumps(known | {"path": "../notes.txt"}), encoding="utf-8")
    assert run() == {}
    assert Path("data/notes.txt").read_bytes() == b"mine"
    shutil.rmtree(paths.VIDEOS)
