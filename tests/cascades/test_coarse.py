"""The histograms kept from round to round: right, and never ruling out what could win."""

import numpy as np
import pytest

from cascades.coarse import COARSE_BINS, Reference, correct, may_win
from cascades.splits import DISCRETE, GENTLE, REAL, split_score


def plain_histograms(bins: np.ndarray, u: np.ndarray, positives: int) -> np.ndarray:
    """Positives' and negatives' weights of every coarse bin: int64[F, COARSE_BINS, 2]."""
    out = np.zeros((len(bins), COARSE_BINS, 2), np.int64)
    for f, row in enumerate(bins):
        for i, place in enumerate(row):
            out[f, place // 4, 0 if i < positives else 1] += u[i]
    return out


def plain_best(row: np.ndarray, weight: np.ndarray, positives: int, kind: int) -> float:
    """The best score of any threshold on a feature's bytes."""
    p = np.where(np.arange(len(row)) < positives, weight, 0)
    n = weight - p
    return max(
        split_score(float(p[row < t].sum()), float(n[row < t].sum()), float(p.sum()), float(n.sum()), kind)
        for t in np.unique(row)
    )


@pytest.mark.parametrize("kind", [GENTLE, DISCRETE, REAL])
def test_histograms_follow_the_weights(kind: int) -> None:
    rng = np.random.default_rng(kind)
    count, positives, features = 60, 25, 14
    bins = rng.integers(0, 256, (features, count), np.uint8)
    weight = rng.integers(1, 2**23, count)
    reference = Reference(count, positives)
    histograms = np.zeros((features, COARSE_BINS), np.int64)
    flags = np.zeros(features, np.uint8)
    renewed, touched, ruled_out = 0, [], 0
    for _ in range(30):
        index, delta, anew = reference.follow(weight)
        renewed += anew
        touched.append(len(index))
        if anew:
            histograms[:] = 0
        correct(bins, 0, features, index, delta, histograms)
        plain = plain_histograms(bins, reference.u, positives)
        assert np.array_equal(histograms, (plain[..., 0] << 32) + plain[..., 1])
        for k, part in enumerate(reference.classes):
            off = np.abs(reference.factor[k] * reference.u[part] - weight[part]).sum()
            assert off <= reference.error[k] + 1e-9
        scores = np.array([plain_best(row, weight, positives, kind) for row in bins])
        totals = np.array([weight[:positives].sum(), weight[positives:].sum()], np.float64)
        level = float(np.sort(scores)[-2])
        may_win(histograms, 0, features, reference.factor, reference.error, totals, kind, level, flags)
        assert flags[scores > level].all()
        ruled_out += int((flags == 0).sum())
        # What boosting does: one factor for each leaf and class; now and then an example drops out.
        leaf = bins[rng.integers(features)] < rng.integers(30, 100)
        factors = np.where(np.arange(count) < positives, np.where(leaf, 1.6, 0.8), np.where(leaf, 0.7, 1.3))
        weight = np.floor(weight * factors * (rng.random(count) > 0.01) + 0.5).astype(np.int64)
        weight = np.maximum(weight * 2**28 // weight.sum(), 0)
    assert 1 <= renewed < 6
    assert np.mean(touched) < count / 2
    assert ruled_out > 0
