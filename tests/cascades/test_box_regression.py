"""Boxes learned from what the window shows: against plain Python, against numpy's solver, and on faces never seen."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import (
    AnnotatedImage,
    Box,
    BoxRegression,
    Cascade,
    CascadeInfo,
    Detector,
    InvalidCascadeXml,
    TrainingDataError,
    TrainingResult,
    fit_boxes,
    train,
)
from cascades.box_fitting import collect_pairs, mirrored, moved_windows, ridge, solve, true_shifts
from cascades.box_regression import UNIT, WEIGHT_UNIT, feature_count, moved_boxes, window_patches
from cascades.boxes import intersection_over_union
from cascades.detector import face_boxes
from cascades.features import haar_features
from tests.cascades.conftest import SMALL, draw_images, draw_scene

PLAIN = Cascade((24, 24), haar_features((24, 24), "basic"), (), CascadeInfo(face=(0.0, 0.0, 1.0, 1.0)))


def oval(seed: int) -> AnnotatedImage:
    """A light oval with two eyes on clutter, upright or broad, and its box."""
    rng = np.random.default_rng([17, seed])
    gray, _ = draw_scene(seed, faces=0)
    w, h = (int(side) for side in rng.integers(40, 80, 2))
    x, y = int(rng.integers(10, 310 - w)), int(rng.integers(10, 170 - h))
    cv2.ellipse(gray, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, 225, -1)
    for side in (-1, 1):
        cv2.circle(gray, (x + w // 2 + side * w // 5, y + h // 3), max(w // 10, 2), 20, -1)
    return AnnotatedImage(f"oval/{seed}", gray, (Box(x, y, w, h),))


def overlaps(cascade: Cascade, images: list[AnnotatedImage]) -> np.ndarray:
    """IoU of each image's box with the one found in windows that are off by some pixels."""
    rng, found = np.random.default_rng(3), []
    for image in images:
        windows = moved_windows(image.boxes[0], cascade, 4, rng)
        boxes = np.rint(face_boxes(image.gray[None], windows, cascade.info)).astype(np.int64)
        found.append(intersection_over_union(boxes, np.array(image.boxes, np.int64))[:, 0])
    return np.concatenate(found)


def test_boxes_of_unseen_faces_fit_better() -> None:
    fitted = fit_boxes(PLAIN, [oval(seed) for seed in range(60)])
    unseen = [oval(seed) for seed in range(1000, 1040)]
    before, after = overlaps(PLAIN, unseen), overlaps(fitted, unseen)
    assert before.mean() < 0.7  # squares around ovals of all shapes
    assert after.mean() > before.mean() + 0.05
    assert (after >= 0.5).mean() > (before >= 0.5).mean()


def lowered(image: AnnotatedImage) -> tuple[Box, ...]:
    """Boxes as somebody draws them who takes the lower part of a face for the face."""
    return tuple(Box(b.x + b.w // 10, b.y + b.h // 10, b.w - b.w // 5, b.h) for b in image.boxes)


def test_a_known_offset_is_found_on_unseen_faces() -> None:
    learned = [replace(image, boxes=lowered(image)) for image in draw_images(0, 40)]
    place = CascadeInfo(face=(0.1, 0.0, 0.8, 1.0))
    cascade = fit_boxes(replace(PLAIN, info=place), learned)
    away = []
    for image in draw_images(500, 20):
        windows = np.array(image.boxes, np.float64)  # around the whole face, which is not what was boxed
        found, truth = face_boxes(image.gray[None], windows, cascade.info), np.array(lowered(image), np.float64)
        away += [(found - truth) / truth[:, 3:], (face_boxes(image.gray[None], windows, place) - truth) / truth[:, 3:]]
    after, before = np.concatenate(away[::2]), np.concatenate(away[1::2])
    assert before.mean(axis=0) == pytest.approx([0, -0.1, 0, 0], abs=0.01)
    assert after.mean(axis=0) == pytest.approx([0, 0, 0, 0], abs=0.04)


def test_features_and_boxes_are_those_of_plain_python() -> None:
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 256, (3, 90, 120)).astype(np.uint8)
    weights = rng.integers(-200_000, 200_000, (4, feature_count(3)))
    regression = BoxRegression(*(tuple(edge) for edge in weights.tolist()))
    face = (0.1, 0.05, 0.8, 0.9)
    windows = np.array([[20.25, 10.5, 40.0, 40.0], [-3.0, 50.0, 30.0, 30.0], [80.0, 40.0, 55.0, 55.0]])
    found = face_boxes(planes, windows, CascadeInfo(face=face, planes=("gray", "cb", "cr"), box_regression=regression))
    for window, patch, box in zip(windows, window_patches(planes, windows), found, strict=True):
        shifts = [sum(a * b for a, b in zip(edge, plain(patch), strict=True)) for edge in weights.tolist()]
        moved = [
            max(-0.25 * s, min(0.25 * s, v / UNIT / WEIGHT_UNIT)) for s, v in zip([0.8, 0.9] * 2, shifts, strict=True)
        ]
        x, y, w, h = window
        left, right = x + (face[0] + moved[0]) * w, x + (face[0] + face[2] + moved[2]) * w
        top, bottom = y + (face[1] + moved[1]) * h, y + (face[1] + face[3] + moved[3]) * h
        assert box == pytest.approx([left, top, right - left, bottom - top])


def plain(patch: np.ndarray) -> list[int]:
    """`cell_features` of one patch uint8[3, 24, 24], pixel by pixel."""
    gray, cb, cr = (plane.astype(int).tolist() for plane in patch)
    inner = range(1, 23)
    across = [[abs(gray[y][x + 1] - gray[y][x - 1]) if x in inner else 0 for x in range(24)] for y in range(24)]
    down = [[abs(gray[y + 1][x] - gray[y - 1][x]) if y in inner else 0 for x in range(24)] for y in range(24)]
    values = [value for row in gray for value in row]
    mean = sum(values) * 64 // 576
    deviation = max(np.sqrt(576 * sum(v * v for v in values) - sum(values) ** 2) / 576, 4.0)
    result = [UNIT]
    for plane, away in ((gray, mean), (across, 0), (down, 0)):
        result += [round((cell - away) * 0.5 / deviation) for cell in cells(plane)]
    return result + [(cell - 8192) // 32 for plane in (cb, cr) for cell in cells(plane)]


def cells(plane: list[list[int]]) -> list[int]:
    """Means of 3×3 pixels in 1/64."""
    return [
        sum(plane[3 * row + i][3 * column + j] for i in range(3) for j in range(3)) * 64 // 9
        for row in range(8)
        for column in range(8)
    ]


def test_weights_are_those_of_numpys_least_squares() -> None:
    """Ridge is least squares with one more row for each weight (the constant has none)."""
    pairs = collect_pairs(PLAIN, [oval(seed) for seed in range(10)])
    count = len(pairs.features)
    assert count == 10 * 6 * 2
    rows = np.sqrt(3.0 * count) * np.eye(pairs.features.shape[1])[1:]
    target = np.concatenate([pairs.shifts - pairs.shifts.mean(axis=0), np.zeros((len(rows), 4))])
    expected = np.linalg.lstsq(np.concatenate([pairs.features / UNIT, rows]), target, rcond=None)[0]
    assert ridge(pairs, 3.0) == pytest.approx(expected, abs=1e-6)
    matrix = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    assert matrix @ solve(matrix, np.array([[1.0], [2], [3]])) == pytest.approx(np.array([[1.0], [2], [3]]))


def test_mirrored_windows_have_mirrored_edges() -> None:
    face, box = (0.2, 0.1, 0.5, 0.8), Box(33, 20, 31, 44)
    window = np.array([[25.0, 14.0, 60.0, 60.0]])
    other = Box(25 * 2 + 60 - box.x - box.w, box.y, box.w, box.h)  # about the window's middle
    assert mirrored(true_shifts(window, box, face), face) == pytest.approx(true_shifts(window, other, face))


def test_only_boxes_differ_and_the_side_file_keeps_them(
    trained: TrainingResult, images: list[AnnotatedImage], tmp_path: Path
) -> None:
    without = trained.cascade
    assert without.info.box_regression is None  # only if asked for
    cascade = fit_boxes(without, images)
    cascade.save(tmp_path / "a.xml")
    cascade.to_side_file(tmp_path / "a.json")
    read = Cascade.load(tmp_path / "a.xml")
    assert read.info == cascade.info
    differ = 0
    for image in images[:5]:
        one, again, old = (d for d in Detector([cascade, read, without]).detect(image.gray))
        assert one.boxes.tolist() == again.boxes.tolist()
        assert (one.windows.tolist(), one.scores.tolist()) == (old.windows.tolist(), old.scores.tolist())
        differ += one.boxes.tolist() != old.boxes.tolist()
        x, y, w, h = cascade.info.face
        fixed = old.windows * np.array([1, 1, w, h]) + old.windows[:, [2, 3, 2, 3]] * np.array([x, y, 0, 0])
        assert np.abs(old.boxes - fixed).max(initial=0) <= 1  # windows are rounded
    assert differ
    side = json.loads((tmp_path / "a.json").read_text())
    del side["box_regression"]
    (tmp_path / "a.json").write_text(json.dumps(side))
    assert Cascade.load(tmp_path / "a.xml").info == without.info
    without.to_side_file(tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == side


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"left": [1, 2, 3]}, "193 weights for left"),
        ({"top": [0.5] * 193}, "whole numbers up to 1073741824 for top"),
        ({"right": [2**31] * 193}, "whole numbers up to 1073741824 for right"),
        ({"bottom": "1" * 193}, "193 weights for bottom"),
        ({"middle": []}, "the weights of left, top, right, bottom"),
    ],
)
def test_damaged_weights_are_an_error(
    trained: TrainingResult, tmp_path: Path, change: dict[str, object], what: str
) -> None:
    path, none = tmp_path / "x.json", (0,) * feature_count(1)
    cascade = trained.cascade
    fitted = replace(cascade, info=replace(cascade.info, box_regression=BoxRegression(none, none, none, none)))
    cascade.save(path.with_suffix(".xml"))
    fitted.to_side_file(path)
    side = json.loads(path.read_text())
    side["box_regression"] |= change
    path.write_text(json.dumps(side))
    with pytest.raises(InvalidCascadeXml, match=rf"x\.json: box_regression is damaged, expected .*{what}; delete"):
        Cascade.load(path.with_suffix(".xml"))


def test_edges_move_by_a_quarter_of_the_face_at_most() -> None:
    window, far = np.array([[0.0, 0.0, 100.0, 100.0]]), np.array([[5.0, 5.0, -5.0, -5.0]])
    assert moved_boxes(window, (0.2, 0.0, 0.6, 1.0), far)[0] == pytest.approx([35.0, 25.0, 30.0, 50.0])


def test_images_without_a_usable_box_are_refused() -> None:
    gray = np.zeros((60, 60), np.uint8)
    with pytest.raises(TrainingDataError, match="no usable box in 1 images"):
        fit_boxes(PLAIN, [AnnotatedImage("a", gray, (Box(1, 1, 3, 3),))])


def test_train_learns_boxes_if_asked(images: list[AnnotatedImage]) -> None:
    params = replace(SMALL, stages=1, ranking=0, positives=50, negatives=100, feature_pool=300, fit_boxes=True, seed=5)
    learned = train(images, params).cascade
    alone = fit_boxes(train(images, replace(params, fit_boxes=False)).cascade, images, seed=5)
    assert learned.info == alone.info
    assert learned.info.box_regression is not None
