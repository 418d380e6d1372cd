"""Calibration on scores whose truth is known, and on the drawn world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cascades import Cascade, TrainingDataError, TrainingResult
from cascades.calibration import calibrate, judge, platt, probability
from tests.cascades.conftest import draw_images


def test_platt_recovers_a_known_curve() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-4, 4, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.5 * x - 0.7)))
    slope, intercept = platt(x, right)
    assert slope == pytest.approx(1.5, abs=0.08)
    assert intercept == pytest.approx(-0.7, abs=0.08)


def test_calibrated_cascade_keeps_it_beside_the_xml(trained: TrainingResult, tmp_path: Path) -> None:
    validation = draw_images(700, 12)
    cascade = calibrate(trained.cascade, validation)
    low, high = probability(cascade, np.array([1, 200], np.float32))
    assert 0 <= low < 0.5 < high <= 1
    roc = judge(cascade, validation)
    kept = cascade.info.calibration["score_at_fppi"]["1"]
    assert roc.fppi[roc.scores >= kept - 1e-3].max() <= 1
    cascade.save(tmp_path / "a.xml")
    cascade.to_side_file(tmp_path / "a.json")
    assert Cascade.load(tmp_path / "a.xml").info.calibration == cascade.info.calibration


def test_calibration_needs_right_and_wrong_detections(trained: TrainingResult) -> None:
    with pytest.raises(TrainingDataError, match="needs both kinds"):
        calibrate(trained.cascade, [])
    with pytest.raises(TrainingDataError, match="no calibration"):
        probability(replace(trained.cascade), np.ones(1, np.float32))
