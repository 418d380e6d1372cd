"""What is exported in tests: a project with two small episodes, boxes and emotions; and faces with their labels."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from pipeline import paths
from pipeline.images import encode_jpeg
from pipeline.schemas import DATASET, EPISODES, IMAGE_FEATURE, OK, SPLITS
from pipeline.stages import download, scenes
from pipeline.tables import to_table, write_table
from tests.support.face_pictures import draw_face
from tests.support.worlds import scene, write_video

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
BOXED = [
    ("one-000003.jpg", "cat", (5, 6, 20, 21)),
    ("one-000003.jpg", "mouse", (40, 30, 17, 18)),
    ("one-000030.jpg", "cat", (0, 0, 11, 12)),
    ("two-b-000007.jpg", "mouse", (70, 40, 26, 24)),
]
"""The boxes as a reader of an export finds them: picture, character, x, y, w, h px."""
WORDS = ("joy", "sadness", "surprise")


def make_boxed_project(folder: Path) -> Path:
    """Write the project into `folder` and go there: its episodes are loaded, and their scenes are known."""
    project = folder / "project"
    (project / "annotations").mkdir(parents=True)
    os.chdir(project)
    for seed, name in enumerate(("one", "two-b")):
        write_video(folder / f"{name}.mp4", [*scene(seed, 24), *scene(seed + 7, 24)])
    known = {
        "toonset": "0.1",
        "characters": ["cat", "mouse"],
        "emotions": ["happy", "sad"],
        "episodes": [{"id": name, "source": str(folder / f"{name}.mp4")} for name in ("one", "two-b")],
        "compute": {"workers": 1},
    }
    Path("params.yaml").write_text(yaml.safe_dump(known))
    Path("annotations/boxes.csv").write_text(BOXES)
    Path("annotations/frames.csv").write_text(FRAMES)
    Path("annotations/emotions.csv").write_text(EMOTIONS)
    download.main()
    scenes.main()
    return project


def labelled_faces() -> pd.DataFrame:
    """18 drawn faces as rows of DATASET: three emotions (WORDS), two characters, splits train and test."""
    dice = np.random.default_rng(0)
    rows = []
    for number in range(18):
        emotion, split = WORDS[number % 3], ("train", "train", "test")[number // 3 % 3]
        known = {
            "face_id": f"{number:020x}", "emotion": emotion, "split": split, "margin": 0.25,
            "character": ("cat", "mouse")[number % 2], "episode_id": "pilot", "frame": number, "pts": number,
            "time_s": 0.0, "scene": number // 3, "track": 0, "x": 1, "y": 2, "w": 30, "h": 31, "votes": "{}",
            "license": "CC0-1.0", "attribution": 'A "B", C', "confidence": 1.0,
            "image": {"bytes": encode_jpeg(draw_face(emotion, dice)), "path": f"{number}.jpg"},
        }  # fmt: skip
        rows.append(dict.fromkeys(DATASET.names) | known)
    return pd.DataFrame(rows)


def make_faces_project(folder: Path) -> Path:
    """Write a project with these faces as its dataset into `folder` and go there; it can be exported and released."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    known = {"toonset": "0.1", "characters": ["cat", "mouse"], "emotions": list(WORDS),
             "episodes": [{"id": "pilot", "source": "pilot.mp4"}]}  # fmt: skip
    Path("params.yaml").write_text(yaml.safe_dump(known))
    episode = dict.fromkeys(EPISODES.names) | {"episode_id": "pilot", "status": OK, "sha256": "0" * 64, "width": 96,
                                              "height": 64, "frames": 18, "license": "CC0-1.0"}  # fmt: skip
    write_table(paths.EPISODES, to_table([episode], EPISODES))
    rows = labelled_faces()
    for split in SPLITS:
        table = to_table(rows[rows["split"] == split], DATASET)
        write_table(paths.split_table(split), table, features=IMAGE_FEATURE)
    return folder
