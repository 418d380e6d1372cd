"""The LBP scan's vector kernel, and the scan as a whole, against plain twins."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cascades.flat import limits
from cascades.flat_lbp import LbpNodes, LbpStumpNodes, flatten_lbp, lbp_on_level
from cascades.lbp import NO_NORMS, existing_windows, scan_lbp
from cascades.pyramid import build_level, grid, layout, stripes
from cascades.vectors import BLOCK
from tests.cascades.conftest import draw_scene
from tests.cascades.plain_lbp import lbp_code, plain_scan
from tests.cascades.random_cascades import random_lbp
from tests.cascades.test_blocks import masks

STUMPS = 40
STAGES = np.array([0, 1, 6, 20, STUMPS], np.int32)


def plain_sums(buffer: NDArray[np.int32], windows: int, nodes: LbpNodes, stage: int) -> NDArray[np.float64]:
    """The stage's sum of every window, window by window and a stump after the other."""
    total = np.zeros(windows)
    for cell in range(windows):
        for t in range(nodes.stages[stage], nodes.stages[stage + 1]):
            code = lbp_code(buffer, cell, nodes.offsets[t])
            left = int(nodes.subset[t, code >> 5]) >> (code & 31) & 1
            total[cell] += float(nodes.stump[t, 1 if left else 2])
    return total


@pytest.fixture(scope="module")
def world() -> tuple[NDArray[np.int32], NDArray[np.uint32], LbpNodes]:
    """Blocks on noise, so that every code occurs; sums near the ends of int32, which wrap around."""
    rng = np.random.default_rng(0)
    alive = rng.integers(0, 2**BLOCK, 60).astype(np.uint32)
    buffer = rng.integers(0, 100, alive.size * BLOCK + 500).astype(np.int32)
    buffer[::7] += np.int32(2**31 - 100)
    stump = rng.normal(size=(STUMPS, 3)).astype(np.float32)
    threshold = np.array([stump[0, 1:].mean(), -2, 0, -1], np.float32)  # some pass each, some do not
    subset = rng.integers(-(2**31), 2**31, (STUMPS, 8)).astype(np.int32)
    nodes = LbpStumpNodes(
        rng.integers(0, 490, (STUMPS, 16)).astype(np.int32), subset, stump, limits(stump[:, 1:], STAGES, threshold),
        np.zeros((0, 2), np.int32), np.zeros(0, np.float32), np.zeros((1, 2), np.int32), STAGES, threshold,
    )  # fmt: skip
    return buffer, alive, nodes


@pytest.mark.parametrize("stage", range(4))
def test_a_block_passes_as_its_windows_do(
    world: tuple[NDArray[np.int32], NDArray[np.uint32], LbpNodes], stage: int
) -> None:
    buffer, alive, nodes = world
    plain = plain_sums(buffer, alive.size * BLOCK, nodes, stage)
    passes = plain >= nodes.stage_threshold[stage]
    assert 0.1 < passes.mean() < 0.9
    expected = (passes.reshape(-1, BLOCK) << np.arange(BLOCK)).sum(axis=1).astype(np.uint32) & alive
    found, sums = masks(buffer, NO_NORMS, alive, nodes, stage)
    assert np.array_equal(found, expected)
    passed = passes & ((alive[:, None] >> np.arange(BLOCK)) & 1).astype(bool).ravel()
    assert np.array_equal(sums[passed], plain[passed])


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("scale", [1.0, 1.21, 2.14])
@pytest.mark.parametrize("size", [(210, 160), (97, 61), (24, 20)])
def test_blocks_find_what_window_by_window_finds(size: tuple[int, int], scale: float, depth: int) -> None:
    """Sums, places and the skipping of neighbours, at both steps and where rows end inside a block."""
    flat = flatten_lbp(random_lbp(np.random.default_rng(1), depth))
    assert flat.stumps == (depth == 1)
    gray = (
        draw_scene(4, size, 1)[0] if min(size) > 60 else np.random.default_rng(2).integers(0, 256, size[::-1], np.uint8)
    )
    lay = layout((round(size[0] * scale), round(size[1] * scale)), np.float32(scale))
    level = build_level(gray[None], lay, False)
    count = stripes(lay, flat.window)
    nx, ny = grid(lay, flat.window, count)
    cells, sums = plain_scan(level.buffer, lay.stride, ny, nx, lbp_on_level(flat, lay))
    found = scan_lbp(flat, level, count)
    x, y = lay.places(cells)
    assert len(x) > 0 or size == (24, 20)  # that one has a few windows only
    assert (found.x.tolist(), found.y.tolist(), found.score.tolist()) == (x.tolist(), y.tolist(), sums.tolist())
    assert found.scanned == nx * ny == int(np.bitwise_count(existing_windows(lay, flat.window, count)).sum())
