"""One stage: boosting small trees until the stage rejects enough background.

Gentle, discrete and real AdaBoost (Friedman, Hastie & Tibshirani 2000, algorithms 1, 2 and 4) over the exact split
searches of `haar_search` and `lbp_search`. The stage's threshold is lowered until the wanted share of the positives
passes.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cascades import portable, splits
from cascades.model import Stage, Tree
from cascades.params import TrainingParams
from cascades.trees import Search, grow_tree, smoothing

WEIGHT_ONE = 2**30  # the integer weights of all examples add up to about this: two sums fit an int64
KINDS = {"gentle": splits.GENTLE, "discrete": splits.DISCRETE, "real": splits.REAL}


@dataclass(frozen=True, eq=False)
class StageFit:
    """A trained stage (features numbered as in the whole set) and how it does on its own examples."""

    stage: Stage
    hit_rate: float
    false_alarm: float
    positives_passed: NDArray[np.bool_]
    negatives_passed: NDArray[np.bool_]
    sums: NDArray[np.float64]
    """Of all examples, positives first: what is compared with the stage's threshold."""


def integer_weights(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Weights as integers that add up to about 2³⁰; what rounds to zero no longer matters."""
    total = math.fsum(weight.tolist())
    return np.floor(weight * (WEIGHT_ONE / total) + 0.5).astype(np.int64)


def fit_stage(search: Search, params: TrainingParams, ranking: int = 0) -> StageFit:
    """Boost until at most max_false_alarm of the negatives pass at min_hit_rate of the positives.

    ranking  at least so many trees, and a threshold of at most 0, where boosting itself decides: for the stage whose
             sum is the score. Trained so long its positives all lie far above; faces it has not seen lie between.
    """
    positives, count = search.positives, search.count
    label = np.where(np.arange(count) < positives, 1, -1)
    weight = np.where(label > 0, 0.5 / positives, 0.5 / (count - positives))
    sums = np.zeros(count)
    trees: list[Tree] = []
    threshold, hit_rate, false_alarm = 0.0, 1.0, 1.0
    while len(trees) < max(params.max_weak_count, ranking):
        whole = integer_weights(weight)
        grown = grow_tree(search, whole, _members(whole, params.weight_trim), params.max_depth)
        if grown is None:
            break
        tree, leaf = grown
        if search.kind == splits.DISCRETE:
            tree = _scaled(tree, leaf, whole, label)
        trees.append(tree)
        step = tree.leaves.astype(np.float64)[leaf]
        sums += step
        weight = _reweighted(weight, tree.leaves, leaf, label)
        threshold = stage_threshold(sums[:positives], params.min_hit_rate)
        hit_rate = float(np.mean(sums[:positives] >= threshold))
        false_alarm = float(np.mean(sums[positives:] >= threshold))
        if false_alarm <= params.max_false_alarm and len(trees) >= ranking:
            break
    if ranking and trees:
        threshold = min(threshold, 0.0)
        hit_rate = float(np.mean(sums[:positives] >= threshold))
        false_alarm = float(np.mean(sums[positives:] >= threshold))
    named = tuple(replace(tree, feature=search.names[tree.feature].astype(np.int32)) for tree in trees)
    return StageFit(
        Stage(threshold, named), hit_rate, false_alarm,
        sums[:positives] >= threshold, sums[positives:] >= threshold, sums,
    )  # fmt: skip


def _members(weight: NDArray[np.int64], trim: float) -> NDArray[np.int32]:
    """All examples, or the heaviest that hold the share `trim` of the weight."""
    if trim >= 1:
        return np.arange(len(weight), dtype=np.int32)
    order = np.argsort(-weight, kind="stable")
    total = np.cumsum(weight[order])
    cut = int(np.searchsorted(total, int(trim * int(total[-1])))) + 1
    return np.sort(order[:cut]).astype(np.int32)


def _scaled(tree: Tree, leaf: NDArray[np.int32], weight: NDArray[np.int64], label: NDArray[np.int64]) -> Tree:
    """Discrete AdaBoost's vote: ±½ ln((1 − error)/error)."""
    wrong = int(weight[tree.leaves[leaf] * label < 0].sum())
    floor = smoothing(len(label))
    error = min(max(wrong / int(weight.sum()), floor), 1 - floor)
    vote = np.float32(0.5 * portable.log((1 - error) / error))
    return replace(tree, leaves=tree.leaves * vote)


def _reweighted(
    weight: NDArray[np.float64], leaves: NDArray[np.float32], leaf: NDArray[np.int32], label: NDArray[np.int64]
) -> NDArray[np.float64]:
    """w ← w · exp(−y f(x)), normalized."""
    down = np.array([portable.exp(-float(v)) for v in leaves])
    up = np.array([portable.exp(float(v)) for v in leaves])
    weight = weight * np.where(label > 0, down[leaf], up[leaf])
    return weight / math.fsum(weight.tolist())


def stage_threshold(sums: NDArray[np.float64], min_hit_rate: float) -> float:
    """The highest float32 threshold that at least this share of the positives' sums reaches."""
    may_fail = math.floor((1 - min_hit_rate) * len(sums) + 1e-9)
    lowest = float(np.sort(sums)[may_fail])
    threshold = np.float32(lowest)
    if float(threshold) > lowest:
        threshold = np.nextafter(threshold, np.float32(-np.inf))
    return float(threshold)
