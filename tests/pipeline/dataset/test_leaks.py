"""Faces of one scene, or near-duplicates, on two sides of a test."""

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.leaks import check_no_leak, check_scenes, look_alikes
from pipeline.errors import StageError
from pipeline.images import encode_jpeg
from pipeline.params import Manifest
from tests.support.drawn_shapes import draw, rows
from tests.support.trembling import drawing, seen


def test_a_scene_in_two_splits():
    both = pd.concat([rows(12, seed=1), rows(12, seed=2, split="test")], ignore_index=True)
    check_scenes(both)
    both.loc[20, ["episode_id", "scene"]] = ["pilot-train", 1]
    with pytest.raises(StageError, match=r"1 scene with faces in more than one split, such as scene 1 of pilot-train"):
        check_scenes(both)


def test_near_duplicates_in_two_splits_and_in_one():
    picture = draw("disc", "cat", np.random.default_rng(0))
    brighter = np.clip(picture.astype(int) + 3, 0, 255).astype(np.uint8)
    other = draw("cross", "cat", np.random.default_rng(1))
    crops = [encode_jpeg(one) for one in (picture, other, brighter)]
    faces = pd.DataFrame(
        {"face_id": list("abc"), "character": "cat", "split": ["train", "train", "test"], "margin": 0.25}
    )
    with pytest.raises(StageError, match=r"1 pair of near-duplicates in different splits, such as a \(train\) and c"):
        check_no_leak(faces, crops, Manifest())
    check_no_leak(faces.assign(split="train"), crops, Manifest())


def test_a_drawing_a_little_moved_is_a_leak():
    crops = [encode_jpeg(np.dstack([one] * 3)) for one in (seen(drawing(3)), seen(drawing(3), 2, -1, 1.04))]
    faces = pd.DataFrame({"face_id": list("ab"), "character": "cat", "split": ["train", "test"], "margin": 0.0})
    with pytest.raises(StageError, match="1 pair of near-duplicates in different splits"):
        check_no_leak(faces, crops, Manifest())


def test_look_alikes_are_counted_among_the_faces_of_the_same_character_in_train():
    """Of four test faces one is that of a training face, a little moved; one looks like another character's."""
    shown = [
        seen(drawing(3)),
        seen(drawing(4)),
        seen(drawing(3), 2, -1, 1.04),
        seen(drawing(4)),
        *[seen(drawing(n)) for n in (7, 8)],
    ]
    faces = pd.DataFrame(
        {
            "face_id": list("abcdef"),
            "character": ["cat", "mouse", "cat", "cat", "cat", "cat"],
            "split": ["train", "train", *["test"] * 4],
            "margin": 0.0,
        }
    )
    crops = [encode_jpeg(np.dstack([one] * 3)) for one in shown]
    found = look_alikes(faces, crops, Manifest(duplicate_distance=4.5))
    assert list(found) == ["4.5", "6.75", "9", "13.5"]
    assert (found["4.5"], found["6.75"]) == (0.25, 0.25)
    assert all(value is None for value in look_alikes(faces.assign(split="train"), crops, Manifest()).values())
