"""The best split of one node: an exact search over all features that does little of the work.

Every feature's values over the examples are kept as one byte (`value_bins`), a monotone coarsening of the float32
value. From a histogram of the weights over the 256 bins follows an upper bound of the score of any threshold inside
any bin, so only the few features whose bound beats the best score found so far are looked at exactly. Most do not even
need that histogram: a coarser one, kept from round to round (`coarse`), already rules them out.

The score of a split is s(P_l, N_l) + s(P_r, N_r), P and N the weight of positives and negatives on a side, with

    gentle    s = (P − N)² / (P + N)     weighted squared error       (Friedman, Hastie, Tibshirani 2000, alg. 4)
    real      s = (√P − √N)²             the exponential loss's Z     (Schapire & Singer 1999, eq. 9)
    discrete  s = |P − N|                weighted errors              (Freund & Schapire 1997)

All three are convex in (P, N). Inside a bin, (P_l, N_l) stays in the rectangle between the bin's two ends, and a convex
function is largest at a corner: hence the bound. It is tight: of 40,000 features about ten are looked at exactly.

Weights are integers, so sums do not depend on their order and neither threads nor shortcuts change a bit. A pair
(P, N) is one int64, P in the upper half: one addition counts an example, whatever its class.
"""

# mypy: allow-untyped-defs
# (kernels have no annotations numba would read; shapes and dtypes are in their docstrings)

import numpy as np
from numba import njit

BINS = 256
GENTLE, DISCRETE, REAL = 0, 1, 2
LOWER = np.int64(2**32 - 1)
SLACK = 1.0 - 1e-9  # far more than rounding can lift a score above its bound


@njit(cache=True, nogil=True)
def feature_values(cells, inverse, offset, weight, out):
    """One feature on every example: the float32 arithmetic of the detector.

    cells    int32[C, N]   integral images (`integral.window_integrals`)
    inverse  float32[N]    inverse norms
    offset   int32[12]     rows of `cells`: the corners of three rectangles
    weight   float32[3]
    out      float32[N]
    """
    for k in range(3):
        w = weight[k]
        if w == 0:
            continue
        a = cells[offset[4 * k]]
        b = cells[offset[4 * k + 1]]
        c = cells[offset[4 * k + 2]]
        d = cells[offset[4 * k + 3]]
        if k == 0:
            for i in range(out.size):
                out[i] = w * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))
        else:
            for i in range(out.size):
                out[i] += w * np.float32(np.int32(a[i] - b[i] - c[i] + d[i]))
    for i in range(out.size):
        out[i] *= inverse[i]


@njit(cache=True, nogil=True)
def value_bins(cells, inverse, plane, offsets, weights, first, last, bins):
    """Fill bins uint8[F, N] for features first ≤ f < last; costs about 1 ns per value.

    The bins spread linearly over ±2.5 standard deviations of a sample of the values. Where they lie changes the time,
    never the result.
    """
    count = cells.shape[1]
    value = np.empty(count, np.float32)
    for f in range(first, last):
        feature_values(cells, inverse[plane[f]], offsets[f], weights[f], value)
        mean = np.float32(0)
        square = np.float32(0)
        seen = np.float32(0)
        for i in range(0, count, 8):
            mean += value[i]
            square += value[i] * value[i]
            seen += np.float32(1)
        mean /= seen
        spread = np.float32(5) * np.sqrt(max(square / seen - mean * mean, np.float32(1e-20)))
        low = mean - np.float32(0.5) * spread
        scale = np.float32(BINS) / spread
        row = bins[f]
        for i in range(count):
            place = (value[i] - low) * scale
            row[i] = np.uint8(np.int32(max(np.float32(0), min(np.float32(BINS - 1), place))))


@njit(cache=True, nogil=True)
def side_score(p, n, kind):
    """s(P, N), float64."""
    if kind == GENTLE:
        return (p - n) * (p - n) / (p + n) if p + n > 0 else 0.0
    if kind == DISCRETE:
        return abs(p - n)
    root = np.sqrt(p) - np.sqrt(n)
    return root * root


@njit(cache=True, nogil=True)
def split_score(p, n, all_p, all_n, kind):
    """s(left) + s(right) for the left side's weights."""
    return side_score(p, n, kind) + side_score(all_p - p, all_n - n, kind)


@njit(cache=True, nogil=True)
def may_beat(histogram, low_p, low_n, all_p, all_n, kind, level, flags):
    """Whether a threshold inside some bin may score more than `level`; flags uint8[BINS] says which bins.

    low_p, low_n  float64[BINS + 1]: out, the weights left of every bin. With these the corners of bin k's rectangle are
    (low[k], low[k]), (low[k+1], low[k]), (low[k], low[k+1]); its far corner is the next bin's near one.
    """
    total = np.int64(0)
    for k in range(BINS):
        low_p[k] = total >> 32
        low_n[k] = total & LOWER
        total += histogram[k]
    low_p[BINS] = total >> 32
    low_n[BINS] = total & LOWER
    any_flag = np.uint8(0)
    if kind == GENTLE:
        # s(l) + s(r) > level without a division: d² (W − w) + (D − d)² w > level · w (W − w).
        whole = all_p + all_n
        lead = all_p - all_n
        for k in range(BINS):
            flag = np.uint8(0)
            for corner in range(3):
                left_p = low_p[k + 1] if corner == 1 else low_p[k]
                left_n = low_n[k + 1] if corner == 2 else low_n[k]
                w = left_p + left_n
                d = left_p - left_n
                rest = whole - w
                gap = lead - d
                value = d * d * rest + gap * gap * w - level * (w * rest)
                flag |= np.uint8(value > 0.0)  # zero where a side is empty
            flags[k] = flag
            any_flag |= flag
    else:
        for k in range(BINS):
            flag = np.uint8(0)
            for corner in range(3):
                left_p = low_p[k + 1] if corner == 1 else low_p[k]
                left_n = low_n[k + 1] if corner == 2 else low_n[k]
                flag |= np.uint8(split_score(left_p, left_n, all_p, all_n, kind) > level)
            flags[k] = flag
            any_flag |= flag
    return any_flag != 0


@njit(cache=True, nogil=True)
def _exact(row, value, index, weight, low_p, low_n, flags, all_p, all_n, kind):
    """Best score and its threshold among the thresholds in or at the start of flagged bins.

    Returns (score, upper): examples with value < upper go left; score −1 where there is no proper split.
    """
    members = np.empty(index.size, np.int64)
    keys = np.empty(index.size, np.float32)
    count = 0
    for i in range(index.size):
        if flags[row[index[i]]] != 0:
            members[count] = i
            keys[count] = value[index[i]]
            count += 1
    order = np.argsort(keys[:count])
    best = -1.0
    upper = np.float32(0)
    p = 0.0
    n = 0.0
    last_bin = np.int64(-1)
    previous = np.float32(0)
    for k in range(count):
        i = members[order[k]]
        here = keys[order[k]]
        bin_here = np.int64(row[index[i]])
        if bin_here != last_bin:
            p = low_p[bin_here]
            n = low_n[bin_here]
        if (bin_here != last_bin or here != previous) and p + n > 0:
            score = split_score(p, n, all_p, all_n, kind)
            if score > best:
                best = score
                upper = here
        p += np.float64(weight[i] >> 32)
        n += np.float64(weight[i] & LOWER)
        last_bin = bin_here
        previous = here
    return best, upper


@njit(cache=True, nogil=True)
def search(bins, cells, inverse, plane, offsets, weights, features, index, weight, kind, shared, looked_at):
    """Search some features for the best split of a node.

    inverse    float32[P, N] inverse norms per image plane, plane uint8[F] the plane of every feature
    features   int64[K]     which rows of `bins` to search, in this order
    index      int32[M]     the node's examples
    weight     int64[M]     their weights, P in the upper 32 bits, N in the lower
    shared     float64[1]   best score found by anyone so far: read to skip, written when beaten
    looked_at  int64[K]     out: the features looked at exactly; the count is returned

    Returns (score, feature, upper, count); feature −1 where nothing was found. Equal scores: the lowest feature wins.
    """
    total = weight.sum()
    all_p = np.float64(total >> 32)
    all_n = np.float64(total & LOWER)
    histogram = np.empty(BINS, np.int64)
    low_p = np.empty(BINS + 1, np.float64)
    low_n = np.empty(BINS + 1, np.float64)
    flags = np.empty(BINS, np.uint8)
    value = np.empty(cells.shape[1], np.float32)
    everyone = index.size == cells.shape[1]
    best = -1.0
    best_feature = np.int64(-1)
    best_upper = np.float32(0)
    looked = 0
    for f in features:
        row = bins[f]
        histogram[:] = 0
        if everyone:
            for i in range(weight.size):
                histogram[row[i]] += weight[i]
        else:
            for i in range(weight.size):
                histogram[row[index[i]]] += weight[i]
        level = max(best, shared[0]) * SLACK
        if not may_beat(histogram, low_p, low_n, all_p, all_n, kind, level, flags):
            continue
        feature_values(cells, inverse[plane[f]], offsets[f], weights[f], value)
        score, upper = _exact(row, value, index, weight, low_p, low_n, flags, all_p, all_n, kind)
        looked_at[looked] = f
        looked += 1
        if score > best or (score == best and f < best_feature):
            best = score
            best_feature = f
            best_upper = upper
            if score > shared[0]:
                shared[0] = score
    return best, best_feature, best_upper, looked


@njit(cache=True, nogil=True)
def middle_threshold(value, upper, index):
    """A float32 halfway between `upper` and the next smaller value among the examples: v < threshold stays the same."""
    lower = np.float32(-np.inf)
    for i in index:
        if value[i] < upper and value[i] > lower:
            lower = value[i]
    if lower == np.float32(-np.inf):
        return upper
    middle = np.float32((np.float64(lower) + np.float64(upper)) * 0.5)
    return upper if middle <= lower else middle
