"""Best splits among LBP features: which of a feature's 256 codes go left.

Of the 2²⁵⁵ ways to part the codes the best is found by ordering them by their share of positives and cutting once:
exact for every criterion that is convex in that share (Fisher 1958; Breiman et al. 1984, theorem 4.5), as those of
`splits` are. OpenCV's trainer does the same.

But what is best for some hundred faces is not for others: many codes have few examples, and a little noise flips the
bit of two blocks that are nearly equal. So each example counts as if every bit of its code were flipped now and then
(`smear`); what a split is worth and where codes go is decided by that. The leaves' values are those of the examples
themselves.

Codes are sorted only where it may pay. Before, they are thrown into 256 bins of their share of positives; the best cut
lies in one of them, so the bound that `splits` puts on thresholds inside a bin holds here too.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

from concurrent.futures import Executor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.splits import BINS, LOWER, SLACK, may_beat, split_score
from cascades.trees import Split

CODES = 256
FLIP = 3  # 2 ranked little better on training shots, for twice the trees: docs/benchmarks.md, LBP
CHUNK = 1024  # features handed to a thread at once


class LbpSearch:
    """Best splits over a pool of LBP features, for changing weights (`trees.Search`); keeps the codes between rounds.

    cells int32[C, N] from `integral.window_integrals`, positives first; offsets int32[F, 16] rows of it
    """

    def __init__(
        self, cells: NDArray[np.int32], positives: int, offsets: NDArray[np.int32], names: NDArray[np.int64],
        executor: Executor, kind: int,
    ) -> None:  # fmt: skip
        self.names = names
        self.kind = kind
        self.positives = positives
        self.count = cells.shape[1]
        self.executor = executor
        self.codes = np.empty((len(names), self.count), np.uint8)
        self.favourites = np.zeros(0, np.int64)
        every = _parts(np.arange(len(names)))
        for future in [executor.submit(window_codes, cells, offsets, part, self.codes) for part in every]:
            future.result()

    def best(self, weight: NDArray[np.int64], members: NDArray[np.int32], root: bool = False) -> Split | None:
        """See `trees.Search`. Codes that no example comes near: see `left_codes`."""
        del root  # every node is searched the same way
        members = members[weight[members] > 0]
        packed = weight[members] << np.where(members < self.positives, 32, 0)
        shared = np.zeros(1)

        def chunk(part: NDArray[np.int64]) -> tuple[float, int, NDArray[np.int64]]:
            looked_at = np.empty(len(part), np.int64)
            score, feature, looked = search(self.codes, part, members, packed, self.kind, shared, looked_at)
            return score, feature, looked_at[:looked]

        # What was close last time is likely to be close now: a good score early skips most of the rest.
        results = list(self.executor.map(chunk, _parts(self.favourites)))
        rest = np.setdiff1d(np.arange(len(self.names)), self.favourites)
        results += self.executor.map(chunk, _parts(rest))
        self.favourites = np.sort(np.concatenate([looked for *_, looked in results]))
        score, feature, _ = min(results, key=lambda r: (-r[0], r[1]))
        if feature < 0 or score <= 0:
            return None
        row = self.codes[feature]
        left = left_codes(row, members, packed, self.kind)
        subset = np.packbits(left, bitorder="little").view("<i4").astype(np.int32)
        return Split(feature, np.float32(0), subset, left[row])


def _parts(features: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [features[first : first + CHUNK] for first in range(0, len(features), CHUNK)]


@njit(cache=True, nogil=True)
def window_codes(cells, offsets, features, codes):
    """The codes of some features on all windows, bits 7 to 0 as `lbp_blocks` counts them.

    cells int32[C, N], offsets int32[F, 16], features int64[K], codes uint8[F, N] out
    """
    count = cells.shape[1]
    middle = np.empty(count, np.int32)
    for f in features:
        o = offsets[f]
        row = codes[f]
        _block(cells, o, 5, middle)
        row[:] = 0
        # Clockwise from the top left; the corner of a block in the 4×4 grid is 4·row + column.
        for place, corner in enumerate((0, 1, 2, 6, 10, 9, 8, 4)):
            a = cells[o[corner]]
            b = cells[o[corner + 1]]
            c = cells[o[corner + 4]]
            d = cells[o[corner + 5]]
            bit = np.uint8(128 >> place)
            for i in range(count):
                row[i] |= bit if a[i] - b[i] - c[i] + d[i] >= middle[i] else np.uint8(0)


@njit(cache=True, nogil=True)
def _block(cells, o, corner, out):
    a = cells[o[corner]]
    b = cells[o[corner + 1]]
    c = cells[o[corner + 4]]
    d = cells[o[corner + 5]]
    for i in range(out.size):
        out[i] = a[i] - b[i] - c[i] + d[i]


@njit(cache=True, nogil=True)
def code_weights(row, index, weight, histogram):
    """Weights of each code among the examples: row uint8[N], index int32[M], weight int64[M] pairs → int64[CODES]."""
    histogram[:] = 0
    for i in range(index.size):
        histogram[row[np.uint64(index[i])]] += weight[i]


@njit(cache=True, nogil=True)
def smear(histogram, p, n):
    """Weights of each code as if every bit of every example's code were flipped with the probability 2^−FLIP.

    histogram int64[CODES] pairs, changed; p, n int64[CODES] are for working. Bit by bit, rounded down each time.
    """
    for k in range(CODES):
        p[k] = histogram[k] >> 32
        n[k] = histogram[k] & LOWER
    for side in (p, n):
        step = 1
        while step < CODES:
            for first in range(0, CODES, 2 * step):
                zero = side[first : first + step]
                one = side[first + step : first + 2 * step]
                for k in range(step):
                    flow = (zero[k] - one[k]) >> FLIP
                    zero[k] -= flow
                    one[k] += flow
            step *= 2
    for k in range(CODES):
        histogram[k] = (p[k] << 32) + n[k]


@njit(cache=True, nogil=True)
def _shares(histogram, share):
    """Share of positives of each code's weight, float64[CODES]; −1 for codes without weight."""
    for k in range(CODES):
        p = np.float64(histogram[k] >> 32)
        n = np.float64(histogram[k] & LOWER)
        share[k] = p / (p + n) if p + n > 0 else -1.0


@njit(cache=True, nogil=True)
def bin_shares(histogram, share, binned):
    """Weights int64[CODES] pairs by their share of positives: int64[BINS] pairs, linear from the least to the most."""
    least = 1.0
    most = 0.0
    for k in range(CODES):
        least = min(least, share[k] if share[k] >= 0 else 1.0)
        most = max(most, share[k])
    scale = (BINS - 1) / max(most - least, 1e-9)
    binned[:] = 0
    for k in range(CODES):
        binned[np.uint64(max(0.0, min(BINS - 1.0, (share[k] - least) * scale)))] += histogram[k]


@njit(cache=True, nogil=True)
def best_cut(histogram, share, kind):
    """The best cut of the codes ordered by their share of positives.

    Returns (score, limit): codes with share < limit go left. Codes of equal share stay together, so their order does
    not matter, and a cut between them could not be better. Score −1 where all shares are equal.
    """
    total = histogram.sum()
    all_p = np.float64(total >> 32)
    all_n = np.float64(total & LOWER)
    best = -1.0
    limit = 0.0
    p = 0.0
    n = 0.0
    previous = 2.0
    for k in np.argsort(share):
        if share[k] < 0:
            continue
        if share[k] > previous:
            score = split_score(p, n, all_p, all_n, kind)
            if score > best:
                best = score
                limit = share[k]
        p += np.float64(histogram[k] >> 32)
        n += np.float64(histogram[k] & LOWER)
        previous = share[k]
    return best, limit


@njit(cache=True, nogil=True)
def left_codes(row, index, weight, kind):
    """Which codes the best split of a feature sends left: bool[CODES].

    A code too far from all examples' to have weight is taken for one with equal weights of both classes.
    """
    histogram = np.empty(CODES, np.int64)
    some_p = np.empty(CODES, np.int64)
    some_n = np.empty(CODES, np.int64)
    share = np.empty(CODES, np.float64)
    code_weights(row, index, weight, histogram)
    smear(histogram, some_p, some_n)
    _shares(histogram, share)
    _, limit = best_cut(histogram, share, kind)
    return np.where(histogram == 0, 0.5, share) < limit


@njit(cache=True, nogil=True)
def search(codes, features, index, weight, kind, shared, looked_at):
    """Search some features for the best split of a node; arguments and result as `splits.search`, less the threshold.

    codes uint8[F, N], features int64[K], index int32[M], weight int64[M] pairs, shared float64[1], looked_at int64[K]
    """
    total = weight.sum()
    all_p = np.float64(total >> 32)
    all_n = np.float64(total & LOWER)
    histogram = np.empty(CODES, np.int64)
    some_p = np.empty(CODES, np.int64)
    some_n = np.empty(CODES, np.int64)
    share = np.empty(CODES, np.float64)
    binned = np.empty(BINS, np.int64)
    low_p = np.empty(BINS + 1, np.float64)
    low_n = np.empty(BINS + 1, np.float64)
    flags = np.empty(BINS, np.uint8)
    best = -1.0
    best_feature = np.int64(-1)
    looked = 0
    for f in features:
        code_weights(codes[f], index, weight, histogram)
        smear(histogram, some_p, some_n)
        _shares(histogram, share)
        bin_shares(histogram, share, binned)
        level = max(best, shared[0]) * SLACK
        if not may_beat(binned, low_p, low_n, all_p, all_n, kind, level, flags):
            continue
        score, _ = best_cut(histogram, share, kind)
        looked_at[looked] = f
        looked += 1
        if score > best or (score == best and f < best_feature):
            best = score
            best_feature = f
            if score > shared[0]:
                shared[0] = score
    return best, best_feature, looked
