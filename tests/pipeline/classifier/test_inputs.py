"""Pictures as network input, against plain numpy."""

import tracemalloc

import cv2
import numpy as np
import pytest
import torch

from pipeline.classifier.inputs import InputShape, Normalisation, decode, face_input, statistics
from pipeline.images import cut_face, encode_jpeg, shrink

COLOR, GRAY = InputShape(48, 3, 0.25), InputShape(48, 1, 0.25)
MARGINS = [0.25] * 4


def test_pictures_that_do_not_decode_are_left_out():
    picture = np.full((128, 128, 3), (200, 100, 50), dtype=np.uint8)
    images, kept = decode([b"", encode_jpeg(picture), b"no picture", encode_jpeg(picture)[:20]], MARGINS, COLOR)
    assert kept.tolist() == [1]
    assert images.shape == (1, 48, 48, 3)
    assert np.abs(images[0].astype(int) - (200, 100, 50)).max() <= 2  # red stays red; JPEG rounds


def test_nothing_decodes_to_nothing():
    images, kept = decode([], [], COLOR)
    assert images.shape == (0, 48, 48, 3)
    assert kept.shape == (0,)


def face(side=180):
    """A drawn face of `side` px in a busy picture, and its box: eyes, mouth, nothing symmetrical."""
    picture = np.random.default_rng(1).integers(90, 160, (3 * side, 3 * side, 3)).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 6)
    middle, unit = 3 * side // 2, side / 100
    cv2.ellipse(picture, (middle, middle), (int(48 * unit), int(50 * unit)), 0, 0, 360, (240, 200, 90), -1)
    for x, r in ((-20, 9), (17, 7)):
        cv2.circle(picture, (int(middle + x * unit), int(middle - 14 * unit)), int(r * unit), (20, 30, 40), -1)
    cv2.ellipse(
        picture, (middle, int(middle + 16 * unit)), (int(24 * unit), int(12 * unit)), 8, 0, 180, (200, 30, 60), -1
    )
    return picture, (side, side, side, side)


@pytest.mark.parametrize("side", [180, 61, 40])
@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("wanted", [0.25, 0.0])
def test_a_face_looks_the_same_to_the_network_however_closely_it_was_cut(side, margin, wanted):
    shape = InputShape(92, 3, wanted)
    picture, box = face(side)
    expected, found = (face_input(cut_face(picture, box, m, 1024), m, shape) for m in (wanted, margin))
    # The box, which every crop shows whole; a crop can only be moved by whole px, a resized one is a little softer.
    edge = round(92 * wanted / (1 + 2 * wanted)) + 2
    inner = slice(edge, 92 - edge)
    difference = np.abs(found[inner, inner].astype(int) - expected[inner, inner])
    assert difference.mean() < 2.5 * 180 / side
    other = face_input(cut_face(picture, box, margin, 1024), wanted, shape)
    if margin != wanted:  # without the margin it is another picture
        assert np.abs(other[inner, inner].astype(int) - expected[inner, inner]).mean() > 4 * difference.mean()


def test_a_crop_with_the_networks_own_margin_is_only_resized():
    picture, box = face()
    crop = cut_face(picture, box, 0.25, 128)
    np.testing.assert_array_equal(face_input(crop, 0.25, InputShape(92, 3, 0.25)), shrink(crop, 92, 92))


def test_a_wide_picture_of_a_face_keeps_its_proportions():
    """As the square that is cut around a wide box, its edges repeated."""
    wide = np.random.default_rng(0).integers(0, 256, (20, 60, 3)).astype(np.uint8)
    found = face_input(wide, 0.0, InputShape(60, 3, 0.0))
    np.testing.assert_array_equal(found, wide[np.clip(np.arange(60) - 20, 0, 19)])
    assert face_input(wide, 0.0, InputShape(48, 1, 0.25)).shape == (48, 48, 1)


@pytest.mark.parametrize("shape", [(2, 20_000, 3), (3000, 3000, 3)])
def test_a_large_picture_takes_little_more_memory_than_it_has(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    tracemalloc.start()
    found = face_input(picture, 0.0, COLOR)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (48, 48, 3)
    assert peak < 20e6


def test_statistics_are_numpys():
    images = np.random.default_rng(0).integers(0, 256, (5, 60, 60, 3)).astype(np.uint8)
    found = statistics(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), atol=5e-5)  # rounded to four digits
    np.testing.assert_allclose(found.std, images.std(axis=(0, 1, 2)), atol=5e-5)


def test_pictures_of_one_flat_color_are_not_divided_by_zero():
    found = statistics(np.full((2, 60, 60, 3), 7, dtype=np.uint8))
    assert found == Normalisation((7.0, 7.0, 7.0), (1.0, 1.0, 1.0))


def test_normalised_pictures_are_channels_first_to_index_and_channels_last_in_memory():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    x = Normalisation((10.0, 20.0, 30.0), (2.0, 4.0, 8.0))(torch.from_numpy(images))
    assert x.shape == (2, 3, 8, 8)
    assert x.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(x[1, 2].numpy(), (images[1, :, :, 2].astype(np.float32) - 30) / 8)


def test_pictures_are_decoded_once_and_then_mapped(tmp_path, monkeypatch):
    faces = [encode_jpeg(np.full((64, 64, 3), level, dtype=np.uint8)) for level in (10, 100, 200)] + [b"no picture"]
    first, kept = decode(faces, MARGINS[: len(faces)], COLOR, tmp_path)
    assert isinstance(first, np.memmap)
    plain, plain_kept = decode(faces, MARGINS[: len(faces)], COLOR)
    np.testing.assert_array_equal(first, plain)
    assert kept.tolist() == plain_kept.tolist() == [0, 1, 2]
    files = sorted(tmp_path.iterdir())
    times = [path.stat().st_mtime_ns for path in files]
    decode(faces, MARGINS[: len(faces)], COLOR, tmp_path)
    assert [path.stat().st_mtime_ns for path in files] == times
    decode(faces[::-1], MARGINS[: len(faces)], COLOR, tmp_path)
    decode(faces, MARGINS[: len(faces)], GRAY, tmp_path)
    decode(faces, [0.25, 0.25, 0.0, 0.25], COLOR, tmp_path)
    assert len(list(tmp_path.iterdir())) == 12  # another order, other channels or margins are other pictures


def test_what_is_written_to_mapped_pictures_stays_in_memory_and_a_broken_file_is_made_again(tmp_path):
    faces = [encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8))]
    first, _ = decode(faces, MARGINS[: len(faces)], COLOR, tmp_path)
    first[:] = 0
    again, _ = decode(faces, MARGINS[: len(faces)], COLOR, tmp_path)
    assert again.mean() > 80
    path = next(tmp_path.glob("*.images.npy"))
    data = path.read_bytes()
    path.unlink()  # not cut in place: it is mapped above
    path.write_bytes(data[:200])
    mended, _ = decode(faces, MARGINS[: len(faces)], COLOR, tmp_path)
    np.testing.assert_array_equal(mended, again)
    assert decode([], [], COLOR, tmp_path)[0].shape == (0, 48, 48, 3)
