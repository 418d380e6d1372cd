"""Stage `train`: the labelled faces in, a trained emotion classifier and its learning curves out.

Reads `data/dataset/{train,validation}.parquet`; writes `models/emotion/` and `reports/train/{curves.csv,metrics.json}`.
All emotions of params.yaml are classes, also one without an example, so that a model's outputs do not depend on what
happens to be labelled; no emotion is weighted above another, as in the published recipe.

The weights kept are those of the last epoch, as published; the best epoch is reported, not taken. A validation set of
a few scenes is a noisy judge: on the film's annotated faces (469 in training, 180 in held-out scenes) the epoch it
liked best was an early one that answered `neutral` to nearly everything, 0.39 accurate where the last was 0.55 to 0.66.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from pipeline.arithmetic import pin_instructions, reproducible
from pipeline.classifier import FOLDER as MODEL
from pipeline.classifier import Classifier, Description, save_model
from pipeline.console import progress, say_counts
from pipeline.dataset_files import COLUMNS, check_labels
from pipeline.dataset_files import FOLDER as DATASET_FOLDER
from pipeline.errors import StageError
from pipeline.inputs import UNDECODABLE, decode, statistics
from pipeline.nets import architecture, build
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET
from pipeline.tables import read_frame, replacing, write_json
from pipeline.training import Epoch, Examples, Run, best_epoch

CURVES: Final = Path("reports/train/curves.csv")
METRICS: Final = Path("reports/train/metrics.json")


@dataclass(frozen=True)
class Trained:
    """What the stage makes."""

    classifier: Classifier
    curves: pd.DataFrame
    """A row per epoch, the fields of `Epoch`."""
    metrics: dict[str, Any]


def train(train_rows: pd.DataFrame, validation_rows: pd.DataFrame, params: Params) -> Trained:
    """Train `params.train.net` on rows with the columns `image` and `emotion`.

    Raises StageError where there is nothing to learn from: no face, one emotion only, a label that is no emotion of
    params.yaml, a loss that is no number.
    """
    settings, emotions = params.train, params.emotions
    net_input = architecture(settings.net)
    training, skipped = examples(train_rows, emotions, net_input.size, net_input.channels, "train")
    validation, skipped_validation = examples(
        validation_rows, emotions, net_input.size, net_input.channels, "validation"
    )
    counts = _count(training, emotions)
    _require_two_emotions(counts, skipped)

    arguments = {"dropout": settings.dropout}
    normalise = statistics(training.images.numpy())
    with reproducible(settings.seed, settings.threads):
        net = build(settings.net, len(emotions), arguments)
        run = Run(net, normalise, training, validation, settings)
        curves = [run.step() for _ in progress(range(settings.epochs), desc="train", unit="epochs")]
    about = Description(
        net=settings.net,
        arguments=arguments,
        emotions=emotions,
        size=net_input.size,
        channels=net_input.channels,
        mean=normalise.mean,
        std=normalise.std,
        params=settings.model_dump(mode="json"),
        seed=settings.seed,
        epoch=settings.epochs,
        images=counts,
        threads=settings.threads,
        torch=torch.__version__,
        instructions=torch.backends.cpu.get_cpu_capability(),
    )
    best = best_epoch(curves)
    metrics = {
        "images": len(training),
        "validation_images": len(validation),
        "skipped": skipped + skipped_validation,
        "per_class": counts,
        "epochs": settings.epochs,
        **{name: _rounded(value) for name, value in asdict(curves[-1]).items() if name != "epoch"},
        "best_epoch": best.epoch if best else None,
        "best_validation_accuracy": _rounded(best.validation_accuracy) if best else None,
    }
    return Trained(Classifier(net.eval(), about), _table(curves), metrics)


def examples(rows: pd.DataFrame, emotions: Sequence[str], size: int, channels: int, split: str) -> tuple[Examples, int]:
    """The rows whose image decodes, ready for a network, and the number of those whose image does not.

    Raises StageError if a label is not among `emotions`.
    """
    check_labels(rows["emotion"], emotions, split)
    images, kept = decode([image["bytes"] or b"" for image in rows["image"]], size, channels)
    index = {emotion: i for i, emotion in enumerate(emotions)}
    targets = np.array([index[emotion] for emotion in rows["emotion"].iloc[kept]], dtype=np.int64)
    return Examples(torch.from_numpy(images), torch.from_numpy(targets)), len(rows) - len(kept)


def _require_two_emotions(counts: dict[str, int], skipped: int) -> None:
    present = [emotion for emotion, n in counts.items() if n]
    if not present:
        why = f": all {skipped} images are damaged ({UNDECODABLE})" if skipped else ""
        raise StageError(f"no labelled face to train on{why}. Label some faces in annotations/emotions.csv.")
    if len(present) == 1:
        raise StageError(
            f"all {counts[present[0]]} training faces are labelled {present[0]!r}: there is nothing to tell apart. "
            "Label faces of at least two emotions, in several scenes."
        )


def _count(training: Examples, emotions: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(training.targets.numpy(), minlength=len(emotions))
    return {emotion: int(n) for emotion, n in zip(emotions, counts, strict=True)}


def _table(curves: list[Epoch]) -> pd.DataFrame:
    return pd.DataFrame([asdict(point) for point in curves]).astype(
        {"validation_loss": float, "validation_accuracy": float}
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def main() -> None:
    """Run the stage in the current directory."""
    params = load_params()
    pin_instructions()
    rows = {
        split: read_frame(DATASET_FOLDER / f"{split}.parquet", DATASET, COLUMNS) for split in ("train", "validation")
    }
    trained = train(rows["train"], rows["validation"], params)
    weights = save_model(MODEL, trained.classifier)
    with replacing(CURVES) as temporary:
        trained.curves.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    write_json(METRICS, trained.metrics)
    few = [f"{emotion} {n}" for emotion, n in trained.metrics["per_class"].items() if n < 2]
    if few:
        print(f"train: hardly anything to learn from: {', '.join(few)} training faces", flush=True)
    accuracy = trained.metrics["validation_accuracy"]
    say_counts(
        "train",
        {
            "training faces": trained.metrics["images"],
            "validation faces": trained.metrics["validation_images"],
            f"skipped ({UNDECODABLE})": trained.metrics["skipped"],
            "epochs": trained.metrics["epochs"],
            "validation accuracy": "unknown" if accuracy is None else f"{accuracy:.3f}",
            "weights sha256": weights[:12],
        },
    )
