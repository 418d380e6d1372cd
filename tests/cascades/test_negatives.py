"""Mining of background: its kernels compared with plain arithmetic, and how far it looks ahead."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cascades import AnnotatedImage, Box, TrainingParams
from cascades.boxes import as_array, intersection_over_union, intersections
from cascades.contrast import has_contrast
from cascades.integral import inverse_norms
from cascades.negatives import FACE_OVERLAP, IGNORED_SHARE, NegativeMiner, is_background


@pytest.mark.parametrize("window", [(24, 24), (20, 30)])
def test_contrast_of_single_windows(window: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(100, 140, (90, 120)).astype(np.uint8)
    image[30:, :60] = 77  # flat
    x = rng.integers(0, 120 - window[0] + 1, 300).astype(np.int32)
    y = rng.integers(0, 90 - window[1] + 1, 300).astype(np.int32)
    patches = np.stack([image[b : b + window[1], a : a + window[0]] for a, b in zip(x, y, strict=True)])
    expected = inverse_norms(patches) != 0
    assert 0 < expected.sum() < 300
    assert np.array_equal(has_contrast(image, x, y, window), expected)


def test_faces_and_ignored_regions_are_no_background() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 200, (2, 3000)).astype(np.int32)
    faces = as_array([Box(50, 60, 40, 40), Box(200, 210, 90, 90)])
    regions = as_array([Box(0, 100, 70, 30), Box(150, 20, 15, 10)])
    for scale in (1.0, 1.1, 2.5937424601):
        side = round(24 * scale)
        windows = np.stack([np.rint(x * scale), np.rint(y * scale), *np.full((2, len(x)), side)], axis=1)
        windows = windows.astype(np.int64)
        masked = (intersection_over_union(windows, faces) >= FACE_OVERLAP).any(axis=1)
        smaller = np.minimum(side * side, regions[:, 2:].prod(axis=1))
        touched = (intersections(windows, regions) >= IGNORED_SHARE * smaller).any(axis=1)
        found = is_background(x, y, scale, (24, 24), faces, regions)
        assert 0 < masked.sum() < len(x)
        assert touched.any()
        assert np.array_equal(found, ~masked & ~touched)


class Counted(list[AnnotatedImage]):
    """Images that remember which of them were asked for."""

    def __init__(self, images: list[AnnotatedImage]) -> None:
        super().__init__(images)
        self.asked: list[str] = []

    def __getitem__(self, index: int) -> AnnotatedImage:  # type: ignore[override]
        image = super().__getitem__(index)
        self.asked.append(image.key)
        return image


def test_no_image_is_scanned_for_nothing() -> None:
    rng = np.random.default_rng(2)
    images = Counted([AnnotatedImage(str(i), rng.integers(0, 256, (60, 80)).astype(np.uint8)) for i in range(40)])
    params = TrainingParams(negatives=60)
    with ThreadPoolExecutor(2) as executor:
        miner = NegativeMiner(images, params, executor)
        mined = miner.mine(None, 60, set(), 0)
    assert len(mined.keys) == 60
    assert len(images.asked) == miner.cursor == 30  # two windows of each
    with ThreadPoolExecutor(1) as executor:
        alone = NegativeMiner(images, replace(params, threads=1), executor).mine(None, 60, set(), 0)
    assert alone.keys == mined.keys
    assert all(np.array_equal(a, b) for a, b in zip(alone.patches, mined.patches, strict=True))
