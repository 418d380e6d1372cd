"""What is decided on validation images: gray or color, the probability of a score, the score for a wanted rate of
false positives.

Validation images come from other scenes than the training ones, and are never those on which figures are reported.
The scores are kept in the side file's `calibration`:

    slope, intercept   probability = 1/(1 + exp(−(slope · ln(1 + score) + intercept)))
    score_at_fppi      "0.1", "0.3", "1" false positives per image → the score to ask for (`Roc.score_at`)
"""

import math
import reprlib
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, as_array
from cascades.detector import Detector
from cascades.errors import CalibrationMissing, TrainingDataError
from cascades.evaluation import Roc, evaluate, match
from cascades.model import Cascade
from cascades.params import AUTO, TrainingParams
from cascades.training import StageReport, TrainingResult, train

OPERATING_POINTS = (0.1, 0.3, 1.0)  # false positives per image
LEAST_SCENES = 5  # fewer cannot pass the sign test: 1/2⁴ is more than SIGNIFICANT
SIGNIFICANT = 0.05
PAIR = ("gray", "color")
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


def train_validated(
    images: Sequence[AnnotatedImage],
    validation: Sequence[AnnotatedImage],
    params: TrainingParams,
    *,
    scenes: Sequence[Hashable] | None = None,
    checkpoint: Path | None = None,
    on_progress: Callable[[StageReport], None] | None = None,
) -> TrainingResult:
    """`train`, then `calibrate`. If `params.planes` is "auto", gray or color is chosen first, see `choose_planes`.

    The choice and its evidence are written to the side file's `training["planes"]`. With "auto" each training has its
    own checkpoint: x.npz becomes x-gray.npz and x-color.npz.
    """
    if params.planes == AUTO:
        result = _better(images, validation, params, scenes, checkpoint, on_progress)
    else:
        result = train(images, params, checkpoint=checkpoint, on_progress=on_progress)
    return replace(result, cascade=calibrate(result.cascade, validation, params.threads))


def choose_planes(
    images: Sequence[AnnotatedImage],
    validation: Sequence[AnnotatedImage],
    params: TrainingParams,
    scenes: Sequence[Hashable] | None = None,
) -> TrainingParams:
    """Return the parameters with `planes` "gray" or "color".

    Color was better for 6 of the 7 characters that were measured, and within the spread of gray for the seventh
    (docs/benchmarks.md). So color is taken unless the validation images show that gray is better: a sign test over
    scenes, one-sided at 5 %. A scene is for gray if more of its faces are found in gray, counted at 0.1, 0.3 and 1
    false positives per image, which all complete images decide. Faces of one scene are alike, so scenes are counted and
    not faces. Gray is trained only if it can pass the test: it can win no scene in which color finds every face, so it
    takes LEAST_SCENES scenes with faces in which color misses one. This changes no decision.

    scenes: the scene of each validation image; None: each image is a scene of its own.
    """
    result = _better(images, validation, params, scenes, None, None)
    return replace(params, planes=str(result.cascade.info.training["planes"]["chosen"]))


def _better(
    images: Sequence[AnnotatedImage], validation: Sequence[AnnotatedImage], params: TrainingParams,
    scenes: Sequence[Hashable] | None, checkpoint: Path | None, on_progress: Callable[[StageReport], None] | None,
) -> TrainingResult:  # fmt: skip
    """The better of gray and color by the rule of `choose_planes`, with the evidence."""
    names = list(range(len(validation))) if scenes is None else list(scenes)
    shown = {names[i] for i in range(len(validation)) if validation[i].boxes}
    if not shown:
        raise TrainingDataError(
            f"no face is boxed in the {len(validation)} validation images, on which gray or color is decided: box "
            "some, or say 'gray' or 'color'"
        )
    faces: Counter[Hashable] = Counter()
    for i in range(len(validation)):
        faces[names[i]] += len(validation[i].boxes)
    results, rocs, found = {}, {}, {}

    def learn(planes: str) -> None:
        place = checkpoint.with_name(f"{checkpoint.stem}-{planes}{checkpoint.suffix}") if checkpoint else None
        results[planes] = train(images, replace(params, planes=planes), checkpoint=place, on_progress=on_progress)
        rocs[planes], counts = _by_image(results[planes].cascade, validation, params.threads)
        found[planes] = {name: sum(c for c, n in zip(counts, names, strict=True) if n == name) for name in shown}

    learn("color")
    open_scenes = sum(found["color"][name] < len(OPERATING_POINTS) * faces[name] for name in shown)
    if open_scenes >= LEAST_SCENES:
        learn("gray")
    evidence: dict[str, Any] = {
        "average_precision": {planes: round(roc.average_precision, 4) for planes, roc in rocs.items()},
        "faces": rocs["color"].truths, "images": rocs["color"].images, "scenes": len(shown),
    }  # fmt: skip
    if len(shown) < LEAST_SCENES:
        evidence |= {"chosen": "color", "reason": too_few(len(shown))}
    elif len(results) == 1:
        evidence |= {
            "chosen": "color",
            "reason": f"color misses a face in {open_scenes} of {len(shown)} validation scenes, and gray would have to "
            f"find more faces in {LEAST_SCENES}; it was not trained",
        }
    else:
        gray, color = (sum(found[a][name] > found[b][name] for name in shown) for a, b in (PAIR, PAIR[::-1]))
        chance = sign_test(gray, color)
        evidence |= {
            "chosen": "gray" if chance <= SIGNIFICANT else "color",
            "reason": f"gray finds more faces in {gray} of {len(shown)} validation scenes, color in {color}; gray is "
            f"taken only if that is no chance (probability {chance:.2g}, at most {SIGNIFICANT})",
        }
    cascade = results[evidence["chosen"]].cascade
    info = replace(cascade.info, training={**cascade.info.training, "planes": evidence})
    return replace(results[evidence["chosen"]], cascade=replace(cascade, info=info))


def too_few(scenes: int) -> str:
    """Why color is taken where this many validation scenes, fewer than LEAST_SCENES, show a face."""
    return (
        f"only {scenes} validation scenes show a boxed face, and it takes {LEAST_SCENES} to show that gray is better; "
        "color is the rule because it was never worse for the characters that toonset was measured on"
    )


def sign_test(gray: int, color: int) -> float:
    """Probability that as many scenes as `gray` or more of gray + color are for gray, if each were as likely."""
    both = gray + color
    return float(sum(math.comb(both, k) for k in range(gray, both + 1)) / 2**both)


def _by_image(cascade: Cascade, images: Sequence[AnnotatedImage], threads: int) -> tuple[Roc, list[int]]:
    """The curve, and how many faces of each image are found, added up over OPERATING_POINTS."""
    detector = Detector([cascade], threads=threads)
    found = [detector.detect(images[i].gray, chroma=images[i].chroma)[0] for i in range(len(images))]
    truths = [as_array(images[i].boxes) for i in range(len(images))]
    roc = evaluate(found, truths, complete=[images[i].negatives for i in range(len(images))])
    lowest = [roc.lowest_score_at(fppi) for fppi in OPERATING_POINTS]
    right = [
        one.scores[match(one.boxes, one.scores, truth) >= 0].astype(np.float64)
        for one, truth in zip(found, truths, strict=True)
    ]
    return roc, [sum(int((scores >= least).sum()) for least in lowest) for scores in right]


def calibrate(cascade: Cascade, validation: Sequence[AnnotatedImage], threads: int = 1) -> Cascade:
    """Return the cascade with a calibration from validation images: probabilities by Platt's method (2000), and the
    scores for 0.1, 0.3 and 1 false positives per image. Images with `negatives` false are left out.
    """
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
    if not len(hits):
        raise TrainingDataError(
            f"nothing found on {len(found)} complete validation images: no score to calibrate; give more images, or "
            "train longer"
        )
    slope, intercept = platt(np.log1p(np.concatenate(scores)), hits)
    roc = evaluate(found, truths)
    points = {f"{fppi:g}": roc.score_at(fppi) for fppi in OPERATING_POINTS}
    calibration: dict[str, Any] = {
        "slope": round(slope, 6),
        "intercept": round(intercept, 6),
        # Rounded down: the detection whose score it is must reach it.
        "score_at_fppi": {name: math.floor(s * 1000) / 1000 for name, s in points.items() if math.isfinite(s)},
        "validation": {"images": len(found), "faces": roc.truths, "detections": len(hits), "right": int(hits.sum())},
    }
    return replace(cascade, info=replace(cascade.info, calibration=calibration))


def probability(cascade: Cascade, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """The probability that detections with these scores are right, by the cascade's calibration: float32[N] →
    float64[N].
    """
    slope, intercept = (_number(cascade, cascade.info.calibration.get(k), k) for k in ("slope", "intercept"))
    x = slope * np.log1p(np.maximum(scores.astype(np.float64), 0.0)) + intercept
    result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return result


def operating_score(cascade: Cascade, fppi: float) -> float:
    """The stored score for a number of false positives per image. Only stored rates can be asked for."""
    points = cascade.info.calibration.get("score_at_fppi")
    known = points if isinstance(points, dict) else {}
    if known and f"{fppi:g}" not in known:
        raise CalibrationMissing(f"no score is stored for {fppi:g} false positives per image, only for "
                                 f"{', '.join(sorted(name[:20] for name in known))}")  # fmt: skip
    return _number(cascade, known.get(f"{fppi:g}"), "score_at_fppi")


def _number(cascade: Cascade, value: object, name: str) -> float:
    """A number of the calibration; side files are edited by hand, and most cascades have none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e30:
        raise CalibrationMissing(
            f"this cascade has no calibration ({name} is {reprlib.repr(value)}); train it with validation images, or "
            "call `calibrate`, and keep the .json beside the .xml"
        )
    return float(value)


def platt(x: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope ≥ 0 and intercept of a logistic regression with Platt's softened targets, by Newton's method.

    Where all are right or all wrong, or higher scores are right less often, there is nothing to learn from the score:
    the slope is 0 and the probability the share that is right, softened.
    """
    positives, negatives = int(right.sum()), int((~right).sum())
    flat = math.log((positives + 1) / (negatives + 1))
    if not positives or not negatives:
        return 0.0, flat
    target = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = 0.0, flat
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(slope * x + intercept, -30, 30)))
        gradient = np.array([np.sum((p - target) * x), np.sum(p - target)])
        w = p * (1 - p) + 1e-9
        hessian = np.array([[np.sum(w * x * x), np.sum(w * x)], [np.sum(w * x), np.sum(w)]]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        slope, intercept = slope - float(step[0]), intercept - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    return (slope, intercept) if slope > 0 else (0.0, flat)
