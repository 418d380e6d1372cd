"""One pass over an unknown video gives the bytes that separate passes give, and goes on after a kill."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.faces import runs as faces_runs
from pipeline.faces.cascade_files import save_cascade
from pipeline.faces.find import FaceFinder
from pipeline.params import Compute, Faces, Params
from pipeline.tables import sha256_of
from pipeline.video.probe import probe
from pipeline.video.shots import find_starts
from pipeline.watch import kept, once
from pipeline.watch.look import Viewer
from pipeline.watch.record import FACES, SEGMENTS_FILE, watch_video
from pipeline.watch.video import Unseen, Video, open_videos, video_of_file
from tests.pipeline.app.seen import MIN_SCORE, classifier, disc, scene
from tests.support.worlds import cut, params, write_video

RUN = 40
"""Frames in a run of scenes: so that a short video has several."""


def pictures() -> Iterator[np.ndarray]:
    """Five scenes: one disc, two, none, black, one disc; neighbouring frames differ."""
    for number, places in enumerate([((20, 30),), ((20, 30), (120, 90)), (), None, ((60, 80),)]):
        for step in range(30):
            if places is None:
                yield np.zeros((160, 200, 3), np.uint8)
                continue
            yield scene(number, tuple((x + step, y) for x, y in places), 240 - 2 * step) // (1 + number % 2)


def seen_by(folder: Path) -> Viewer:
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, folder)
    return Viewer(("disc",), classifier(), Faces(every=2, search_every=8, min_size=32), 0.5, folder)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project; runs are short, and all work is done in this process."""
    for module in (faces_runs, once):
        monkeypatch.setattr(module, "LENGTH", RUN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(workers: int = 1) -> Params:
    return params().model_copy(update={"compute": Compute(workers=workers)})


def separately(path: Path, viewer: Viewer, folder: Path) -> None:
    """What `toonset watch` did before there was one pass: check, scenes and faces each decode the video."""
    info = probe(path)
    starts = find_starts(path, info.rate, settings().scenes)
    video = video_of_file(Unseen(path, path.stem, sha256_of(path)), info, starts)
    watch_video(video, viewer, folder, Compute(workers=1))


def in_one_pass(path: Path, viewer: Viewer, folder: Path, workers: int = 1) -> Video:
    (given,) = open_videos([path], all_episodes=False)
    video = once.looked_through(given, viewer, settings(workers))
    watch_video(video, viewer, folder, Compute(workers=1))
    return video


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in (FACES, SEGMENTS_FILE)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_one_pass_gives_the_bytes_of_separate_passes(
    world: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    path, viewer = write_video(world / "pilot.mp4", pictures()), seen_by(world)
    separately(path, viewer, world / "apart")
    assert len(list((world / "data/cache/watch").glob("*/*.parquet"))) == 3
    (world / "elsewhere").mkdir()
    monkeypatch.chdir(world / "elsewhere")
    video = in_one_pass(path, viewer, world / "once", workers)
    assert tables(world / "once") == tables(world / "apart")
    assert len(video.scenes) >= 4
    assert len(watch_video(video, viewer, world / "again", Compute(workers=1)).faces()) > 40


def test_a_killed_pass_searches_no_run_again_that_is_kept(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, viewer = write_video(world / "pilot.mp4", pictures()), seen_by(world)
    searched: list[int] = []
    search = FaceFinder.scene

    def killed(self: FaceFinder, number: int, frames: Iterator[object]) -> object:
        if number == 2 and 2 not in searched:
            searched.append(number)
            raise KeyboardInterrupt
        searched.append(number)
        return search(self, number, frames)

    monkeypatch.setattr(FaceFinder, "scene", killed)
    with pytest.raises(KeyboardInterrupt):
        in_one_pass(path, viewer, world / "once")
    assert not (world / "once" / FACES).exists()
    assert searched == [0, 1, 2]
    in_one_pass(path, viewer, world / "once")
    assert searched[3:] == [2, 3]
    in_one_pass(path, viewer, world / "twice")
    assert searched[5:] == []  # nothing is decoded or searched a second time
    separately(path, viewer, world / "apart")
    assert tables(world / "once") == tables(world / "twice") == tables(world / "apart")


def test_what_the_pass_took_for_a_scene_and_is_none_is_looked_at_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A black that is longer than frames may wait: its end is found too late for the pass, and not for the tables."""
    path, viewer = write_video(world / "pilot.mp4", pictures()), seen_by(world)
    monkeypatch.setattr("pipeline.video.one_pass.MOST_HELD", 12)
    in_one_pass(path, viewer, world / "once")
    separately(path, viewer, world / "apart")
    assert tables(world / "once") == tables(world / "apart")


def test_a_damaged_video_is_one_error_and_leaves_what_was_there(world: Path) -> None:
    whole, viewer = write_video(world / "whole.mkv", pictures()), seen_by(world)
    path = cut(whole, world / "pilot.mkv", 0.6)
    (world / "once").mkdir()
    (world / "once" / FACES).write_bytes(b"made before")
    with pytest.raises(InputError, match=r"pilot\.mkv: (cut short|damaged)"):
        in_one_pass(path, viewer, world / "once")
    assert (world / "once" / FACES).read_bytes() == b"made before"
    (world / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="not a video"):
        open_videos([world / "text.mp4"], all_episodes=False)


def test_the_same_video_under_another_name_has_that_name_in_its_rows(world: Path) -> None:
    path, viewer = write_video(world / "pilot.mp4", pictures()), seen_by(world)
    in_one_pass(path, viewer, world / "once")
    video = in_one_pass(path.rename(world / "finale.mp4"), viewer, world / "renamed")
    faces = watch_video(video, viewer, world / "renamed", Compute(workers=1)).faces()
    assert set(faces["episode_id"]) == {"finale"}


def test_the_cache_is_bounded_and_keeps_what_was_used_last(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = world / "data/cache/watch"
    folders = [root / name for name in "abcd"]
    for age, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "000000.parquet").write_bytes(bytes(100))
        folder.touch()
        os.utime(folder, (1000 + age, 1000 + age))
    kept.forget_oldest(root, 250, using=folders[0])
    assert [folder.exists() for folder in folders] == [True, False, False, True]
    monkeypatch.setattr(kept, "MOST_BYTES", 150)
    own = kept.Kept("f" * 64, "0" * 64)
    assert list(own.bounds(0)) == []
    assert len(list(root.iterdir())) == 2
