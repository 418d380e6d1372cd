"""The benchmark of searching: precision on features that are known, and drawings that are drawings."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.searching import COUNT, Queries, edges, interval, posterized, precision, sketch
from pipeline.sample import EXPRESSIONS
from pipeline.sample.design import Pose
from pipeline.search.index import Index
from tests.support.drawn_shapes import draw


def test_precision_counts_the_faces_of_other_characters_alone() -> None:
    truth = np.array(["happy", "sad"] * 40, dtype=object)
    characters = np.array(["cat"] * 40 + ["mouse"] * 40, dtype=object)
    features = np.stack([truth == "happy", truth == "sad"], axis=1).astype(np.float32)
    index = Index.of(pd.DataFrame({"character": characters}), features)
    queries = Queries([], 0.25, truth[:4], characters[:4], np.array(["a", "a", "b", "b"], dtype=object))
    everything = np.ones(80, bool)
    assert precision(index, features[:4], queries, truth, everything).tolist() == [1, 1, 1, 1]
    assert precision(index, -features[:4], queries, truth, everything).tolist() == [0, 0, 0, 0]
    # Of three happy mice that may be found, the other seven of ten are sad.
    few = everything.copy()
    few[46::2] = False
    one = Queries([], 0.25, truth[:1], characters[:1], queries.scene[:1])
    assert precision(index, features[:1], one, truth, few).tolist() == [3 / COUNT]


def test_intervals_are_drawn_by_scene() -> None:
    values = np.array([0.0, 0.0, 1.0, 1.0])
    low, high = interval(values, np.array(["a", "a", "b", "b"], dtype=object))
    assert (low, high) == (0, 1)
    assert interval(np.full(4, 0.5), np.array(["a", "a", "b", "b"], dtype=object)) == (0.5, 0.5)


@pytest.mark.parametrize("character", ["cat", "mouse"])
def test_sketches_are_lines_on_white_and_differ_by_expression(character: str) -> None:
    drawn = {name: sketch(character, name, Pose()) for name in EXPRESSIONS}
    for picture in drawn.values():
        assert picture.shape == (128, 128, 3)
        assert (picture == picture[..., :1]).all()  # gray
        assert 0.02 < (picture < 64).mean() < 0.3
        assert (picture > 192).mean() > 0.6
    assert len({picture.tobytes() for picture in drawn.values()}) == len(EXPRESSIONS)


def test_edges_and_few_colors() -> None:
    face = draw("square", "cat", np.random.default_rng(0))
    assert set(np.unique(edges(face))) == {0, 255}
    assert set(np.unique(posterized(face))) <= {0, 127, 254}
