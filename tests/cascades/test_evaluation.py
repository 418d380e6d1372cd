"""The curve on cases counted by hand."""

import numpy as np
import pytest

from cascades import Detections, InvalidParameter, evaluate
from cascades.evaluation import match


def found(*rows: tuple[int, int, int, int, float]) -> Detections:
    boxes = np.array([r[:4] for r in rows], np.int32).reshape(-1, 4)
    scores = np.array([r[4] for r in rows], np.float32)
    return Detections(boxes, scores, boxes, np.ones(len(rows), np.int32))


def test_one_truth_is_matched_once_by_the_stronger() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10]], np.int32)
    truth = np.array([[1, 0, 10, 10]], np.int64)
    assert match(boxes, np.array([2, 1], np.float32), truth).tolist() == [0, -1]
    assert match(boxes, np.array([1, 2], np.float32), truth).tolist() == [-1, 0]


def test_curve() -> None:
    a, b = (0, 0, 10, 10), (50, 50, 10, 10)
    images = [found((*a, 9), (*b, 8)), found((*a, 7), (200, 200, 10, 10, 6.5)), found((*b, 6))]
    truths = [np.array([a]), np.array([a, b]), np.array([b])]
    roc = evaluate(images, truths)
    assert roc.scores.tolist() == [9, 8, 7, 6.5, 6]
    assert roc.recall.tolist() == [0.25, 0.25, 0.5, 0.5, 0.75]
    assert roc.fppi.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert roc.recall_at(0) == 0.25
    assert roc.recall_at(0.4) == 0.5
    assert roc.recall_at(1) == 0.75
    assert 6.5 < roc.score_at(0.4) < 7  # between the second face that is found and the next false alarm
    assert roc.score_at(0.4) ** 2 == pytest.approx(6.5 * 7)
    assert 8 < roc.score_at(0) < 9
    assert roc.score_at(1) == 6  # nothing weaker was found
    assert roc.lowest_score_at(0.4) == 7
    assert roc.lowest_score_at(0.7) == 6
    # precision envelope: 1 up to 1/4, 2/3 up to 1/2, 3/5 up to 3/4
    assert roc.average_precision == pytest.approx(0.25 * (1 + 2 / 3 + 3 / 5))
    assert roc.points[0] == {"score": 9.0, "recall": 0.25, "fppi": 0.0}


def test_incomplete_images_count_for_recall_only() -> None:
    a = (0, 0, 10, 10)
    images = [found((*a, 9), (90, 90, 10, 10, 8)), found((90, 90, 10, 10, 7))]
    roc = evaluate(images, [np.array([a]), np.zeros((0, 4))], complete=[False, True])
    assert (roc.truths, roc.images) == (1, 1)
    assert roc.fppi.tolist() == [0, 0, 1]
    assert roc.recall_at(0) == 1


def test_equal_scores_are_one_point() -> None:
    a = (0, 0, 10, 10)
    roc = evaluate([found((*a, 5), (90, 90, 10, 10, 5))], [np.array([a])])
    assert roc.recall_at(0) == 0
    assert roc.fppi.tolist() == [1]


def test_nothing_found_and_nothing_there() -> None:
    roc = evaluate([found()], [np.zeros((0, 4))])
    assert roc.recall_at(1) == 0
    assert roc.score_at(1) == float("inf")
    with pytest.raises(InvalidParameter, match="2 images with detections, 1"):
        evaluate([found(), found()], [np.zeros((0, 4))])
