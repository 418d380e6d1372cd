"""What the benchmark of few boxes trains on and tests on."""

import numpy as np

from benchmarks.footage import Frame
from benchmarks.small_data import FOLDS, Shown, chosen, folds
from cascades import Box


def test_a_shot_is_in_one_fold_and_as_many_boxes_are_trained_on_as_asked_for() -> None:
    rng = np.random.default_rng(0)
    shown = []
    for number in range(120):
        boxes = tuple(Box(int(x), 5, 20, 20) for x in rng.integers(0, 40, rng.integers(0, 3)))
        gray, chroma = np.zeros((50, 60), np.uint8), np.zeros((2, 25, 30), np.uint8)
        frame = Frame(number, gray, chroma, False, bool(number % 4), tuple(("cat", box) for box in boxes))
        shown.append(Shown(("show", number // 10), frame, boxes))
    where = folds(shown)
    faces = [sum(len(one.boxes) for one in shown if where[one.shot] == fold) for fold in range(FOLDS)]
    assert sorted(where) == [("show", shot) for shot in range(12)]
    assert max(faces) - min(faces) <= 10  # a shot has about ten faces
    images = chosen(shown, 30, seed=1)
    assert sum(len(image.boxes) for image in images) in (30, 31)  # the last frame may have two
    assert [image for image in images if not image.boxes and not image.negatives] == []
    keys = {image.key for image in images}
    assert keys >= {f"{one.shot}/{one.frame.number}" for one in shown if not one.boxes and one.frame.complete}
    assert keys != {image.key for image in chosen(shown, 30, seed=2)}
