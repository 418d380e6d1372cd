"""Face crops as what a network reads: decoded and resized once into uint8, normalised by batches.

Every step up to and including the statistics is integer arithmetic, the same on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_rgb, grey, shrink

UNDECODABLE = "the image does not decode"


def fit(rgb: Pixels, size: int, channels: int) -> Pixels:
    """One RGB picture, uint8 [H, W, 3], as uint8 [size, size, channels]; a picture that is not square is squeezed."""
    small = shrink(rgb, size, size)
    return small if channels == 3 else grey(small)[..., None]


def decode(encoded: Sequence[bytes], size: int, channels: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pictures that decode, uint8 [N, size, size, channels], and their positions in `encoded`, int64 [N]."""
    decoded = [decode_rgb(data) for data in encoded]
    kept = np.array([i for i, rgb in enumerate(decoded) if rgb is not None], dtype=np.int64)
    images = np.zeros((len(kept), size, size, channels), dtype=np.uint8)
    for row, rgb in enumerate(rgb for rgb in decoded if rgb is not None):
        images[row] = fit(rgb, size, channels)
    return images, kept


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of the training pictures, one per channel, in grey levels (0 to 255)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [N, S, S, C] → float32 [N, C, S, S], in torch's channels-last memory format without a copy."""
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def statistics(images: NDArray[np.uint8]) -> Normalisation:
    """The normalisation that gives uint8 [N, S, S, C] mean 0 and standard deviation 1, from exact integer sums."""
    count = images[..., 0].size
    channels = [images[..., c].ravel().astype(np.int64) for c in range(images.shape[-1])]
    sums = [int(values.sum()) for values in channels]
    squares = [int((values * values).sum()) for values in channels]
    variances = [(count * square - total * total) / count**2 for total, square in zip(sums, squares, strict=True)]
    # One grey level at least: pictures of one flat colour have no spread to divide by.
    return Normalisation(
        mean=tuple(round(total / count, 4) for total in sums),
        std=tuple(round(max(1.0, variance**0.5), 4) for variance in variances),
    )
