"""Windows against cv2.CascadeClassifier, the outside oracle: the very same ones."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import Cascade, Detector, InvalidCascadeXml, TrainingResult
from tests.cascades.conftest import draw_scene

BUNDLED = sorted(Path(cv2.data.haarcascades).glob("*.xml"))
OLD_FORMAT = "haarcascade_license_plate_rus_16stages"
HAAR = [path for path in BUNDLED if path.stem != OLD_FORMAT]


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


def test_old_format_is_refused_by_name() -> None:
    (path,) = [p for p in BUNDLED if p.stem == OLD_FORMAT]
    with pytest.raises(InvalidCascadeXml, match=r"before 2\.4"):
        Cascade.load(path)
