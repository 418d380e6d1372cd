"""The drop-in against what OpenCV 4 found once: runs with any OpenCV, also where `cv2.CascadeClassifier` is gone."""

import inspect
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import CascadeClassifier, InvalidParameter, OpenCVError, groupRectangles, sharing
from tests.cascades.recorded import CASCADES, FILE, found, pictures

RECORDED = json.loads(FILE.read_text(encoding="ascii"))


def saved(name: str, folder: Path) -> Path:
    path = folder / "cascade.xml"
    CASCADES[name]().save(path)
    return path


@pytest.mark.parametrize("name", CASCADES)
def test_the_same_rectangles_levels_and_weights(name: str, tmp_path: Path) -> None:
    assert sum(len(answer[0]) for answer in RECORDED[name]) > 20
    assert found(CascadeClassifier(saved(name, tmp_path))) == RECORDED[name]


def test_threads_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PIXELS_EACH", 1)  # else small pictures stay with one thread
    assert found(CascadeClassifier(saved("tilted trees", tmp_path), threads=3)) == RECORDED["tilted trees"]


def test_the_types_are_opencvs(tmp_path: Path) -> None:
    classifier = CascadeClassifier(str(saved("lbp stumps", tmp_path)))
    picture = next(pictures())
    rects, levels, weights = classifier.detectMultiScale3(picture, 1.1, 0, outputRejectLevels=True)
    assert [a.dtype for a in (rects, levels, weights) if isinstance(a, np.ndarray)] == [np.int32, np.int32, np.float64]
    flat = np.zeros((90, 90), np.uint8)
    assert (classifier.getOriginalWindowSize(), classifier.getFeatureType()) == ((24, 20), 1)
    assert classifier.detectMultiScale(flat[:10]) == ()
    assert classifier.detectMultiScale2(flat[:10]) == ((), ())
    assert classifier.detectMultiScale3(flat[:10]) == ((), (), ())
    assert classifier.detectMultiScale(None) == ()  # a camera that gave no frame


def test_views_and_other_layouts_of_a_picture(tmp_path: Path) -> None:
    classifier = CascadeClassifier(saved("haar stumps", tmp_path))
    gray = next(pictures())
    expected = classifier.detectMultiScale(gray, 1.1, 0)
    wide = np.zeros((gray.shape[0], 2 * gray.shape[1]), np.uint8)
    wide[:, ::2] = gray
    for same in (wide[:, ::2], np.asfortranarray(gray), gray[..., None], gray[::-1][::-1], cv2.UMat(gray)):
        assert np.array_equal(classifier.detectMultiScale(same, 1.1, 0), expected)  # type: ignore[arg-type]


def test_a_file_that_is_no_cascade_leaves_it_empty_and_the_next_call_says_why(tmp_path: Path) -> None:
    picture = next(pictures())
    classifier = CascadeClassifier(saved("haar stumps", tmp_path))
    assert not classifier.empty()
    for content in (b"", b"hello", b"<?xml version='1.0'?><opencv_storage></opencv_storage>"):
        (tmp_path / "bad.xml").write_bytes(content)
        assert not classifier.load(tmp_path / "bad.xml")
        assert classifier.empty()
        with pytest.raises(OpenCVError, match=r"the classifier is empty: .*bad\.xml"):
            classifier.detectMultiScale(picture)
    assert not classifier.load("/nowhere.xml")
    with pytest.raises(cv2.error, match="No such file"):
        classifier.getFeatureType()
    with pytest.raises(InvalidParameter, match="no file was loaded"):
        CascadeClassifier().getOriginalWindowSize()


def test_the_order_and_defaults_of_the_arguments() -> None:
    named = ["image", "scaleFactor", "minNeighbors", "flags", "minSize", "maxSize"]
    for number in ("", "2", "3"):
        signature = inspect.signature(getattr(CascadeClassifier, f"detectMultiScale{number}"))
        extra = ["outputRejectLevels"] if number == "3" else []
        assert list(signature.parameters) == ["self", *named, *extra]
        defaults = [parameter.default for parameter in signature.parameters.values()][2:]
        assert defaults == [1.1, 3, 0, (0, 0), (0, 0), *([False] if extra else [])]
    assert list(inspect.signature(groupRectangles).parameters) == ["rectList", "groupThreshold", "eps"]


def test_old_files_are_converted(tmp_path: Path) -> None:
    source, out = saved("haar trees", tmp_path), tmp_path / "new.xml"
    assert CascadeClassifier.convert(source, out)
    assert found(CascadeClassifier(out)) == RECORDED["haar trees"]
    assert not CascadeClassifier.convert(tmp_path / "none.xml", out)
