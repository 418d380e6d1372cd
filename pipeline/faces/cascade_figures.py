"""How good a cascade is on boxed frames, and what is chosen on validation scenes: least score and probabilities."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from cascades import Cascade, Detections, Detector, Roc, TrainingDataError, evaluate
from cascades.calibration import calibrate
from pipeline.console import progress
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.faces.examples import annotated
from pipeline.params import Params

RATES = (0.1, 0.3, 1.0)
"""False positives per frame at which recall is reported."""
STEEPEST = 100.0
"""A calibration with a steeper slope is a step and not a curve, so it is not used."""


def detect(cascade: Cascade, frames: list[BoxedFrame], params: Params) -> list[Detections]:
    """What the cascade finds in each frame."""
    detector = Detector([cascade], scale_factor=params.faces.scale_factor)
    return [
        detector.detect(frame.gray, chroma=frame.chroma)[0]
        for frame in progress(frames, desc="measuring", unit="frames")
    ]


def measure(found: list[Detections], frames: list[BoxedFrame]) -> Roc:
    """Compare detections with boxes, frame by frame. Frames that are not complete count for recall only."""
    return evaluate(found, [_truth(frame) for frame in frames], complete=[frame.complete for frame in frames])


def _truth(frame: BoxedFrame) -> NDArray[np.int64]:
    return np.array(frame.boxes, dtype=np.int64).reshape(-1, 4)


def choose_score(
    cascade: Cascade, validation: list[BoxedFrame], training: list[BoxedFrame], params: Params
) -> dict[str, Any]:
    """The least score that gives at most the wanted false positives per frame on validation frames.

    Scores of different cascades are compared as multiples of their least scores. If no validation frame has a face,
    training frames are used too. Faces that were trained on score higher than new faces will, so the lowest score
    within the limit is taken then.
    """
    wanted = params.cascade.false_positives
    unseen = any(frame.boxes for frame in validation)
    frames = validation if unseen else [*validation, *training]
    roc = measure(detect(cascade, frames, params), frames)
    score = roc.score_at(wanted) if unseen else roc.lowest_score_at(wanted)
    if not math.isfinite(score):
        # Even the strongest detections are too often wrong: the least score is set above all of them.
        score = max((float(value) for value in roc.scores), default=0.0) + 1.0
    complete = sum(frame.complete for frame in frames)
    return {
        "min_score": score,
        "false_positives_per_frame": wanted,
        "chosen_on": f"{complete} frames of {'validation' if unseen else 'train'} scenes",
    }


def probabilities(cascade: Cascade, validation: list[BoxedFrame]) -> dict[str, Any]:
    """The calibration of scores to probabilities; empty if the validation scenes do not determine it."""
    try:
        calibration = calibrate(cascade, annotated(validation)).info.calibration
    except TrainingDataError:
        return {}
    # Where every right detection is stronger than every wrong one, no finite slope fits.
    return calibration if 0 < calibration["slope"] < STEEPEST else {}


def figures(roc: Roc, frames: list[BoxedFrame], min_score: float) -> dict[str, Any]:
    """The cascade's metrics on held-out scenes; null where there is no face to find, or no complete frame.

    `recall` and `false_positives_per_frame` are those at the least score that the cascade is used with. recall_low and
    recall_high: Wilson's 95 % interval (1927), as if the faces were drawn one by one; as faces of one scene are alike,
    less is known than it says.
    """
    faces, complete = sum(len(frame.boxes) for frame in frames), sum(frame.complete for frame in frames)
    used = roc.scores >= min_score
    recall, false = (float(values[used].max()) if used.any() else 0.0 for values in (roc.recall, roc.fppi))
    low = high = None
    if faces:
        low, high = binomtest(round(recall * faces), faces).proportion_ci(method="wilson")
    return {
        "frames": complete,
        "faces": faces,
        **{f"recall_at_{rate}": round(roc.recall_at(rate), 4) if faces else None for rate in RATES},
        "average_precision": round(roc.average_precision, 4) if faces else None,
        "recall": round(recall, 4) if faces else None,
        "recall_low": None if low is None else round(float(low), 4),
        "recall_high": None if high is None else round(float(high), 4),
        "false_positives_per_frame": round(false, 4) if complete else None,
    }
