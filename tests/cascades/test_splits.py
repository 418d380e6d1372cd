"""The split search against a plain one that tries every threshold of every feature."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cascades.boosting import integer_weights
from cascades.features import haar_features
from cascades.haar_search import Examples, HaarSearch, Pool
from cascades.integral import inverse_norms, window_integrals
from cascades.splits import DISCRETE, GENTLE, REAL, feature_values, split_score
from cascades.training import window_offsets


def plain_best(values: np.ndarray, weight: np.ndarray, positives: int, members: np.ndarray, kind: int):
    """Every cut of every feature: (score, feature, first value on the right)."""
    best = (-1.0, -1, np.float32(0))
    is_positive = np.arange(len(weight)) < positives
    all_p = float(weight[members][is_positive[members]].sum())
    all_n = float(weight[members][~is_positive[members]].sum())
    for f, row in enumerate(values):
        for upper in np.unique(row[members])[1:]:
            left = members[row[members] < upper]
            p, n = float(weight[left][is_positive[left]].sum()), float(weight[left][~is_positive[left]].sum())
            score = split_score(p, n, all_p, all_n, kind)
            if score > best[0]:
                best = (score, f, upper)
    return best


@pytest.mark.parametrize("kind", [GENTLE, DISCRETE, REAL])
@pytest.mark.parametrize("seed", range(4))
def test_search_is_exact(kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, positives = 60, 25
    patches = rng.integers(0, 256, (count, 12, 12), np.uint8)
    if seed % 2:  # flat areas make many equal values
        patches[:, :6] = rng.choice(np.array([20, 200], np.uint8), (count, 1, 1))
    features = haar_features((12, 12), "basic")
    names = np.sort(rng.permutation(len(features))[:300])
    features = features.take(names)
    cells, inverse = window_integrals(patches[:, None], False), inverse_norms(patches)[None]
    pool = Pool(window_offsets(features, (12, 12)), features.plane, features.weights, names)
    weight = integer_weights(rng.exponential(size=count) ** 3)
    members = np.flatnonzero(rng.random(count) < 0.8).astype(np.int32) if seed > 1 else np.arange(count, dtype=np.int32)
    values = np.empty((len(features), count), np.float32)
    for f in range(len(features)):
        feature_values(cells, inverse[0], pool.offsets[f], pool.weights[f], values[f])
    with ThreadPoolExecutor(2) as executor:
        search = HaarSearch(Examples(cells, inverse, positives), pool, executor, kind)
        for _ in range(3):  # later rounds start from what the ones before have left
            _, plain_feature, upper = plain_best(values, weight, positives, members[weight[members] > 0], kind)
            for root in (True, False):
                found = search.best(weight, members, root)
                assert found is not None
                assert found.feature == plain_feature
                assert np.array_equal(found.left[members], values[plain_feature][members] < upper)
                assert np.array_equal(found.left, values[plain_feature] < found.threshold)
            side = np.where(np.arange(count) < positives, found.left, ~found.left)
            weight = integer_weights(weight * np.where(side, 1.7, 0.6))


def test_nothing_to_split() -> None:
    patches = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 12, 12), np.uint8), 20, axis=0)
    features = haar_features((12, 12)).take(np.arange(50))
    pool = Pool(window_offsets(features, (12, 12)), features.plane, features.weights, np.arange(50))
    with ThreadPoolExecutor(1) as executor:
        examples = Examples(window_integrals(patches[:, None], False), inverse_norms(patches)[None], 10)
        search = HaarSearch(examples, pool, executor, GENTLE)
        assert search.best(integer_weights(np.ones(20)), np.arange(20, dtype=np.int32)) is None
