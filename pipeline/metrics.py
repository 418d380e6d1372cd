"""How good predictions are: accuracy, macro and weighted F1, per emotion and per character.

A figure that cannot be computed is None (`null` in JSON), never 0: the precision of an emotion never predicted, the
recall of one without a test face.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Indices = NDArray[np.int64]


def confusion(actual: Indices, predicted: Indices, classes: int) -> Indices:
    """Counts [classes, classes]: rows the actual emotion, columns the predicted one."""
    if not len(actual):
        return np.zeros((classes, classes), dtype=np.int64)
    return np.asarray(confusion_matrix(actual, predicted, labels=range(classes)), dtype=np.int64)


def scores(actual: Indices, predicted: Indices, emotions: Sequence[str]) -> dict[str, Any]:
    """Overall figures and, under `per_class`, those of each emotion.

    actual, predicted: index into `emotions`, int64 [N]. `macro_f1` is the mean F1 of the emotions that occur among
    `actual`, `weighted_f1` the mean weighted by how often they do, `majority_share` the accuracy of always answering
    the most frequent one.
    """
    n = len(actual)
    counts = np.bincount(actual, minlength=len(emotions))
    if n:
        precision, recall, f1, _ = precision_recall_fscore_support(
            actual, predicted, labels=range(len(emotions)), zero_division=np.nan
        )
    else:
        precision = recall = f1 = np.full(len(emotions), np.nan)
    present = counts > 0
    return {
        "n": n,
        "accuracy": _figure(np.mean(actual == predicted)) if n else None,
        "macro_f1": _figure(np.mean(f1[present])) if n else None,
        "weighted_f1": _figure(np.average(f1[present], weights=counts[present])) if n else None,
        "majority_share": _figure(counts.max() / n) if n else None,
        "per_class": {
            emotion: {
                "precision": _figure(precision[i]),
                "recall": _figure(recall[i]),
                "f1": _figure(f1[i]) if present[i] else None,
                "n": int(counts[i]),
            }
            for i, emotion in enumerate(emotions)
        },
    }


def scores_by(
    groups: Sequence[str], actual: Indices, predicted: Indices, emotions: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Accuracy, macro F1 (over the emotions the group has) and n of each group, such as each character."""
    names = np.array(groups, dtype=str)
    result = {}
    for name in sorted(set(groups)):
        own = scores(actual[names == name], predicted[names == name], emotions)
        result[name] = {key: own[key] for key in ("accuracy", "macro_f1", "n")}
    return result


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
