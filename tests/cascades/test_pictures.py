"""Pictures of every kind are read the same way: bounded, upright, opaque; OpenCV is the oracle for their pixels."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cascades.errors import PictureError
from cascades.pictures import MOST_PIXELS, decode_picture, read_picture


def drawn(width: int = 61, height: int = 43) -> np.ndarray:
    """A picture without any symmetry, RGB."""
    picture = np.full((height, width, 3), 200, np.uint8)
    picture[5:20, 4:30] = (200, 40, 30)
    picture[25:, 40:] = (20, 60, 220)
    return picture


def encoded(kind: str, picture: np.ndarray | None = None, mode: str | None = None, **options: object) -> bytes:
    image = Image.fromarray(drawn() if picture is None else picture)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80}),
        ("JPEG", {"quality": 90, "subsampling": 0}),
        ("JPEG", {"quality": 60, "subsampling": 2, "progressive": True}),
        ("PPM", {}),
    ],
)
def test_pixels_are_those_that_opencv_reads(kind: str, options: dict[str, object]) -> None:
    data = encoded(kind, **options)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    found = decode_picture(data)
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_format_is_turned_upright_alike(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    found = decode_picture(encoded(kind, exif=exif, **options))
    picture = drawn()
    upright = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, -1),
        7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture),
    }[orientation]
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 3


def test_jpegs_are_turned_as_opencv_turns_them(tmp_path: Path) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        (tmp_path / "a.jpg").write_bytes(encoded("JPEG", exif=exif))
        np.testing.assert_array_equal(read_picture(tmp_path / "a.jpg"), cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1])


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})])
def test_what_is_transparent_is_laid_on_white(kind: str, options: dict[str, object]) -> None:
    picture = np.dstack([drawn(), np.zeros((43, 61), np.uint8)])
    picture[:, 20:40, 3] = 255
    picture[:, 40:, 3] = 128
    found = decode_picture(encoded(kind, picture, **options))
    assert (found[:, :20] == 255).all()
    np.testing.assert_array_equal(found[:, 20:40], picture[:, 20:40, :3])
    half = (picture[:, 40:, :3].astype(float) * 128 + 255 * 127) / 255
    assert np.abs(found[:, 40:] - half).max() <= 1


def test_transparent_colors_of_a_palette_and_of_gray_are_white_too() -> None:
    palette = Image.fromarray(drawn()).quantize(4)
    corner = palette.getpixel((5, 6))
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=corner)
    found = decode_picture(buffer.getvalue())
    assert (found[6, 5] == 255).all()
    assert not (found[40, 50] == 255).all()
    gray = np.dstack([np.full((9, 9), 70, np.uint8), np.eye(9, dtype=np.uint8) * 255])
    found = decode_picture(encoded("PNG", gray))
    assert (found[np.eye(9, dtype=bool)] == 70).all()
    assert (found[~np.eye(9, dtype=bool)] == 255).all()


def test_gray_and_deep_pictures() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(decode_picture(encoded("PNG", gray)), np.repeat(gray[..., None], 3, axis=2))
    for kind, suffix in (("PNG", ".png"), ("TIFF", ".tiff")):
        deep = gray.astype(np.uint16) * 256 + 200
        data = cv2.imencode(suffix, deep)[1].tobytes()
        np.testing.assert_array_equal(decode_picture(data)[..., 0], gray, err_msg=kind)
    color = cv2.imencode(".png", drawn().astype(np.uint16) * 257)[1].tobytes()
    np.testing.assert_array_equal(decode_picture(color), drawn()[..., ::-1])
    assert decode_picture(encoded("JPEG", mode="CMYK")).shape == (43, 61, 3)
    with pytest.raises(PictureError, match="32 bits"):
        decode_picture(encoded("TIFF", mode="F"))


def png(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60000, 60000), (8193, 8192), (2**31 - 1, 2), (10000, 10000), (12000, 12000)])
def test_a_header_that_promises_too_much_takes_no_memory(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match=r"its header says .*expected at most"):
        decode_picture(png(*size))
    assert size[0] * size[1] > MOST_PIXELS


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_half_a_picture_is_damaged(kind: str) -> None:
    dice = np.random.default_rng(1)
    data = encoded(kind, dice.integers(0, 255, (80, 80, 3)).astype(np.uint8))
    with pytest.raises(PictureError, match=r"damaged picture|can be decoded"):
        decode_picture(data[: len(data) // 2])


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_bytes(b"dear diary")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    expected = {
        tmp_path / "pipe.png": "no file but a folder, a pipe or a device",
        Path("/dev/zero"): "no file but a folder, a pipe or a device",
        tmp_path / "folder.png": "no file but a folder, a pipe or a device",
        tmp_path / "empty.png": "empty",
        tmp_path / "text.png": "no picture that can be decoded",
        tmp_path / "gone.png": "No such file",
        tmp_path / ("x" * 300): "name too long",
        tmp_path / "a\0b.png": "null",
    }
    for path, words in expected.items():
        with pytest.raises(PictureError, match=words):
            read_picture(path)


def test_real_cases(cases: Path) -> None:
    with pytest.raises(PictureError, match="its header says"):
        read_picture(cases / "images" / "bomb.png")
    opaque, clear = read_picture(cases / "images" / "rgb.png"), cases / "images" / "rgba.png"
    assert opaque.ndim == 3
    with Image.open(clear) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert (read_picture(clear)[alpha == 0] == 255).all()
