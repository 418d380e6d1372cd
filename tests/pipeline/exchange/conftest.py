"""A project with two small episodes, boxes and emotions, as people give them."""

import os
from pathlib import Path

import pytest
import yaml

from pipeline.stages import download, scenes
from tests.support.worlds import scene, write_video

# Read when `datasets` is imported: it looks for nothing on other hosts, and tells them nothing.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

BOXES = """episode_id,frame,character,x,y,w,h,annotator
one,3,cat,5,6,20,21,anna
one,3,mouse,40,30,17,18,ben
one,30,cat,0,0,11,12,anna
two-b,7,mouse,70,40,26,24,anna
"""
FRAMES = "episode_id,frame,complete,annotator\none,40,1,anna\n"
EMOTIONS = """episode_id,frame,character,x,y,w,h,emotion,annotator
one,3,cat,5,6,20,21,happy,anna
two-b,7,mouse,70,40,26,24,sad,ben
"""


@pytest.fixture
def boxed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, in which the test runs."""
    project = tmp_path / "project"
    (project / "annotations").mkdir(parents=True)
    monkeypatch.chdir(project)
    for seed, name in enumerate(("one", "two-b")):
        write_video(tmp_path / f"{name}.mp4", [*scene(seed, 24), *scene(seed + 7, 24)])
    known = {
        "toonset": "0.1",
        "characters": ["cat", "mouse"],
        "emotions": ["happy", "sad"],
        "episodes": [{"id": name, "source": str(tmp_path / f"{name}.mp4")} for name in ("one", "two-b")],
        "compute": {"workers": 1},
    }
    Path("params.yaml").write_text(yaml.safe_dump(known))
    Path("annotations/boxes.csv").write_text(BOXES)
    Path("annotations/frames.csv").write_text(FRAMES)
    Path("annotations/emotions.csv").write_text(EMOTIONS)
    download.main()
    scenes.main()
    return project
