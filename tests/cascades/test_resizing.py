"""Resizing, sums along rows and contrast against OpenCV and plain sums."""

import copy
import threading

import cv2
import numpy as np
import pytest

from cascades.contrast import level_contrast
from cascades.integral import inverse_norms, sum_row
from cascades.pyramid import build_level, grid, layout, stripes
from cascades.resizing import resized
from cascades.scratch import Scratch


def test_resizing_equals_opencv() -> None:
    """Sizes of all kinds, smaller and larger, down to one pixel; and each level of a pyramid."""
    rng = np.random.default_rng(0)
    sizes = [(tuple(rng.integers(1, 90, 2)), tuple(rng.integers(1, 90, 2))) for _ in range(300)]
    sizes += [((360, 640), (round(360 / 1.1**k), round(640 / 1.1**k))) for k in range(1, 28, 3)]
    sizes += [((40, 64), (20, 32)), ((40, 64), (80, 128)), ((40, 64), (40, 32)), ((1, 64), (1, 30))]
    for source, target in sizes:
        image, out = rng.integers(0, 256, source).astype(np.uint8), np.zeros(target, np.uint8)
        resized(image, out)
        expected = cv2.resize(image, target[::-1], interpolation=cv2.INTER_LINEAR_EXACT)
        assert np.array_equal(out, expected), (source, target)


@pytest.mark.parametrize("width", [1, 7, 8, 16, 17, 45])
@pytest.mark.parametrize("odd", [0, 40])
def test_sums_along_a_row(width: int, odd: int) -> None:
    """Pixels and larger numbers, side by side and in two kinds of columns; sums wrap around."""
    rng = np.random.default_rng(width)
    for kind, most in ((np.uint8, 256), (np.int32, 2**30)):
        values = rng.integers(0, most, width + 3).astype(kind)
        buffer = rng.integers(0, 1000, 200).astype(np.int32)
        x = np.arange(width + 1)
        cells = x // 2 + x % 2 * odd if odd else x
        above = buffer[100 + cells].copy()
        sum_row(values, 3, width, buffer, 100, 0, odd)
        expected = above[1:] + np.cumsum(values[3:], dtype=np.int32)
        assert np.array_equal(buffer[cells[1:]], expected)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.5])
@pytest.mark.parametrize("window", [(24, 24), (20, 15), (33, 8)])
def test_contrast_of_every_window(scale: float, window: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (110, 131)).astype(np.uint8)
    image[10:100, 20:110] = 77  # flat windows, and some nearly so
    image[30, 40] = 200
    lay = layout((131, 110), np.float32(scale))
    level, count = build_level(image[None], lay, False), stripes(lay, window)
    contrast = level_contrast(level, window, count)
    nx, ny = grid(lay, window, count)
    patches = np.lib.stride_tricks.sliding_window_view(level.planes[0], window[::-1])[:: lay.step, :: lay.step]
    expected = np.zeros((ny, lay.stride), np.float32)
    for y in range(ny):
        expected[y, :nx] = inverse_norms(patches[y, :nx])
    assert np.array_equal(contrast.inverse, expected.ravel())
    assert 0 < (expected[:, :nx] == 0).sum() < nx * ny
    bits = (contrast.fine[:, None] >> np.arange(8)) & 1
    assert np.array_equal(bits.ravel(), (expected != 0).ravel())


def test_scratch_gives_each_thread_its_own_memory() -> None:
    scratch, others = Scratch(), []
    mine = scratch.array("a", 10, np.int32)
    thread = threading.Thread(target=lambda: others.append(scratch.array("a", 10, np.int32)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, others[0])
    assert np.shares_memory(mine, scratch.array("a", 5, np.int32))
    assert not np.shares_memory(mine, scratch.array("b", 10, np.int32))
    assert len(scratch.array("a", 1000, np.int32)) == 1000
    assert not np.shares_memory(mine, copy.deepcopy(scratch).array("a", 10, np.int32))
