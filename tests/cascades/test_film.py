"""The library on the real film: the same windows as cv2, and a cascade that finds a character in unseen shots."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.footage import DEFAULT, SIZE, Frame, judge, load, training_images
from cascades import Cascade, Detector, train

pytestmark = [pytest.mark.film, pytest.mark.slow]


@pytest.fixture(scope="module")
def frames(footage: Path) -> list[Frame]:
    return load("bbb", "big_buck_bunny_720p.mp4", SIZE)


def test_windows_equal_opencv(frames: list[Frame]) -> None:
    for name in ("frontalface_default", "frontalface_alt_tree", "smile", "fullbody"):
        path = Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"
        for frame in frames[50:600:110]:
            (windows,) = Detector([Cascade.load(path)]).windows(frame.gray)
            theirs = np.array(cv2.CascadeClassifier(str(path)).detectMultiScale(frame.gray, 1.1, 0)).reshape(-1, 4)
            assert Counter(map(tuple, windows.boxes.tolist())) == Counter(map(tuple, theirs.tolist()))


def test_bunny_in_unseen_shots(frames: list[Frame]) -> None:
    cascade = train(training_images(frames, "bunny"), DEFAULT).cascade
    assert judge(cascade, frames, "bunny").recall_at(0.3) >= 0.93
