"""A show drawn by the test: a round-faced hero whose mood turns within each scene; every face is known."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import yaml

SIZE = (320, 180)
SCENES = 12
FRAMES = 24
PARAMS = {
    "characters": ["hero"],
    "emotions": ["glad", "sad"],
    "splits": {"validation": 0.15, "test": 0.25, "seed": 1},
    "cascade": {"planes": "gray", "stages": 5, "positives": 120, "negatives": 200, "window": 16},
    "faces": {"min_size": 24},
    "manifest": {"duplicate_bits": 0, "duplicate_distance": 0},
    "train": {"epochs": 2},
    "compute": {"workers": 1},
}
"""Small enough to be quick; every frame's face counts as distinct."""


@dataclass(frozen=True)
class Face:
    """Where the hero's face is in a frame, px, and his mood."""

    frame: int
    x: int
    y: int
    w: int
    h: int
    mood: str


def faces() -> list[Face]:
    """One in every frame."""
    rng = np.random.default_rng(5)
    found = []
    for scene in range(SCENES):
        side = int(rng.integers(56, 84))
        left, top = int(rng.integers(10, 130)), int(rng.integers(8, 180 - side - 8))
        step = int(rng.integers(1, 4))
        for i in range(FRAMES):
            mood = "glad" if (i < FRAMES // 2) == bool(scene % 2) else "sad"
            found.append(Face(scene * FRAMES + i, left + step * i, top, side, side, mood))
    return found


def set_params(path: Path, **sections: Any) -> None:
    """Fill a new project's params.yaml for the show; further sections or values as given."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, value in {**PARAMS, **sections}.items():
        values[name] = {**values[name], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def write(path: Path) -> None:
    """Render the show as H.264."""
    rng = np.random.default_rng(6)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "12", "mbtree": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        for face in faces():
            if face.frame % FRAMES == 0:
                background = _background(rng)
            picture = background.copy()
            _draw(picture, face)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _background(rng: np.random.Generator) -> np.ndarray:
    picture = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:] = rng.integers(90, 240, 3)
    for _ in range(14):
        x, y = (int(v) for v in rng.integers(0, SIZE))
        w, h = (int(v) for v in rng.integers(10, 70, 2))
        cv2.rectangle(picture, (x, y), (x + w, y + h), tuple(int(v) for v in rng.integers(40, 255, 3)), -1)
    return picture


def _draw(picture: np.ndarray, face: Face) -> None:
    middle, radius = (face.x + face.w // 2, face.y + face.h // 2), face.w // 2
    cv2.circle(picture, middle, radius, (235, 190, 140), -1)
    cv2.circle(picture, middle, radius, (20, 20, 20), 2)
    for side in (-1, 1):
        eye = (middle[0] + side * radius * 2 // 5, middle[1] - radius // 4)
        cv2.circle(picture, eye, radius // 4, (255, 255, 255), -1)
        cv2.circle(picture, eye, radius // 8, (10, 10, 10), -1)
    lips, bend = (middle[0], middle[1] + radius // 2), (0, 180) if face.mood == "glad" else (180, 360)
    cv2.ellipse(picture, lips, (radius * 2 // 5, radius // 4), 0, *bend, (120, 10, 20), 3)
