"""A small classifier that learns from the labels so far in a second. It chooses what people look at next; it is not
published.

It uses histograms of oriented gradients of the face (Dalal & Triggs, CVPR 2005) and multinomial logistic regression. On
the sample show it is better than the network of the `train` stage, which learns its features from the same few hundred
faces; `benchmarks/active_learning.py` compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from pipeline.images import Pixels, decode_gray, reframe, shrink

SIDE: Final = 96
"""Faces are described at this size, px: six cells of 16 px a side, of which each 2×2 are normalised together."""
LENGTH: Final = 900
STRENGTH: Final = 0.03
"""Inverse of the regularisation, scikit-learn's C: the middle of a flat range, 0.01 to 0.1, on the sample show."""
NO_LABEL: Final = -1

Values = NDArray[np.float64]
Targets = NDArray[np.int64]


def describe(encoded: Sequence[bytes], margin: float) -> Pixels:
    """Features of encoded crops, uint8 [N, LENGTH]; zeros where one does not decode.

    margin: `faces.crop_margin`, which is cut off: what is around a face says where it is, not what it shows.
    """
    hog = cv2.HOGDescriptor((SIDE, SIDE), (32, 32), (16, 16), (16, 16), 9)
    features = np.zeros((len(encoded), LENGTH), np.uint8)
    for row, data in enumerate(encoded):
        crop = decode_gray(data)
        if crop is not None:
            values = np.asarray(hog.compute(shrink(reframe(crop, margin, 0.0), SIDE, SIDE)))
            features[row] = np.rint(values.ravel() * 255).clip(0, 255)
    return features


@dataclass(frozen=True)
class QuickModel:
    """Trained weights. Classes without an example have probability 0."""

    mean: Values
    scale: Values
    weights: Values
    """[LENGTH, classes seen]."""
    bias: Values
    seen: Targets
    """Which classes have examples."""
    classes: int

    def predict(self, features: Pixels) -> Values:
        """Probabilities, float64 [N, classes], of features uint8 [N, LENGTH]."""
        logits = (features - self.mean) / self.scale @ self.weights + self.bias
        weight = np.exp(logits - logits.max(axis=1, keepdims=True))
        found = np.zeros((len(features), self.classes))
        found[:, self.seen] = weight / weight.sum(axis=1, keepdims=True)
        return found


def fit_quick(features: Pixels, targets: Targets, classes: int) -> QuickModel | None:
    """Learn from the rows whose target is not NO_LABEL; None where there is none.

    features: uint8 [N, LENGTH]; targets: int64 [N], index of the class. Where all are of one class, that is always the
    answer.
    """
    rows = targets != NO_LABEL
    seen = np.unique(targets[rows])
    if not len(seen):
        return None
    known = features[rows].astype(np.float64)
    mean, scale = known.mean(axis=0), np.maximum(known.std(axis=0), 1.0)
    if len(seen) == 1:
        return QuickModel(mean, scale, np.zeros((features.shape[1], 1)), np.zeros(1), seen, classes)
    model = LogisticRegression(C=STRENGTH, max_iter=500).fit((known - mean) / scale, targets[rows])
    weights, bias = model.coef_.T, model.intercept_
    if len(seen) == 2:  # scikit-learn keeps one row for two classes
        weights, bias = np.hstack([0 * weights, weights]), np.array([0.0, *bias])
    return QuickModel(mean, scale, weights, bias, seen, classes)


def out_of_fold(features: Pixels, targets: Targets, groups: Sequence[str], classes: int, folds: int = 10) -> Values:
    """Probabilities [N, classes] of each row by a model that has seen no row of its group.

    groups: such as the scene of each face, whose neighbours would give its label away. Rows without a label (NO_LABEL)
    are predicted, not learnt from. NaN where the other groups hold no label; so everywhere, if there is one group.
    """
    found = np.full((len(features), classes), np.nan)
    count = min(folds, len(set(groups)))
    if count < 2:
        return found
    for learn, test in GroupKFold(count, shuffle=True, random_state=0).split(features, groups=groups):
        model = fit_quick(features[learn], targets[learn], classes)
        if model is not None:
            found[test] = model.predict(features[test])
    return found
