"""Which frames are offered for boxing: none without a picture, none that looks like another while there are others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import paths
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.tables import to_table
from pipeline.tasks.boxes import alike_an_earlier, frames_to_box
from pipeline.tasks.media import Media
from tests.support.worlds import Picture, faded, params, write_video

RATE, LENGTH = 24, 48
PLACE = ["episode_id", "frame"]


def shot(seed: int) -> list[Picture]:
    """Two seconds of one drawing full of blocks, unlike every other seed's."""
    blocks = np.random.default_rng(seed).integers(0, 255, (8, 12, 3), dtype=np.uint8)
    return [np.kron(blocks, np.ones((8, 8, 1), np.uint8))] * LENGTH


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two episodes: one intro for both, black, a scene that fades out at its end, white, a scene of each one's own."""
    monkeypatch.chdir(tmp_path)
    paths.VIDEOS.mkdir(parents=True)
    episodes, scenes = [], []
    for number, name in enumerate(("a", "b")):
        black, white = (np.full((64, 96, 3), level, np.uint8) for level in (2, 253))
        shots = [shot(1), [black] * LENGTH, faded(shot(2 + number), 40), [white] * LENGTH, shot(8 + number)]
        write_video(paths.VIDEOS / f"{name}.mp4", [picture for own in shots for picture in own], options={"crf": "10"})
        known = {"episode_id": name, "path": f"{name}.mp4", "status": OK, "reason": "", "frames": LENGTH * len(shots)}
        episodes.append(dict.fromkeys(EPISODES.names) | known | {"rate_num": RATE, "rate_den": 1, "seekable": False})
        for scene in range(len(shots)):
            place = {"start_frame": scene * LENGTH, "stop_frame": (scene + 1) * LENGTH, "frames": LENGTH}
            known = {"episode_id": name, "scene": scene, "status": OK, "reason": ""}
            scenes.append(dict.fromkeys(SCENES.names) | known | place)
    return to_table(episodes, EPISODES).to_pandas(), to_table(scenes, SCENES).to_pandas()


def test_no_black_white_or_fading_frame_is_offered_and_the_intro_once(
    show: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    seen = pd.DataFrame({"episode_id": pd.Series(dtype=str), "frame": pd.Series(dtype=int)})
    frames = frames_to_box(*show, seen, 5, params())
    assert sorted(zip(frames["episode_id"], frames["scene"], strict=True)) == [
        ("a", 0), ("a", 2), ("a", 4), ("b", 2), ("b", 4),
    ]  # fmt: skip
    fading = frames.loc[frames["scene"] == 2, "frame"]
    assert (fading - 2 * LENGTH < LENGTH - 30).all()
    every = frames_to_box(*show, seen, 50, params())
    assert set(every["scene"]) == {0, 2, 4}
    assert every.head(5)[PLACE].equals(frames[PLACE])  # those alike come behind


def test_what_looks_like_a_frame_that_was_boxed_comes_last(show: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    seen = pd.DataFrame({"episode_id": ["a", "gone"], "frame": [12, 5]})
    frames = frames_to_box(*show, seen, 4, params())
    assert 0 not in set(frames["scene"])


def test_alike_is_not_handed_on() -> None:
    """The third looks like the second, which stands behind the first already."""
    drawn = np.random.default_rng(4).integers(0, 200, (32, 32)).astype(np.uint8)
    small = [drawn + np.uint8(3 * step) for step in range(3)]
    assert alike_an_earlier(pd.DataFrame({"thumbnail": small})).tolist() == [False, True, False]
    assert alike_an_earlier(pd.DataFrame({"thumbnail": small[:0]})).tolist() == []


def test_a_picture_that_a_kill_cuts_short_leaves_nothing_among_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def killed(self: Path, content: bytes) -> None:
        self.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        Media("local").put("faces/a.jpg", b"picture")
    assert [path.name for path in (tmp_path / "data/labeling/media").rglob("*") if path.is_file()] == []
