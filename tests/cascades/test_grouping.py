"""Grouping against plain loops over pairs, suppression and the score on cases counted by hand."""

import numpy as np

from cascades.grouping import LINK, gather_groups, group_windows, neighbourhoods, suppress


def near(a: np.ndarray, b: np.ndarray) -> bool:
    delta = LINK * (min(a[2], b[2]) + min(a[3], b[3])) * 0.5
    edges_a = np.array([a[0], a[1], a[0] + a[2], a[1] + a[3]])
    edges_b = np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]])
    return bool((np.abs(edges_a - edges_b) <= delta).all())


def test_kernels_equal_plain_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        side = rng.integers(20, 60, 120)
        boxes = np.stack([rng.integers(0, 60, 120), rng.integers(0, 60, 120), side, side], axis=1)
        boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
        scores = rng.integers(1, 9, 120).astype(float)
        pairs = np.array([[near(a, b) for b in boxes] for a in boxes])
        total = neighbourhoods(boxes, scores, LINK)
        assert np.array_equal(total, pairs @ scores)
        order = np.argsort(-total, kind="stable")
        free, expected = np.ones(120, bool), []
        for i in order:
            if free[i]:
                group = pairs[i] & free
                free &= ~group
                mean = (boxes[group] * scores[group, None]).sum(axis=0) / scores[group].sum()
                expected.append((*mean, scores[group].sum(), group.sum()))
        mean, summed, members = gather_groups(boxes, scores, order, LINK)
        assert np.allclose(np.column_stack([mean, summed, members]), np.array(expected), rtol=1e-12)


def test_a_chain_of_windows_is_not_one_group() -> None:
    """A page of text: windows everywhere, each near the next. None of the groups may outweigh a real bunch."""
    chain = np.array([[5 * i, 0, 40, 40] for i in range(100)], np.int64)
    bunch = np.array([[100 + i % 3, 300 + i // 3, 40, 40] for i in range(9)], np.int64)
    merged, _, counts = group_windows(np.concatenate([chain, bunch]), np.ones(109))
    assert merged[0, 1] >= 300
    assert counts.max() == 9


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
