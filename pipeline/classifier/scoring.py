"""Comparing a classifier with labels: metrics, intervals, calibration, and a row per face."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.classifier.calibration import expected_calibration_error
from pipeline.classifier.inputs import decode
from pipeline.classifier.metrics import confusion, intervals, scores, scores_by
from pipeline.classifier.model import Classifier
from pipeline.dataset.files import check_labels, margins_of
from pipeline.rows import Row


class PredictionRow(Row):
    """A row of `Evaluation.predictions`; `probability` is that of the predicted emotion."""

    face_id: str
    character: str
    episode_id: str
    scene: int
    actual: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """What is found on the faces whose image decodes."""

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    """A row per face: face_id, character, episode_id, scene, actual, predicted, probability (of the predicted)."""
    confusion: NDArray[np.int64]
    """Counts [K, K]: rows actual, columns predicted."""
    images: NDArray[np.uint8]
    """The faces as the network reads them, in the order of `predictions`."""
    probabilities: NDArray[np.float32]
    """[N, K]."""
    actual: NDArray[np.int64]


def score_classifier(rows: pd.DataFrame, classifier: Classifier, cache: Path | None = None) -> Evaluation:
    """Compare the classifier with the labels of the rows; faces whose image does not decode are left out and counted.

    Raises StageError if a label is not an emotion of the classifier.
    """
    emotions = classifier.emotions
    check_labels(rows["emotion"], emotions, "test")
    encoded = [image["bytes"] or b"" for image in rows["image"]]
    images, kept = decode(encoded, margins_of(rows), classifier.about.input, cache)
    probabilities = classifier.predict_fitted(images)
    used = rows.iloc[kept]
    index = {emotion: i for i, emotion in enumerate(emotions)}
    actual = np.array([index[emotion] for emotion in used["emotion"]], dtype=np.int64)
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    scenes = [f"{episode} {scene}" for episode, scene in zip(used["episode_id"], used["scene"], strict=True)]
    error = expected_calibration_error(probabilities, actual)
    metrics = {
        **scores(actual, predicted, emotions),
        "intervals": intervals(actual, predicted, scenes, len(emotions)),
        "scenes": len(set(scenes)),
        "per_character": scores_by(list(used["character"]), actual, predicted, emotions),
        "per_episode": scores_by([str(name) for name in used["episode_id"]], actual, predicted, emotions),
        "calibration_error": None if error is None else round(error, 6),
        "temperature": classifier.about.temperature,
        "skipped": len(rows) - len(used),
    }
    predictions = pd.DataFrame(
        {
            "face_id": used["face_id"].to_numpy(),
            "character": used["character"].to_numpy(),
            "episode_id": used["episode_id"].to_numpy(),
            "scene": used["scene"].to_numpy(),
            "actual": used["emotion"].to_numpy(),
            "predicted": np.array(emotions, dtype=object)[predicted],
            "probability": probabilities.max(axis=1, initial=0.0).round(6),
        }
    )
    table = confusion(actual, predicted, len(emotions))
    return Evaluation(metrics, predictions, table, images, probabilities, actual)
