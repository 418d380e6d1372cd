"""The one function that cuts faces: of frames and of pictures alike, held to plain numpy."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.faces.crops import crop_jpeg
from pipeline.images import cut_face, decode_rgb
from pipeline.params import Faces
from pipeline.video.decode import decode_frames
from tests.support.worlds import write_video


def noise(height: int, width: int) -> np.ndarray:
    picture = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


BOXES = [(30, 20, 20, 24), (0, 0, 20, 20), (70, 44, 26, 20)]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("margin", [0.0, 0.25, 1.0])
def test_a_crop_is_the_square_around_the_box_with_its_edges_repeated(box: tuple[int, ...], margin: float) -> None:
    picture = noise(64, 96)
    x, y, w, h = box
    found = cut_face(picture, (x, y, w, h), margin, 1000)
    side = round(max(w, h) * (1 + 2 * margin))
    rows = np.clip(np.arange(side) + y + h // 2 - side // 2, 0, 63)
    columns = np.clip(np.arange(side) + x + w // 2 - side // 2, 0, 95)
    np.testing.assert_array_equal(found, picture[rows[:, None], columns])


def test_a_large_crop_is_shrunk_and_a_small_one_stays() -> None:
    picture = noise(64, 96)
    assert cut_face(picture, BOXES[0], 0.25, 16).shape == (16, 16, 3)
    assert cut_face(picture, BOXES[0], 0.25, 128).shape == (36, 36, 3)


@pytest.mark.parametrize("box", BOXES)
def test_a_frame_is_cut_as_its_picture_is(box: tuple[int, int, int, int], tmp_path: Path) -> None:
    (frame,) = decode_frames(write_video(tmp_path / "a.mkv", [noise(64, 96)], codec="ffv1", pix_fmt="bgr0"))
    for margin, size in ((0.0, 128), (0.5, 40)):
        whole = cut_face(frame.rgb(), box, margin, size)
        np.testing.assert_array_equal(cut_face(frame, box, margin, size), whole)
        stored = decode_rgb(crop_jpeg(frame, box, Faces(crop_margin=margin, crop_size=size)))
        assert stored is not None
        assert stored.shape == whole.shape
        assert np.abs(stored.astype(int) - whole).mean() < 4  # what JPEG leaves
