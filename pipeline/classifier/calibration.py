"""How reliable probabilities are: expected calibration error, reliability bins, temperature scaling.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import nn

from pipeline.nets.layers import probabilities

BINS: Final = 10
LEAST: Final = 20
"""Validation faces that a temperature is fitted to, at least; with fewer it stays 1."""
RANGE: Final = (0.05, 20.0)
RIGHT: Final = 0.8
"""Share of the answers that are believed which should be right."""
EVEN: Final = 0.5
"""Probability below which an answer is more likely wrong than right: no threshold is lower."""


@dataclass(frozen=True)
class Bin:
    """Faces whose highest probability lies in one of `BINS` equal ranges."""

    confidence: float
    """Mean of their highest probabilities."""
    accuracy: float
    n: int


def reliability(found: NDArray[np.float32], actual: NDArray[np.int64]) -> list[Bin]:
    """The bins that are not empty. found: probabilities [N, K]; actual: emotions [N]."""
    if not len(found):
        return []
    confidence, right = found.max(axis=1).astype(np.float64), found.argmax(axis=1) == actual
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        Bin(float(confidence[which == i].mean()), float(right[which == i].mean()), int((which == i).sum()))
        for i in range(BINS)
        if (which == i).any()
    ]


def expected_calibration_error(found: NDArray[np.float32], actual: NDArray[np.int64]) -> float | None:
    """Mean difference between confidence and accuracy over the bins, weighted by their faces; None of no face."""
    bins = reliability(found, actual)
    total = sum(one.n for one in bins)
    return sum(one.n * abs(one.confidence - one.accuracy) for one in bins) / total if total else None


def fit_temperature(net: nn.Module, logits: torch.Tensor, actual: torch.Tensor) -> float:
    """What to divide logits [N, K] by so that the labels are likeliest; it changes no answer. 1 of too few faces."""
    if len(logits) < LEAST:
        return 1.0
    rows, exact = torch.arange(len(actual)), logits.double()

    def loss(log_temperature: float) -> float:
        likelihood = probabilities(net, exact / float(np.exp(log_temperature)))[rows, actual]
        return -float(likelihood.clamp(min=1e-30).log().mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 4)


def choose_unsure_below(found: NDArray[np.float32], actual: NDArray[np.int64]) -> float:
    """The probability below which an answer should not be believed, chosen on validation faces.

    The lowest one, from `EVEN` on, with which a share of `RIGHT` of the answers that reach it is right: selective
    classification, the largest coverage at a given risk (Geifman & El-Yaniv, NeurIPS 2017). found: probabilities
    [N, K]; actual: [N]. `EVEN` where there are fewer than `LEAST` faces, or no threshold with `LEAST` faces above it
    does it.
    """
    confidence = found.max(axis=1, initial=0.0).astype(np.float64)
    right = found.argmax(axis=1) == actual if len(found) else np.zeros(0, dtype=bool)
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Faces of one probability are believed together.
    last = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    good = last & (accuracy >= RIGHT) & (np.arange(1, len(order) + 1) >= LEAST)
    if not good.any():
        return EVEN
    return max(EVEN, float(np.floor(confidence[order][np.flatnonzero(good)[-1]] * 1e4) / 1e4))
