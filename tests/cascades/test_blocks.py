"""The scan's vector kernels and their rules against plain twins."""

from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from cascades.features import concatenate, haar_features, on_plane, single_rectangles
from cascades.flat import SHARED, THREE, TWO, Nodes, StumpNodes, TreeNodes, _in_reading_order, kernel_rows, limits
from cascades.scan import visited
from cascades.stages import TOGETHER, stage_masks
from cascades.vectors import BLOCK

STUMPS = 60
STAGES = np.array([0, 1, 9, 30, STUMPS], np.int32)


@njit
def _masks(buffer, inverse, alive, nodes, stage):  # type: ignore[no-untyped-def]
    """From the third group on, so that places and blocks differ."""
    found = np.zeros(alive.size + 2 * TOGETHER, np.uint32)
    blocks, start = np.zeros(found.size, np.int64), TOGETHER
    blocks[start : start + alive.size] = np.arange(alive.size)[::-1]
    found[start : start + alive.size] = alive[::-1]
    sums = np.empty(found.size * BLOCK)
    for at in range(start, start + alive.size, TOGETHER):
        stage_masks(buffer, blocks, found, at, inverse, nodes, stage, sums)
    used = slice(start, start + alive.size)
    return found[used][::-1], sums.reshape(-1, BLOCK)[used][::-1]


def masks(
    buffer: NDArray[np.int32], inverse: NDArray[np.float32], alive: NDArray[np.uint32], nodes: Any, stage: int
) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Which windows of all blocks pass, and their sums."""
    found, sums = _masks(buffer, inverse, alive, nodes, stage)
    return found, sums.ravel()


def plain_values(buffer: NDArray[np.int32], inverse: NDArray[np.float32], nodes: Nodes) -> list[NDArray[np.float32]]:
    """Every node's feature on every window, normalized."""
    cells, values = np.arange(inverse.size), []
    for t in range(len(nodes.offsets)):
        corner = [buffer[cells + o].astype(np.int64) for o in nodes.offsets[t]]
        first = corner[0] - corner[1] + corner[2] - corner[3]
        second = corner[4] - corner[5] + corner[6] - corner[7]
        if nodes.shape[t] == SHARED:
            second = corner[0] - corner[1] + corner[4] - corner[5]
        value = nodes.weights[t, 0] * first.astype(np.float32) + nodes.weights[t, 1] * second.astype(np.float32)
        if nodes.shape[t] == THREE:
            third = corner[8] - corner[9] + corner[10] - corner[11]
            value += nodes.weights[t, 2] * third.astype(np.float32)
        if nodes.plane[t] == 0:
            value = value * inverse
        values.append(value)
    return values


def plain_sums(
    buffer: NDArray[np.int32], inverse: NDArray[np.float32], nodes: Nodes, stage: int
) -> NDArray[np.float64]:
    """The stage's sum of every window, a stump after the other."""
    values, total = plain_values(buffer, inverse, nodes), np.zeros(inverse.size)
    for t in range(nodes.stages[stage], nodes.stages[stage + 1]):
        threshold, left, right = nodes.stump[t]
        total += np.where(values[t] < threshold, np.float64(left), np.float64(right))
    return total


def plain_sums_of_trees(
    buffer: NDArray[np.int32], inverse: NDArray[np.float32], nodes: Nodes, stage: int
) -> NDArray[np.float64]:
    """The stage's sum of every window, walked through every tree."""
    values, total = plain_values(buffer, inverse, nodes), np.zeros(inverse.size)
    for window in range(inverse.size):
        for t in range(nodes.stages[stage], nodes.stages[stage + 1]):
            node, leaf = nodes.trees[t]
            place = 0
            while True:
                k = node + place
                place = nodes.links[k, 0 if values[k][window] < nodes.threshold[k] else 1]
                if place <= 0:
                    break
            total[window] += np.float64(nodes.leaves[leaf - place])
    return total


@pytest.fixture(scope="module")
def world() -> tuple[NDArray[np.int32], NDArray[np.float32], Nodes]:
    rng = np.random.default_rng(0)
    inverse = rng.uniform(0.5, 2, 200 * BLOCK).astype(np.float32)
    buffer = rng.integers(0, 100, inverse.size + 500).astype(np.int32)
    stump = rng.normal(size=(STUMPS, 3)).astype(np.float32)
    stump[:, 0] *= 50
    threshold = np.array([0, -2, 0, 1], np.float32)
    nodes = StumpNodes(
        rng.integers(0, 480, (STUMPS, 12)).astype(np.int32), rng.integers(0, 3, STUMPS).astype(np.uint8),
        rng.integers(0, 2, STUMPS).astype(np.uint8), rng.choice(np.float32([-1, 2, 3]), (STUMPS, 3)),
        stump[:, 0].copy(), stump, limits(stump[:, 1:], STAGES, threshold), np.zeros((0, 2), np.int32),
        np.zeros(0, np.float32), np.zeros((1, 2), np.int32), STAGES, threshold, np.zeros((0, 12), np.int32),
    )  # fmt: skip
    read = nodes.shape, nodes.plane, nodes.weights, nodes.threshold, nodes.stump, nodes.limit
    nodes = nodes._replace(rows=kernel_rows(*read))
    return buffer, inverse, nodes


@pytest.mark.parametrize("stage", range(4))
def test_a_block_passes_as_its_windows_do(
    world: tuple[NDArray[np.int32], NDArray[np.float32], Nodes], stage: int
) -> None:
    buffer, inverse, nodes = world
    plain = plain_sums(buffer, inverse, nodes, stage)
    passes = plain >= nodes.stage_threshold[stage]
    assert 0.1 < passes.mean() < 0.9
    alive = np.random.default_rng(stage).integers(0, 2**BLOCK, inverse.size // BLOCK).astype(np.uint32)
    expected = (passes.reshape(-1, BLOCK) << np.arange(BLOCK)).sum(axis=1).astype(np.uint32) & alive
    found, sums = masks(buffer, inverse, alive, nodes, stage)
    assert np.array_equal(found, expected)
    passed = passes & ((alive[:, None] >> np.arange(BLOCK)) & 1).astype(bool).ravel()
    assert np.array_equal(sums[passed], plain[passed])


@pytest.fixture(scope="module")
def forest(
    world: tuple[NDArray[np.int32], NDArray[np.float32], Nodes],
) -> tuple[NDArray[np.int32], NDArray[np.float32], Nodes]:
    """The same nodes as trees of one to seven nodes, of any shape: links lead forward, and every leaf is used."""
    buffer, inverse, nodes = world
    rng, trees, links, leaves = np.random.default_rng(7), [(0, 0)], [], []
    while len(links) < STUMPS:
        count = min(int(rng.integers(1, 8)), STUMPS - len(links))
        shape = np.zeros((count, 2), np.int32)
        ends = [(0, 0), (0, 1)]
        for node in range(1, count):
            where = ends.pop(int(rng.integers(len(ends))))
            shape[where] = node
            ends += [(node, 0), (node, 1)]
        for number, where in enumerate(ends):
            shape[where] = -number
        links += shape.tolist()
        leaves.append(rng.normal(size=count + 1).astype(np.float32))
        trees.append((len(links), trees[-1][1] + count + 1))
    stages = np.array([0, 1, len(leaves) // 2, len(leaves)], np.int32)
    threshold = np.array([0, -1, 0.5], np.float32)
    made = TreeNodes(*nodes)._replace(
        stump=np.zeros((0, 3), np.float32), links=np.array(links, np.int32), leaves=np.concatenate(leaves),
        trees=np.array(trees, np.int32), stages=stages, stage_threshold=threshold,
        limit=limits(leaves, stages, threshold),
    )  # fmt: skip
    return buffer[: 100 * BLOCK + 500], inverse[: 100 * BLOCK], made


@pytest.mark.parametrize("stage", range(3))
def test_a_block_of_trees_passes_as_its_windows_do(
    forest: tuple[NDArray[np.int32], NDArray[np.float32], Nodes], stage: int
) -> None:
    buffer, inverse, nodes = forest
    plain = plain_sums_of_trees(buffer, inverse, nodes, stage)
    passes = plain >= nodes.stage_threshold[stage]
    assert 0.1 < passes.mean() < 0.9
    alive = np.random.default_rng(stage).integers(0, 2**BLOCK, inverse.size // BLOCK).astype(np.uint32)
    expected = (passes.reshape(-1, BLOCK) << np.arange(BLOCK)).sum(axis=1).astype(np.uint32) & alive
    found, sums = masks(buffer, inverse, alive, nodes, stage)
    assert np.array_equal(found, expected)
    passed = passes & ((alive[:, None] >> np.arange(BLOCK)) & 1).astype(bool).ravel()
    assert np.array_equal(sums[passed], plain[passed])


def test_windows_are_visited_as_one_after_the_other() -> None:
    rng = np.random.default_rng(1)
    passed, contrast = (rng.integers(0, 2**BLOCK, 500).astype(np.uint32) for _ in range(2))
    contrast |= rng.integers(0, 2**BLOCK, 500).astype(np.uint32)
    kept, skip = [], np.uint32(0)
    for p, c in zip(passed, contrast, strict=True):
        bits, skip = visited(p, c, np.uint32(skip))
        kept.append(bits)
    expected, skip_next = np.zeros(500, np.uint32), False
    for i in range(500 * BLOCK):
        block, lane = divmod(i, BLOCK)
        looked_at = bool(contrast[block] >> lane & 1) and not skip_next
        good = bool(passed[block] >> lane & 1)
        expected[block] |= (looked_at and good) << lane
        skip_next = looked_at and not good
    assert np.array_equal(np.array(kept, np.uint32), expected)


def test_reading_order_keeps_the_sums() -> None:
    window = (12, 10)
    features = concatenate(
        [haar_features(window, "all"), on_plane(haar_features(window, "basic"), 1), single_rectangles(window, 1)]
    )
    features = features.take(np.random.default_rng(2).permutation(len(features))[:3000])
    image = np.random.default_rng(3).integers(0, 1000, (window[1] + 1, window[0] + 1))
    corners, shape = _in_reading_order(features)
    assert {SHARED, TWO, THREE} == set(shape.tolist())
    read = image[corners[..., 1], corners[..., 0]]
    ends = np.where(shape == SHARED, 6, np.where(shape == TWO, 8, 12))
    second = np.where(shape == SHARED, read[:, 0] - read[:, 1] + read[:, 4] - read[:, 5],
                      read[:, 4] - read[:, 5] + read[:, 6] - read[:, 7])  # fmt: skip
    third = np.where(ends == 12, read[:, 8] - read[:, 9] + read[:, 10] - read[:, 11], 0)
    ours = np.stack([read[:, 0] - read[:, 1] + read[:, 2] - read[:, 3], second, third], axis=1)
    plain = image[features.corners()[..., 1], features.corners()[..., 0]] @ np.array([1, -1, -1, 1])
    used = features.weights != 0
    assert np.array_equal(ours[used], plain[used])


def test_limits_never_refuse_what_passes() -> None:
    """A stage's leaves added up in every way that reaches the threshold stay above the limits on the way."""
    rng = np.random.default_rng(4)
    stump = rng.normal(size=(12, 3)).astype(np.float32)
    threshold = np.array([0.7], np.float32)
    limit = limits(stump[:, 1:], np.array([0, 12], np.int32), threshold)
    assert limit[-1] == threshold[0]
    choices = (np.arange(2**12)[:, None] >> np.arange(12)) & 1
    sums = np.cumsum(np.where(choices, stump[:, 1], stump[:, 2]).astype(np.float64), axis=1)
    passing = sums[:, -1] >= threshold[0]
    assert (sums[passing] >= limit).all()
    assert (sums[~passing][:, -2] < limit[-2]).any()
