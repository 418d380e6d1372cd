"""How good a detector is: recall against false positives per image (FPPI).

Detections of all images are taken from the strongest down; each is matched to the free truth box it overlaps most, at
IoU 0.5 or more, one to one (Everingham et al. 2010, §4.2). What matches nothing is a false positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import intersection_over_union
from cascades.detector import Detections
from cascades.errors import InvalidParameter


@dataclass(frozen=True, eq=False)
class Roc:
    """The curve, one point per distinct score, strongest first.

    scores  float64[K]  threshold of the point
    recall  float64[K]  share of the truth boxes found at or above it
    fppi    float64[K]  false positives per image at or above it
    """

    scores: NDArray[np.float64]
    recall: NDArray[np.float64]
    fppi: NDArray[np.float64]
    average_precision: float
    truths: int
    images: int

    def recall_at(self, fppi: float) -> float:
        """Best recall with at most this many false positives per image."""
        allowed = self.fppi <= fppi + 1e-12
        return float(self.recall[allowed].max()) if allowed.any() else 0.0

    def score_at(self, fppi: float) -> float:
        """The least score for the best recall with at most this many false positives per image.

        It lies half-way (geometric mean) between the weakest face found within the limit and the next weaker detection.
        A lower score finds no more faces here, and unseen faces may score a little lower. Infinite if no face is found
        within the limit.
        """
        allowed = self.fppi <= fppi + 1e-12
        if not allowed.any() or self.recall[allowed].max() == 0:
            return float("inf")
        weakest = int(np.argmax(np.where(allowed, self.recall, -1.0)))  # the first: the strongest with that recall
        below = self.scores[weakest + 1] if weakest + 1 < len(self.scores) else self.scores[weakest]
        return float(np.sqrt(self.scores[weakest] * max(float(below), 0.0)))

    def lowest_score_at(self, fppi: float) -> float:
        """Lowest score with at most this many false positives per image; infinite if there is none."""
        allowed = self.fppi <= fppi + 1e-12
        return float(self.scores[allowed].min()) if allowed.any() else float("inf")

    @property
    def points(self) -> list[dict[str, float]]:
        """Rows for a table or a plot."""
        return [
            {"score": float(s), "recall": float(r), "fppi": float(f)}
            for s, r, f in zip(self.scores, self.recall, self.fppi, strict=True)
        ]


def match(
    boxes: NDArray[np.int32], scores: NDArray[np.float32], truths: NDArray[np.int64], iou: float = 0.5
) -> NDArray[np.int64]:
    """Which truth box each detection of one image is matched to, −1 for none: int64[N]."""
    found = np.full(len(boxes), -1, np.int64)
    if len(boxes) == 0 or len(truths) == 0:
        return found
    overlap = intersection_over_union(boxes.astype(np.int64), truths)
    free = np.ones(len(truths), np.bool_)
    for i in np.argsort(-scores.astype(np.float64), kind="stable"):
        candidates = np.where(free & (overlap[i] >= iou), overlap[i], -1.0)
        best = int(candidates.argmax())
        if candidates[best] >= 0:
            found[i] = best
            free[best] = False
    return found


def evaluate(
    detections: Sequence[Detections],
    truths: Sequence[NDArray[np.int64]],
    *,
    complete: Sequence[bool] | None = None,
    iou: float = 0.5,
) -> Roc:
    """The curve over images.

    detections  one per image
    truths      int64[M, 4] per image
    complete    False: not every face of that image is boxed, so it counts for recall only
    """
    if len(detections) != len(truths) or (complete is not None and len(complete) != len(truths)):
        raise InvalidParameter(f"{len(detections)} images with detections, {len(truths)} with truths: expected as many")
    scores: list[NDArray[np.float64]] = [np.zeros(0)]
    hits: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    counted: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    for i, (found, truth) in enumerate(zip(detections, truths, strict=True)):
        matched = match(found.boxes, found.scores, np.asarray(truth, np.int64).reshape(-1, 4), iou)
        scores.append(found.scores.astype(np.float64))
        hits.append(matched >= 0)
        counted.append(np.full(len(matched), complete is None or complete[i]))
    total = int(sum(len(t) for t in truths))
    images = len(truths) if complete is None else int(sum(complete))
    return _curve(np.concatenate(scores), np.concatenate(hits), np.concatenate(counted), total, images)


def _curve(
    scores: NDArray[np.float64], hits: NDArray[np.bool_], counted: NDArray[np.bool_], total: int, images: int
) -> Roc:
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    wrong = counted[order] & ~hits
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, np.int64)
    found = np.cumsum(hits)[last]
    false = np.cumsum(wrong)[last]
    recall = found / max(total, 1)
    precision = found / np.maximum(found + false, 1)
    # Area under the precision envelope over recall.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    average = float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))
    return Roc(scores[last], recall, false / max(images, 1), average, total, images)
