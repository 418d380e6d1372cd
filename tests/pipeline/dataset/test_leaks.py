"""Faces of one scene, or near-duplicates, on two sides of a test."""

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.leaks import check_no_leak, check_scenes
from pipeline.errors import StageError
from pipeline.images import encode_jpeg
from pipeline.params import Manifest
from tests.support.drawn_shapes import draw, rows


def test_a_scene_in_two_splits():
    both = pd.concat([rows(12, seed=1), rows(12, seed=2, split="test")], ignore_index=True)
    check_scenes(both)
    both.loc[20, ["episode_id", "scene"]] = ["pilot-train", 1]
    with pytest.raises(StageError, match=r"1 scenes have faces in more than one split, such as scene 1 of pilot-train"):
        check_scenes(both)


def test_near_duplicates_in_two_splits_and_in_one():
    picture = draw("disc", "cat", np.random.default_rng(0))
    brighter = np.clip(picture.astype(int) + 3, 0, 255).astype(np.uint8)
    other = draw("cross", "cat", np.random.default_rng(1))
    crops = [encode_jpeg(one) for one in (picture, other, brighter)]
    faces = pd.DataFrame(
        {"face_id": list("abc"), "character": "cat", "split": ["train", "train", "test"], "margin": 0.25}
    )
    with pytest.raises(
        StageError, match=r"1 pairs of near-duplicates are in different splits, such as a \(train\) and c"
    ):
        check_no_leak(faces, crops, Manifest())
    check_no_leak(faces.assign(split="train"), crops, Manifest())
