"""Feature sets against OpenCV's counts, integral images against cv2.integral and plain sums."""

import cv2
import numpy as np
import pytest

from cascades.errors import InvalidParameter
from cascades.features import haar_features
from cascades.integral import inverse_norms, tilted_integral, window_integrals
from cascades.pyramid import build_level, layout
from cascades.splits import feature_values
from cascades.training import window_offsets


@pytest.mark.parametrize(("name", "count"), [("basic", 162_336), ("core", 210_400), ("all", 261_600)])
def test_counts_in_a_24_px_window(name: str, count: int) -> None:
    assert len(haar_features((24, 24), name)) == count


def test_features_stay_in_any_window_and_ignore_brightness() -> None:
    for window in ((24, 24), (13, 9), (20, 30)):
        features = haar_features(window, "all")
        corners = features.corners().reshape(-1, 2)
        assert (corners >= 0).all()
        assert (corners <= np.array(window)).all()
        areas = features.rects[..., 2].astype(int) * features.rects[..., 3] * np.where(features.tilted, 2, 1)[:, None]
        assert np.abs((areas * features.weights).sum(axis=1)).max() == 0


def test_unknown_set_is_named() -> None:
    with pytest.raises(InvalidParameter, match="basics"):
        haar_features((24, 24), "basics")


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (40, 61)])
def test_tilted_integral_equals_opencv(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = np.empty((shape[0] + 1, shape[1] + 1), np.int32)
    tilted_integral(image, found.ravel(), 1, shape[1] + 1, shape[0] + 1)
    assert np.array_equal(found, cv2.integral3(image)[2])


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.5])
def test_level_integrals_equal_opencv(scale: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (57, 83), np.uint8)
    lay = layout((83, 57), np.float32(scale))
    level = build_level(image[None], lay, tilted=True)
    y, x = np.mgrid[: lay.height + 1, : lay.width + 1]
    planes = [level.buffer[i * lay.plane_size + lay.cells(x, y)] for i in range(2)]
    upright, _, tilted = cv2.integral3(level.planes[0])
    assert np.array_equal(planes[0], upright)
    assert np.array_equal(planes[1], tilted)


def plain_value(patch: np.ndarray, rect: np.ndarray) -> int:
    """Pixels under an upright rectangle, summed directly."""
    x, y, w, h = (int(v) for v in rect)
    return int(patch[y : y + h, x : x + w].astype(int).sum())


def test_tilted_rectangles_are_sums_over_their_own_pixels() -> None:
    """Lighting one pixel at a time shows which pixels a turned rectangle covers: 2·w·h of them, each once."""
    features = haar_features((9, 9), "all")
    features = features.take(np.flatnonzero(features.tilted))
    single = np.zeros((81, 9, 9), np.uint8)
    single.reshape(81, 81)[np.arange(81), np.arange(81)] = 1
    cells = window_integrals(single[:, None], tilted=True)
    offsets = window_offsets(features, (9, 9))
    weight = np.array([1, 0, 0], np.float32)
    out = np.empty(81, np.float32)
    for f in range(len(features)):
        feature_values(cells, np.ones(81, np.float32), offsets[f], weight, out)
        x, y, w, h = (int(v) for v in features.rects[f, 0])
        assert set(np.unique(out)) <= {0.0, 1.0}
        assert out.sum() == 2 * w * h, (x, y, w, h, out.reshape(9, 9))
        rows, columns = np.nonzero(out.reshape(9, 9))
        assert rows.min() == y
        assert rows.max() == y + w + h - 1
        assert columns.min() == x - h
        assert columns.max() == x + w - 2


def test_window_values_equal_plain_sums() -> None:
    rng = np.random.default_rng(2)
    patches = rng.integers(0, 256, (5, 12, 10), np.uint8)
    features = haar_features((10, 12), "core")
    offsets = window_offsets(features, (10, 12))
    cells = window_integrals(patches[:, None], tilted=False)
    inverse = inverse_norms(patches)
    out = np.empty(5, np.float32)
    for f in rng.integers(0, len(features), 200):
        feature_values(cells, inverse, offsets[f], features.weights[f], out)
        for i, patch in enumerate(patches):
            sums = [plain_value(patch, r) for r in features.rects[f]]
            value = np.float32(features.weights[f, 0]) * np.float32(sums[0])
            for k in (1, 2):
                if features.weights[f, k] != 0:
                    value = value + np.float32(features.weights[f, k]) * np.float32(sums[k])
            assert out[i] == value * inverse[i]


def test_norms_refuse_flat_windows() -> None:
    rng = np.random.default_rng(3)
    flat = np.full((1, 24, 24), 90, np.uint8)
    low = (90 + rng.integers(-8, 9, (1, 24, 24))).astype(np.uint8)
    high = rng.integers(0, 256, (1, 24, 24), np.uint8)
    inner = high[0, 1:-1, 1:-1].astype(float)
    norms = inverse_norms(np.concatenate([flat, low, high]))
    assert norms[0] == 0
    assert norms[1] == 0
    assert norms[2] == pytest.approx(1 / (inner.size * inner.std()), rel=1e-6)
