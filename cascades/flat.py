"""A Haar cascade as plain arrays, in the order in which the scan reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cascades.features import HaarFeatures
from cascades.model import Cascade
from cascades.pyramid import Layout

STAGE_EPSILON = np.float32(1e-5)  # OpenCV lowers every stage threshold by this when it loads a cascade
SHARED, TWO, THREE = 0, 1, 2


# What the kernel reads of a node besides its corners, in one place: 48 bytes, as many as its offsets.
ROW = np.dtype(
    [
        ("weights", np.float32, 3),
        ("threshold", np.float32),
        ("left", np.float64),
        ("right", np.float64),
        ("limit", np.float64),
        ("shape", np.int32),
        ("plane", np.int32),
    ]
)


class Nodes(NamedTuple):
    """A Haar cascade as the kernels take it: N nodes in trees, trees in stages.

    offsets     int32[N, 12]    the rectangles' corners in a level's buffer, cells from the window's own
    shape       uint8[N]        SHARED, TWO or THREE: how the corners make rectangles (`_in_reading_order`)
    plane       uint8[N]        0 is gray, whose values are divided by the window's contrast
    weights     float32[N, 3]   of the rectangles
    threshold   float32[N]
    stump       float32[N, 3]   threshold, left and right leaf, where every tree has one node; else empty
    limit       float64[T]      a window whose sum is below this after the tree fails its stage
    links       int32[N, 2]     k > 0 node k of the tree, k ≤ 0 leaf −k
    leaves      float32[L]
    trees       int32[T+1, 2]   first node and first leaf of every tree
    stages      int32[S+1]      first tree of every stage
    stage_threshold float32[S]  lowered as OpenCV does
    rows        int32[N, 12]    `ROW`s; leaves and limit where every tree has one node
    """

    offsets: NDArray[np.int32]
    shape: NDArray[np.uint8]
    plane: NDArray[np.uint8]
    weights: NDArray[np.float32]
    threshold: NDArray[np.float32]
    stump: NDArray[np.float32]
    limit: NDArray[np.float64]
    links: NDArray[np.int32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.int32]
    stages: NDArray[np.int32]
    stage_threshold: NDArray[np.float32]
    rows: NDArray[np.int32]


class StumpNodes(Nodes):
    """Where every tree has one node: the kernel is chosen by the type."""


class TreeNodes(Nodes):
    """Trees of any shape."""


@dataclass(frozen=True, eq=False)
class FlatHaar:
    """A Haar cascade laid out for the scan.

    corners  int16[N, 12, 2]  of every node's rectangles, window px
    tilted   bool[N]
    nodes    everything else; its offsets are those of no level yet: see `on_level`
    stumps   every tree has one node
    """

    window: tuple[int, int]
    corners: NDArray[np.int16]
    tilted: NDArray[np.bool_]
    nodes: Nodes
    stumps: bool

    @property
    def stage_threshold(self) -> NDArray[np.float32]:
        return self.nodes.stage_threshold


def flatten(cascade: Cascade) -> FlatHaar:
    """Lay a Haar cascade out for the scan."""
    features = cascade.features
    assert isinstance(features, HaarFeatures)
    trees = [tree for stage in cascade.stages for tree in stage.trees]
    nodes = [len(tree.feature) for tree in trees]
    used = features.take(_join([tree.feature for tree in trees], np.int32).astype(np.int64))
    stumps = all(n == 1 for n in nodes)
    # A stump may be written with its leaves swapped (left leaf 1, right leaf 0): resolve the links here.
    left = [tree.leaves[-tree.left[0]] if stumps else 0 for tree in trees]
    right = [tree.leaves[-tree.right[0]] if stumps else 0 for tree in trees]
    thresholds = _join([tree.threshold for tree in trees], np.float32)
    first_node = np.concatenate([[0], np.cumsum(nodes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in nodes])])
    corners, shape = _in_reading_order(used)
    stages = np.concatenate([[0], np.cumsum([len(stage.trees) for stage in cascade.stages])]).astype(np.int32)
    stage_threshold = np.array([np.float32(s.threshold) - STAGE_EPSILON for s in cascade.stages], np.float32)
    stump = (
        np.stack([thresholds, np.array(left, np.float32), np.array(right, np.float32)], axis=1)
        if stumps
        else np.zeros((0, 3), np.float32)
    )
    limit = limits([tree.leaves for tree in trees], stages, stage_threshold)
    rows = kernel_rows(shape, used.plane, used.weights, thresholds, stump, limit)
    nodes_in_order = (StumpNodes if stumps else TreeNodes)(
        np.zeros((len(used), 12), np.int32),
        shape,
        used.plane,
        used.weights,
        thresholds,
        stump,
        limit,
        np.stack([_join([t.left for t in trees], np.int32), _join([t.right for t in trees], np.int32)], axis=1),
        _join([tree.leaves for tree in trees], np.float32),
        np.stack([first_node, first_leaf], axis=1).astype(np.int32),
        stages,
        stage_threshold,
        rows,
    )
    return FlatHaar(cascade.window, corners, used.tilted, nodes_in_order, stumps)


def kernel_rows(
    shape: NDArray[np.uint8], plane: NDArray[np.uint8], weights: NDArray[np.float32], threshold: NDArray[np.float32],
    stump: NDArray[np.float32], limit: NDArray[np.float64],
) -> NDArray[np.int32]:  # fmt: skip
    """`Nodes.rows` from the other arrays of `Nodes`."""
    rows = np.zeros(len(shape), ROW)
    rows["shape"], rows["plane"], rows["weights"], rows["threshold"] = shape, plane, weights, threshold
    if len(stump):
        rows["left"], rows["right"], rows["limit"] = stump[:, 1], stump[:, 2], limit
    return rows.view(np.int32).reshape(len(shape), ROW.itemsize // 4)


def limits(
    leaves: Sequence[NDArray[np.float32]], stages: NDArray[np.int32], stage_threshold: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The least sum after each tree with which a window may still reach its stage's threshold: float64[T].

    leaves  of each tree

    What the trees that follow add at most is taken off the threshold, and a little more than sums can be rounded; at
    the stage's end nothing follows and the limit is the threshold itself.
    """
    most = np.array([tree.max() for tree in leaves], np.float64)
    size = np.array([np.abs(tree).max() for tree in leaves], np.float64)
    least = np.empty(len(leaves))
    for first, last, threshold in zip(stages[:-1], stages[1:], stage_threshold, strict=True):
        rest = np.cumsum(most[first:last][::-1])[::-1] - most[first:last]
        slack = 1e-9 * 2 * size[first:last].sum()
        least[first:last] = float(threshold) - rest - slack
        least[last - 1] = threshold
    return least


def _join(parts: list[NDArray], dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def _in_reading_order(features: HaarFeatures) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """The corners of every feature's rectangles, int16[N, 12, 2], and its shape, uint8[N].

    TWO, THREE: four corners a rectangle, its sum is c0 − c1 + c2 − c3. SHARED: two rectangles, the second a part of the
    first that reaches two of its corners, as the halves of an edge feature do; six corners, the sums are
    (c0 − c1) + (c2 − c3) and (c0 − c1) + (c4 − c5), a quarter fewer to read.
    """
    corners = features.corners()[:, :, [0, 1, 3, 2]]
    shape = np.where(features.weights[:, 2] != 0, THREE, TWO).astype(np.uint8)
    ordered = corners.reshape(len(features), 12, 2).copy()
    for i in np.flatnonzero(shape == TWO):
        first, second = corners[i, 0].tolist(), corners[i, 1].tolist()
        plus = [k for k in (0, 2) if first[k] == second[k]]
        minus = [k for k in (1, 3) if first[k] == second[k]]
        if len(plus) == len(minus) == 1:
            p, m = plus[0], minus[0]
            shape[i] = SHARED
            ordered[i, :6] = [first[p], first[m], first[2 - p], first[4 - m], second[2 - p], second[4 - m]]
    return ordered, shape


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def on_level(flat: FlatHaar, lay: Layout, has_tilted: bool) -> Nodes:
    """The cascade's nodes with the offsets of a level's buffer."""
    offsets = lay.offsets(flat.corners, flat.tilted, flat.nodes.plane, has_tilted)
    return flat.nodes._replace(offsets=offsets)
