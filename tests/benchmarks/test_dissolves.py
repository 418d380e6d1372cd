"""Scenes joined by dissolves: the truth of the benchmark is where it says, and the finder sees it."""

import numpy as np
import pytest

from benchmarks.boundaries import boundary_f1
from benchmarks.dissolves import Show, found_in, joined_by_dissolves


@pytest.mark.parametrize("length", [12, 20])
def test_scenes_are_joined_where_it_is_said(length: int) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (3, 9, 16, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    previews = [picture for picture in drawn for _ in range(80)]
    joined = joined_by_dissolves(Show("still", previews, [0, 80, 160], []), length)
    assert len(joined.previews) == 3 * 80 - 2 * length
    for (first, last), start in zip(joined.gradual, joined.starts[1:], strict=True):
        assert last + 1 == start
        steps = [
            np.abs(np.subtract(joined.previews[i], joined.previews[i - 1], dtype=int)).max() for i in (first, start)
        ]
        assert min(steps) > 0
        assert np.array_equal(joined.previews[start], joined.previews[start + 1])
    assert found_in(joined.previews, dissolves=False) == []
    assert boundary_f1(found_in(joined.previews, dissolves=True), joined.starts[1:], joined.gradual).f1 == 1
