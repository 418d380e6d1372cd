"""From labelled faces and the section `train` of params.yaml to a trained classifier, its curves and its metrics.

All emotions of params.yaml are classes, even those without an example, so that a model's outputs do not depend on the
labels so far. Without `patience` the weights of the last epoch are kept. The best epoch is reported but not used,
because a validation set of a few scenes is a noisy measure.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from torch import nn

from pipeline.classifier.calibration import EVEN, choose_unsure_below, fit_temperature
from pipeline.classifier.inputs import IMAGENET, UNDECODABLE, InputShape, Normalisation, decode, statistics
from pipeline.classifier.model import Classifier, Crops, Description
from pipeline.compute.arithmetic import reproducible
from pipeline.console import progress
from pipeline.dataset.files import check_labels, margins_of
from pipeline.errors import SetupError, StageError
from pipeline.nets.layers import probabilities
from pipeline.params import Params
from pipeline.training import checkpoint
from pipeline.training.loop import train_to_the_end
from pipeline.training.pretrained import start_from_published
from pipeline.training.recipes import Plan, plan_of
from pipeline.training.run import Epoch, Examples, Run, best_epoch, logits_of
from pipeline.training.start import PACE, SHA256, start_from_shipped
from pipeline.training.start_model import start_from_model

CHECKPOINT: Final = "training.safetensors"


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    classifier: Classifier
    curves: pd.DataFrame
    """A row per epoch, the fields of `Epoch`."""
    metrics: dict[str, Any]
    plan: Plan


def train(
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    params: Params,
    cache: Path | None = None,
    desc: str = "train",
) -> Trained:
    """Train `params.train.net` on rows with the columns `image`, `margin`, `emotion` and `votes`.

    The margins may differ from row to row: the network sees the same part around every face's box (`learned_margin`).
    cache: folder for decoded pictures and for the checkpoint that an interrupted training goes on from. desc: name of
    the progress bar.
    Raises StageError where there is nothing to learn from: no face, one emotion only, a label that is no emotion of
    params.yaml, a margin that is not known, a loss that is no number; ParamsError and InputError as
    `start_from_published` and `start_from_model` do.
    """
    settings, emotions, plan = params.train, params.emotions, plan_of(params.train)
    crops = Crops.of(params.faces, learned_margin(train_rows))
    shape = InputShape(plan.net.size, plan.net.channels, crops.margin if plan.net.margin is None else plan.net.margin)
    device = device_of(settings.device)
    training, skipped = examples(train_rows, emotions, shape, "train", cache, soft=settings.soft_labels)
    validation, skipped_validation = examples(validation_rows, emotions, shape, "validation", cache)
    counts = _count(training, emotions)
    _require_two_emotions(counts, skipped)

    with reproducible(settings.seed, settings.threads):
        net = plan.net.make(classes=len(emotions), **plan.arguments)
        published = start_from_published(net, plan)
        earlier = start_from_model(net, plan, emotions)
        pace = PACE if start_from_shipped(net, plan, emotions) or earlier else 1.0
        normalise = earlier or (IMAGENET if published else statistics(training.images.numpy()))
        net = net.to(device)
        run = Run(net, normalise, training, validation, plan.recipe, settings.seed, len(emotions), pace)
        epoch = _fit(run, cache, _key(training, validation, plan, emotions), desc)
        calibration = _calibrate(net, normalise, validation)
        about = _describe(plan, shape, crops, normalise, counts, epoch, calibration)
    skipped += skipped_validation
    metrics = _metrics(run, counts, epoch, skipped, calibration.temperature)
    return Trained(Classifier(net.cpu().eval(), about), _table(run.curves), metrics, plan)


@dataclass(frozen=True)
class Calibration:
    """What validation faces say of how far answers can be believed."""

    temperature: float = 1.0
    unsure_below: float = EVEN


def _calibrate(net: nn.Module, normalise: Normalisation, validation: Examples) -> Calibration:
    if not len(validation):
        return Calibration()
    logits = logits_of(net, normalise, validation.images)
    temperature = fit_temperature(net, logits, validation.targets)
    found = probabilities(net, logits / temperature).numpy()
    return Calibration(temperature, choose_unsure_below(found, validation.targets.numpy()))


def learned_margin(rows: pd.DataFrame) -> float:
    """The commonest margin of the training faces, of equals the narrower: what networks without one of their own see.

    0 where there are no faces.
    """
    margins = Counter(margins_of(rows))
    return min(margins, key=lambda margin: (-margins[margin], margin), default=0.0)


def _fit(run: Run, cache: Path | None, key: str, desc: str) -> int:
    """Train with a bar named `desc`, keeping checkpoints; the epoch whose weights were taken."""
    path = cache / CHECKPOINT if cache else None
    with progress(desc=desc, unit="epochs", total=run.recipe.epochs) as bar:
        epoch = train_to_the_end(run, path, key, lambda point: _show(bar, point))
    if path:
        checkpoint.forget(path)
    return epoch


def _show(bar: Any, point: Epoch) -> None:
    accuracy = point.validation_accuracy
    bar.set_postfix_str("" if accuracy is None else f"validation accuracy {accuracy:.3f}", refresh=False)
    bar.update()


def _key(training: Examples, validation: Examples, plan: Plan, emotions: Sequence[str]) -> str:
    """What a checkpoint belongs to: pictures, labels, settings, the network as it is made, torch."""
    made = plan.net.options | plan.arguments
    text = json.dumps([plan.resolved, made, emotions, torch.__version__, SHA256], sort_keys=True)
    key = hashlib.sha256(text.encode())
    for part in (training, validation):
        for tensor in (part.images, part.targets, *([] if part.shares is None else [part.shares])):
            key.update(tensor.numpy().tobytes())
    return key.hexdigest()


def _describe(
    plan: Plan,
    shape: InputShape,
    crops: Crops,
    normalise: Normalisation,
    counts: dict[str, int],
    epoch: int,
    calibration: Calibration,
) -> Description:
    settings = plan.settings
    return Description(
        net=settings.net,
        arguments=plan.arguments,
        emotions=tuple(counts),
        size=shape.size,
        channels=shape.channels,
        margin=shape.margin,
        crops=crops,
        mean=normalise.mean,
        std=normalise.std,
        temperature=calibration.temperature,
        unsure_below=calibration.unsure_below,
        params=plan.resolved,
        seed=settings.seed,
        epoch=epoch,
        images=counts,
        threads=settings.threads,
        torch=torch.__version__,
        instructions=torch.backends.cpu.get_cpu_capability(),
    )


def _metrics(run: Run, counts: dict[str, int], epoch: int, skipped: int, temperature: float) -> dict[str, Any]:
    best, taken = best_epoch(run.curves), run.curves[epoch - 1]
    return {
        "images": len(run.train),
        "validation_images": len(run.validation),
        "skipped": skipped,
        "per_class": counts,
        "parameters": sum(parameter.numel() for parameter in run.net.parameters()),
        "epochs": run.epoch,
        **{name: _rounded(value) for name, value in asdict(taken).items()},
        "best_epoch": best.epoch if best else None,
        "best_validation_accuracy": _rounded(best.validation_accuracy) if best else None,
        "temperature": temperature,
    }


def device_of(wanted: str) -> torch.device:
    """Where to compute; raises SetupError where a GPU is asked for and there is none."""
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise SetupError(
            "params.yaml asks for a GPU (`train.device: cuda`), but this torch finds none: set it to auto or cpu, or "
            "install a build of torch for CUDA"
        )
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


def examples(
    rows: pd.DataFrame,
    emotions: Sequence[str],
    shape: InputShape,
    split: str,
    cache: Path | None = None,
    soft: bool = False,
) -> tuple[Examples, int]:
    """The rows whose image decodes, ready for a network, and the number of those whose image does not.

    soft: learn the shares of the votes, where they disagree. Raises StageError if a label is not among `emotions`.
    """
    check_labels(rows["emotion"], emotions, split)
    encoded = [image["bytes"] or b"" for image in rows["image"]]
    images, kept = decode(encoded, margins_of(rows), shape, cache)
    index = {emotion: i for i, emotion in enumerate(emotions)}
    used = rows.iloc[kept]
    targets = torch.tensor([index[emotion] for emotion in used["emotion"]], dtype=torch.int64)
    found = Examples(torch.from_numpy(images), targets)
    if soft and len(used):
        found = replace(found, shares=vote_shares(used, emotions))
    return found, len(rows) - len(kept)


def vote_shares(rows: pd.DataFrame, emotions: Sequence[str]) -> torch.Tensor:
    """Share of the votes that each emotion has, float32 [N, K]; 1 for the label where there are no votes.

    Votes for what is no emotion ("unclear") are left out.
    """
    shares = np.zeros((len(rows), len(emotions)), dtype=np.float32)
    for row, (label, votes) in enumerate(zip(rows["emotion"], rows["votes"], strict=True)):
        said = json.loads(votes) if isinstance(votes, str) else {}
        counts = [said.get(emotion, 0) for emotion in emotions]
        if not sum(counts):
            counts = [int(emotion == label) for emotion in emotions]
        shares[row] = np.array(counts, dtype=np.float32) / sum(counts)
    return torch.from_numpy(shares)


def _require_two_emotions(counts: dict[str, int], skipped: int) -> None:
    present = [emotion for emotion, n in counts.items() if n]
    if not present:
        why = f": all {skipped} images are damaged ({UNDECODABLE})" if skipped else ""
        raise StageError(f"no labelled face to train on{why}. Label some faces in annotations/emotions.csv.")
    if len(present) == 1:
        raise StageError(
            f"all {counts[present[0]]} training faces are labelled {present[0]!r}: there is nothing to learn. "
            "Label faces of at least two emotions, in several scenes."
        )


def _count(training: Examples, emotions: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(training.targets.numpy(), minlength=len(emotions))
    return {emotion: int(n) for emotion, n in zip(emotions, counts, strict=True)}


def _table(curves: list[Epoch]) -> pd.DataFrame:
    return pd.DataFrame([asdict(point) for point in curves]).astype(
        {"validation_loss": float, "validation_accuracy": float}
    )


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
