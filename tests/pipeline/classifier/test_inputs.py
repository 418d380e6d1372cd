"""Pictures as network input, against plain numpy."""

import numpy as np
import torch

from pipeline.classifier.inputs import Normalisation, decode, resize_face, statistics
from pipeline.images import encode_jpeg


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
    assert resize_face(np.zeros((7, 30, 3), dtype=np.uint8), 60, 3).shape == (60, 60, 3)
    assert resize_face(np.zeros((7, 30, 3), dtype=np.uint8), 48, 1).shape == (48, 48, 1)


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
    first, kept = decode(faces, 48, 3, tmp_path)
    assert isinstance(first, np.memmap)
    plain, plain_kept = decode(faces, 48, 3)
    np.testing.assert_array_equal(first, plain)
    assert kept.tolist() == plain_kept.tolist() == [0, 1, 2]
    files = sorted(tmp_path.iterdir())
    times = [path.stat().st_mtime_ns for path in files]
    decode(faces, 48, 3, tmp_path)
    assert [path.stat().st_mtime_ns for path in files] == times
    decode(faces[::-1], 48, 3, tmp_path)
    decode(faces, 48, 1, tmp_path)
    assert len(list(tmp_path.iterdir())) == 9  # another order or channels are other pictures


def test_what_is_written_to_mapped_pictures_stays_in_memory_and_a_broken_file_is_made_again(tmp_path):
    faces = [encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8))]
    first, _ = decode(faces, 48, 3, tmp_path)
    first[:] = 0
    again, _ = decode(faces, 48, 3, tmp_path)
    assert again.mean() > 80
    path = next(tmp_path.glob("*.images.npy"))
    data = path.read_bytes()
    path.unlink()  # not cut in place: it is mapped above
    path.write_bytes(data[:200])
    mended, _ = decode(faces, 48, 3, tmp_path)
    np.testing.assert_array_equal(mended, again)
    assert decode([], 48, 3, tmp_path)[0].shape == (0, 48, 48, 3)
