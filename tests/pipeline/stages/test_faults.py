"""Stages that are killed, that find no room or no right to write, or a damaged video: the same bytes in the end."""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cascades import Cascade
from pipeline import paths
from pipeline.errors import StageError
from pipeline.faces.cascade_figures import choose_score
from pipeline.faces.cascade_files import save_cascade
from pipeline.schemas import EPISODES, FACES, OK
from pipeline.stages import download, faces, manifest, scenes
from pipeline.stages.cascade import learn
from pipeline.tables import read_rows
from tests.pipeline.stages.test_cascade import PARAMS, boxed, moving_faces
from tests.support.dask_cluster import ROOT, dask_cluster
from tests.support.worlds import write_video

KILLS = int(os.environ.get("TOONSET_KILLS", "5"))
"""How often the stages are killed; a number for CI, `TOONSET_KILLS=20` for a look that takes its time."""
STAGES = (download, scenes, faces, manifest)
FLOW = """
from pipeline.stages import download, scenes, faces, manifest

if __name__ == "__main__":
    print("ready", flush=True)
    for stage in (download, scenes, faces, manifest):
        stage.main()
"""
PARAMS_FILE = """
toonset: "0.1"
episodes: [{episodes}]
characters: [dot]
emotions: [happy, sad]
faces: {{every: 1, min_size: 24, search_every: 6}}
scenes: {{min_scene_s: 0.3}}
compute: {{{compute}}}
"""
NAMES = ("ant", "bee", "cow")


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return learn("dot", boxed(40, "train", 0), PARAMS.cascade)[0]


@pytest.fixture
def project(cascade: Cascade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a cascade and three short videos to be its episodes."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    save_cascade("dot", cascade, choose_score(cascade, boxed(20, "validation", 3), [], PARAMS))
    Path("videos").mkdir()
    for index, name in enumerate(NAMES):
        frames = moving_faces((160, 120), 36 + index, 20 + index)
        write_video(Path(f"videos/{name}.mp4"), frames, options={"g": "7", "crf": "10"})
    Path("annotations").mkdir()
    Path("annotations/held_out.csv").write_text("episode_id,start_frame,end_frame\n")
    Path("flow.py").write_text(FLOW)
    return folder


def settings(*names: str, compute: str = "workers: 1") -> None:
    episodes = ", ".join(f"{{id: {name}, source: videos/{name}.mp4}}" for name in names)
    Path("params.yaml").write_text(PARAMS_FILE.format(episodes=episodes, compute=compute))


def run() -> None:
    for stage in STAGES:
        stage.main()


def outputs() -> dict[str, bytes]:
    """Everything that stages have written under a final name; the cache is none of it."""
    paths = [path for path in sorted(Path("data").rglob("*")) if path.is_file() and "cache" not in path.parts]
    return {str(path): path.read_bytes() for path in paths if not path.name.startswith(".")}


def clear() -> None:
    for path in sorted(Path("data").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@contextlib.contextmanager
def flow() -> Iterator["subprocess.Popen[str]"]:
    """The stages, one after the other, in a process group of their own, from where they begin to work."""
    with subprocess.Popen(
        [sys.executable, "flow.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        yield running


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_the_bytes_are_those_of_an_undisturbed_run(project: Path) -> None:
    settings(*NAMES, compute="workers: 2")
    began = time.monotonic()
    with flow() as undisturbed:
        assert undisturbed.wait() == 0
    seconds = time.monotonic() - began
    expected = outputs()
    assert len(read_rows(Path("data/manifest.parquet"), manifest.MANIFEST)) > 50
    dice = random.Random(0)
    left = []
    for _ in range(KILLS):
        clear()
        with flow() as killed:
            with contextlib.suppress(subprocess.TimeoutExpired):
                killed.wait(timeout=dice.random() * seconds)
            os.killpg(killed.pid, signal.SIGKILL)
        found = outputs()
        # Whatever has its final name is whole. An episode's record may stand without its video, never the reverse.
        assert found.items() <= expected.items()
        left.append(len(found))
        settings(*NAMES)
        run()
        assert outputs() == expected
        settings(*NAMES, compute="workers: 2")
    assert len(set(left)) > 1, "every kill hit the same moment"


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    settings(*NAMES)
    run()
    expected = outputs()
    clear()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with dask_cluster(elsewhere) as address:
        settings(*NAMES, compute=f"scheduler: {address}")
        run()
    assert outputs() == expected


@pytest.mark.slow
def test_a_new_episode_costs_one_and_one_that_goes_takes_its_file_along(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("ant", "cow")
    run()
    before = {path.name: path.stat().st_mtime_ns for path in paths.FACES.iterdir()}
    first = outputs()
    capsys.readouterr()
    settings(*NAMES)
    run()
    assert "faces: 3 episodes, 1 worked on" in capsys.readouterr().out
    after = {path.name: path.stat().st_mtime_ns for path in paths.FACES.iterdir()}
    assert after.items() > before.items()
    assert set(after) - set(before) == {"bee.parquet"}
    settings("ant", "cow")
    run()
    assert outputs() == first


@pytest.mark.slow
@pytest.mark.parametrize("compute", ["workers: 1", "workers: 2"])
def test_a_damaged_video_in_the_middle_costs_its_own_row(project: Path, compute: str) -> None:
    settings("ant", "cow")
    run()
    without = {name: data for name, data in outputs().items() if name.startswith(str(paths.FACES))}
    video = Path("videos/bee.mp4")
    video.write_bytes(video.read_bytes()[:3000])
    settings(*NAMES, compute=compute)
    clear()
    run()
    episodes = read_rows(paths.EPISODES, EPISODES).set_index("episode_id")
    assert (episodes["status"] == OK).tolist() == [True, False, True]
    assert episodes["reason"]["bee"]
    assert {name: data for name, data in outputs().items() if name.startswith(str(paths.FACES))} == without


@pytest.mark.slow
def test_where_the_disk_is_full_there_is_one_clear_error_and_no_half_file(project: Path) -> None:
    settings(*NAMES)
    run()
    expected = outputs()
    for name in ("ant", "bee"):
        (paths.FACES / f"{name}.parquet").unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # bytes, less than an episode's faces
    try:
        with pytest.raises(StageError, match=r"data/faces/ant\.parquet cannot be written \(.*\): make room"):
            faces.main()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in paths.FACES.iterdir()] == ["cow.parquet"]
    run()
    assert outputs() == expected


@pytest.fixture
def mounted() -> Iterator[Path]:
    """The faces' folder on a small file system of its own, where this user may mount one."""
    paths.FACES.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(paths.FACES)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("needs the right to mount")
    where = paths.FACES.resolve()
    yield where
    subprocess.run(["umount", str(where)], check=True)


@pytest.mark.slow
def test_a_file_system_that_is_really_full_or_really_read_only(project: Path, mounted: Path) -> None:
    settings(*NAMES)
    for stage in (download, scenes):
        stage.main()
    with pytest.raises(StageError, match=r"faces/ant\.parquet cannot be written \(.*No space left on device"):
        faces.main()
    assert list(mounted.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    with pytest.raises(StageError, match=r"faces/ant\.parquet cannot be written \(.*Read-only file system"):
        faces.main()
    assert list(mounted.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,rw,size=64m", str(mounted)], check=True)
    faces.main()
    assert len(read_rows(mounted / "ant.parquet", FACES)) > 10
