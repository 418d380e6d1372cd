"""Exact image arithmetic, held to plain loops and to OpenCV."""

import cv2
import numpy as np
import pytest

from pipeline import images


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_halving_is_the_rounded_mean_of_four() -> None:
    image = noise(6, 8)
    plain = [[(int(image[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].sum()) + 2) // 4 for c in range(4)] for r in range(3)]
    np.testing.assert_array_equal(images.shrink(image, 4, 3), plain)


def test_shrinking_a_lot_does_not_alias_where_plain_interpolation_does() -> None:
    stripes = np.zeros((256, 256), np.uint8)
    stripes[::4] = 255
    aliased = cv2.resize(stripes, (32, 32), interpolation=cv2.INTER_LINEAR_EXACT)
    assert np.ptp(images.shrink(stripes, 32, 32)) <= 1
    assert abs(int(images.shrink(stripes, 32, 32).mean()) - 64) <= 1
    assert abs(int(aliased.mean()) - 64) > 20


def test_fit_height_only_shrinks_and_says_by_how_much() -> None:
    small, scale = images.fit_height(noise(720, 1280), 360)
    assert (small.shape, scale) == ((360, 640), 0.5)
    same, scale = images.fit_height(noise(100, 50), 360)
    assert (same.shape, scale) == ((100, 50), 1.0)


@pytest.mark.parametrize("box", [(20, 10, 10, 8), (0, 0, 4, 4), (50, 30, 10, 10), (55, 2, 3, 9)])
def test_a_square_crop_is_centred_with_margin_and_repeats_the_edge(box: tuple[int, int, int, int]) -> None:
    image = noise(40, 60, 3)
    left, top, side, _ = square = images.square_around(box, 0.75)
    assert abs(left + side / 2 - box[0] - box[2] / 2) <= 1
    assert abs(top + side / 2 - box[1] - box[3] / 2) <= 1
    assert side == round(max(box[2:]) * 2.5)
    part = images.inside(square, 60, 40)
    pixels = image[part[1] : part[1] + part[3], part[0] : part[0] + part[2]]
    rows, columns = (np.clip(np.arange(first, first + side), 0, size - 1) for first, size in ((top, 40), (left, 60)))
    np.testing.assert_array_equal(images.repeat_edges(pixels, part, square), image[rows[:, None], columns])


@pytest.mark.parametrize(("margin", "wanted"), [(0.25, 0.0), (0.25, 0.25), (0.0, 0.25), (0.5, 0.1), (2.0, 0.0)])
@pytest.mark.parametrize("side", [2, 3, 50, 101])
def test_another_margin_is_cut_or_repeats_the_edge(side: int, margin: float, wanted: float) -> None:
    crop = noise(side, side, 3)
    found = images.reframe(crop, margin, wanted)
    grown = (found.shape[0] - side) // 2
    assert abs(found.shape[0] - side * (1 + 2 * wanted) / (1 + 2 * margin)) <= 1 or found.shape[0] <= 2
    assert found.shape[0] - side == 2 * grown  # its middle stays
    across = np.clip(np.arange(-grown, side + grown), 0, side - 1)
    np.testing.assert_array_equal(found, crop[across[:, None], across])
    np.testing.assert_array_equal(images.reframe(crop[..., 0], margin, wanted), found[..., 0])


def test_shrinking_to_half_is_the_mean_of_four_rounded_half_up() -> None:
    for shape in ((8, 6), (30, 50, 3), (2, 2), (101, 77)):
        image = noise(*shape)
        even = image[: shape[0] // 2 * 2, : shape[1] // 2 * 2].astype(int)
        expected = (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2] + 2) // 4
        np.testing.assert_array_equal(images.shrink(image, shape[1] // 2, shape[0] // 2), expected)


def test_chroma_shrinks_with_the_gray_picture() -> None:
    chroma = noise(2, 180, 321)
    assert images.fit_chroma(chroma, noise(360, 641)).shape == (2, 180, 321)
    assert images.fit_chroma(chroma, noise(90, 160)).shape == (2, 45, 80)


def test_jpeg_keeps_the_picture_and_broken_bytes_are_none() -> None:
    image = cv2.GaussianBlur(noise(32, 32, 3), (0, 0), 3)
    again = images.decode_rgb(images.encode_jpeg(image))
    assert again is not None
    assert np.abs(again.astype(int) - image).max() < 12
    assert images.decode_rgb(b"no picture") is None
    assert images.decode_rgb(b"") is None


def test_sharpness_is_the_variance_of_the_laplacian_and_falls_with_blur() -> None:
    face = noise(64, 64)
    assert images.sharpness(face) == pytest.approx(cv2.Laplacian(face, cv2.CV_64F).var())
    assert images.sharpness(cv2.GaussianBlur(face, (0, 0), 2)) < images.sharpness(face) / 10


def test_brightness_is_the_mean() -> None:
    assert images.brightness(noise(9, 9)) == pytest.approx(noise(9, 9).mean())
