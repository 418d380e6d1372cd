"""Which features may hold the best split of all examples, from histograms that are kept from one round to the next.

After a round, boosting multiplies every weight by one of a few factors: a stump makes four, two leaves times two
classes. Up to one factor per class, which needs no work, only the smaller leaf's examples changed, a fifth of them on
average. So a feature's histogram is not made again but corrected for those.

The histograms hold reference weights u, integers, with A·u ≈ w for the round's weights w and a factor A per class. How
far off that is, Σ|A·u − w|, is known every round and widens the bounds, so what is ruled out is ruled out exactly.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cascades.splits import GENTLE, LOWER, split_score

COARSE_BINS = 64
_SHIFT = 2  # 256 bins to 64
_CLOSE = 2.0**-12  # relative: a reference weight this near is not corrected
_FARTHEST = 2.0**-8  # of a class's weight: with reference weights further off the bounds rule out too little
_LARGEST = 2**31  # reference weights of a class add up to less, so that a pair of sums fits an int64


class Reference:
    """Reference weights of all examples: what the histograms hold, and how it relates to the weights of this round.

    u       int64[N]    reference weights, positives first
    factor  float64[2]  w ≈ factor · u, for positives and negatives
    error   float64[2]  Σ|factor · u − w| of each class
    """

    def __init__(self, count: int, positives: int) -> None:
        self.u = np.zeros(count, np.int64)
        self.factor = np.ones(2)
        self.error = np.zeros(2)
        self.classes = (slice(0, positives), slice(positives, count))

    def follow(self, weight: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64], bool]:
        """Move to the weights int64[N] of a round.

        Returns the examples that change int32[K], by how much (a pair as in `splits`, int64[K]), and whether the
        histograms must be emptied first.
        """
        before = self.u.copy()
        anew = not before.any()
        for k, part in enumerate(self.classes):
            self._follow_class(k, part, weight)
            anew |= bool(self.u[part].sum() >= _LARGEST or self.error[k] > _FARTHEST * weight[part].sum())
        if anew:
            before[:] = 0
            self.u[:] = weight
            self.factor[:] = 1.0
            self.error[:] = 0.0
        index = np.flatnonzero(self.u != before).astype(np.int32)
        delta = (self.u - before)[index]
        return index, np.where(index < self.classes[0].stop, delta << 32, delta), anew

    def _follow_class(self, k: int, part: slice, weight: NDArray[np.int64]) -> None:
        """Take the commonest ratio as the class's factor and correct the examples that have another one."""
        u, w = self.u[part], weight[part]
        both = (u > 0) & (w > 0)
        if both.any():
            # The median belongs to the larger leaf. An element, not a mean of two: the same bits everywhere.
            ratio = w[both] / u[both]
            self.factor[k] = np.partition(ratio, len(ratio) // 2)[len(ratio) // 2]
        factor = self.factor[k]
        far = np.abs(factor * u - w) > _CLOSE * w
        u[far] = np.rint(w[far] / factor).astype(np.int64)
        self.error[k] = 1.001 * float(np.abs(factor * u - w).sum())  # more than the rounding of this sum


@njit(cache=True, nogil=True)
def correct(bins, first, last, index, delta, histograms):
    """Add delta int64[K] at the bins of the examples index int32[K]: histograms int64[F, COARSE_BINS].

    bins uint8[F, N], rows first ≤ f < last.
    """
    # Four features at once: what is read of an example serves all of them, and they do not wait for each other's sums.
    fours = first + (last - first) // 4 * 4
    for f in range(first, fours, 4):
        row_0, row_1, row_2, row_3 = bins[f], bins[f + 1], bins[f + 2], bins[f + 3]
        out_0, out_1, out_2, out_3 = histograms[f], histograms[f + 1], histograms[f + 2], histograms[f + 3]
        for k in range(index.size):
            i, change = np.uint64(index[k]), delta[k]  # unsigned: no wrap-around to check for
            out_0[np.uint64(row_0[i] >> _SHIFT)] += change
            out_1[np.uint64(row_1[i] >> _SHIFT)] += change
            out_2[np.uint64(row_2[i] >> _SHIFT)] += change
            out_3[np.uint64(row_3[i] >> _SHIFT)] += change
    for f in range(fours, last):
        row, out = bins[f], histograms[f]
        for k in range(index.size):
            out[np.uint64(row[np.uint64(index[k])] >> _SHIFT)] += delta[k]


@njit(cache=True, nogil=True)
def may_win(histograms, first, last, factor, error, totals, kind, level, flags):
    """Whether any threshold of features first ≤ f < last may score more than `level`: flags uint8[F].

    factor, error, totals  float64[2], of positives and negatives; see `Reference`
    """
    low_p = np.empty(COARSE_BINS + 1, np.float64)
    low_n = np.empty(COARSE_BINS + 1, np.float64)
    all_p, all_n = totals[0], totals[1]
    whole = all_p + all_n
    lead = all_p - all_n
    for f in range(first, last):
        histogram = histograms[f]
        total = np.int64(0)
        low_p[0] = 0.0
        low_n[0] = 0.0
        for k in range(COARSE_BINS):
            total += histogram[k]
            low_p[k + 1] = factor[0] * np.float64(total >> 32)
            low_n[k + 1] = factor[1] * np.float64(total & LOWER)
        any_flag = np.uint8(0)
        for corner in range(4):
            right_p, right_n = corner & 1, corner >> 1
            edge_p = error[0] if right_p else -error[0]
            edge_n = error[1] if right_n else -error[1]
            for k in range(COARSE_BINS):
                p = max(0.0, min(all_p, low_p[k + right_p] + edge_p))
                n = max(0.0, min(all_n, low_n[k + right_n] + edge_n))
                if kind == GENTLE:  # without a division, see splits.may_beat
                    w = p + n
                    rest = whole - w
                    d = p - n
                    gap = lead - d
                    any_flag |= np.uint8(d * d * rest + gap * gap * w - level * (w * rest) > 0.0)
                else:
                    any_flag |= np.uint8(split_score(p, n, all_p, all_n, kind) > level)
        flags[f] = any_flag
