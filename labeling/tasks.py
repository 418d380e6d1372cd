"""Label Studio tasks for faces: one task a face, keyed by our own ids."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TASK_FIELDS = ("face_id", "episode_id", "frame", "character", "x", "y", "w", "h")
"""What a task carries so that its answer finds its way back to the face, whatever becomes of our own files."""


@dataclass(frozen=True)
class Prediction:
    """What an earlier, released model holds a face to be."""

    emotion: str
    score: float
    model_version: str


def emotion_task(face: Mapping[str, Any], jpeg: bytes, prediction: Prediction | None = None) -> dict[str, Any]:
    """An import task for one face.

    face: TASK_FIELDS and time_s. jpeg: its crop, put into the task itself, so that any server can show it.
    """
    minutes, seconds = divmod(float(face["time_s"]), 60)
    task: dict[str, Any] = {
        "data": {
            **{name: face[name] for name in TASK_FIELDS},
            "time": f"{int(minutes)}:{seconds:04.1f}",
            "image": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
        }
    }
    if prediction is not None:
        result = {
            "from_name": "emotion",
            "to_name": "face",
            "type": "choices",
            "value": {"choices": [prediction.emotion]},
        }
        task["predictions"] = [
            {"model_version": prediction.model_version, "score": prediction.score, "result": [result]}
        ]
    return task
