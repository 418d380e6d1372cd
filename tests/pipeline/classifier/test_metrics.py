"""Metrics worked out by hand, and against scikit-learn's own averages."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.classifier.metrics import confusion, intervals, scores, scores_by, too_few

EMOTIONS = ("angry", "happy", "sad", "bored")
ACTUAL = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 3, 1])


def test_confusion_has_a_row_for_each_actual_emotion():
    assert confusion(ACTUAL, PREDICTED, 4).tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert confusion(ACTUAL[:0], PREDICTED[:0], 2).tolist() == [[0, 0], [0, 0]]


def test_figures_worked_out_by_hand():
    found = scores(ACTUAL, PREDICTED, EMOTIONS)
    f1 = {"angry": 4 / 5, "happy": 2 / 5, "sad": 0.0}  # 2 tp / (2 tp + fp + fn)
    assert found["n"] == 6
    assert found["accuracy"] == 0.5
    assert found["majority_share"] == 0.5
    assert found["macro_f1"] == pytest.approx(sum(f1.values()) / 3)
    assert found["weighted_f1"] == pytest.approx((3 * f1["angry"] + 2 * f1["happy"]) / 6, abs=1e-6)
    assert found["per_class"] == {
        "angry": {"precision": 1.0, "recall": 0.666667, "f1": 0.8, "n": 3},
        "happy": {"precision": 0.333333, "recall": 0.5, "f1": 0.4, "n": 2},
        "sad": {"precision": None, "recall": 0.0, "f1": 0.0, "n": 1},  # never predicted
        "bored": {"precision": 0.0, "recall": None, "f1": None, "n": 0},  # no face to find
    }


def test_figures_are_scikit_learns_where_every_emotion_occurs():
    rng = np.random.default_rng(0)
    actual, predicted = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    found = scores(actual, predicted, EMOTIONS)
    assert found["accuracy"] == pytest.approx(accuracy_score(actual, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(actual, predicted, average="macro"), abs=1e-6)
    assert found["weighted_f1"] == pytest.approx(f1_score(actual, predicted, average="weighted"), abs=1e-6)


def test_no_faces_give_nulls_not_zeros():
    found = scores(ACTUAL[:0], PREDICTED[:0], EMOTIONS)
    assert found["n"] == 0
    assert [found[key] for key in ("accuracy", "macro_f1", "weighted_f1", "majority_share")] == [None] * 4
    assert found["per_class"]["angry"] == {"precision": None, "recall": None, "f1": None, "n": 0}
    assert scores_by([], ACTUAL[:0], PREDICTED[:0], EMOTIONS) == {}


def test_each_character_is_scored_over_the_emotions_it_has():
    found = scores_by(["tom", "tom", "jerry", "jerry", "jerry", "tom"], ACTUAL, PREDICTED, EMOTIONS)
    assert list(found) == ["jerry", "tom"]
    assert found["jerry"] == {"accuracy": 0.333333, "macro_f1": pytest.approx((0 + 1 / 2) / 2), "n": 3}
    assert found["tom"] == {"accuracy": 0.666667, "macro_f1": 0.5, "n": 3}


def test_intervals_are_those_of_resampled_scenes_by_the_plain_way():
    rng = np.random.default_rng(0)
    scenes = np.repeat(np.arange(30), 5)
    actual = rng.integers(0, 3, 150)
    predicted = np.where(rng.random(150) < 0.5 + 0.4 * (scenes % 2), actual, rng.integers(0, 3, 150))
    found = intervals(actual, predicted, [f"s{i}" for i in scenes], 3)
    values = []
    for _ in range(600):
        drawn = np.concatenate([np.flatnonzero(scenes == s) for s in rng.integers(0, 30, 30)])
        values.append(f1_score(actual[drawn], predicted[drawn], average="macro"))
    low, high = np.quantile(values, [0.025, 0.975])
    assert found["macro_f1"]["low"] == pytest.approx(low, abs=0.025)
    assert found["macro_f1"]["high"] == pytest.approx(high, abs=0.025)
    by_face = intervals(actual, predicted, [str(i) for i in range(150)], 3)
    width = {name: one["accuracy"]["high"] - one["accuracy"]["low"] for name, one in (("s", found), ("f", by_face))}
    assert width["s"] > 1.05 * width["f"]  # faces of a scene succeed and fail together


def test_macro_f1_is_of_the_same_emotions_in_every_draw():
    rng = np.random.default_rng(3)
    scenes = np.repeat(np.arange(12), 6)
    actual = rng.integers(0, 2, 72)
    actual[scenes == 4] = 2  # only one scene has the third, and it is never recognised
    predicted = np.where(actual == 2, 0, actual)
    found = intervals(actual, predicted, [f"s{i:02}" for i in scenes], 3)
    values = []
    while len(values) < 600:
        drawn = np.concatenate([np.flatnonzero(scenes == s) for s in rng.integers(0, 12, 12)])
        if set(actual[drawn]) == {0, 1, 2}:
            values.append(f1_score(actual[drawn], predicted[drawn], average="macro", labels=[0, 1, 2]))
    low, high = np.quantile(values, [0.025, 0.975])
    assert found["macro_f1"]["low"] == pytest.approx(low, abs=0.02)
    assert found["macro_f1"]["high"] == pytest.approx(high, abs=0.02)
    assert high < 0.67  # a draw without the third emotion has 1.0


def test_macro_f1_has_no_interval_where_hardly_any_draw_has_every_emotion():
    actual = np.repeat(np.arange(8), 5)
    found = intervals(actual, actual, [f"s{emotion}" for emotion in actual], 8)
    assert set(found) == {"accuracy", "weighted_f1"}


def test_emotions_with_few_test_faces_are_named():
    actual = np.repeat([0, 1, 2], [30, 10, 9])
    assert too_few(scores(actual, actual, EMOTIONS)["per_class"]) == {"sad": 9, "bored": 0}


def test_one_scene_has_no_interval():
    assert intervals(ACTUAL, PREDICTED, ["a"] * len(ACTUAL), 3) == {}
    assert intervals(ACTUAL[:0], PREDICTED[:0], [], 3) == {}
