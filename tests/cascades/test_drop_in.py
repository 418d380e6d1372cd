"""The drop-in against `cv2.CascadeClassifier` itself: rectangles, order, levels, weights, types and errors.

`benchmarks/dropin.py` runs the same comparison on many more pictures.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cascades import Cascade, CascadeClassifier, groupRectangles
from cascades.view import survivors
from tests.cascades.random_cascades import random_picture
from tests.cascades.recorded import CASCADES, FILE, record

HAAR = sorted(Path(cv2.data.haarcascades).glob("*.xml"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With more threads OpenCV's order changes from run to run."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def equal(theirs: Any, ours: Any) -> bool:
    """The same tuple or array, with the same type of numbers."""
    if isinstance(theirs, tuple):
        return isinstance(ours, tuple) and len(theirs) == len(ours) and all(map(equal, theirs, ours))
    return type(theirs) is type(ours) and theirs.dtype == ours.dtype and np.array_equal(theirs, ours)


def calls(rng: np.random.Generator) -> dict[str, Any]:
    """Arguments of a call, half of them as people leave them."""
    chosen: dict[str, Any] = {
        "scaleFactor": float(rng.choice([1.02, 1.05, 1.1, 1.3, 2.0])),
        "minNeighbors": int(rng.integers(0, 5)),
        "minSize": tuple(int(v) for v in rng.integers(0, 90, 2)),
        "maxSize": tuple(int(v) for v in rng.integers(0, 200, 2)),
    }
    return {name: value for name, value in chosen.items() if rng.random() < 0.5}


@pytest.mark.parametrize("path", HAAR, ids=lambda p: p.stem)
def test_cascades_of_opencv(path: Path) -> None:
    rng = np.random.default_rng(11)
    theirs, ours = cv2.CascadeClassifier(str(path)), CascadeClassifier(path)
    assert theirs.empty() == ours.empty()
    assert theirs.getOriginalWindowSize() == ours.getOriginalWindowSize()
    assert theirs.getFeatureType() == ours.getFeatureType()
    assert theirs.isOldFormatCascade() == ours.isOldFormatCascade()
    for channels in (0, 0, 3, 4):
        picture = random_picture(rng, (int(rng.integers(10, 160)), int(rng.integers(10, 160))), channels)
        arguments = calls(rng)
        for name, more in (("", {}), ("2", {}), ("3", {"outputRejectLevels": True})):
            method = f"detectMultiScale{name}"
            assert equal(
                getattr(theirs, method)(picture, **arguments, **more),
                getattr(ours, method)(picture, **arguments, **more),
            ), arguments


@pytest.mark.parametrize("path", HAAR[::4], ids=lambda p: p.stem)
def test_with_more_threads_opencv_finds_the_same_in_another_order(path: Path) -> None:
    cv2.setNumThreads(4)
    small = np.random.default_rng(1).integers(0, 256, (30, 40), np.uint8)
    picture = np.asarray(cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    for neighbors in (0, 1):
        found = [
            np.array(classifier.detectMultiScale(picture, 1.05, neighbors)).reshape(-1, 4)
            for classifier in (cv2.CascadeClassifier(str(path)), CascadeClassifier(path))
        ]
        theirs, ours = (rects[np.lexsort(rects.T)] for rects in found)
        assert np.array_equal(theirs, ours)


def test_the_recorded_answers_are_opencvs(tmp_path: Path) -> None:
    assert record(tmp_path) == json.loads(FILE.read_text(encoding="ascii"))


def test_windows_of_the_first_stages_alone(tmp_path: Path) -> None:
    """What `cascades view` counts after each stage."""
    cascade, picture = Cascade.load(HAAR[0]), random_picture(np.random.default_rng(2), (120, 90))
    found = survivors(cascade, picture, np.zeros((2, 90, 120), np.uint8))
    for number, count in enumerate(found.counts, 1):
        replace(cascade, stages=cascade.stages[:number]).save(tmp_path / "part.xml")
        assert len(cv2.CascadeClassifier(str(tmp_path / "part.xml")).detectMultiScale(picture, 1.1, 0)) == count


GRAY = np.zeros((60, 60), np.uint8)
WRONG: dict[str, Callable[[Any], Any]] = {
    "scale 1": lambda c: c.detectMultiScale(GRAY, 1.0),
    "scale below 1": lambda c: c.detectMultiScale(GRAY, 0.5),
    "scale a word": lambda c: c.detectMultiScale(GRAY, "a"),
    "scale a truth": lambda c: c.detectMultiScale(GRAY, True),
    "float image": lambda c: c.detectMultiScale(GRAY.astype(np.float32)),
    "16 bits": lambda c: c.detectMultiScale(GRAY.astype(np.uint16)),
    "truths": lambda c: c.detectMultiScale(GRAY > 3),
    "a list": lambda c: c.detectMultiScale([[1, 2], [3, 4]]),
    "2 channels": lambda c: c.detectMultiScale(np.dstack([GRAY] * 2)),
    "5 channels": lambda c: c.detectMultiScale(np.dstack([GRAY] * 5)),
    "neighbors a float": lambda c: c.detectMultiScale(GRAY, 1.1, 3.0),
    "size a number": lambda c: c.detectMultiScale(GRAY, minSize=30),
    "size of floats": lambda c: c.detectMultiScale(GRAY, minSize=(30.0, 30.0)),
    "size of three": lambda c: c.detectMultiScale(GRAY, minSize=(30, 30, 30)),
}
RIGHT: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda c: c.detectMultiScale(None),
    "an empty image": lambda c: c.detectMultiScale(np.zeros((0, 9), np.uint8)),
    "a column": lambda c: c.detectMultiScale(np.zeros(99, np.uint8)),
    "None for all": lambda c: c.detectMultiScale(GRAY, None, None, None, None, None),
    "numbers of numpy": lambda c: c.detectMultiScale(GRAY, np.float32(1.5), np.int64(2), minSize=np.array([30, 30])),
    "a list for a size": lambda c: c.detectMultiScale(GRAY, minSize=[30, 30]),
    "sizes below zero": lambda c: c.detectMultiScale(GRAY, 1.1, -1, minSize=(-3, -3), maxSize=(-3, -3)),
    "the least above the most": lambda c: c.detectMultiScale(GRAY, minSize=(50, 50), maxSize=(30, 30)),
    "flags": lambda c: c.detectMultiScale(GRAY, 1.1, 0, cv2.CASCADE_FIND_BIGGEST_OBJECT),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_opencv_refuses_is_refused(name: str) -> None:
    for classifier in (cv2.CascadeClassifier(str(HAAR[0])), CascadeClassifier(HAAR[0])):
        with pytest.raises(cv2.error):
            WRONG[name](classifier)


@pytest.mark.parametrize("name", RIGHT)
def test_what_opencv_takes_is_taken(name: str) -> None:
    theirs, ours = (RIGHT[name](c) for c in (cv2.CascadeClassifier(str(HAAR[0])), CascadeClassifier(HAAR[0])))
    assert equal(theirs, ours)


def test_levels_that_are_not_asked_for_fail_as_in_opencv(tmp_path: Path) -> None:
    CASCADES["lbp stumps"]().save(tmp_path / "lbp.xml")
    picture = random_picture(np.random.default_rng(0), (90, 70))
    for classifier in (cv2.CascadeClassifier(str(tmp_path / "lbp.xml")), CascadeClassifier(tmp_path / "lbp.xml")):
        with pytest.raises(cv2.error):
            classifier.detectMultiScale3(picture, 1.1, 0)


@pytest.mark.parametrize("seed", range(40))
def test_groups_of_rectangles(seed: int) -> None:
    """Crowded rectangles, so that chains, ties, halves and rectangles inside others come up."""
    rng = np.random.default_rng(seed)
    count, spread = int(rng.integers(0, 400)), int(rng.integers(1, 200))
    rects = np.concatenate([rng.integers(-20, spread, (count, 2)), rng.integers(1, 80, (count, 2))], axis=1)
    for threshold in (-1, 0, 1, 3):
        for eps in (0.0, 0.2, 0.35, 1.0):
            given = rects.tolist() if seed % 2 else rects.astype(np.int32)
            assert equal(cv2.groupRectangles(given, threshold, eps), groupRectangles(given, threshold, eps))
    assert equal(cv2.groupRectangles(rects.tolist(), 1), groupRectangles(rects.tolist(), 1))


def test_rectangles_that_are_none() -> None:
    for wrong in ([(1.5, 1, 10, 10)], [(1, 1, 10)]):
        for function in (cv2.groupRectangles, groupRectangles):
            with pytest.raises(TypeError):
                function(wrong, 1)
