"""How good predictions are: accuracy, macro and weighted F1, per emotion and per character.

A figure that cannot be computed is None (`null` in JSON), never 0: the precision of an emotion never predicted, the
recall of one without a test face.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Indices = NDArray[np.int64]
DRAWS: Final = 2000
"""Times that the test set is drawn again for an interval."""
ROUNDS: Final = 20
"""Times `DRAWS` draws are made, at most, to find as many that have every emotion."""
LEAST: Final = 10
"""Test faces of an emotion below which nothing can be said of it."""


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


def too_few(per_class: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The emotions with so few test faces that nothing can be said of them, each with its number of faces."""
    return {emotion: int(own["n"]) for emotion, own in per_class.items() if own["n"] < LEAST}


def intervals(actual: Indices, predicted: Indices, groups: Sequence[str], classes: int) -> dict[str, Any]:
    """95 % bootstrap intervals of accuracy, macro F1 and weighted F1: {"accuracy": {"low": …, "high": …}, …}.

    What is drawn again (`DRAWS` times, with replacement) are whole groups, such as scenes, not faces: the faces of one
    scene are alike, and intervals that take them for independent are too narrow. Empty with fewer than two groups.

    Macro F1 is always the mean over the same emotions, those of `scores`. A draw without a face of one of them says
    nothing of it, so macro F1 takes only the draws that have all of them, and more are drawn for it; it has no interval
    where hardly any draw has. Tried on simulated tests: where every emotion has about 20 faces the interval holds the
    truth 92 to 94 times in 100; where one has 2 to 5 faces only 73 times, so `too_few` must be said beside it.
    """
    names, group = np.unique(np.array(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return {}
    counts = np.zeros((len(names), classes, classes), dtype=np.int64)
    np.add.at(counts, (group, actual, predicted), 1)
    dice = np.random.default_rng(0)
    drawn = _draw(dice, len(names))
    found = _of_tables(np.tensordot(drawn, counts, axes=1).astype(np.float64))
    has = counts.sum(axis=2) > 0
    whole = _whole(drawn, has)
    for _ in range(ROUNDS):
        if len(whole) >= DRAWS:
            break
        whole = np.concatenate([whole, _whole(_draw(dice, len(names)), has)])[:DRAWS]
    macro = _of_tables(np.tensordot(whole, counts, axes=1).astype(np.float64))["macro_f1"]
    found = found | {"macro_f1": macro if len(whole) >= DRAWS // 2 else np.zeros(0)}
    return {
        name: dict(zip(("low", "high"), map(_figure, np.quantile(values, [0.025, 0.975])), strict=True))
        for name, values in found.items()
        if len(values)
    }


def _draw(dice: np.random.Generator, groups: int) -> Indices:
    """How often each group is drawn, int64 [DRAWS, groups]."""
    return dice.multinomial(groups, np.full(groups, 1 / groups), size=DRAWS)


def _whole(drawn: Indices, has: NDArray[np.bool_]) -> Indices:
    """The draws with a face of every emotion that occurs. has: whether a group has faces of an emotion, [groups, K]."""
    present = has.any(axis=0)
    return drawn[((drawn @ has.astype(np.int64)) > 0)[:, present].all(axis=1)]


def _of_tables(tables: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Accuracy, macro and weighted F1 of many confusion matrices, float64 [D, K, K], as `scores` defines them."""
    right = np.diagonal(tables, axis1=1, axis2=2)
    have, said = tables.sum(axis=2), tables.sum(axis=1)
    f1 = np.divide(2 * right, have + said, out=np.zeros_like(right), where=have + said > 0)
    present = have > 0
    total = have.sum(axis=1)
    return {
        "accuracy": right.sum(axis=1) / total,
        "macro_f1": (f1 * present).sum(axis=1) / present.sum(axis=1),
        "weighted_f1": (f1 * have).sum(axis=1) / total,
    }


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
