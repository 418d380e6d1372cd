"""The detector around the scan: several cascades, sizes, regions, where the face lies in the window."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import Box, Cascade, Detector, InvalidParameter, TrainingDataError, TrainingResult, sharing
from cascades.box_regression import moved_boxes
from tests.cascades.conftest import draw_scene

FOLDER = Path(cv2.data.haarcascades)


@pytest.fixture(scope="module")
def cascades(trained: TrainingResult) -> list[Cascade]:
    names = ("frontalface_alt", "eye", "profileface", "lefteye_2splits", "lowerbody")
    return [trained.cascade, *(Cascade.load(FOLDER / f"haarcascade_{name}.xml") for name in names)]


def test_one_pass_equals_one_by_one(cascades: list[Cascade], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PIXELS_EACH", 1)  # else a picture so small stays with one thread
    gray, _ = draw_scene(20, (400, 300), 4)
    together = Detector(cascades, threads=2).windows(gray)
    for cascade, windows in zip(cascades, together, strict=True):
        (alone,) = Detector([cascade]).windows(gray)
        assert np.array_equal(alone.boxes, windows.boxes)
        assert np.array_equal(alone.margins, windows.margins)
    assert sum(len(w.boxes) for w in together) > 0


def test_sizes(cascades: list[Cascade]) -> None:
    gray, _ = draw_scene(21)
    (every,) = Detector(cascades[:1]).windows(gray)
    (some,) = Detector(cascades[:1], min_size=35, max_size=60).windows(gray)
    assert set(some.boxes[:, 2]) < set(every.boxes[:, 2])
    assert some.boxes[:, 2].min() >= 35 - 2  # clipping at the edge may take a pixel or two
    assert some.boxes[:, 2].max() <= 60


def test_region_is_a_crop(cascades: list[Cascade]) -> None:
    gray, boxes = draw_scene(22)
    region = Box(boxes[0].x - 20, boxes[0].y - 20, boxes[0].w + 40, boxes[0].h + 40)
    (inside,) = Detector(cascades[:1]).windows(gray, region)
    x, y = max(region.x, 0), max(region.y, 0)
    crop = np.ascontiguousarray(gray[y : region.y + region.h, x : region.x + region.w])
    (cropped,) = Detector(cascades[:1]).windows(crop)
    assert len(inside.boxes) > 0
    assert np.array_equal(inside.boxes, cropped.boxes + np.array([x, y, 0, 0]))


def test_small_images_and_outside_regions_have_no_windows(cascades: list[Cascade]) -> None:
    detector = Detector(cascades)
    for found in detector.windows(np.zeros((10, 300), np.uint8)):
        assert found.boxes.shape == (0, 4)
    gray, _ = draw_scene(23)
    for found in detector.detect(gray, Box(5000, 5000, 100, 100)):
        assert found.boxes.shape == (0, 4)


def test_faces_are_found_where_they_are_drawn(cascades: list[Cascade]) -> None:
    hits = total = 0
    for seed in range(900, 910):
        gray, boxes = draw_scene(seed)
        (found,) = Detector(cascades[:1]).detect(gray)
        assert (np.diff(found.scores) <= 0).all()
        for box in boxes:
            total += 1
            near = np.abs(found.boxes[: len(boxes)] - np.array(box)).max(axis=1, initial=0) <= 0.15 * box.w
            hits += bool(near.any())
    assert hits >= 0.8 * total


def test_margin_is_undone() -> None:
    windows = np.array([[100.0, 200.0, 40.0, 40.0]])
    assert moved_boxes(windows, (0.25, 0.1, 0.5, 0.8)).tolist() == [[110, 204, 20, 32]]


def test_what_cannot_be_run_is_refused(cascades: list[Cascade]) -> None:
    with pytest.raises(InvalidParameter, match="scale_factor"):
        Detector(cascades, scale_factor=1.0)
    detector = Detector(cascades[:1])
    for image in (np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50)), np.zeros((50, 100), np.uint8)[:, ::2]):
        with pytest.raises(TrainingDataError, match="image"):
            detector.detect(image)
