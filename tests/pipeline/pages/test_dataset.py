"""reports/dataset.html of a drawn episode whose every face has a color of its own, so that each picture is known."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.faces.crops import crop_jpeg, recut
from pipeline.images import encode_jpeg
from pipeline.pages.dataset import dataset_sections
from pipeline.pages.doubts import kind, strongest_alarms, weakest_tracks
from pipeline.pages.html import Link, render
from pipeline.pages.timeline import ASIDE, clock, palette, timeline, tracks_of
from pipeline.palette import COLORS
from pipeline.params import Params
from pipeline.schemas import DATASET, EPISODES, FACES, MANIFEST, OK, REJECTED, SCENES
from pipeline.tables import read_rows, to_table, write_table
from pipeline.video.decode import decode_frames
from tests.support.pages import CHROMIUM, photographs, pictures, sizes_in_a_browser
from tests.support.worlds import params, write_video

TABLES = (("episodes", EPISODES), ("scenes", SCENES))
PARAMS = params({"id": "pilot", "source": "a.mp4"}, characters=["cat", "mouse"], faces={"crop_margin": 0.0})
FRAMES, CUT, SIDE = 48, 24, 16
WEAK, SHORT = "track score 0.{}; below 1: not kept", "track length 1; faces.min_track is 2"


def color(index: int) -> tuple[int, int, int]:
    """The color of the frame's face: red grows with time, blue says which scene."""
    return 40 + 4 * index, 30, 220 if index < CUT else 60


def face(identity: str, frame: int, **more: object) -> dict[str, object]:
    known = dict.fromkeys(MANIFEST.names) | {"episode_id": "pilot", "status": OK, "reason": "", "character": "cat"}
    place = {"x": 20, "y": 30, "w": SIDE, "h": SIDE, "frame": frame, "pts": frame, "time_s": frame / 24}
    scores = {"score": 5.0, "track_score": 3.0, "sharpness": 1.0, "brightness": 9.0, "cluster_size": 1, "episodes": 1}
    flags = {"repeated": False, "selected": False, "split": "train", "scene": int(frame >= CUT), "track": 0}
    return known | place | scores | flags | {"face_id": identity, "cluster": identity} | more


ROWS = [
    face("a00", 0, cluster_size=2),
    *(face(f"a{frame:02}", frame) for frame in range(2, 12, 2)),
    face("a12", 12, cluster_size=2, status=REJECTED, reason="near-duplicate of a00", cluster="a00"),
    *(face(f"b{frame:02}", frame, track=1, character="mouse", track_score=1.2) for frame in range(24, 30)),
    face("c30", 30, track=2, score=2.0, status=REJECTED, reason=SHORT),
    face("c33", 33, track=3, score=9.0, status=REJECTED, reason=WEAK.format(8)),
    face("c34", 34, track=3, score=8.0, status=REJECTED, reason=WEAK.format(7)),
    face("c40", 40, track=4, score=7.0, status=REJECTED, reason=WEAK.format(61)),
]


def write(name: str, schema: pa.Schema, *rows: dict[str, object]) -> None:
    write_table(Path("data") / name, to_table([dict.fromkeys(schema.names) | row for row in rows], schema))


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The manifest of an episode of two scenes, which is written here with all else that the page is made from."""
    monkeypatch.chdir(tmp_path)
    drawn = [np.full((64, 96, 3), 128, np.uint8) for _ in range(FRAMES)]
    for index, picture in enumerate(drawn):
        picture[28:48, 18:38] = color(index)
    Path("data/episodes").mkdir(parents=True)
    path = write_video(Path("data/episodes/a.mp4"), drawn, options={"g": "7", "crf": "4"})
    times = [frame.pts for frame in decode_frames(path)]
    known = {"episode_id": "pilot", "status": OK, "reason": "", "path": "a.mp4"}
    write("episodes.parquet", EPISODES, known | {"frames": FRAMES, "duration_s": 2.0})
    starts = {0: 0, 1: CUT}
    scenes = [{"scene": i, "start_frame": s, "start_pts": times[s], "start_s": s / 24} for i, s in starts.items()]
    write("scenes.parquet", SCENES, *[{"episode_id": "pilot"} | scene for scene in scenes])
    rows = [row | {"pts": times[int(str(row["frame"]))]} for row in ROWS]
    crops = [np.full((SIDE, SIDE, 3), color(int(str(row["frame"]))), np.uint8) for row in rows]
    images = [{"bytes": encode_jpeg(crop), "path": "x.jpg"} for crop in crops]
    kept = [row["status"] == OK or row["cluster"] != row["face_id"] for row in rows]
    cut = [{"crop": image if keep else None} for image, keep in zip(images, kept, strict=True)]
    faces = [{name: (row | crop)[name] for name in FACES.names} for row, crop in zip(rows, cut, strict=True)]
    write("faces/pilot.parquet", FACES, *faces)
    Path("reports/manifest").mkdir(parents=True)
    cv2.imwrite("reports/manifest/duplicates.png", np.zeros((4, 4, 3), np.uint8))
    return to_table(rows, MANIFEST).to_pandas()


def page(manifest: pd.DataFrame, settings: Params = PARAMS) -> Path:
    """The page and the one it links to, written beside each other."""
    dataset = to_table([], DATASET).to_pandas()
    sections = dataset_sections(manifest, dataset, settings)
    path = Path("reports/dataset.html")
    path.write_text(render("t", "lead", {}, sections, Link("index.html", "The numbers")), encoding="utf-8")
    path.with_name("index.html").touch()
    return path


def colors(path: Path) -> list[tuple[int, ...]]:
    return [tuple(picture[45, 45].tolist()) for picture in photographs(path) if picture.shape == (90, 90, 3)]


def test_the_page_shows_the_faces_it_names_and_needs_nothing_else(manifest: pd.DataFrame) -> None:
    path = page(manifest)
    shown = colors(path)
    frames = [0, 2, 4, 6, 8, 10, 12, *range(24, 30)]  # two tracks, in the order of time
    frames += [33, 40, 30]  # put aside: the commonest reason first, the best of a track, then by score
    frames += [0, 24]  # the weakest face of each track kept
    np.testing.assert_allclose(shown, [color(frame) for frame in frames], atol=12)
    assert sorted({kind for kind, _ in pictures(path)}) == ["image/jpeg", "image/png", "image/svg+xml"]
    text = path.read_text(encoding="utf-8")
    assert "cat, 3 detections: track score …; below 1: not kept" in text
    assert "pilot, 00:00 to 00:00, scene 0: 7 faces" in text
    assert "cat: 6 distinct faces" in text


def test_the_page_shows_names_escaped_and_in_any_script(manifest: pd.DataFrame) -> None:
    named = params(
        {"id": "pilot", "source": "a.mp4"},
        characters=["cat", "mouse"],
        faces={"crop_margin": 0.0},
        names={"cat": "<b>孫悟空", "mouse": "עכבר", "happy": "嬉しい & co"},
    )
    path = page(manifest, named)
    text = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;孫悟空: 6 distinct faces" in text
    assert "嬉しい &amp; co" in text
    assert "<b>孫" not in text
    svg = next(data for kind, data in pictures(path) if kind == "image/svg+xml")
    words = [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"<b>孫悟空", "עכבר"} <= set(words)
    assert colors(path) == colors(page(manifest))


def test_the_page_has_the_same_bytes_whatever_the_order_of_the_rows(manifest: pd.DataFrame) -> None:
    first = page(manifest).read_bytes()
    assert page(manifest.sample(frac=1, random_state=3)).read_bytes() == first


def test_a_project_without_faces_has_a_page_that_says_so(manifest: pd.DataFrame) -> None:
    path = page(manifest.head(0))
    assert colors(path) == []
    text = path.read_text(encoding="utf-8")
    for sentence in ("No faces.", "No tracks.", "All detections were kept.", "No two faces are near-duplicates."):
        assert sentence in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_without_a_network_shows_every_picture(manifest: pd.DataFrame, tmp_path: Path) -> None:
    path = page(manifest)
    sizes = sizes_in_a_browser(path, tmp_path / "reports" / "copy.html")
    assert len(sizes) == len(pictures(path))
    assert min(min(size) for size in sizes) > 0
    assert sizes.count((90, 90)) == 18
    assert sizes[-1][0] == 960


def test_faces_are_cut_again_as_the_faces_stage_cut_them(
    manifest: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes, scenes = (read_rows(Path(f"data/{name}.parquet"), schema) for name, schema in TABLES)
    wanted = manifest[manifest["face_id"].isin(["c30", "c33", "a02", "a06"])]
    crops = recut(wanted, episodes, scenes, PARAMS.faces)
    frames = list(decode_frames(Path("data/episodes/a.mp4")))
    assert crops == {
        row.face_id: crop_jpeg(frames[row.frame], (row.x, row.y, row.w, row.h), PARAMS.faces)
        for row in wanted.itertuples()
    }
    other = wanted.assign(pts=wanted["pts"] + 1)  # of another file
    assert recut(other, episodes, scenes, PARAMS.faces) == {}
    Path("data/episodes/a.mp4").write_bytes(b"no video")
    assert recut(wanted, episodes, scenes, PARAMS.faces) == {}
    assert "faces of pilot are not shown" in capsys.readouterr().out


def test_what_is_put_aside_is_grouped_by_what_its_reasons_share() -> None:
    assert kind("track score 0.734; below 1: not kept") == "track score …; below 1: not kept"
    assert kind("track length 1; faces.min_track is 2") == "track length …; faces.min_track is 2"
    assert (
        kind("the cat cascade has a stronger track for this face")
        == "another cascade has a stronger track for this face"
    )


def test_the_strongest_alarms_and_the_weakest_tracks_come_first() -> None:
    rows = pd.DataFrame(ROWS)
    alarms = strongest_alarms(rows, 10)
    assert alarms["face_id"].tolist() == ["c33", "c40", "c30"]
    assert alarms["all"].tolist() == [3, 3, 1]
    assert strongest_alarms(rows, 1)["face_id"].tolist() == ["c33", "c30"]
    weakest = weakest_tracks(rows, 1)
    assert weakest[["face_id", "faces"]].to_numpy().tolist() == [["b24", 6], ["a00", 7]]
    assert weakest["median"].tolist() == pytest.approx([1.2, 3.0])


def test_a_timeline_has_a_band_for_each_scene_and_a_bar_for_each_track() -> None:
    tracks = pd.DataFrame(
        [["cat", 0.0, 30.0], ["cat", 10.0, 20.0], ["mouse", 50.0, 70.0], [ASIDE, 65.0, 65.0]],
        columns=["character", "start_s", "stop_s"],
    )
    svg = ET.fromstring(timeline(90.0, [0.0, 40.0, 80.0], tracks, palette(["cat", "mouse"]), 60.0))
    name = "{http://www.w3.org/2000/svg}"
    assert not [value for element in svg.iter() for value in element.attrib.values() if "//" in value]
    bands = [(float(e.get("x", "")), float(e.get("width", ""))) for e in svg.iter(f"{name}rect")]
    scale = bands[0][1] / 40
    expected = [(0, 40), (40, 20), (0, 20), (20, 10)]  # the second and third scene go on in the second row
    np.testing.assert_allclose(bands, np.array(expected) * scale, atol=0.5)
    paths = {e.get("fill"): "" for e in svg.iter(f"{name}path")}
    for element in svg.iter(f"{name}path"):
        paths[element.get("fill")] += element.get("d", "")
    cat, mouse = (re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", paths[fill]) for fill in COLORS[:2])
    np.testing.assert_allclose(
        [[float(x), float(w)] for x, _, w in cat], np.array([(0, 30), (10, 10)]) * scale, atol=0.5
    )
    assert cat[0][1] != cat[1][1]  # they overlap: one above the other
    np.testing.assert_allclose(
        [[float(x), float(w)] for x, _, w in mouse], np.array([(50, 10), (0, 10)]) * scale, atol=0.5
    )
    words = [element.text for element in svg.iter(f"{name}text")]
    assert {"00:00", "01:00", "01:30", "cat", "mouse", ASIDE} <= set(words)
    assert clock(3605.9) == "60:05"


def test_a_track_of_which_no_face_was_kept_is_gray() -> None:
    tracks = tracks_of(pd.DataFrame(ROWS))
    assert tracks["character"].tolist() == ["cat", "mouse", ASIDE, ASIDE, ASIDE]
    assert tracks["stop_s"].tolist()[:2] == [0.5, 29 / 24]
