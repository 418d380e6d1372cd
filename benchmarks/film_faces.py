"""The film's annotated faces as a dataset: every box cut as `faces` would, split by shot.

Shots that scenes.csv holds out are the test split. Of the others a hash sends about `VALIDATION` to validation.
"""

import hashlib
from pathlib import Path
from typing import Final

import av
import numpy as np
import pandas as pd

from benchmarks.film import EMOTIONS, EPISODE, FILM
from pipeline.images import cut_face, encode_jpeg
from pipeline.params import Faces
from pipeline.rows import AnnotationRow
from pipeline.schemas import DATASET
from pipeline.tables import read_rows, rows_of, to_table, write_table

VALIDATION: Final = 0.2


def film_faces(footage: Path, cache: Path) -> pd.DataFrame:
    """Rows of DATASET, one per box of the film; cut once and kept at `cache`."""
    if not cache.exists():
        write_table(cache, to_table(_cut(footage), DATASET))
    return read_rows(cache, DATASET)


def _cut(footage: Path) -> pd.DataFrame:
    boxes = pd.read_csv(footage / "boxes.csv").query("episode_id == @EPISODE")
    boxes = boxes[boxes["emotion"].isin(EMOTIONS)]
    shots = pd.read_csv(footage / "scenes.csv").query("episode_id == @EPISODE").reset_index(drop=True)
    faces = Faces()
    wanted = {frame: list(rows_of(own, AnnotationRow)) for frame, own in boxes.groupby("frame")}
    found = []
    with av.open(str(footage / FILM)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            for box in wanted.get(number, []):
                rgb = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                place = (box.x, box.y, box.w, box.h)
                crop = cut_face(rgb, place, faces.crop_margin, faces.crop_size)
                shot = int(((shots["start_frame"] <= number) & (number <= shots["end_frame"])).to_numpy().argmax())
                found.append(
                    dict.fromkeys(DATASET.names)
                    | {
                        "face_id": hashlib.sha256(f"{number} {box.character} {place}".encode()).hexdigest()[:16],
                        "image": {"bytes": encode_jpeg(crop), "path": None},
                        "margin": faces.crop_margin,
                        "emotion": box.emotion,
                        "character": box.character,
                        "episode_id": EPISODE,
                        "frame": number,
                        "scene": shot,
                        "split": _split(shot, bool(shots["held_out"][shot])),
                    }
                )
    return pd.DataFrame(found).sort_values("face_id", ignore_index=True)


def _split(shot: int, held_out: bool) -> str:
    if held_out:
        return "test"
    share = int(hashlib.sha256(f"validation {shot}".encode()).hexdigest()[:8], 16) / 16**8
    return "validation" if share < VALIDATION else "train"
