"""Calibration on scores whose truth is known, and on the drawn world: what is decided on validation images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from cascades import (
    AnnotatedImage,
    CalibrationMissing,
    Cascade,
    Detector,
    InvalidParameter,
    TrainingDataError,
    TrainingResult,
    choose_planes,
    chroma_of,
    operating_score,
    train,
    train_validated,
)
from cascades.boxes import as_array
from cascades.calibration import LEAST_SCENES, SIGNIFICANT, calibrate, judge, platt, probability, sign_test
from cascades.evaluation import match
from tests.cascades.conftest import SMALL, draw_images


def test_platt_recovers_a_known_curve() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-4, 4, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.5 * x - 0.7)))
    slope, intercept = platt(x, right)
    assert slope == pytest.approx(1.5, abs=0.08)
    assert intercept == pytest.approx(-0.7, abs=0.08)


def test_platt_without_a_lesson_gives_the_share_that_is_right() -> None:
    x = np.arange(8.0)
    assert platt(x, np.ones(8, np.bool_)) == (0.0, pytest.approx(np.log(9)))
    assert platt(x, np.zeros(8, np.bool_)) == (0.0, pytest.approx(-np.log(9)))
    assert platt(x, x < 4) == (0.0, 0.0)  # higher scores are right less often: no reason to trust them more


@pytest.fixture(scope="module")
def calibrated(images: list[AnnotatedImage]) -> Cascade:
    """A weak cascade: one that makes no mistakes in the drawn world has no probabilities to test."""
    weak = train(images, replace(SMALL, stages=2, ranking=0)).cascade
    return calibrate(weak, draw_images(700, 40))


def test_probabilities_are_reliable_on_unseen_images(calibrated: Cascade) -> None:
    detector = Detector([calibrated])
    chances, right = [], []
    for image in draw_images(900, 80):
        (found,) = detector.detect(image.gray)
        chances += probability(calibrated, found.scores).tolist()
        right += (match(found.boxes, found.scores, as_array(image.boxes)) >= 0).tolist()
    chance, hit = np.array(chances), np.array(right)
    assert 0.1 < hit.mean() < 0.9  # enough of both kinds for the rest to mean something
    sure = chance >= 0.5
    for part in (sure, ~sure):
        # 0.1: two or three standard errors of a share among the hundred or more detections of each half
        assert part.sum() >= 50
        assert chance[part].mean() == pytest.approx(hit[part].mean(), abs=0.1)
    # Brier's score against that of knowing only the share that is right.
    assert np.mean((chance - hit) ** 2) < 0.75 * np.mean((hit.mean() - hit) ** 2)


def test_operating_points_hold_on_the_images_they_were_chosen_on(calibrated: Cascade, tmp_path: Path) -> None:
    roc = judge(calibrated, draw_images(700, 40))
    for fppi in (0.1, 0.3, 1.0):
        kept = roc.scores >= operating_score(calibrated, fppi)
        assert roc.fppi[kept].max() <= fppi
        assert roc.recall[kept].max() == roc.recall_at(fppi)
    calibrated.save(tmp_path / "a.xml")
    calibrated.to_side_file(tmp_path / "a.json")
    assert Cascade.load(tmp_path / "a.xml").info.calibration == calibrated.info.calibration


def test_what_is_not_calibrated_says_so(trained: TrainingResult, calibrated: Cascade) -> None:
    with pytest.raises(TrainingDataError, match="nothing found on 0 complete validation images"):
        calibrate(trained.cascade, [])
    with pytest.raises(CalibrationMissing, match="no calibration"):
        probability(trained.cascade, np.ones(1, np.float32))
    with pytest.raises(CalibrationMissing, match="no calibration"):
        operating_score(trained.cascade, 0.1)
    with pytest.raises(CalibrationMissing, match=r"stored for 0\.2 .* only for 0\.1, 0\.3, 1"):
        operating_score(calibrated, 0.2)


def painted(first: int, count: int, tint: tuple[int, int, int]) -> list[AnnotatedImage]:
    """Images in which only the first face, of one tint (added to R, G, B), is the character; the other is blue."""
    images = []
    for image in draw_images(first, count):
        rgb = np.repeat(image.gray[..., None].astype(np.int16), 3, axis=2)
        for (x, y, w, h), color in zip(image.boxes, (tint, (-30, -30, 60)), strict=True):
            rgb[y : y + h, x : x + w] += np.array(color, np.int16)
        chroma = chroma_of(np.clip(rgb, 0, 255).astype(np.uint8))
        images.append(replace(image, boxes=image.boxes[:1], chroma=chroma))
    return images


@pytest.mark.slow
def test_planes_are_chosen_where_they_help_and_the_evidence_is_kept() -> None:
    red, green = (60, -30, -30), (-30, 60, -30)
    params = replace(SMALL, stages=2, ranking=0, positives=100, negatives=200, feature_pool=1000, planes="auto")
    images, same = painted(0, 16, red), painted(100, 10, red)
    result = train_validated(images, same, params)
    evidence = result.cascade.info.training["planes"]
    precision = evidence["average_precision"]
    assert evidence["chosen"] == "color"
    assert precision["color"] == pytest.approx(judge(result.cascade, same).average_precision, abs=1e-4)
    gray = judge(train(images, replace(params, planes="gray")).cascade, same).average_precision
    assert precision["color"] > gray + 1 / evidence["faces"]
    assert result.cascade.info.planes == ("gray", "cb", "cr")
    assert "slope" in result.cascade.info.calibration
    # In other scenes the character is green: what was learned of its color misleads.
    assert choose_planes(images, painted(100, 10, green), params).planes == "gray"


def test_few_scenes_decide_nothing_and_gray_is_not_trained() -> None:
    """Ten faces in four scenes: those of a scene may all be alike."""
    params = replace(SMALL, stages=2, ranking=0, positives=100, negatives=200, feature_pool=1000, planes="auto")
    images, same = painted(0, 16, (60, -30, -30)), painted(100, 10, (60, -30, -30))
    seen: list[int] = []
    scenes = [index % 4 for index in range(10)]
    result = train_validated(images, same, params, scenes=scenes, on_progress=lambda stage: seen.append(stage.stage))
    evidence = result.cascade.info.training["planes"]
    assert (evidence["chosen"], evidence["scenes"], seen) == ("color", 4, [1, 2])
    assert set(evidence["average_precision"]) == {"color"}
    assert "only 4 validation scenes" in evidence["reason"]


def test_gray_is_not_trained_where_it_cannot_win() -> None:
    """Color finds every face, so that gray cannot find more in any scene."""
    params = replace(SMALL, stages=4, ranking=20, positives=200, negatives=400, feature_pool=1000, planes="auto")
    images = painted(0, 30, (60, -30, -30))
    same = images[:8]
    seen: list[int] = []
    result = train_validated(images, same, params, on_progress=lambda stage: seen.append(stage.stage))
    evidence = result.cascade.info.training["planes"]
    assert "color misses a face in 0 of 8 validation scenes" in evidence["reason"]
    assert (evidence["chosen"], seen) == ("color", [1, 2, 3, 4])
    assert judge(result.cascade, same).recall_at(0.1) == 1.0
    # The bound is that of the test: four scenes cannot pass it, LEAST_SCENES can.
    assert sign_test(LEAST_SCENES - 1, 0) > SIGNIFICANT >= sign_test(LEAST_SCENES, 0)


@pytest.mark.parametrize(("gray", "color"), [(0, 0), (4, 0), (5, 0), (7, 1), (8, 2), (3, 9)])
def test_the_sign_test_is_scipys(gray: int, color: int) -> None:
    expected = binomtest(gray, gray + color, alternative="greater").pvalue if gray + color else 1.0
    assert sign_test(gray, color) == pytest.approx(expected)


def test_auto_asks_for_what_it_needs(images: list[AnnotatedImage]) -> None:
    auto = replace(SMALL, planes="auto")
    with pytest.raises(InvalidParameter, match="call `train_validated`"):
        train(images, auto)
    with pytest.raises(TrainingDataError, match="no face is boxed in the 20 validation images"):
        train_validated(images, [replace(image, boxes=()) for image in images], auto)
