"""Cascades of random features that let some windows through, and pictures for them. Nothing here is drawn by OpenCV,
whose releases may draw differently."""

import numpy as np

from cascades import Cascade
from cascades.features import HaarFeatures, LbpFeatures
from cascades.model import Stage, Tree


def random_tree(rng: np.random.Generator, depth: int, lbp: bool) -> Tree:
    """A full tree of that depth over 40 features."""
    n = 2**depth - 1
    inner = np.arange(n)
    links = [np.where(2 * inner + k < n, 2 * inner + k, n - (2 * inner + k)) for k in (1, 2)]
    subset = rng.integers(-(2**31), 2**31, (n, 8)).astype(np.int32)
    leaves = rng.normal(size=n + 1).astype(np.float32)
    feature = rng.integers(0, 40, n).astype(np.int32)
    left, right = (k.astype(np.int32) for k in links)
    if lbp:
        return Tree(feature, left, right, np.zeros(n, np.float32), leaves, subset)
    return Tree(feature, left, right, rng.normal(0, 0.02, n).astype(np.float32), leaves)


def random_lbp(rng: np.random.Generator, depth: int) -> Cascade:
    """An LBP cascade that passes some windows: random features, codes and leaves, thresholds a little below zero."""
    rects = []
    while len(rects) < 40:
        x, y, w, h = rng.integers(0, 20), rng.integers(0, 20), rng.integers(1, 7), rng.integers(1, 7)
        if x + 3 * w <= 24 and y + 3 * h <= 20:
            rects.append((x, y, w, h))
    stages = tuple(Stage(-1.5, tuple(random_tree(rng, depth, lbp=True) for _ in range(5))) for _ in range(4))
    return Cascade((24, 20), LbpFeatures(np.array(rects, np.int16)), stages)


def random_haar(rng: np.random.Generator, depth: int, tilted: bool, threshold: float) -> Cascade:
    """A Haar cascade that passes some windows, upright or with every second feature tilted; a window of 22×18 px."""
    rects = np.zeros((40, 3, 4), np.int16)
    for i in range(40):
        w, h = (int(v) for v in rng.integers(1, 4, 2))
        if tilted and i % 2:  # two halves of a tilted rectangle: to the right and below
            x, y = int(rng.integers(h, 22 - 2 * w)), int(rng.integers(0, 18 - 2 * w - h))
            rects[i, :2] = [(x, y, 2 * w, h), (x + w, y + w, w, h)]
        else:
            x, y = int(rng.integers(0, 22 - 3 * w)), int(rng.integers(0, 18 - 3 * h))
            rects[i, :2] = [(x, y, 3 * w, 3 * h), (x + w, y + h, w, h)]
    weights = np.tile(np.array([-1, 2, 0], np.float32), (40, 1))
    weights[~(tilted & (np.arange(40) % 2 == 1)), 1] = 9
    features = HaarFeatures(rects, weights, tilted & (np.arange(40) % 2 == 1), np.zeros(40, np.uint8))
    stages = tuple(Stage(threshold, tuple(random_tree(rng, depth, lbp=False) for _ in range(5))) for _ in range(4))
    return Cascade((22, 18), features, stages)


def random_picture(rng: np.random.Generator, size: tuple[int, int], channels: int = 0) -> np.ndarray:
    """Blocks of many sizes, one over another, and noise: uint8[H, W] or uint8[H, W, channels]."""
    width, height = size
    shape = (height, width) if channels == 0 else (height, width, channels)
    total = np.zeros(shape)
    for side in (3, 8, 21):
        small = rng.integers(-60, 61, (height // side + 1, width // side + 1, *shape[2:]))
        total += small.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return np.clip(128 + total + rng.integers(-8, 9, shape), 0, 255).astype(np.uint8)
