"""The scenes stage: where cuts and fades are found, what the rows say, and what is kept between runs."""

import csv
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scenedetect import FrameTimecode, StatsManager
from scenedetect.detectors import AdaptiveDetector, ContentDetector, ThresholdDetector

from benchmarks.boundaries import boundary_f1
from pipeline import paths
from pipeline.errors import InputError
from pipeline.params import Params, Scenes
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.stages import scenes as stage
from pipeline.stages.download import check
from pipeline.stages.scenes import scenes
from pipeline.tables import read_table, to_table, write_table
from pipeline.video.changes import PREVIEW, Meter
from pipeline.video.decode import decode_frames
from pipeline.video.probe import probe
from pipeline.video.shots import dark_runs, find_starts, merge
from tests.support.worlds import faded, params, scene, write_video

FILM = Fraction(24)
BLACK = [np.zeros((64, 96, 3), np.uint8)]


def starts(path: Path, **settings: Any) -> list[tuple[int, str]]:
    return [(start.frame, start.transition) for start in find_starts(path, FILM, Scenes(**settings))]


def episode(path: Path, name: str = "pilot", sha256: str = "ab" * 32) -> dict[str, Any]:
    """A row of EPISODES for a video that lies in the episodes' folder."""
    info = probe(path)
    row = dict.fromkeys(EPISODES.names)
    return row | {
        "episode_id": name,
        "status": OK,
        "reason": "",
        "path": path.name,
        "sha256": sha256,
        "frames": info.frames,
        "rate_num": info.rate.numerator,
        "rate_den": info.rate.denominator,
        "time_base_num": info.time_base.numerator,
        "time_base_den": info.time_base.denominator,
    }


def run(tmp_path: Path, *episodes: dict[str, Any], params: Params = params()) -> list[dict[str, Any]]:  # noqa: B008
    (tmp_path / "cache").mkdir(exist_ok=True)
    return scenes(episodes, params, tmp_path, tmp_path / "cache")


def test_cuts_are_found_where_they_are(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [*scene(1, 30), *scene(2, 40), *scene(3, 25)])
    assert starts(path) == [(0, "start"), (30, "cut"), (70, "cut")]


def test_without_cuts_there_is_one_scene(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 60))
    assert starts(path) == [(0, "start")]
    (row,) = run(tmp_path, episode(path))
    assert (row["start_frame"], row["stop_frame"], row["frames"], row["transition"]) == (0, 60, 60, "start")


@pytest.mark.parametrize("frames", [1, 2, 3, 6])
def test_very_short_episodes(tmp_path: Path, frames: int) -> None:
    path = write_video(tmp_path / "a.mkv", scene(1, frames))
    assert starts(path) == [(0, "start")]


def test_a_fade_through_black_is_one_boundary_in_the_black(tmp_path: Path) -> None:
    pictures = [*faded(scene(1, 40), 12), *(BLACK * 10), *faded(scene(2, 40), -12)]
    (first, fade) = starts(write_video(tmp_path / "a.mp4", pictures))
    assert first == (0, "start")
    assert fade[1] == "fade"
    assert 40 <= fade[0] < 50


@pytest.mark.parametrize("black", [4, 20])
def test_hard_cuts_into_and_out_of_black_are_one_boundary_after_it(tmp_path: Path, black: int) -> None:
    path = write_video(tmp_path / "a.mp4", [*scene(1, 40), *(BLACK * black), *scene(2, 40)])
    assert starts(path) == [(0, "start"), (40 + black, "cut")]


@pytest.mark.parametrize("black", [1, 2, 3])
def test_a_flash_of_black_between_two_scenes_is_one_boundary(tmp_path: Path, black: int) -> None:
    path = write_video(tmp_path / "a.mp4", [*scene(1, 40), *(BLACK * black), *scene(2, 40)])
    ((_, _), (frame, _)) = starts(path)
    assert 40 <= frame <= 40 + black


def test_a_fade_out_and_a_hard_cut_back(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [*faded(scene(1, 40), 12), *(BLACK * 10), *scene(2, 40)])
    assert starts(path) == [(0, "start"), (50, "cut")]


def test_black_at_both_ends_begins_no_scene(tmp_path: Path) -> None:
    pictures = [*(BLACK * 30), *faded(scene(1, 40), -8), *faded(scene(1, 40), 8), *(BLACK * 30)]
    assert starts(write_video(tmp_path / "a.mp4", pictures)) == [(0, "start")]


def test_cuts_closer_than_the_shortest_scene_are_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [*scene(1, 30), *scene(2, 8), *scene(3, 30)])
    assert starts(path) == [(0, "start"), (30, "cut")]
    assert starts(path, min_scene_s=0.2) == [(0, "start"), (30, "cut"), (38, "cut")]


def test_dark_runs_are_those_of_threshold_detector() -> None:
    """The middle of each run is where PySceneDetect puts its cut."""
    levels = np.random.default_rng(5).choice([0.0, 5.0, 11.9, 12.0, 80.0], 400, p=[0.3, 0.1, 0.1, 0.1, 0.4])
    levels[[0, -1]] = 80
    detector = ThresholdDetector(threshold=12, min_scene_len=0)
    found = []
    for index, level in enumerate(levels):
        found += detector.process_frame(FrameTimecode(index, FILM), np.full((1, 1, 3), level))
    runs = dark_runs(levels, 12, shortest=1)
    assert len(runs) > 50
    assert [start + round((stop - start) / 2) for start, stop in runs] == [cut.frame_num for cut in found]


def test_dark_runs_that_flicker_are_one() -> None:
    levels = np.array([90, 5, 5, 90, 5, 90, 90, 90, 90, 5.0])
    assert dark_runs(levels, 12, shortest=1) == [(1, 3), (4, 5), (9, 10)]
    assert dark_runs(levels, 12, shortest=3) == [(1, 5), (9, 10)]
    assert dark_runs(np.full(5, 90.0), 12, shortest=3) == []
    assert dark_runs(np.zeros(5), 12, shortest=3) == [(0, 5)]


def test_merging_cuts_and_fades() -> None:
    assert merge([20, 50, 60, 90], [(50, 70)], 100, shortest=15) == [(20, "cut"), (60, "fade"), (90, "cut")]
    assert merge([20, 50, 70, 90], [(50, 70)], 100, shortest=15) == [(20, "cut"), (70, "cut"), (90, "cut")]
    assert merge([74], [(50, 70)], 100, shortest=15) == [(60, "fade")]
    assert merge([10, 20, 30, 52], [], 100, shortest=15) == [(20, "cut"), (52, "cut")]
    assert merge([20, 80], [(0, 20), (80, 100)], 100, shortest=15) == []
    assert merge([], [], 100, shortest=15) == []


def test_scenes_tile_the_episode(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mkv", [*scene(1, 30), *scene(2, 40), *(BLACK * 8), *scene(3, 25)], rate=Fraction(24000, 1001)
    )
    rows = run(tmp_path, episode(path))
    assert [row["scene"] for row in rows] == [0, 1, 2]
    assert rows[0]["start_frame"] == 0
    assert rows[-1]["stop_frame"] == 103
    for before, after in pairwise(rows):
        assert before["stop_frame"] == after["start_frame"]
    assert [row["frames"] for row in rows] == [30, 48, 25]
    assert [row["transition"] for row in rows] == ["start", "cut", "cut"]
    assert rows[1]["start_s"] == pytest.approx(30 * 1001 / 24000, abs=0.001)
    assert rows[1]["start_pts"] == round(30 * 1001 / 24)
    to_table(rows, SCENES)


def test_people_hold_scenes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "a.mkv", [picture for seed in range(6) for picture in scene(seed, 20)])
    held = Path("annotations/held_out.csv")
    held.parent.mkdir()
    held.write_text("episode_id,start_frame,end_frame\npilot,20,39\npilot,70,79\npilot,109,119\n", encoding="utf-8")
    chosen = params(splits={"validation": 0.3, "test": 0.5})
    other = "cd" * 32
    rows = run(tmp_path, episode(path), episode(path, "second", other), params=chosen)
    tests = [row["scene"] for row in rows if row["episode_id"] == "pilot" and row["split"] == "test"]
    assert tests == [1, 3, 5]
    held.write_text("episode_id,start_frame,end_frame\npilto,20,39\n", encoding="utf-8")
    with pytest.raises(InputError, match="Did you mean 'pilot'"):
        run(tmp_path, episode(path))


def test_a_split_that_is_written_down_stands_before_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "a.mkv", [picture for seed in range(4) for picture in scene(seed, 20)])
    Path("annotations").mkdir()
    Path("annotations/held_out.csv").write_text("episode_id,start_frame,end_frame\npilot,0,39\n", encoding="utf-8")
    written = "episode_id,start_frame,end_frame,split\npilot,0,18,train\npilot,61,79,validation\ngone,0,9,test\n"
    Path("annotations/splits.csv").write_text(written, encoding="utf-8")
    rows = run(tmp_path, episode(path), params=params(splits={"validation": 0.0, "test": 0.5}))
    assert [row["split"] for row in rows] == ["train", "test", "train", "validation"]


def test_what_is_known_is_not_searched_again(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [*scene(1, 30), *scene(2, 40)])
    row = episode(path)
    rows = run(tmp_path, row)
    path.unlink()  # a second search would need it
    assert run(tmp_path, row) == rows
    assert run(tmp_path, row, params=params(splits={"seed": 3, "test": 0.4}))[1]["start_frame"] == 30
    other = run(tmp_path, row, params=params(scenes={"min_scene_s": 2.0}))
    assert [one["start_frame"] for one in other] == [0]
    (kept, found) = sorted((tmp_path / "cache").iterdir(), key=lambda file: file.suffix == ".json")
    damaged = bytearray(kept.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    kept.write_bytes(damaged)
    found.unlink()
    (other,) = run(tmp_path, row)
    assert (other["status"], other["scene"]) == ("rejected", None)
    assert "no file" in other["reason"]
    run(tmp_path, {**row, "status": "rejected"})
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_download_measured_is_what_a_decode_gives_and_is_not_decoded_again(tmp_path: Path) -> None:
    pictures = [*scene(1, 30), *faded(scene(2, 40), 12), *(BLACK * 10), *scene(3, 25), *scene(4, 40)]
    path = write_video(tmp_path / "a.mkv", pictures, rate=Fraction(24000, 1001))
    row = episode(path)
    rows = run(tmp_path, row)
    (decoded,) = (tmp_path / "cache").glob("*.parquet")
    checked = check(path, tmp_path / "checked")
    assert not checked.video.problem
    (measured,) = (tmp_path / "checked").iterdir()
    assert measured.read_bytes() == decoded.read_bytes()
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    row["sha256"] = checked.sha256
    measured.replace(tmp_path / "cache" / measured.name)
    path.unlink()  # a decode would need it
    found = run(tmp_path, row)
    assert [(one["start_frame"], one["transition"]) for one in found] == [
        (one["start_frame"], one["transition"]) for one in rows
    ]


def test_a_change_is_what_content_detector_gives(tmp_path: Path) -> None:
    """Bit for bit, also where a plane's rows and columns are not evenly spaced, and of planes that are not halved."""
    for name, codec, pix_fmt, size in (
        ("a.mkv", "libx264", "yuv420p", (300, 202)),
        ("b.mkv", "ffv1", "yuv422p10le", (321, 77)),
        ("c.mkv", "ffv1", "yuv444p", (96, 64)),
        ("d.mkv", "ffv1", "bgr0", (96, 64)),
    ):
        path = write_video(tmp_path / name, [*scene(1, 6, size), *scene(2, 6, size)], codec=codec, pix_fmt=pix_fmt)
        detector, meter, changes = ContentDetector(), Meter(), []
        detector.stats_manager = StatsManager()
        for frame in decode_frames(path):
            time, picture = FrameTimecode(frame.index, FILM), frame.preview(PREVIEW)
            detector.process_frame(time, picture[..., ::-1])
            changes.append(meter.change(frame))
            assert changes[-1].level == picture.mean()
            if frame.index:
                assert detector.stats_manager.get_metrics(time, ["content_val"]) == [changes[-1].content]
        assert changes[0].content == 0
        assert max(change.content for change in changes) == changes[6].content > 10


def test_cuts_of_measured_changes_are_those_of_adaptive_detector(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [*scene(1, 30), *scene(2, 8), *scene(3, 30), *scene(4, 3), *scene(5, 30)])
    params, found = Scenes(window=2, min_scene_s=0.01), []
    detector = AdaptiveDetector(params.threshold, 1, params.window, params.min_content)
    for frame in decode_frames(path):
        found += detector.process_frame(FrameTimecode(frame.index, FILM), frame.preview(PREVIEW)[..., ::-1])
    assert len(found) > 2
    assert [start.frame for start in find_starts(path, FILM, params)][1:] == [cut.frame_num for cut in found]


@pytest.mark.parametrize("between", [False, True], ids=["within a packet", "between packets"])
def test_an_episode_that_does_not_decode_is_a_row_and_the_others_go_on(tmp_path: Path, between: bool) -> None:
    good = write_video(tmp_path / "good.mp4", scene(1, 30))
    whole = write_video(tmp_path / "whole.mp4", scene(2, 60), container_options={"movflags": "faststart"})
    row = episode(whole, "bad", "cd" * 32)
    with av.open(whole) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    whole.write_bytes(whole.read_bytes()[: places[50] + (0 if between else 3)])
    rows = run(tmp_path, row, episode(good), {**row, "episode_id": "out", "status": "rejected"})
    assert [(row["episode_id"], row["status"]) for row in rows] == [("bad", "rejected"), ("pilot", "ok")]
    assert "does not decode after frame" in rows[0]["reason"]
    to_table(rows, SCENES)


@pytest.mark.slow
def test_several_processes_find_the_same(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.mp4", [*scene(1, 30), *scene(2, 40)])
    second = write_video(tmp_path / "b.mp4", [*scene(3, 25), *scene(4, 40)])
    episodes = episode(first), episode(second, "second", "cd" * 32)
    alone = run(tmp_path, *episodes)
    for kept in (tmp_path / "cache").iterdir():
        kept.unlink()
    assert run(tmp_path, *episodes, params=params(compute={"workers": 2})) == alone


def test_main_writes_the_same_bytes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.VIDEOS.mkdir(parents=True)
    path = write_video(paths.VIDEOS / "pilot.mp4", [*scene(1, 30), *scene(2, 40)])
    write_table(paths.EPISODES, to_table([episode(path)], EPISODES))
    Path("params.yaml").write_text(
        "toonset: '0.1'\nepisodes: [{id: pilot, source: a.mp4}]\ncharacters: [cat]\nemotions: [sad, happy]\n",
        encoding="utf-8",
    )
    stage.main()
    first = paths.SCENES.read_bytes()
    assert capsys.readouterr().out.startswith("scenes: 1 episode, 2 scenes, 0 fades, ")
    assert read_table(paths.SCENES, SCENES).num_rows == 2
    stage.main()
    assert paths.SCENES.read_bytes() == first


def test_boundary_f1_matches_each_boundary_once() -> None:
    score = boundary_f1([10, 12, 50, 99], [11, 52, 80])
    assert (score.hits, score.missed, score.extra) == (2, (80,), (12, 99))
    assert score.f1 == pytest.approx(4 / 7)
    assert boundary_f1([10, 12], [10, 14]).hits == 2
    assert boundary_f1([], []).f1 == 1
    assert boundary_f1([], [5]).f1 == 0


def test_boundary_f1_accepts_any_frame_of_a_gradual_transition_once() -> None:
    score = boundary_f1([31, 45], [40], [(30, 50)])
    assert (score.hits, score.extra) == (1, (45,))
    assert boundary_f1([29], [40], [(30, 50)]).hits == 0
    assert boundary_f1([31], [51], [(30, 50)]).hits == 1
    assert boundary_f1([31], [52], [(30, 50)]).hits == 0


@pytest.mark.film
@pytest.mark.slow
def test_real_film_is_cut_no_worse_than_by_the_adaptive_detector_alone(footage: Path) -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (footage / name).open(encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if row["episode_id"] == "bbb"]

    truth = [int(row["start_frame"]) for row in rows("scenes.csv") if int(row["start_frame"]) > 0]
    gradual = [(int(row["first_frame"]), int(row["last_frame"])) for row in rows("transitions.csv")]
    found = find_starts(footage / "big_buck_bunny_720p.mp4", FILM, Scenes())
    assert boundary_f1([start.frame for start in found[1:]], truth, gradual).f1 >= 0.988
