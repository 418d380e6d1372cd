"""Characters are trained side by side, and only those whose boxes or background have changed."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline import paths
from pipeline.faces.cascade_keys import outputs
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.stages import cascade
from pipeline.tables import to_table, write_table
from tests.pipeline.stages.test_cascade import background, draw
from tests.support import ROOT
from tests.support.dask_cluster import dask_cluster
from tests.support.worlds import write_video

HEADER = "episode_id,frame,character,x,y,w,h\n"
SIDE = 40
SMALL = {"stages": 2, "positives": 60, "negatives": 120, "planes": "gray"}
STOPS = {"train": 14, "validation": 18, "test": 24}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An episode of three scenes in which disc and square are both seen in every frame but the last two."""
    monkeypatch.chdir(tmp_path)
    set_params(workers=1)
    rng = np.random.default_rng(3)
    pictures, lines = [], []
    for frame in range(STOPS["test"]):
        picture = background(rng, 160, 120)
        disc, square = (4 + frame, 10 + frame), (110 - frame, 70)
        if frame < STOPS["test"] - 2:
            draw(picture, *disc, SIDE)
            picture[square[1] : square[1] + SIDE, square[0] : square[0] + SIDE] = 20
            picture[square[1] + 10 : square[1] + 18, square[0] + 5 : square[0] + 35] = 240
            lines += [f"e,{frame},disc,{disc[0]},{disc[1]},{SIDE},{SIDE}\n"]
            lines += [f"e,{frame},square,{square[0]},{square[1]},{SIDE},{SIDE}\n"]
        pictures.append(picture)
    paths.VIDEOS.mkdir(parents=True)
    write_video(paths.VIDEOS / "e.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    known = {"episode_id": "e", "status": OK, "reason": "", "path": "e.mkv", "sha256": "ab" * 32, "frames": 24}
    rate = {"rate_num": 24, "rate_den": 1, "time_base_num": 1, "time_base_den": 1000, "width": 160, "height": 120}
    row = dict.fromkeys(EPISODES.names) | known | rate | {"duration_s": 1.0, "seekable": False}
    write_table(paths.EPISODES, to_table([row], EPISODES))
    scenes, start = [], 0
    for number, (split, stop) in enumerate(STOPS.items()):
        place = {"scene": number, "start_frame": start, "stop_frame": stop, "start_pts": start, "start_s": 0.0}
        more = {"episode_id": "e", "frames": stop - start, "split": split, "status": OK, "reason": ""}
        scenes.append(dict.fromkeys(SCENES.names) | place | more)
        start = stop
    write_table(paths.SCENES, to_table(scenes, SCENES))
    paths.ANNOTATIONS.mkdir()
    paths.BOXES.write_text(HEADER + "".join(lines))
    paths.FRAMES.write_text("episode_id,frame,complete\n")
    return tmp_path


def set_params(workers: int, scheduler: str | None = None) -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values |= {"characters": ["disc", "square"], "episodes": [{"id": "e", "source": "e.mkv"}]}
    values |= {"cascade": SMALL, "compute": {"workers": workers, "scheduler": scheduler}}
    paths.PARAMS.write_text(yaml.safe_dump(values))


def written() -> dict[Path, bytes]:
    """All files of all characters."""
    folders = (paths.CASCADES, paths.CASCADE_REPORTS)
    return {path: path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.*"))}


def times(character: str) -> list[int]:
    return [path.stat().st_mtime_ns for path in outputs(character)]


def edit(old: str, new: str) -> None:
    text = paths.BOXES.read_text()
    assert text.count(old) == 1
    paths.BOXES.write_text(text.replace(old, new))


def test_only_who_has_changed_is_trained_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cascade.main()
    assert "cascade: 2 characters, 2 trained, 0 only measured" in capsys.readouterr().out
    first, square = written(), times("square")

    # A file of an earlier version, and one of a character who has gone.
    (paths.CASCADE_REPORTS / "disc.csv").touch()
    (paths.CASCADES / "star.xml").touch()
    cascade.main()
    said = capsys.readouterr().out
    assert "cascade@disc: kept: its boxes and its background have not changed" in said
    assert "cascade: 2 characters, 0 trained, 0 only measured" in said
    assert written() == first

    edit("e,3,disc,7,13,", "e,3,disc,12,13,")  # a train scene
    cascade.main()
    assert "cascade: 2 characters, 1 trained, 0 only measured" in capsys.readouterr().out
    assert times("square") == square
    assert written()[paths.CASCADES / "disc.xml"] != first[paths.CASCADES / "disc.xml"]
    edit("e,3,disc,12,13,", "e,3,disc,7,13,")
    cascade.main()
    assert written() == first

    # A frame of a test scene that nobody had looked at: both are measured on it, and nobody is trained.
    capsys.readouterr()
    paths.FRAMES.write_text("episode_id,frame,complete\ne,23,1\n")
    cascade.main()
    assert "cascade: 2 characters, 0 trained, 2 only measured" in capsys.readouterr().out
    assert written()[paths.CASCADES / "disc.json"] == first[paths.CASCADES / "disc.json"]
    assert written()[paths.CASCADE_REPORTS / "disc.json"] != first[paths.CASCADE_REPORTS / "disc.json"]


def test_a_damaged_cascade_is_made_again_and_the_video_is_not_needed(project: Path) -> None:
    cascade.main()
    first = written()
    (paths.CASCADES / "disc.xml").write_text("damaged")
    (paths.CASCADE_REPORTS / "curves" / "square.csv").unlink()
    (paths.VIDEOS / "e.mkv").unlink()
    cascade.main()
    assert written() == first


def test_one_alone_gives_what_all_give(project: Path) -> None:
    cascade.main("square")
    alone = written()
    cascade.main()
    assert alone.items() <= written().items()


@pytest.mark.slow
def test_side_by_side_gives_the_same_files(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over two processes, and over a Dask cluster of two."""
    cascade.main()
    first = written()
    set_params(workers=2)
    forget()
    cascade.main()
    assert written() == first
    with dask_cluster(tmp_path_factory.mktemp("elsewhere")) as address:
        set_params(workers=0, scheduler=address)
        forget()
        cascade.main()
    assert written() == first


def forget() -> None:
    for path in written():
        path.unlink()
