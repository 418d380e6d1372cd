"""A small drawn show for `benchmarks.soak`: three videos, boxes and emotions, worked on in seconds."""

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

from cascades.strict_yaml import read_yaml
from pipeline.project.new import make_project

HERE: Final = Path(__file__).resolve().parents[1]
STAGES: Final = (
    "download", "scenes", "cascade dot", "faces", "manifest", "tasks", "labels", "dataset", "train", "random_split",
    "evaluate", "watch", "report",
)  # fmt: skip
TRAIN: Final = (
    "pictures", "pictures/boxes.csv", "out.xml", "--stages", "3", "--positives", "60", "--negatives", "120",
    "--checkpoint", "checkpoint.npz", "--threads", "1",
)  # fmt: skip
TRAINED: Final = ("out.xml", "out.json")
"""What `toonset cascade train` with TRAIN writes."""
SIZE: Final = (160, 120)
FRAMES: Final = 48
NAMES: Final = ("ant", "bee", "cow")
PARAMS: Final[dict[str, Any]] = {
    "episodes": [{"id": name, "source": f"videos/{name}.mp4"} for name in NAMES],
    "characters": ["dot"],
    "emotions": ["happy", "sad"],
    "scenes": {"min_scene_s": 0.3},
    "splits": {"validation": 0.3, "test": 0.3},
    "cascade": {"planes": "gray", "stages": 4, "positives": 130, "negatives": 240, "max_height": 120},
    "faces": {"every": 2, "min_size": 24, "search_every": 6, "max_height": 120, "crop_size": 48},
    "manifest": {"duplicate_bits": 0, "duplicate_distance": 0},
    "train": {"net": "hill2017", "epochs": 2},
    "compute": {"workers": 1},
}
"""What differs from a new project's; it makes every stage a matter of seconds."""


def build(folder: Path, with_dvc: bool = False) -> None:
    """Make the project, with git and DVC only where they are needed."""
    if with_dvc:
        make_project(folder)
    else:
        (folder / "annotations").mkdir(parents=True)
        (folder / "dvc.yaml").write_bytes((HERE / "dvc.yaml").read_bytes())
        (folder / "labeling/configs").mkdir(parents=True)
        for page in (HERE / "labeling/configs").glob("*.xml"):
            (folder / "labeling/configs" / page.name).write_bytes(page.read_bytes())
    set_params(folder, PARAMS)
    (folder / "videos").mkdir()
    (folder / "pictures").mkdir()
    boxes, frames, emotions, faces = ["episode_id,frame,character,x,y,w,h"], ["episode_id,frame,complete"], [], []
    for seed, name in enumerate(NAMES):
        pictures, places = draw(seed)
        write_video(folder / "videos" / f"{name}.mp4", pictures)
        for index, (x, y, side, happy) in enumerate(places):
            boxes.append(f"{name},{index},dot,{x},{y},{side},{side}")
            frames.append(f"{name},{index},1")
            emotions.append(f"{name},{index},dot,{x},{y},{side},{side},{'happy' if happy else 'sad'},ann")
            if index % 4 == 0:
                file = f"{name}-{index}.png"
                cv2.imwrite(str(folder / "pictures" / file), pictures[index])
                faces.append(f"{file},{x},{y},{side},{side}")
    table(folder / "annotations/boxes.csv", boxes)
    table(folder / "annotations/frames.csv", frames)
    table(folder / "annotations/emotions.csv", ["episode_id,frame,character,x,y,w,h,emotion,annotator", *emotions])
    table(folder / "annotations/held_out.csv", ["episode_id,start_frame,end_frame"])
    table(folder / "annotations/splits.csv", ["episode_id,start_frame,end_frame,split",
          "ant,0,47,train", "bee,0,47,validation", "cow,0,47,test"])  # fmt: skip
    table(folder / "pictures/boxes.csv", ["image,x,y,w,h", *faces])


def set_params(folder: Path, sections: dict[str, Any]) -> None:
    """Change some of a project's parameters, or of a new project's where it has none yet. JSON is YAML too."""
    path = folder / "params.yaml"
    new = HERE / "pipeline/project/template/params.yaml"
    values = read_yaml((path if path.exists() else new).read_bytes())
    for name, value in sections.items():
        values[name] = {**values[name], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(values, indent=1))


def table(path: Path, lines: list[str]) -> None:
    """Write lines as a text file."""
    path.write_text("\n".join(lines) + "\n")


def draw(seed: int) -> tuple[list[npt.NDArray[np.uint8]], list[tuple[int, int, int, bool]]]:
    """A video's pictures, RGB uint8, with a face that moves; where it is, and whether it smiles."""
    dice = np.random.default_rng(seed)
    width, height = SIZE
    coarse = dice.integers(40, 200, (12, 16, 3)).astype(np.uint8)
    ground = np.asarray(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)
    pictures: list[npt.NDArray[np.uint8]] = []
    places: list[tuple[int, int, int, bool]] = []
    for index in range(FRAMES):
        side, happy = 40 + index % 7, index % 2 == 0
        x = int((width - side) * (0.5 + 0.45 * np.sin(index / 5 + seed)))
        y = int((height - side) * (0.5 + 0.45 * np.cos(index / 7)))
        picture = ground.copy()
        middle, r = (x + side // 2, y + side // 2), side // 2
        cv2.circle(picture, middle, r, (235, 225, 120), -1)
        for eye in (-1, 1):
            cv2.circle(picture, (middle[0] + eye * r // 2, middle[1] - r // 4), max(2, r // 5), (20, 20, 30), -1)
        mouth = (middle[0], middle[1] + r // 3)
        cv2.ellipse(picture, mouth, (r // 2, r // 4), 0, 0 if happy else 180, 180 if happy else 360, (150, 30, 30), 3)
        pictures.append(picture)
        places.append((x, y, side, happy))
    return pictures, places


def write_video(path: Path, pictures: list[npt.NDArray[np.uint8]]) -> None:
    """Encode RGB pictures as H.264, 24 frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "8", "crf": "10", "mbtree": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    os.utime(path, (0, 0))
