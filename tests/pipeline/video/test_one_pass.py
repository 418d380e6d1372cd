"""One pass over a video gives what separate passes give: what the file is, its scenes, and the frames looked at."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.params import Scenes
from pipeline.video import one_pass
from pipeline.video.changes import Change
from pipeline.video.decode import decode_frames
from pipeline.video.frame import Frame
from pipeline.video.one_pass import OnePass
from pipeline.video.probe import probe
from pipeline.video.shots import ShotFinder, Start, find_starts
from tests.support.worlds import cut, faded, scene, write_video

BLACK = [np.zeros((64, 96, 3), np.uint8)]


def pictures() -> list[np.ndarray]:
    """Cuts, a fade, a flash of black, a cut out of black, cuts too close to each other, and black at both ends."""
    parts = [BLACK * 20, faded(scene(1, 40), -8), scene(2, 50), scene(3, 6), faded(scene(4, 40), 12), BLACK * 10]
    parts += [faded(scene(5, 40), -12), BLACK * 2, scene(6, 30), faded(scene(7, 30), 10), BLACK * 9, scene(8, 30)]
    return [picture for part in [*parts, BLACK * 25] for picture in part]


def given(items: list[Start | Frame]) -> tuple[list[Start], dict[int, list[int]]]:
    """The starts, and the frames that came after each."""
    starts: list[Start] = []
    frames: dict[int, list[int]] = {}
    for item in items:
        if isinstance(item, Start):
            starts.append(item)
            frames[item.frame] = []
        else:
            frames[starts[-1].frame].append(item.index)
    return starts, frames


@pytest.mark.parametrize("every", [1, 3, 50])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_one_pass_gives_what_separate_passes_give(tmp_path: Path, name: str, every: int) -> None:
    path = write_video(tmp_path / name, pictures())
    reading = OnePass(path, Scenes(), every)
    items = list(reading)
    info = probe(path)
    starts, frames = given(items)
    assert reading.info == info
    assert len(starts) > 6
    assert starts == reading.starts == find_starts(path, info.rate, Scenes())
    stops = [*(start.frame for start in starts[1:]), info.frames]
    for start, stop in zip(starts, stops, strict=True):
        assert frames[start.frame] == [index for index in range(start.frame, stop) if index % every == 0]
    alone = {frame.index: frame for frame in decode_frames(path)}
    assert all(np.array_equal(item.rgb(), alone[item.index].rgb()) for item in items if isinstance(item, Frame))


def test_a_long_black_costs_no_memory_and_the_starts_are_right_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_pass, "MOST_HELD", 30)
    path = write_video(tmp_path / "a.mp4", [*scene(1, 40), *(BLACK * 200), *scene(2, 40)])
    reading = OnePass(path, Scenes(), 1)
    assert [item.index for item in reading if isinstance(item, Frame)] == list(range(280))
    assert [start.frame for start in reading.starts] == [0, 240]


def test_a_damaged_video_says_so_and_a_text_is_none(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mkv", pictures())
    for path in (cut(whole, tmp_path / "half.mkv", 0.5), tmp_path / "text.mp4"):
        if path.suffix == ".mp4":
            path.write_text("no video")
        reading = OnePass(path, Scenes(), 3)
        assert all(isinstance(item, (Start, Frame)) for item in reading)
        assert reading.info == probe(path)
        assert reading.info.problem
        assert reading.starts == []


@pytest.mark.parametrize("seed", range(60))
def test_what_is_settled_never_changes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random cuts, blacks and dissolves, given frame by frame, against `merge` of all of them at once."""
    dice = np.random.default_rng(seed)
    frames, window = 300, int(dice.integers(1, 20))
    params = Scenes(window=window, min_scene_s=float(dice.choice([0.04, 0.3, 0.6, 1.0])))
    dark = np.repeat(dice.random(frames // 5) < dice.choice([0.02, 0.1, 0.3]), 5)
    cuts = set(np.flatnonzero(dice.random(frames) < dice.choice([0.01, 0.05, 0.2])).tolist())
    cuts |= {int(stop) for stop in np.flatnonzero(np.diff(dark.astype(int))) + 1 if dice.random() < 0.3}

    class Known:
        def __init__(self, *_: object) -> None: ...

        def cut(self, frame: int, *_: object) -> list[int]:
            return [frame - window] if frame - window in cuts else []

    monkeypatch.setattr("pipeline.video.shots._CutDetector", Known)
    backs = dice.choice([0, 12, 24], frames, p=[0.94, 0.03, 0.03])
    backs[:24] = 0
    finder, found, before = ShotFinder(Fraction(24), params), [], 0
    for index in range(frames):
        finder.add_change(Change(index, 0.0, 0.0 if dark[index] else 90.0, int(backs[index])))
        settled, new = finder.settled()
        assert all(before <= start.frame < settled or start.frame == 0 for start in new)
        found, before = found + new, max(before, settled)
    final = finder.starts(Fraction(24))
    assert found == [start for start in final if start.frame < before or start.frame == 0]
    assert before > frames // 3 or dark.any() or len(cuts) > 20
