"""Chroma against OpenCV's own conversion, and what is refused."""

import cv2
import numpy as np
import pytest

from cascades import AnnotatedImage, TrainingDataError, chroma_of
from cascades.planes import COLOR, image_planes


def test_chroma_is_opencvs_within_rounding() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    rgb[:2, :4] = [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], [[0, 0, 0], [255, 255, 0]] * 2]
    theirs = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.int16)
    ours = chroma_of(rgb).astype(np.int16)
    assert np.abs(ours[0] - theirs[..., 2]).max() <= 1
    assert np.abs(ours[1] - theirs[..., 1]).max() <= 1
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert (chroma_of(gray) == 128).all()


def test_half_sized_chroma_is_brought_to_the_grays_size() -> None:
    gray = np.zeros((41, 60), np.uint8)
    half = np.stack([np.full((21, 30), 90, np.uint8), np.full((21, 30), 200, np.uint8)])
    planes = image_planes(gray, half, COLOR, "image")
    assert planes.shape == (3, 41, 60)
    assert (planes[1] == 90).all()
    assert (planes[2] == 200).all()


@pytest.mark.parametrize("shape", [(3, 40, 60), (2, 40, 61), (2, 9, 15), (40, 60)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingDataError, match=r"chroma is uint8.*expected uint8\[2, h, w\]"):
        AnnotatedImage("a", np.zeros((40, 60), np.uint8), chroma=np.zeros(shape, np.uint8))
