"""Grouping against a plain union-find, suppression and the score on cases counted by hand."""

import numpy as np

from cascades.grouping import LINK, group_windows, link_windows, suppress


def plain_groups(boxes: np.ndarray) -> list[frozenset[int]]:
    """Connected components by repeated merging of every near pair."""

    def near(a: np.ndarray, b: np.ndarray) -> bool:
        delta = LINK * (min(a[2], b[2]) + min(a[3], b[3])) * 0.5
        edges_a = np.array([a[0], a[1], a[0] + a[2], a[1] + a[3]])
        edges_b = np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]])
        return bool((np.abs(edges_a - edges_b) <= delta).all())

    groups = [{i} for i in range(len(boxes))]
    for i in range(len(boxes)):
        for j in range(i):
            if near(boxes[i], boxes[j]):
                a = next(g for g in groups if i in g)
                b = next(g for g in groups if j in g)
                if a is not b:
                    groups.remove(b)
                    a |= b
    return sorted((frozenset(g) for g in groups), key=min)


def test_linking_equals_plain() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        side = rng.integers(20, 60, 80)
        boxes = np.stack([rng.integers(0, 120, 80), rng.integers(0, 120, 80), side, side], axis=1)
        boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
        label = link_windows(boxes, LINK)
        found = [frozenset(np.flatnonzero(label == g).tolist()) for g in range(label.max() + 1)]
        assert sorted(found, key=min) == plain_groups(boxes)


def test_scores_add_up_and_boxes_are_weighted() -> None:
    boxes = np.array([[100, 100, 40, 40], [104, 100, 40, 40], [300, 20, 30, 30]], np.int64)
    merged, scores, counts = group_windows(boxes, np.array([1.0, 3.0, 2.5]))
    assert scores.tolist() == [4.0, 2.5]
    assert counts.tolist() == [2, 1]
    assert merged.tolist() == [[103.0, 100.0, 40.0, 40.0], [300.0, 20.0, 30.0, 30.0]]


def test_many_windows_beat_one_sure_window() -> None:
    """What makes a face: neighbours that agree, rather than one high margin."""
    bunch = np.array([[100 + i, 100, 40, 40] for i in range(6)], np.int64)
    single = np.array([[300, 20, 30, 30]], np.int64)
    merged, _, _ = group_windows(np.concatenate([single, bunch]), np.array([3.0] + [1.0] * 6))
    assert merged[0, 0] > 99
    assert merged[0, 0] < 107


def test_weaker_overlapping_groups_are_dropped() -> None:
    boxes = np.array([[0, 0, 100, 100], [20, 20, 40, 40], [90, 90, 50, 50]], float)
    assert suppress(boxes, np.array([5.0, 4.0, 3.0]), 0.4).tolist() == [0, 2]
    assert suppress(boxes, np.array([4.0, 5.0, 3.0]), 0.4).tolist() == [1, 2]


def test_nothing_to_group() -> None:
    merged, scores, counts = group_windows(np.zeros((0, 4), np.int64), np.zeros(0))
    assert merged.shape == (0, 4)
    assert scores.size == counts.size == 0
