"""Best splits among Haar features, for changing weights: what `splits` and `coarse` need, kept between rounds."""

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cascades import coarse, splits
from cascades.trees import Split

HISTOGRAM_BYTES = 8 * coarse.COARSE_BINS  # kept for a feature, beside a byte for every example
CHUNK = 2500  # features handed to a thread at once: the usual pool is eight parts, shared evenly by 2, 4 or 8 threads
SEARCHED = 256  # of those searched more closely
FIRST_LOOK = 199  # before anything is known, every so manieth feature is searched first


@dataclass(frozen=True, eq=False)
class Examples:
    """What a stage learns from, positives first.

    cells      int32[C, N]    integral images side by side (`integral.window_integrals`), planes one after another
    inverse    float32[P, N]  inverse norms per plane (1 for color)
    positives  how many of the N are positive
    """

    cells: NDArray[np.int32]
    inverse: NDArray[np.float32]
    positives: int


@dataclass(frozen=True, eq=False)
class Pool:
    """The features a stage chooses from.

    offsets  int32[F, 12]    rows of Examples.cells
    plane    uint8[F]        image plane
    weights  float32[F, 3]
    names    int64[F]        their positions in the whole feature set, ascending
    """

    offsets: NDArray[np.int32]
    plane: NDArray[np.uint8]
    weights: NDArray[np.float32]
    names: NDArray[np.int64]


class HaarSearch:
    """Best splits over a pool, for changing weights; keeps the byte table between rounds."""

    def __init__(self, examples: Examples, pool: Pool, executor: Executor, kind: int) -> None:
        self.examples = examples
        self.pool = pool
        self.executor = executor
        self.kind = kind
        self.names = pool.names
        self.positives = examples.positives
        self.count = examples.cells.shape[1]
        self.bins = np.empty((len(pool.names), self.count), np.uint8)
        self.histograms = np.empty((len(pool.names), coarse.COARSE_BINS), np.int64)
        self.reference = coarse.Reference(self.count, examples.positives)
        self.favourites = np.arange(0, len(pool.names), FIRST_LOOK)
        futures = [
            executor.submit(
                splits.value_bins, examples.cells, examples.inverse, pool.plane, pool.offsets, pool.weights,
                first, min(first + CHUNK, len(pool.names)), self.bins,
            )
            for first in range(0, len(pool.names), CHUNK)
        ]  # fmt: skip
        for future in futures:
            future.result()

    def best(self, weight: NDArray[np.int64], members: NDArray[np.int32], root: bool = False) -> Split | None:
        """See `trees.Search`."""
        members = members[weight[members] > 0]
        packed = weight[members] << np.where(members < self.positives, 32, 0)
        shared = np.zeros(1)
        # What was close last time is likely to be close now: a good score early rules out most of the rest.
        results = self._search(self.favourites, members, packed, shared)
        todo = self._candidates(weight, members, float(shared[0])) if root else np.arange(len(self.pool.names))
        results += self._search(np.setdiff1d(todo, self.favourites), members, packed, shared)
        self.favourites = np.sort(np.concatenate([r[3] for r in results]))
        score, feature, upper, _ = min(results, key=lambda r: (-r[0], r[1]))
        if feature < 0 or score <= 0:
            return None
        values = self.values(feature)
        threshold = np.float32(splits.middle_threshold(values, np.float32(upper), members))
        return Split(feature, threshold, np.zeros(0, np.int32), values < threshold)

    def _candidates(self, weight: NDArray[np.int64], members: NDArray[np.int32], level: float) -> NDArray[np.int64]:
        """The features that may hold a better split of these examples than one that scores `level`."""
        inside = np.zeros_like(weight)
        inside[members] = weight[members]
        index, delta, anew = self.reference.follow(inside)
        if anew:
            self.histograms[:] = 0
        totals = np.array([inside[part].sum() for part in self.reference.classes], np.float64)
        flags = np.zeros(len(self.pool.names), np.uint8)

        def chunk(first: int) -> None:
            last = min(first + CHUNK, len(flags))
            coarse.correct(self.bins, first, last, index, delta, self.histograms)
            coarse.may_win(
                self.histograms, first, last, self.reference.factor, self.reference.error, totals, self.kind,
                level * splits.SLACK, flags,
            )  # fmt: skip

        list(self.executor.map(chunk, range(0, len(flags), CHUNK)))
        return np.flatnonzero(flags)

    def values(self, feature: int) -> NDArray[np.float32]:
        """One feature of the pool on every example: float32[N]."""
        values = np.empty(self.count, np.float32)
        inverse = self.examples.inverse[self.pool.plane[feature]]
        splits.feature_values(
            self.examples.cells, inverse, self.pool.offsets[feature], self.pool.weights[feature], values
        )
        return values

    def _search(
        self, features: NDArray[np.int64], members: NDArray[np.int32], packed: NDArray[np.int64],
        shared: NDArray[np.float64],
    ) -> list[tuple[float, int, np.float32, NDArray[np.int64]]]:  # fmt: skip
        """The best split among some features, a result for each part of them that a thread searched."""

        def chunk(part: NDArray[np.int64]) -> tuple[float, int, np.float32, NDArray[np.int64]]:
            looked_at = np.empty(len(part), np.int64)
            score, feature, upper, looked = splits.search(
                self.bins, self.examples.cells, self.examples.inverse, self.pool.plane, self.pool.offsets,
                self.pool.weights, part, members, packed, self.kind, shared, looked_at,
            )  # fmt: skip
            return score, feature, upper, looked_at[:looked]

        parts = [features[first : first + SEARCHED] for first in range(0, len(features), SEARCHED)]
        return list(self.executor.map(chunk, parts or [features]))
