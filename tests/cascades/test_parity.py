"""Windows against cv2.CascadeClassifier, the outside oracle: the very same ones."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import Cascade, Detector, TrainingResult
from cascades.model import LbpFeatures, Stage, Tree
from tests.cascades.conftest import draw_scene

HAAR = sorted(Path(cv2.data.haarcascades).glob("*.xml"))


def oracle(path: Path, gray: np.ndarray, factor: float = 1.1) -> Counter[tuple[int, ...]]:
    found = cv2.CascadeClassifier(str(path)).detectMultiScale(gray, factor, 0)
    return Counter(map(tuple, np.array(found).reshape(-1, 4).tolist()))


def ours(path: Path, gray: np.ndarray, factor: float = 1.1, threads: int = 1) -> Counter[tuple[int, ...]]:
    windows = Detector([Cascade.load(path)], scale_factor=factor, threads=threads).windows(gray)[0]
    return Counter(map(tuple, windows.boxes.tolist()))


@pytest.mark.parametrize("path", HAAR, ids=lambda p: p.stem)
def test_bundled_cascades(path: Path) -> None:
    rng = np.random.default_rng(5)
    noise = cv2.resize(rng.integers(0, 256, (40, 60), np.uint8), (203, 151), interpolation=cv2.INTER_CUBIC)
    for gray in (draw_scene(3, (320, 240), 4)[0], noise):
        assert ours(path, gray) == oracle(path, gray)


def test_own_cascade(trained: TrainingResult, tmp_path: Path) -> None:
    path = tmp_path / "face.xml"
    trained.cascade.save(path)
    for seed in range(100, 104):
        gray, _ = draw_scene(seed)
        for factor in (1.1, 1.3):
            found = oracle(path, gray, factor)
            assert found
            assert ours(path, gray, factor, threads=2) == found


def random_lbp(rng: np.random.Generator, depth: int) -> Cascade:
    """A cascade that passes some windows: random features, codes and leaves, thresholds a little below zero."""
    rects = []
    while len(rects) < 40:
        x, y, w, h = rng.integers(0, 20), rng.integers(0, 20), rng.integers(1, 7), rng.integers(1, 7)
        if x + 3 * w <= 24 and y + 3 * h <= 20:
            rects.append((x, y, w, h))

    def tree() -> Tree:
        n = 2**depth - 1
        inner = np.arange(n)
        links = [np.where(2 * inner + k < n, 2 * inner + k, n - (2 * inner + k)) for k in (1, 2)]
        subset = rng.integers(-(2**31), 2**31, (n, 8)).astype(np.int32)
        leaves = rng.normal(size=n + 1).astype(np.float32)
        feature = rng.integers(0, 40, n).astype(np.int32)
        return Tree(feature, *(k.astype(np.int32) for k in links), np.zeros(n, np.float32), leaves, subset)

    stages = tuple(Stage(-1.5, tuple(tree() for _ in range(5))) for _ in range(4))
    return Cascade((24, 20), LbpFeatures(np.array(rects, np.int16)), stages)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_lbp_cascades(depth: int, seed: int, tmp_path: Path) -> None:
    path = tmp_path / "lbp.xml"
    random_lbp(np.random.default_rng(seed), depth).save(path)
    gray, _ = draw_scene(seed, (210, 160))
    found = oracle(path, gray)
    assert found
    assert ours(path, gray) == found
