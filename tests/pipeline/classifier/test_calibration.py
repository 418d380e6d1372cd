"""Calibration: by hand, and on logits whose temperature is known."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.classifier.calibration import (
    EVEN,
    LEAST,
    RIGHT,
    choose_unsure_below,
    expected_calibration_error,
    fit_temperature,
    reliability,
)

NET = nn.Identity()


def test_the_error_by_hand():
    found = np.array([[0.95, 0.05], [0.93, 0.07], [0.4, 0.6], [0.35, 0.65]], dtype=np.float32)
    actual = np.array([0, 1, 1, 1])
    bins = reliability(found, actual)
    assert [(one.n, one.accuracy) for one in bins] == [(2, 1.0), (2, 0.5)]
    assert expected_calibration_error(found, actual) == pytest.approx((2 * abs(0.625 - 1) + 2 * abs(0.94 - 0.5)) / 4)


def test_no_face_has_no_error():
    nothing = np.zeros((0, 3), dtype=np.float32)
    assert expected_calibration_error(nothing, np.zeros(0, dtype=np.int64)) is None


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(true):
    dice = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 4, generator=dice)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=dice)[:, 0]
    found = fit_temperature(NET, logits * true, labels)
    assert found == pytest.approx(true, rel=0.05)
    sharpened = (logits * true).softmax(dim=1).numpy()
    mended = (logits * true / found).softmax(dim=1).numpy()
    assert expected_calibration_error(mended, labels.numpy()) < 0.02
    if true != 1:
        assert expected_calibration_error(sharpened, labels.numpy()) > 0.05


def test_a_few_faces_fit_no_temperature():
    assert fit_temperature(NET, torch.randn(19, 3), torch.zeros(19, dtype=torch.int64)) == 1.0
    assert fit_temperature(NET, torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)) == 1.0


def test_answers_that_are_all_right_or_all_wrong_stay_within_bounds():
    logits = torch.tensor([[2.0, 0.0]]).expand(40, 2)
    assert 0.05 <= fit_temperature(NET, logits, torch.zeros(40, dtype=torch.int64)) < 0.1
    assert 10 < fit_temperature(NET, logits, torch.ones(40, dtype=torch.int64)) <= 20.0


def test_unsure_is_what_lies_below_the_largest_share_of_answers_that_are_right_often_enough() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.4, 1.0, 500).astype(np.float32)
    found = np.stack([confidence, 1 - confidence], axis=1)
    found = np.where(found[:, :1] >= 0.5, found, found[:, ::-1])
    actual = np.where(rng.uniform(size=500) < found.max(axis=1), found.argmax(axis=1), 1 - found.argmax(axis=1))
    threshold = choose_unsure_below(found, actual)
    shares = {}
    for one in np.unique(found.max(axis=1)):  # the plain twin: every threshold tried
        sure = found.max(axis=1) >= one
        if sure.sum() >= LEAST:
            shares[float(one)] = float((found.argmax(axis=1) == actual)[sure].mean())
    best = min(one for one, share in shares.items() if share >= RIGHT)
    assert best > EVEN
    assert threshold == pytest.approx(best, abs=1e-4)
    assert threshold <= best


def test_an_answer_that_is_more_likely_wrong_is_never_believed() -> None:
    found = np.tile(np.array([[0.4, 0.3, 0.3]], dtype=np.float32), (100, 1))
    assert choose_unsure_below(found, np.zeros(100, dtype=np.int64)) == EVEN


def test_too_few_faces_or_answers_that_are_never_right_leave_the_even_chance() -> None:
    few = np.full((LEAST - 1, 2), 0.5, dtype=np.float32)
    assert choose_unsure_below(few, np.zeros(len(few), dtype=np.int64)) == EVEN
    assert choose_unsure_below(np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.int64)) == EVEN
    wrong = np.tile(np.array([[0.9, 0.1]], dtype=np.float32), (50, 1))
    assert choose_unsure_below(wrong, np.ones(50, dtype=np.int64)) == EVEN
