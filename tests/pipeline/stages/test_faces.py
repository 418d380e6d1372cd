"""The faces stage in a project: the same bytes however the work is shared out, and only what changed is done again."""

from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from cascades import Cascade
from pipeline import paths
from pipeline.faces import runs
from pipeline.faces.cascade_figures import choose_score
from pipeline.faces.cascade_files import save_cascade
from pipeline.schemas import EPISODES, FACES, OK, SCENES
from pipeline.stages import faces as stage
from pipeline.stages.cascade import learn
from pipeline.tables import read_rows, to_table, write_table
from pipeline.video.decode import decode_frames
from pipeline.video.probe import probe
from tests.pipeline.stages.test_cascade import PARAMS, boxed, moving_faces
from tests.support.worlds import write_video

PARAMS_FILE = """
toonset: "0.1"
episodes: [{{id: pilot, source: a.mp4}}, {{id: second, source: b.mp4}}]
characters: [dot]
emotions: [happy, sad]
faces: {{every: 1, min_size: 24, search_every: 6}}
compute: {{workers: {workers}}}
"""


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return learn("dot", boxed(40, "train", 0), PARAMS.cascade)[0]


@pytest.fixture
def project(cascade: Cascade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two episodes of two scenes, with a cascade."""
    monkeypatch.chdir(tmp_path)
    save_cascade("dot", cascade, choose_score(cascade, boxed(20, "validation", 3), [], PARAMS))
    paths.VIDEOS.mkdir(parents=True)
    episodes, scenes = [], []
    for name, frames, cut in (("pilot", 40, 20), ("second", 30, 10)):
        path = write_video(
            paths.VIDEOS / f"{name}.mp4", moving_faces((160, 120), frames, cut), options={"g": "7", "crf": "10"}
        )
        info = probe(path)
        times = [frame.pts for frame in decode_frames(path)]
        base = {"time_base_num": info.time_base.numerator, "time_base_den": info.time_base.denominator}
        known = {"episode_id": name, "status": OK, "reason": ""}
        row = dict.fromkeys(EPISODES.names) | known | base
        episodes.append(
            row
            | {
                "path": path.name,
                "sha256": sha256(name.encode()).hexdigest(),
                "frames": frames,
                "seekable": info.seekable,
            }
        )
        for scene, (start, stop) in enumerate(((0, cut), (cut, frames))):
            place = {"scene": scene, "start_frame": start, "stop_frame": stop, "start_pts": times[start]}
            scenes.append(dict.fromkeys(SCENES.names) | known | place)
    write_table(Path("data/episodes.parquet"), to_table(episodes, EPISODES))
    write_table(Path("data/scenes.parquet"), to_table(scenes, SCENES))
    return tmp_path


def run(workers: int = 1) -> dict[str, bytes]:
    Path("params.yaml").write_text(PARAMS_FILE.format(workers=workers), encoding="utf-8")
    stage.main()
    return {path.name: path.read_bytes() for path in sorted(paths.FACES.iterdir())}


@pytest.mark.slow
def test_the_same_bytes_however_the_work_is_shared_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_one = run()
    assert list(in_one) == ["pilot.parquet", "second.parquet"]
    assert "faces: 2 episodes, 2 worked on" in capsys.readouterr().out
    rows = pd.concat([read_rows(paths.FACES / name, FACES) for name in in_one])
    assert (rows["status"] == OK).sum() > 50
    assert rows[rows["episode_id"] == "pilot"].groupby("scene")["track"].nunique().min() >= 1
    assert run() == in_one
    assert "0 worked on" in capsys.readouterr().out
    for workers, frames in ((1, 1), (2, 1)):  # each scene a run of its own; then in two processes as well
        monkeypatch.setattr(runs, "LENGTH", frames)
        (paths.FACES / "pilot.parquet").unlink()
        (paths.FACES / "second.parquet").write_bytes(b"half a file")
        assert run(workers) == in_one


def test_what_belongs_to_no_episode_goes_and_what_is_there_stays(project: Path) -> None:
    before = run()
    (paths.FACES / "gone.parquet").write_bytes(before["pilot.parquet"])
    (paths.FACES / "pilot.parquet").unlink()
    untouched = (paths.FACES / "second.parquet").stat().st_mtime_ns
    assert run() == before
    assert (paths.FACES / "second.parquet").stat().st_mtime_ns == untouched


def test_a_damaged_episode_is_told_and_the_others_go_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run()
    for name in before:
        (paths.FACES / name).unlink()
    video = paths.VIDEOS / "pilot.mp4"
    whole = video.read_bytes()
    video.write_bytes(b"no video at all")
    after = run()
    said = capsys.readouterr().out
    assert "faces: pilot has no faces: data/episodes/pilot.mp4: not a video" in said
    assert "2 worked on, 1 damaged" in said
    assert after["second.parquet"] == before["second.parquet"]
    assert read_rows(paths.FACES / "pilot.parquet", FACES).empty
    video.write_bytes(whole)
    assert run() == before
