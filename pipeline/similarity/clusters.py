"""From pairs of near-duplicates to clusters: which face is used instead of which others.

Linking every near pair (single linkage, `chains`) joins faces that differ much: each step of a slowly turning head is
near the step before, but the last is nothing like the first. On Big Buck Bunny, with a distance of 8 gray levels, the
two ends of a chain differ by up to 25.

So clusters are not chains. A cluster is a representative and faces that are each near *it* (`cover`). No two
representatives are near each other: this is all that is needed to keep near-duplicates of training faces out of the
test.

Faces are clustered twice. First they are compared as they are, which is fast and leaves far fewer. Those that are left
are laid over each other. So a face is near its representative, or it is near, unmoved, to a face that is.

Within an episode the sharpest face represents its near-duplicates. Between episodes it is the face of the episode that
params.yaml lists first, however sharp the other is. So an episode that is added at the end of the list removes no face
from a published dataset and moves none to another split.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.images import Pixels
from pipeline.params import Episode
from pipeline.similarity.pairs import near_pairs_of_each, unmoved_pairs_of_each


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which face stands for which of N.

    stands_for: int64 [N], the row that stands for each. still: int64 [N], the same after the first round. unmoved: all
    pairs that are near as they are. moved: pairs of rows that stood for themselves after the first round and are near
    when laid over each other. Pairs: first, second, distance.
    """

    stands_for: NDArray[np.int64]
    still: NDArray[np.int64]
    unmoved: pd.DataFrame
    moved: pd.DataFrame


def find_clusters(
    rank: NDArray[np.int64], kinds: pd.Series, thumbnails: Pixels, max_bits: int, max_distance: float
) -> Clusters:
    """Cluster faces of one kind (whose face it is said to be): rank int64 [N], kinds [N], uint8 [N, SIDE, SIDE]."""
    unmoved = unmoved_pairs_of_each(kinds, thumbnails, max_bits, max_distance)
    still = cover(rank, unmoved)
    left = np.flatnonzero(still == np.arange(len(rank)))
    moved = near_pairs_of_each(kinds.iloc[left], thumbnails[left], max_bits, max_distance)
    order = np.empty(len(left), np.int64)
    order[np.argsort(rank[left])] = np.arange(len(left))
    stands_for = still.copy()
    stands_for[left] = left[cover(order, moved)]
    moved = moved.assign(first=left[moved["first"]], second=left[moved["second"]])
    return Clusters(stands_for[still], still, unmoved, moved)


def listed(episode_id: str, episodes: Sequence[Episode]) -> int:
    """The position in `episodes` of the entry that an episode came from; the end for an unknown episode.

    The episodes of an entry that is a folder are named by the entry's id and the file's name.
    """
    names = [episode.id for episode in episodes]
    if episode_id in names:
        return names.index(episode_id)
    folders = [name for name in names if episode_id.startswith(f"{name}-")]
    return names.index(max(folders, key=len)) if folders else len(names)


def standing(faces: pd.DataFrame, episodes: Sequence[Episode]) -> NDArray[np.int64]:
    """The rank of each row of `faces` (episode_id, sharpness, face_id) among them, int64 [N]: 0 stands before all."""
    places = {name: listed(name, episodes) for name in faces["episode_id"].unique()}
    keys = pd.DataFrame(
        {
            "listed": faces["episode_id"].map(places).to_numpy(),
            "episode_id": faces["episode_id"].to_numpy(),
            "sharpness": faces["sharpness"].to_numpy(),
            "face_id": faces["face_id"].to_numpy(),
        }
    )
    order = keys.sort_values(list(keys.columns), ascending=[True, True, False, True]).index.to_numpy()
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return rank


def cover(rank: NDArray[np.int64], pairs: pd.DataFrame) -> NDArray[np.int64]:
    """The representative's row of each row; a representative's own row is its own. rank: int64 [N], a permutation.
    pairs: first, second, distance.

    Rows are taken in the order of `rank`. A row that is near no earlier representative becomes a representative.
    Otherwise it belongs to the nearest one, the earlier one if two are equally near. So rows that come later in `rank`
    change nothing for earlier ones.
    """
    one, other = rank[pairs["first"].to_numpy()], rank[pairs["second"].to_numpy()]
    earlier, later = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((earlier, pairs["distance"].to_numpy(), later))
    stands_for = np.arange(len(rank))
    _choose(earlier[order], later[order], stands_for)
    by_rank = np.argsort(rank)
    return np.asarray(by_rank[stands_for[rank]], dtype=np.int64)


@njit(cache=True, nogil=True)
def _choose(earlier, later, stands_for):
    """Fill stands_for int64 [N], by rank, itself at first.

    earlier, later  int64 [K]: the ranks of a near pair; sorted by `later`, then the nearest first
    """
    for k in range(later.size):
        row = later[k]
        if stands_for[row] == row and stands_for[earlier[k]] == earlier[k]:
            stands_for[row] = earlier[k]


def chains(count: int, pairs: pd.DataFrame) -> NDArray[np.int64]:
    """Chain number of each of `count` rows: connected components of the pairs (single linkage)."""
    graph = coo_array((np.ones(len(pairs)), (pairs["first"], pairs["second"])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
