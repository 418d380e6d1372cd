"""One stage: boosting small trees until the stage rejects enough background.

Gentle, discrete and real AdaBoost (Friedman, Hastie & Tibshirani 2000, algorithms 1, 2 and 4) over the exact split
search of `splits`. The stage's threshold is lowered until the wanted share of the positives passes.
"""

import math
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cascades import portable, splits
from cascades.model import Stage, Tree
from cascades.params import TrainingParams

WEIGHT_ONE = 2**30  # the integer weights of all examples add up to about this: two sums fit an int64
CHUNK = 4096  # features handed to a thread at once
KINDS = {"gentle": splits.GENTLE, "discrete": splits.DISCRETE, "real": splits.REAL}
LEAF_FLOOR = 1e-6  # of the weight: keeps the logarithms of real and discrete AdaBoost finite


@dataclass(frozen=True, eq=False)
class Examples:
    """What a stage learns from, positives first.

    cells      int32[C, N]    integral images side by side (`integral.window_integrals`), planes one after another
    inverse    float32[P, N]  inverse norms per plane (1 for colour)
    positives  how many of the N are positive
    """

    cells: NDArray[np.int32]
    inverse: NDArray[np.float32]
    positives: int

    @property
    def count(self) -> int:
        return self.cells.shape[1]


@dataclass(frozen=True, eq=False)
class Pool:
    """The features a stage chooses from.

    offsets  int32[F, 12]    rows of Examples.cells
    plane    uint8[F]        image plane
    weights  float32[F, 3]
    names    int64[F]        their positions in the whole feature set, ascending
    """

    offsets: NDArray[np.int32]
    plane: NDArray[np.uint8]
    weights: NDArray[np.float32]
    names: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StageFit:
    """A trained stage (features numbered as in the whole set) and how it does on its own examples."""

    stage: Stage
    hit_rate: float
    false_alarm: float
    positives_passed: NDArray[np.bool_]
    negatives_passed: NDArray[np.bool_]


class SplitSearch:
    """Best splits over a pool, for changing weights; keeps the byte table between rounds."""

    def __init__(self, examples: Examples, pool: Pool, executor: Executor, kind: int) -> None:
        self.examples = examples
        self.pool = pool
        self.executor = executor
        self.kind = kind
        self.bins = np.empty((len(pool.names), examples.count), np.uint8)
        self.favourites = np.zeros(0, np.int64)
        futures = [
            executor.submit(
                splits.value_bins, examples.cells, examples.inverse, pool.plane, pool.offsets, pool.weights,
                first, min(first + CHUNK, len(pool.names)), self.bins,
            )
            for first in range(0, len(pool.names), CHUNK)
        ]  # fmt: skip
        for future in futures:
            future.result()

    def best(
        self, weight: NDArray[np.int64], members: NDArray[np.int32]
    ) -> tuple[int, np.float32, NDArray[np.float32]] | None:
        """Feature (row of the pool), threshold and the feature's values float32[N]; None where nothing can be split.

        weight int64[N], members int32[M] the node's examples.
        """
        members = members[weight[members] > 0]
        packed = weight[members] << np.where(members < self.examples.positives, 32, 0)
        shared = np.zeros(1)
        # What was close last time is likely to be close now: a good score early skips most of the rest.
        results = [self._search(self.favourites, members, packed, shared)] if len(self.favourites) else []
        rest = np.ones(len(self.pool.names), np.bool_)
        rest[self.favourites] = False
        todo = np.flatnonzero(rest)
        futures: list[Future[tuple[float, int, np.float32, NDArray[np.int64]]]] = [
            self.executor.submit(self._search, todo[first : first + CHUNK], members, packed, shared)
            for first in range(0, len(todo), CHUNK)
        ]
        results += [future.result() for future in futures]
        self.favourites = np.sort(np.concatenate([r[3] for r in results]))
        score, feature, upper, _ = min(results, key=lambda r: (-r[0], r[1]))
        if feature < 0 or score <= 0:
            return None
        values = self.values(feature)
        threshold = splits.middle_threshold(values, np.float32(upper), members)
        return feature, np.float32(threshold), values

    def values(self, feature: int) -> NDArray[np.float32]:
        """One feature of the pool on every example: float32[N]."""
        values = np.empty(self.examples.count, np.float32)
        inverse = self.examples.inverse[self.pool.plane[feature]]
        splits.feature_values(
            self.examples.cells, inverse, self.pool.offsets[feature], self.pool.weights[feature], values
        )
        return values

    def _search(
        self, features: NDArray[np.int64], members: NDArray[np.int32], packed: NDArray[np.int64],
        shared: NDArray[np.float64],
    ) -> tuple[float, int, np.float32, NDArray[np.int64]]:  # fmt: skip
        looked_at = np.empty(len(features), np.int64)
        score, feature, upper, looked = splits.search(
            self.bins, self.examples.cells, self.examples.inverse, self.pool.plane, self.pool.offsets,
            self.pool.weights, features, members, packed, self.kind, shared, looked_at,
        )  # fmt: skip
        return score, feature, upper, looked_at[:looked]


def integer_weights(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Weights as integers that add up to about 2³⁰; what rounds to zero no longer matters."""
    total = math.fsum(weight.tolist())
    return np.floor(weight * (WEIGHT_ONE / total) + 0.5).astype(np.int64)


def leaf_value(p: int, n: int, total: int, kind: int) -> float:
    """What a leaf with weights P and N of a node set weighing `total` adds to the sum; a float32 value.

    gentle: (P − N)/(P + N); real: ½ ln(P/N); discrete: ±1, scaled by the tree's error later.
    """
    if kind == splits.GENTLE:
        value = (p - n) / (p + n) if p + n > 0 else 0.0
    elif kind == splits.REAL:
        floor = LEAF_FLOOR * total
        value = 0.5 * portable.log((p + floor) / (n + floor))
    else:
        value = 1.0 if p > n else -1.0
    return float(np.float32(value))


@dataclass(eq=False)
class _Growing:
    """A tree while it grows: lists of nodes, the members of every leaf."""

    feature: list[int]
    left: list[int]
    right: list[int]
    threshold: list[np.float32]
    members: list[NDArray[np.int32]]


def grow_tree(search: SplitSearch, weight: NDArray[np.int64], members: NDArray[np.int32], depth: int) -> Tree | None:
    """A tree of at most `depth` levels, grown level by level; leaf values are left at zero. None: nothing to split."""
    tree = _Growing([], [], [], [], [])
    open_nodes: list[tuple[NDArray[np.int32], int, bool, int]] = [(members, -1, False, 0)]
    while open_nodes:
        inside, parent, is_right, level = open_nodes.pop(0)
        found = search.best(weight, inside) if level < depth else None
        if found is None:
            _attach(tree, parent, is_right, -len(tree.members))
            tree.members.append(inside)
            continue
        feature, threshold, values = found
        node = len(tree.feature)
        _attach(tree, parent, is_right, node)
        tree.feature.append(feature)
        tree.threshold.append(threshold)
        tree.left.append(0)
        tree.right.append(0)
        goes_left = values[inside] < threshold
        open_nodes += [(inside[goes_left], node, False, level + 1), (inside[~goes_left], node, True, level + 1)]
    if not tree.feature:
        return None
    kind, positives = search.kind, search.examples.positives
    total = int(weight[members].sum())
    leaves = []
    for inside in tree.members:
        p = int(weight[inside[inside < positives]].sum())
        n = int(weight[inside[inside >= positives]].sum())
        leaves.append(leaf_value(p, n, total, kind))
    return Tree(
        np.array(tree.feature, np.int32), np.array(tree.left, np.int32), np.array(tree.right, np.int32),
        np.array(tree.threshold, np.float32), np.array(leaves, np.float32),
    )  # fmt: skip


def _attach(tree: _Growing, parent: int, is_right: bool, link: int) -> None:
    if parent >= 0:
        (tree.right if is_right else tree.left)[parent] = link


def apply_tree(search: SplitSearch, tree: Tree) -> NDArray[np.int32]:
    """The leaf every example falls into: int32[N]."""
    count = search.examples.count
    at = np.zeros(count, np.int32)
    for node in range(len(tree.feature)):  # children come after their parent
        here = np.flatnonzero(at == node)
        values = search.values(int(tree.feature[node]))
        chosen = np.where(values[here] < tree.threshold[node], tree.left[node], tree.right[node])
        # Leaves are kept as −1 − leaf until the end, so that leaf 0 is not node 0.
        at[here] = np.where(chosen > 0, chosen, chosen - 1)
    return -1 - at


def fit_stage(examples: Examples, pool: Pool, params: TrainingParams, executor: Executor, ranking: int = 0) -> StageFit:
    """Boost until at most max_false_alarm of the negatives pass at min_hit_rate of the positives.

    ranking  at least so many trees, and a threshold of at most 0, where boosting itself decides: for the stage whose
             sum is the score. Trained so long its positives all lie far above; faces it has not seen lie between.
    """
    kind = KINDS[params.boosting]
    search = SplitSearch(examples, pool, executor, kind)
    positives, count = examples.positives, examples.count
    label = np.where(np.arange(count) < positives, 1, -1)
    weight = np.where(label > 0, 0.5 / positives, 0.5 / (count - positives))
    sums = np.zeros(count)
    trees: list[Tree] = []
    threshold, hit_rate, false_alarm = 0.0, 1.0, 1.0
    while len(trees) < max(params.max_weak_count, ranking):
        whole = integer_weights(weight)
        tree = grow_tree(search, whole, _members(whole, params.weight_trim), params.max_depth)
        if tree is None:
            break
        leaf = apply_tree(search, tree)
        if kind == splits.DISCRETE:
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
    named = tuple(Tree(pool.names[t.feature].astype(np.int32), t.left, t.right, t.threshold, t.leaves) for t in trees)
    return StageFit(
        Stage(threshold, named), hit_rate, false_alarm,
        sums[:positives] >= threshold, sums[positives:] >= threshold,
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
    error = min(max(wrong / int(weight.sum()), LEAF_FLOOR), 1 - LEAF_FLOOR)
    vote = np.float32(0.5 * portable.log((1 - error) / error))
    return Tree(tree.feature, tree.left, tree.right, tree.threshold, tree.leaves * vote)


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
