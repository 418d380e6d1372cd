"""Growing one weak classifier: a small tree whose nodes are the best splits a search finds."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cascades import portable, splits
from cascades.model import Tree


@dataclass(frozen=True, eq=False)
class Split:
    """A node's rule.

    feature    row of the search's pool
    threshold  left when value < threshold; zero for LBP
    subset     int32[8] left when the code's bit is set; int32[0] for Haar
    left       bool[N] which of all examples go left
    """

    feature: int
    threshold: np.float32
    subset: NDArray[np.int32]
    left: NDArray[np.bool_]


class Search(Protocol):
    """Finds best splits over a pool of features.

    names int64[F]: the pool's positions in the whole feature set, ascending; kind: the criterion, see `splits`.
    count examples, the first `positives` of them positive.
    """

    names: NDArray[np.int64]
    kind: int
    positives: int
    count: int

    def best(self, weight: NDArray[np.int64], members: NDArray[np.int32], root: bool = False) -> Split | None:
        """The best split of a node, or None where nothing can be split.

        weight int64[N] of all examples, members int32[M] the node's; root: a new round begins and these are all of
        its examples.
        """
        ...


def leaf_value(p: int, n: int, floor: float, kind: int) -> float:
    """What a leaf that holds weights P and N adds to the sum; a float32 value.

    gentle: (P − N)/(P + N); real: ½ ln((P + ε)/(N + ε)), ε = `floor`; discrete: ±1, scaled by the tree's error later.
    """
    if kind == splits.GENTLE:
        value = (p - n) / (p + n) if p + n > 0 else 0.0
    elif kind == splits.REAL:
        value = 0.5 * portable.log((p + floor) / (n + floor))
    else:
        value = 1.0 if p > n else -1.0
    return float(np.float32(value))


def smoothing(count: int) -> float:
    """The share of the weight below which a leaf's purity is no evidence: 1/(2N) for N examples.

    Half an average example, of the order Schapire & Singer 1999, §4.2 give. With much less, a leaf that a single
    example fell into outvotes everything else.
    """
    return 0.5 / count


@dataclass(frozen=True, eq=False)
class _Open:
    """A node to be: the examples it is fitted to and all that reach it, int32[·], and where it hangs."""

    members: NDArray[np.int32]
    everyone: NDArray[np.int32]
    parent: int
    is_right: bool
    level: int


def grow_tree(
    search: Search, weight: NDArray[np.int64], members: NDArray[np.int32], depth: int
) -> tuple[Tree, NDArray[np.int32]] | None:
    """A tree of at most `depth` levels and every example's leaf int32[N]; None where nothing can be split.

    weight int64[N], members int32[M] the examples it is fitted to. Grown level by level.
    """
    nodes: list[Split] = []
    links: list[list[int]] = []
    values: list[float] = []
    leaf = np.zeros(search.count, np.int32)
    floor = smoothing(search.count) * float(weight[members].sum())
    open_nodes = [_Open(members, np.arange(search.count, dtype=np.int32), -1, False, 0)]
    while open_nodes:
        here = open_nodes.pop(0)
        found = search.best(weight, here.members, here.level == 0) if here.level < depth else None
        if here.parent >= 0:
            links[here.parent][here.is_right] = -len(values) if found is None else len(nodes)
        if found is None:
            p = int(weight[here.members[here.members < search.positives]].sum())
            n = int(weight[here.members[here.members >= search.positives]].sum())
            leaf[here.everyone] = len(values)
            values.append(leaf_value(p, n, floor, search.kind))
            continue
        for is_right in (False, True):
            side = found.left != is_right
            members, everyone = here.members[side[here.members]], here.everyone[side[here.everyone]]
            open_nodes.append(_Open(members, everyone, len(nodes), is_right, here.level + 1))
        nodes.append(found)
        links.append([0, 0])
    if not nodes:
        return None
    left, right = np.array(links, np.int32).T
    return Tree(
        np.array([split.feature for split in nodes], np.int32), left.copy(), right.copy(),
        np.array([split.threshold for split in nodes], np.float32), np.array(values, np.float32),
        np.stack([split.subset for split in nodes]),
    ), leaf  # fmt: skip
