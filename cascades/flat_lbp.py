"""An LBP cascade as plain arrays, in the order in which the scan reads them."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cascades.features import LbpFeatures
from cascades.flat import STAGE_EPSILON, limits
from cascades.model import Cascade
from cascades.pyramid import Layout


class LbpNodes(NamedTuple):
    """An LBP cascade as the kernels take it: N nodes in trees, trees in stages.

    offsets  int32[N, 16]     the 4×4 grid of corners of a node's nine blocks, row by row, cells from the window's own
    subset   int32[N, 8]      go left when the code's bit is set
    stump    float32[N, 3]    zero, left and right leaf, where every tree has one node; else empty
    limit    float64[T]       a window whose sum is below this after the tree fails its stage
    links    int32[N, 2]      k > 0 node k of the tree, k ≤ 0 leaf −k
    leaves   float32[L]
    trees    int32[T+1, 2]    first node and first leaf of every tree
    stages   int32[S+1]       first tree of every stage
    stage_threshold float32[S]  lowered as OpenCV does
    """

    offsets: NDArray[np.int32]
    subset: NDArray[np.int32]
    stump: NDArray[np.float32]
    limit: NDArray[np.float64]
    links: NDArray[np.int32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.int32]
    stages: NDArray[np.int32]
    stage_threshold: NDArray[np.float32]


class LbpStumpNodes(LbpNodes):
    """Where every tree has one node: the kernel is chosen by the type."""


class LbpTreeNodes(LbpNodes):
    """Trees of any shape."""


@dataclass(frozen=True, eq=False)
class FlatLbp:
    """An LBP cascade laid out for the scan.

    corners  int16[N, 16, 2]  per node the 4×4 grid of corners of its nine blocks, x, y in window px
    nodes    everything else; its offsets are those of no level yet: see `lbp_on_level`
    stumps   every tree has one node
    """

    window: tuple[int, int]
    corners: NDArray[np.int16]
    nodes: LbpNodes
    stumps: bool
    tilted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, np.bool_))

    @property
    def stage_threshold(self) -> NDArray[np.float32]:
        return self.nodes.stage_threshold


def flatten_lbp(cascade: Cascade) -> FlatLbp:
    """Lay an LBP cascade out for the scan."""
    features = cascade.features
    assert isinstance(features, LbpFeatures)
    trees = [tree for stage in cascade.stages for tree in stage.trees]
    sizes = [len(tree.feature) for tree in trees]
    used = features.take(np.concatenate([t.feature for t in trees]).astype(np.int64))
    first_node = np.concatenate([[0], np.cumsum(sizes)])
    first_leaf = np.concatenate([[0], np.cumsum([n + 1 for n in sizes])])
    stages = np.concatenate([[0], np.cumsum([len(stage.trees) for stage in cascade.stages])]).astype(np.int32)
    stage_threshold = np.array([np.float32(s.threshold) - STAGE_EPSILON for s in cascade.stages], np.float32)
    stumps = all(n == 1 for n in sizes)
    stump = np.zeros((len(trees) if stumps else 0, 3), np.float32)
    if stumps:
        stump[:, 1:] = [(tree.leaves[-tree.left[0]], tree.leaves[-tree.right[0]]) for tree in trees]
    nodes = (LbpStumpNodes if stumps else LbpTreeNodes)(
        np.zeros((len(used), 16), np.int32),
        np.concatenate([t.subset for t in trees]).astype(np.int32),
        stump,
        limits([tree.leaves for tree in trees], stages, stage_threshold),
        np.stack([np.concatenate([t.left for t in trees]), np.concatenate([t.right for t in trees])], axis=1),
        np.concatenate([t.leaves for t in trees]).astype(np.float32),
        np.stack([first_node, first_leaf], axis=1).astype(np.int32),
        stages,
        stage_threshold,
    )
    return FlatLbp(cascade.window, used.corners().reshape(len(used), 16, 2), nodes, stumps)


@lru_cache(maxsize=1024)  # a video's frames all have the same levels
def lbp_on_level(flat: FlatLbp, lay: Layout) -> LbpNodes:
    """The cascade's nodes with the offsets of a level's buffer."""
    return flat.nodes._replace(offsets=lay.cells(flat.corners[..., 0], flat.corners[..., 1]).astype(np.int32))
