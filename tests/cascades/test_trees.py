"""Leaf values."""

import numpy as np
import pytest

from cascades.splits import DISCRETE, GENTLE, REAL
from cascades.trees import leaf_value, smoothing


def test_values() -> None:
    assert leaf_value(30, 10, 0.0, GENTLE) == 0.5
    assert leaf_value(0, 0, 0.0, GENTLE) == 0.0
    assert leaf_value(30, 10, 0.0, DISCRETE) == 1.0
    assert leaf_value(10, 10, 0.0, DISCRETE) == -1.0
    assert leaf_value(30, 10, 2.0, REAL) == pytest.approx(0.5 * np.log(32 / 12), rel=1e-6)


def test_one_example_does_not_outvote_a_hundred() -> None:
    """Real AdaBoost: a leaf a single example fell into says less than one that 95 of 100 agree on."""
    count, each = 1000, 2**20
    floor = smoothing(count) * count * each
    single = leaf_value(each, 0, floor, REAL)
    many = leaf_value(95 * each, 5 * each, floor, REAL)
    assert 0 < single < many
    assert leaf_value(0, each, floor, REAL) == -single
