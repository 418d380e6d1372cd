"""From a score to a probability, to a threshold, to the choice of planes: what is decided on validation images.

Validation images come from other scenes than the training ones, and never from those on which figures are reported.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, as_array
from cascades.detector import Detector
from cascades.errors import TrainingDataError
from cascades.evaluation import Roc, evaluate, match
from cascades.model import Cascade
from cascades.params import TrainingParams
from cascades.training import train

OPERATING_POINTS = (0.1, 0.3, 1.0)  # false positives per image
_STEPS = 50


def judge(cascade: Cascade, images: Sequence[AnnotatedImage], threads: int = 1) -> Roc:
    """The curve on annotated images; where `negatives` is false an image counts for recall only."""
    detector = Detector([cascade], threads=threads)
    found, truths, complete = [], [], []
    for i in range(len(images)):
        image = images[i]
        found.append(detector.detect(image.gray, chroma=image.chroma)[0])
        truths.append(as_array(image.boxes))
        complete.append(image.negatives)
    return evaluate(found, truths, complete=complete)


def choose_planes(
    images: Sequence[AnnotatedImage], validation: Sequence[AnnotatedImage], params: TrainingParams
) -> TrainingParams:
    """Grey or colour, whichever has the better average precision on validation images; grey where they are equal.

    Colour helps where a character has its own colours and hurts where palettes change from scene to scene, so it is
    decided per character, by training both.
    """
    precision = {}
    for planes in ("grey", "colour"):
        cascade = train(images, replace(params, planes=planes)).cascade
        precision[planes] = judge(cascade, validation, params.threads).average_precision
    return replace(params, planes="colour" if precision["colour"] > precision["grey"] else "grey")


def calibrate(cascade: Cascade, validation: Sequence[AnnotatedImage], threads: int = 1) -> Cascade:
    """The same cascade with a calibration: probability = 1/(1 + exp(−(slope · ln(1 + score) + intercept))), fitted by
    Platt's method (2000) to which detections on the validation images are right, and the score from which each of the
    usual false positives per image is kept. Images with `negatives` false are left out."""
    detector = Detector([cascade], threads=threads)
    scores, right, found, truths = [], [], [], []
    for i in range(len(validation)):
        image = validation[i]
        if not image.negatives:
            continue
        detections = detector.detect(image.gray, chroma=image.chroma)[0]
        truth = as_array(image.boxes)
        scores.append(detections.scores.astype(np.float64))
        right.append(match(detections.boxes, detections.scores, truth) >= 0)
        found.append(detections)
        truths.append(truth)
    hits = np.concatenate(right) if right else np.zeros(0, np.bool_)
    if not hits.any() or hits.all():
        raise TrainingDataError(
            f"{len(hits)} detections on the validation images, {int(hits.sum())} right: calibration needs both kinds"
        )
    slope, intercept = platt(np.log1p(np.concatenate(scores)), hits)
    roc = evaluate(found, truths)
    points = {f"{fppi:g}": round(roc.score_at(fppi), 3) for fppi in OPERATING_POINTS}
    points = {name: score for name, score in points.items() if math.isfinite(score)}
    calibration = {"slope": round(slope, 6), "intercept": round(intercept, 6), "score_at_fppi": points}
    return replace(cascade, info=replace(cascade.info, calibration=calibration))


def probability(cascade: Cascade, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """How likely detections with these scores are right, by the cascade's calibration: float32[N] → float64[N]."""
    if not cascade.info.calibration:
        raise TrainingDataError("this cascade has no calibration; make one with `calibrate` on validation images")
    slope, intercept = (float(cascade.info.calibration[k]) for k in ("slope", "intercept"))
    result: NDArray[np.float64] = 1 / (1 + np.exp(-(slope * np.log1p(scores.astype(np.float64)) + intercept)))
    return result


def platt(x: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of a logistic regression with Platt's softened targets, by Newton's method."""
    positives, negatives = int(right.sum()), int((~right).sum())
    target = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = 0.0, math.log((positives + 1) / (negatives + 1))
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(slope * x + intercept, -30, 30)))
        gradient = np.array([np.sum((p - target) * x), np.sum(p - target)])
        w = p * (1 - p) + 1e-9
        hessian = np.array([[np.sum(w * x * x), np.sum(w * x)], [np.sum(w * x), np.sum(w)]]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        slope, intercept = slope - float(step[0]), intercept - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    return slope, intercept
