"""Windows against cv2.CascadeClassifier, the outside oracle: the very same ones."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import Cascade, Detector, TrainingResult
from tests.cascades.conftest import draw_scene
from tests.cascades.random_cascades import random_haar, random_lbp

HAAR = sorted(Path(cv2.data.haarcascades).glob("*.xml"))


def oracle(path: Path, gray: np.ndarray, factor: float = 1.1) -> Counter[tuple[int, ...]]:
    found = cv2.CascadeClassifier(str(path)).detectMultiScale(gray, factor, 0)
    return Counter(map(tuple, np.array(found).reshape(-1, 4).tolist()))


def ours(path: Path, gray: np.ndarray, factor: float = 1.1) -> Counter[tuple[int, ...]]:
    windows = Detector([Cascade.load(path)], scale_factor=factor).windows(gray)[0]
    return Counter(map(tuple, windows.boxes.tolist()))


@pytest.mark.slow
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
            assert ours(path, gray, factor) == found


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_lbp_cascades(depth: int, seed: int, tmp_path: Path) -> None:
    path = tmp_path / "lbp.xml"
    random_lbp(np.random.default_rng(seed), depth).save(path)
    gray, _ = draw_scene(seed, (210, 160))
    found = oracle(path, gray)
    assert found
    assert ours(path, gray) == found


@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
def test_haar_cascades(depth: int, tilted: bool, tmp_path: Path) -> None:
    path = tmp_path / "haar.xml"
    random_haar(np.random.default_rng(8), depth, tilted, -1.5).save(path)
    gray, _ = draw_scene(depth, (210, 160))
    found = oracle(path, gray)
    assert found
    assert ours(path, gray) == found
