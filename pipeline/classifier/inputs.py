"""Face crops as what a network reads: decoded, framed and resized once into uint8, normalised by batches.

A crop shows the face's box with some margin around it, and a network reads the box with a margin of its own. Both are
known, so a face looks the same to the network however closely it was cut. Every step up to and including the statistics
is integer arithmetic, the same on any machine.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_rgb, reframe, shrink, to_gray
from pipeline.processors import usable
from pipeline.tables import read_kept_json, replacing, sha256_of, write_kept_json

UNDECODABLE = "the image does not decode"
LARGEST = 1024
"""px, longest side of a crop whose edges are repeated: a larger one is shrunk to it first, which bounds the memory."""
EMPTY_FILE = 128
"""Bytes of a .npy file without an element."""


@dataclass(frozen=True)
class InputShape:
    """The picture that a network reads: a face's box with a margin around it, square."""

    size: int
    """px, its side."""
    channels: int
    """3: RGB; 1: gray."""
    margin: float
    """Context on each side, as a share of the longer side of the face's box."""


def face_input(rgb: Pixels, margin: float, shape: InputShape) -> Pixels:
    """One crop of a face, RGB uint8 [H, W, 3], as the network's input, uint8 [size, size, channels].

    margin: the crop's own; 0 where the picture is all face. Where the input shows more than the crop, and along the
    shorter side of a crop that is not square, the crop's edges are repeated outwards.
    """
    height, width = rgb.shape[:2]
    if max(height, width) > LARGEST and (height != width or margin != shape.margin):
        scale = LARGEST / max(height, width)
        rgb = shrink(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    small = shrink(reframe(rgb, margin, shape.margin), shape.size, shape.size)
    return small if shape.channels == 3 else to_gray(small)[..., None]


def decode(
    encoded: Sequence[bytes], margins: Sequence[float], shape: InputShape, folder: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The inputs made of the crops that decode, uint8 [N, size, size, channels], and their positions, int64 [N].

    margins: of each crop. folder: where inputs are kept, so that the same crops are decoded once; what is returned is
    then mapped from the file, and writing to it changes no file.
    """
    if folder is None:
        return _decode(encoded, margins, shape)
    key = hashlib.sha256(f"{shape} {len(encoded)} {cv2.__version__}".encode())
    for data, margin in zip(encoded, margins, strict=True):
        key.update(hashlib.sha256(data).digest() + repr(float(margin)).encode())
    path, positions = (folder / f"{key.hexdigest()[:24]}.{kind}.npy" for kind in ("images", "kept"))
    sums = path.with_name(f"{key.hexdigest()[:24]}.json")
    if not all(one.is_file() for one in (path, positions)) or read_kept_json(sums) != _sums(path, positions):
        images, kept = _decode(encoded, margins, shape)
        _save(positions, kept)
        _save(path, images)
        write_kept_json(sums, _sums(path, positions))
    # An empty array cannot be mapped.
    return np.load(path, mmap_mode="c" if path.stat().st_size > EMPTY_FILE else None), np.load(positions)


def _sums(*paths: Path) -> dict[str, str]:
    """Checksums of what is kept, by file name."""
    return {path.name: sha256_of(path) for path in paths}


def _save(path: Path, array: NDArray[Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _decode(
    encoded: Sequence[bytes], margins: Sequence[float], shape: InputShape
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    def read(data: bytes, margin: float) -> Pixels | None:
        rgb = decode_rgb(data)
        return None if rgb is None else face_input(rgb, margin, shape)

    with ThreadPoolExecutor(usable()) as pool:
        fitted = list(pool.map(read, encoded, margins))
    kept = np.array([i for i, picture in enumerate(fitted) if picture is not None], dtype=np.int64)
    images = np.zeros((len(kept), shape.size, shape.size, shape.channels), dtype=np.uint8)
    for row, picture in enumerate(picture for picture in fitted if picture is not None):
        images[row] = picture
    return images, kept


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of the training pictures, one per channel, in gray levels (0 to 255)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, S, S, C] → float32 [N, C, S, S], in torch's channels-last memory format without a copy."""
        n, height, width, _ = images.shape
        # Whole rows at a time: three numbers are too few to be worth a vector instruction.
        mean, std = (torch.tensor(values, device=images.device).repeat(width) for values in (self.mean, self.std))
        rows = images.float().reshape(n, height, -1).sub_(mean).div_(std)
        return rows.view(images.shape).permute(0, 3, 1, 2)


IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
"""Of the pictures that published weights were trained on."""


def statistics(images: NDArray[np.uint8]) -> Normalisation:
    """The normalisation that gives uint8 [N, S, S, C] mean 0 and standard deviation 1, from exact integer sums."""
    count = images[..., 0].size
    channels = [images[..., c].ravel().astype(np.int64) for c in range(images.shape[-1])]
    sums = [int(values.sum()) for values in channels]
    squares = [int((values * values).sum()) for values in channels]
    variances = [(count * square - total * total) / count**2 for total, square in zip(sums, squares, strict=True)]
    # One gray level at least: pictures of one flat color have no spread to divide by.
    return Normalisation(
        mean=tuple(round(total / count, 4) for total in sums),
        std=tuple(round(max(1.0, variance**0.5), 4) for variance in variances),
    )
