"""Pictures as network input, against plain numpy."""

import numpy as np
import torch

from pipeline.images import encode_jpeg
from pipeline.inputs import Normalisation, decode, fit, statistics


def test_pictures_that_do_not_decode_are_left_out():
    picture = np.full((128, 128, 3), (200, 100, 50), dtype=np.uint8)
    images, kept = decode([b"", encode_jpeg(picture), b"no picture", encode_jpeg(picture)[:20]], 60, 3)
    assert kept.tolist() == [1]
    assert images.shape == (1, 60, 60, 3)
    assert np.abs(images[0].astype(int) - (200, 100, 50)).max() <= 2  # red stays red; JPEG rounds


def test_nothing_decodes_to_nothing():
    images, kept = decode([], 60, 3)
    assert images.shape == (0, 60, 60, 3)
    assert kept.shape == (0,)


def test_a_small_wide_picture_is_squeezed_into_the_square():
    assert fit(np.zeros((7, 30, 3), dtype=np.uint8), 60, 3).shape == (60, 60, 3)
    assert fit(np.zeros((7, 30, 3), dtype=np.uint8), 48, 1).shape == (48, 48, 1)


def test_statistics_are_numpys():
    images = np.random.default_rng(0).integers(0, 256, (5, 60, 60, 3)).astype(np.uint8)
    found = statistics(images)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), atol=5e-5)  # rounded to four digits
    np.testing.assert_allclose(found.std, images.std(axis=(0, 1, 2)), atol=5e-5)


def test_pictures_of_one_flat_colour_are_not_divided_by_zero():
    found = statistics(np.full((2, 60, 60, 3), 7, dtype=np.uint8))
    assert found == Normalisation((7.0, 7.0, 7.0), (1.0, 1.0, 1.0))


def test_normalised_pictures_are_channels_first_to_index_and_channels_last_in_memory():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    x = Normalisation((10.0, 20.0, 30.0), (2.0, 4.0, 8.0))(torch.from_numpy(images))
    assert x.shape == (2, 3, 8, 8)
    assert x.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(x[1, 2].numpy(), (images[1, :, :, 2].astype(np.float32) - 30) / 8)
