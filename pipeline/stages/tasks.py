"""manifest → Label Studio tasks for the faces that have no label yet, and a receipt.

`data/labeling/tasks.json` is imported into a Label Studio project whose labelling interface is `emotions.xml` beside
it; `toonset label import` brings the answers home.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from labeling.config import emotion_config
from labeling.tasks import Prediction, emotion_task
from pipeline.annotations import EMOTIONS, NO_EMOTION, read_emotions
from pipeline.classifier import load_model
from pipeline.consensus import faces_to_label, match
from pipeline.console import say_counts
from pipeline.crops import read_crops
from pipeline.images import decode_rgb
from pipeline.params import Params, load_params
from pipeline.schemas import EPISODES, MANIFEST
from pipeline.tables import read_frame, write_json, write_text

OUTPUT = Path("data/labeling")
CONFIG = Path("labeling/configs/emotions.xml")


def main() -> None:
    """Read data/manifest.parquet, write data/labeling/{tasks.json,emotions.xml,receipt.json}."""
    params = load_params()
    manifest = read_frame(Path("data/manifest.parquet"), MANIFEST)
    episodes = read_frame(Path("data/episodes.parquet"), EPISODES)
    annotations = read_emotions(EMOTIONS, episodes, params.characters, params.emotions)
    faces = still_to_label(manifest, annotations, params)
    config = emotion_config(CONFIG, [*params.emotions, *NO_EMOTION])
    tasks = make_tasks(faces, params)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    write_text(OUTPUT / "emotions.xml", config)
    write_json(OUTPUT / "tasks.json", tasks)
    write_json(
        OUTPUT / "receipt.json",
        {
            "tasks": len(tasks),
            "with_prediction": sum("predictions" in task for task in tasks),
            "model": params.tasks.model,
            "config_sha256": hashlib.sha256(config.encode()).hexdigest(),
            "pushed_to": None,
        },
    )
    offered = int(manifest["selected"].sum())
    say_counts("tasks", {"selected": offered, "labelled already": offered - len(tasks), "tasks": len(tasks)})


def still_to_label(manifest: pd.DataFrame, annotations: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The selected faces that nobody has spoken of, directly or through a near-duplicate; in the order of labelling."""
    faces = faces_to_label(manifest)
    spoken_of = match(annotations, faces, params.labels)
    done = set(faces["cluster"][faces["face_id"].isin(spoken_of.dropna())])
    return manifest[manifest["selected"] & ~manifest["face_id"].isin(done)]


def make_tasks(faces: pd.DataFrame, params: Params) -> list[dict[str, Any]]:
    """One import task per face, with what the model named in params holds it to be, if one is named."""
    crops = read_crops(faces)
    predictions: list[Prediction | None] = [None] * len(crops)
    if params.tasks.model is not None and crops:
        folder = Path(params.tasks.model)
        model = load_model(folder)
        version = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12]
        pictures = [picture for crop in crops if (picture := decode_rgb(crop)) is not None]
        predictions = [
            Prediction(model.emotions[int(row.argmax())], float(row.max()), version) for row in model.predict(pictures)
        ]
    return [
        emotion_task(json.loads(face.to_json()), crop, prediction)
        for (_, face), crop, prediction in zip(faces.iterrows(), crops, predictions, strict=True)
    ]
