"""The quick model tells drawn shapes apart, is scikit-learn's own fit, and never judges a face by its own scene."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pipeline.images import encode_jpeg
from pipeline.tasks.quick_model import LENGTH, NO_LABEL, STRENGTH, describe, fit_quick, out_of_fold

SHAPES = ("smile", "frown", "circle")


def mouth(shape: str, dice: np.random.Generator) -> bytes:
    """A face of 72 px with a mouth, in the middle of a noisy crop."""
    picture = dice.integers(0, 255, (108, 108, 3)).astype(np.uint8)
    picture[18:90, 18:90] = dice.integers(150, 220, 3)
    centre = (54 + int(dice.integers(-4, 5)), 62 + int(dice.integers(-4, 5)))
    start, stop, axes = {"smile": (10, 170, (20, 12)), "frown": (190, 350, (20, 12)), "circle": (0, 360, (9, 9))}[shape]
    cv2.ellipse(picture, centre, axes, 0, start, stop, (20, 20, 20), 3)
    return encode_jpeg(picture)


@pytest.fixture(scope="module")
def drawn() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    dice = np.random.default_rng(0)
    targets = dice.integers(0, 3, 90)
    return describe([mouth(SHAPES[kind], dice) for kind in targets], 0.25), targets


def test_shapes_are_told_apart(drawn: tuple[NDArray[np.uint8], NDArray[np.int64]]) -> None:
    features, targets = drawn
    model = fit_quick(features[:60], targets[:60], 3)
    assert model is not None
    found = model.predict(features[60:])
    assert (found.argmax(axis=1) == targets[60:]).mean() >= 0.9
    assert found.sum(axis=1) == pytest.approx(np.ones(30))


def test_what_surrounds_the_face_does_not_matter_and_a_broken_crop_is_zeros() -> None:
    inside = np.full((108, 108, 3), 90, np.uint8)
    cv2.circle(inside, (54, 54), 12, (200, 30, 30), -1)
    outside = inside.copy()
    outside[:8], outside[:, -8:] = 255, 0
    features = describe([encode_jpeg(inside), encode_jpeg(outside), b"no picture"], 0.25)
    assert features.shape == (3, LENGTH)
    assert (features[0] == features[1]).all()
    assert features[0].any()
    assert not features[2].any()


def test_probabilities_are_those_of_scikit_learn(drawn: tuple[NDArray[np.uint8], NDArray[np.int64]]) -> None:
    features, targets = drawn
    for kinds in ((0, 1, 2), (0, 2)):
        rows = np.isin(targets, kinds)
        x = features[rows].astype(float)
        x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1)
        plain = LogisticRegression(C=STRENGTH, max_iter=500).fit(x, targets[rows]).predict_proba(x)
        model = fit_quick(features, np.where(rows, targets, NO_LABEL), 3)
        assert model is not None
        found = model.predict(features[rows])
        assert found[:, list(kinds)] == pytest.approx(plain)
        assert found.sum(axis=1) == pytest.approx(np.ones(rows.sum()))


def test_one_class_is_always_the_answer_and_none_is_no_model() -> None:
    features = np.zeros((4, LENGTH), np.uint8)
    model = fit_quick(features, np.array([2, 2, NO_LABEL, 2]), 3)
    assert model is not None
    assert model.predict(features).tolist() == [[0, 0, 1]] * 4
    assert fit_quick(features, np.full(4, NO_LABEL), 3) is None


def test_nobody_is_judged_by_their_own_scene() -> None:
    # Pictures are pure noise and each scene has one label: only a model that saw the scene could know it.
    dice = np.random.default_rng(1)
    scene = np.repeat(np.arange(20), 6)
    looks = dice.integers(0, 255, (20, LENGTH)).astype(np.uint8)[scene]
    targets = dice.permutation(np.arange(20) % 2)[scene]
    found = out_of_fold(looks, targets, [str(number) for number in scene], 2)
    seen = fit_quick(looks, targets, 2)
    assert seen is not None
    assert (seen.predict(looks).argmax(axis=1) == targets).all()
    assert (found.argmax(axis=1) == targets).mean() < 0.75


def test_unlabelled_faces_are_judged_too_and_a_single_scene_cannot_be(
    drawn: tuple[NDArray[np.uint8], NDArray[np.int64]],
) -> None:
    features, targets = drawn
    partly = np.where(np.arange(90) % 3 == 0, NO_LABEL, targets)
    found = out_of_fold(features, partly, [str(row % 9) for row in range(90)], 3)
    assert (found.argmax(axis=1) == targets)[::3].mean() >= 0.9
    assert np.isnan(out_of_fold(features, targets, ["one"] * 90, 3)).all()
    assert np.isnan(out_of_fold(features, np.full(90, NO_LABEL), [str(row) for row in range(90)], 3)).all()
