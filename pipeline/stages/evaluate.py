"""Stage `evaluate`: the trained classifier on the held-out scenes, as numbers, a table and two pictures.

Reads `models/emotion/` and `data/dataset/test.parquet`; writes `reports/evaluate/`: `metrics.json`, `predictions.csv`
(a row per face; DVC's confusion template takes `actual` and `predicted`), `confusion.png` and `mistakes.png`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arithmetic import pin_instructions, reproducible
from pipeline.classifier import FOLDER as MODEL
from pipeline.classifier import Classifier, load_model
from pipeline.console import progress, say_counts
from pipeline.dataset_files import COLUMNS, check_labels
from pipeline.dataset_files import FOLDER as DATASET_FOLDER
from pipeline.images import decode_rgb
from pipeline.inputs import UNDECODABLE, decode
from pipeline.metrics import confusion, scores, scores_by
from pipeline.plots import Mistake, draw_confusion, draw_mistakes
from pipeline.schemas import DATASET
from pipeline.tables import read_frame, replacing, write_json

REPORT: Final = Path("reports/evaluate")
SHOWN: Final = 24
"""Mistakes shown at most."""
BATCH: Final = 256


@dataclass(frozen=True)
class Evaluation:
    """What the stage finds."""

    metrics: dict[str, Any]
    predictions: pd.DataFrame
    """A row per face whose image decodes: face_id, character, actual, predicted, probability (of the predicted)."""
    confusion: NDArray[np.int64]
    """Counts [K, K]: rows actual, columns predicted."""


def evaluate(rows: pd.DataFrame, classifier: Classifier) -> Evaluation:
    """Compare the classifier with the labels of the rows; faces whose image does not decode are left out and counted.

    Raises StageError if a label is not an emotion of the classifier.
    """
    emotions = classifier.emotions
    check_labels(rows["emotion"], emotions, "test")
    parts: list[NDArray[np.float32]] = []
    kept: list[NDArray[np.int64]] = []
    encoded = [image["bytes"] or b"" for image in rows["image"]]
    bar = progress(desc="evaluate", unit="faces", total=len(encoded))
    with bar:
        for start in range(0, len(encoded), BATCH):
            batch = encoded[start : start + BATCH]
            images, decoded = decode(batch, classifier.about.size, classifier.about.channels)
            parts.append(classifier.predict_fitted(images))
            kept.append(decoded + start)
            bar.update(len(batch))
    probabilities = np.concatenate(parts) if parts else np.zeros((0, len(emotions)), dtype=np.float32)
    used = rows.iloc[np.concatenate(kept) if kept else []]

    index = {emotion: i for i, emotion in enumerate(emotions)}
    actual = np.array([index[emotion] for emotion in used["emotion"]], dtype=np.int64)
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    metrics = {
        **scores(actual, predicted, emotions),
        "per_character": scores_by(list(used["character"]), actual, predicted, emotions),
        "skipped": len(rows) - len(used),
    }
    predictions = pd.DataFrame(
        {
            "face_id": used["face_id"].to_numpy(),
            "character": used["character"].to_numpy(),
            "actual": used["emotion"].to_numpy(),
            "predicted": np.array(emotions, dtype=object)[predicted],
            "probability": probabilities.max(axis=1, initial=0.0).round(6),
        }
    )
    return Evaluation(metrics, predictions, confusion(actual, predicted, len(emotions)))


def mistakes(rows: pd.DataFrame, predictions: pd.DataFrame) -> tuple[list[Mistake], int]:
    """The misclassified faces that the classifier was surest of, surest first, and how many there are in all."""
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    surest = wrong.sort_values(["probability", "face_id"], ascending=[False, True]).head(SHOWN)
    images = dict(zip(rows["face_id"], rows["image"], strict=True))
    shown = []
    for face in surest.to_dict("records"):
        rgb = decode_rgb(images[face["face_id"]]["bytes"])
        if rgb is not None:
            shown.append(Mistake(rgb, face["actual"], face["predicted"], face["probability"], face["character"]))
    return shown, len(wrong)


def main() -> None:
    """Run the stage in the current directory."""
    pin_instructions()
    classifier = load_model(MODEL)
    rows = read_frame(DATASET_FOLDER / "test.parquet", DATASET, COLUMNS)
    with reproducible(classifier.about.seed, classifier.about.threads):
        result = evaluate(rows, classifier)
    with replacing(REPORT / "predictions.csv") as temporary:
        result.predictions.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    draw_confusion(REPORT / "confusion.png", result.confusion, classifier.emotions)
    draw_mistakes(REPORT / "mistakes.png", *mistakes(rows, result.predictions))
    write_json(REPORT / "metrics.json", result.metrics)
    figures = {name: result.metrics[name] for name in ("accuracy", "macro_f1", "weighted_f1", "majority_share")}
    say_counts(
        "evaluate",
        {
            "test faces": result.metrics["n"],
            f"skipped ({UNDECODABLE})": result.metrics["skipped"],
            **{name.replace("_", " "): "unknown" if v is None else f"{v:.3f}" for name, v in figures.items()},
        },
    )
