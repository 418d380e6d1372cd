"""A character who has no boxes yet, or whose boxes have another name, stops nobody else."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline import paths
from pipeline.errors import InputError, StageError
from pipeline.faces.cascade_files import load_cascade, save_untrained, trained, why_untrained
from pipeline.faces.cascade_keys import outputs
from pipeline.params import load_params
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.stages import cascade, faces
from pipeline.tables import read_rows, to_table, write_table
from tests.support import ROOT
from tests.support.worlds import scene, write_video

HEADER = "episode_id,frame,character,x,y,w,h\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An episode of one train scene, without a box; characters hero and mouse."""
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values |= {"characters": ["hero", "mouse"], "episodes": [{"id": "e", "source": "e.mkv"}], "compute": {"workers": 1}}
    paths.PARAMS.write_text(yaml.safe_dump(values))
    paths.VIDEOS.mkdir(parents=True)
    write_video(paths.VIDEOS / "e.mkv", scene(1, 24), codec="ffv1", pix_fmt="bgr0")
    known = {"episode_id": "e", "status": OK, "reason": "", "path": "e.mkv", "sha256": "ab" * 32, "frames": 24}
    rate = {"rate_num": 24, "rate_den": 1, "time_base_num": 1, "time_base_den": 1000, "width": 96, "height": 64}
    place = {"scene": 0, "start_frame": 0, "stop_frame": 24, "start_pts": 0, "start_s": 0.0, "frames": 24}
    for path, schema, row in (
        (paths.EPISODES, EPISODES, known | rate | {"duration_s": 1.0}),
        (paths.SCENES, SCENES, {"episode_id": "e", "split": "train", "status": OK, "reason": ""} | place),
    ):
        write_table(path, to_table([dict.fromkeys(schema.names) | row], schema))
    paths.ANNOTATIONS.mkdir()
    paths.BOXES.write_text(HEADER)
    shutil.copy(ROOT / "pipeline/project/template/annotations/frames.csv", paths.FRAMES)
    return tmp_path


def test_boxes_under_another_name_are_the_first_thing_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"e,{frame},chip,10,8,12,12\n" for frame in range(12)] + ["f,3,hero,1,2,9,9\n"]
    paths.BOXES.write_text(HEADER + "".join(lines))
    cascade.main("mouse")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "cascade@mouse: 12 boxes: 'chip' is not among the characters in params.yaml (hero, mouse)."
    assert said[1] == "cascade@mouse: was 'mouse' called 'chip' before?"
    assert said[2].startswith("cascade@mouse: no cascade yet, the flow goes on without 'mouse':")
    assert "0 usable boxes of 'mouse'" in said[2]
    assert said[3] == "cascade@mouse: 12 boxes, 12 rejected, 0 stages"
    cascade.main("hero")
    assert "cascade@hero: 1 box: unknown episode 'f'; not in params.yaml." in capsys.readouterr().out
    listed = pd.read_csv(cascade.rejected_list("hero"))
    assert len(listed) == 13


def test_whoever_has_no_boxes_has_every_output_and_is_not_looked_for(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cascade.main("hero")
    assert all(path.is_file() for path in (*outputs("hero"), cascade.rejected_list("hero")))
    assert trained(["hero", "mouse"]) == ("mouse",)
    with pytest.raises(InputError, match=r"hero.xml is no cascade yet: annotations/boxes.csv has 0 usable boxes"):
        load_cascade("hero")
    cascade.main("mouse")
    capsys.readouterr()
    with pytest.raises(StageError, match="no character has a cascade yet, so no face can be found"):
        faces.main()
    paths.CASCADES.joinpath("mouse.json").unlink()  # as if it had one: the plan asks for its files
    paths.CASCADES.joinpath("mouse.json").write_text("{}")
    (job,) = faces.plan(read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES), load_params())
    assert job.characters == ("mouse",)


def test_the_marker_says_why_and_a_trained_cascade_has_none(tmp_path: Path) -> None:
    save_untrained("hero", "too few", tmp_path)
    assert why_untrained("hero", tmp_path) == "too few"
    assert why_untrained("mouse", tmp_path) == ""
    (tmp_path / "mouse.json").write_text("{damaged")
    assert why_untrained("mouse", tmp_path) == ""
