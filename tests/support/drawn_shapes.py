"""A dataset drawn in the test: colored shapes as "emotions", two "characters" that differ in background."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.images import encode_jpeg
from pipeline.params import Params
from pipeline.schemas import DATASET
from pipeline.tables import to_table, write_table

SHAPES = ("disc", "square", "cross")
CHARACTERS = ("cat", "mouse")


def params(**train: Any) -> Params:
    return Params(
        toonset="0.1",
        episodes=(),
        characters=CHARACTERS,
        emotions=SHAPES,
        train={"net": "hill2017", "epochs": 2, **train},
    )


def draw(shape: str, character: str, rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """One shape of a random color, place and size on a noisy background: RGB uint8 [size, size, 3]."""
    background = {"cat": (190, 160, 120), "mouse": (120, 150, 190)}[character]
    image = np.full((size, size, 3), background, dtype=np.uint8)
    color = tuple(int(value) for value in rng.integers(0, 90, 3))
    x, y = (int(value) for value in rng.integers(size * 2 // 5, size * 3 // 5, 2))
    r = int(rng.integers(size // 5, size // 4))
    if shape == "disc":
        cv2.circle(image, (x, y), r, color, -1)
    elif shape == "square":
        cv2.rectangle(image, (x - r, y - r), (x + r, y + r), color, -1)
    else:
        cv2.line(image, (x - r, y - r), (x + r, y + r), color, size // 16)
        cv2.line(image, (x - r, y + r), (x + r, y - r), color, size // 16)
    noisy = image + rng.normal(0, 12, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def rows(n: int, seed: int, split: str = "train") -> pd.DataFrame:
    """`n` rows with the columns of `DATASET`, shapes and characters in turn."""
    rng = np.random.default_rng(seed)
    faces = []
    for i in range(n):
        shape, character = SHAPES[i % len(SHAPES)], CHARACTERS[i // len(SHAPES) % len(CHARACTERS)]
        own = {
            "face_id": f"{split}{seed:02}{i:05}",
            "image": {"bytes": encode_jpeg(draw(shape, character, rng)), "path": None},
            "margin": 0.25,
            "emotion": shape,
            "character": character,
            "split": split,
            "episode_id": f"pilot-{split}",
            "scene": i // 6,
        }
        faces.append({**dict.fromkeys(DATASET.names), **own})
    return pd.DataFrame(faces, columns=DATASET.names)


def write_project(folder: Path, splits: dict[str, pd.DataFrame], *settings: str) -> None:
    """A project folder that has come as far as the dataset; settings: lines of the section `train`."""
    for split, frame in splits.items():
        table = to_table(frame.astype(object).where(frame.notna(), None).to_dict("records"), DATASET)
        write_table(folder / f"data/dataset/{split}.parquet", table)
    lines = ['toonset: "0.1"', "episodes: []", "characters: [cat, mouse]", f"emotions: [{', '.join(SHAPES)}]"]
    lines.append("manifest: {duplicate_distance: 1}")  # the shapes of one kind are drawn alike
    lines.append("train:" if settings else "train: {}")
    (folder / "params.yaml").write_text("\n".join([*lines, *(f"  {line}" for line in settings)]) + "\n")
