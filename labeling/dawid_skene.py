"""The consensus of Dawid and Skene: the answers alone give an estimate of the true labels and of each annotator's
reliability.

A. P. Dawid, A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28 (1979) 20–28. Equation numbers are the paper's. This is our own code: the package `crowd-kit` has the same
method, but it needs transformers, a tokenizer and two HTTP clients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What the answers say when annotators are weighed by how reliable they turn out to be."""

    posterior: Values
    """Probability of each answer being true, [items, classes]."""
    prior: Values
    """Share of each class, p_j of the paper, [classes]."""
    errors: Values
    """How annotator k answers, l, where j is true, π_jl^(k): [annotators, classes (true), classes (given)]; a row of
    zeros where nothing tells."""


def dawid_skene(counts: NDArray[np.int64], steps: int = 200, tolerance: float = 1e-8) -> Fit:
    """EM from the shares of the votes (3.1) until no probability moves by more than `tolerance`, at most `steps` times.

    counts: how often annotator k gave answer l to item i, n_il^(k): [items, annotators, classes]; no item without any.
    With one annotator, or no item that two have judged, the answers are taken as they are.
    """
    shares = counts.sum(axis=1).astype(np.float64)
    posterior = shares / shares.sum(axis=1, keepdims=True)
    prior, errors = _maximise(counts, posterior)
    for _ in range(steps):
        before = posterior
        posterior = _expect(counts, prior, errors)
        prior, errors = _maximise(counts, posterior)
        if np.abs(posterior - before).max(initial=0.0) <= tolerance:
            break
    return Fit(posterior, prior, errors)


def _maximise(counts: NDArray[np.int64], posterior: Values) -> tuple[Values, Values]:
    """Equations 2.3 and 2.4: error rates and shares of the classes, given who is what."""
    given = np.einsum("ij,ikl->kjl", posterior, counts.astype(np.float64))
    totals = given.sum(axis=2, keepdims=True)
    return posterior.mean(axis=0), np.divide(given, totals, out=np.zeros_like(given), where=totals > 0)


def _expect(counts: NDArray[np.int64], prior: Values, errors: Values) -> Values:
    """Equation 2.5: who is what, given error rates and shares; as logarithms, so that many votes do not underflow."""
    with np.errstate(divide="ignore"):
        rates, logarithm = np.log(errors), np.log(prior)
    # 0 × −∞ would be no number: an answer never given says nothing, one that cannot be given rules the class out.
    impossible = np.einsum("ikl,kjl->ij", counts, (errors == 0).astype(np.int64)) > 0
    finite = np.where(np.isfinite(rates), rates, 0.0)
    score = np.einsum("ikl,kjl->ij", counts.astype(np.float64), finite) + logarithm
    score[impossible] = -np.inf
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)
