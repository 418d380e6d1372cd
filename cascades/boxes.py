"""Boxes and annotated images: what callers hand in.

Boxes are integer pixels of the source image, `x, y` the top left corner.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cascades.errors import TrainingDataError
from cascades.planes import check_chroma


class Box(NamedTuple):
    """A rectangle in integer pixels, `x, y` its top left corner."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class AnnotatedImage:
    """One image to learn from.

    key        what identifies the image in reports (never used as a path)
    gray       uint8[H, W], C-contiguous
    boxes      faces to learn, may be empty
    ignore     regions never used as background (borderline faces, say)
    negatives  whether background windows may be taken from it
    chroma     uint8[2, h, w], Cb and Cr (see `planes`), needed only when the parameters ask for color planes
    """

    key: str
    gray: NDArray[np.uint8]
    boxes: tuple[Box, ...] = ()
    ignore: tuple[Box, ...] = ()
    negatives: bool = True
    chroma: NDArray[np.uint8] | None = field(default=None)

    def __post_init__(self) -> None:
        check_gray(self.gray, f"image {self.key!r}")
        check_chroma(self.chroma, self.gray, f"image {self.key!r}")


@dataclass(frozen=True)
class RejectedBox:
    """A box that was not learned from, and why."""

    key: str
    box: Box
    reason: str


def check_gray(gray: NDArray[np.uint8], what: str) -> None:
    """Stop early on what the kernels cannot take: anything but a C-contiguous uint8[H, W]."""
    if not isinstance(gray, np.ndarray) or gray.dtype != np.uint8 or gray.ndim != 2:
        found = f"{gray.dtype}{list(gray.shape)}" if isinstance(gray, np.ndarray) else type(gray).__name__
        raise TrainingDataError(f"{what}: found {found}, expected a gray image uint8[H, W]")
    if not gray.flags.c_contiguous:
        raise TrainingDataError(f"{what}: not C-contiguous; pass np.ascontiguousarray(gray)")


def intersection_over_union(boxes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of every box with every other one: int64[N, 4], int64[M, 4] → float64[N, M]."""
    inter = intersections(boxes, others)
    area = boxes[:, 2] * boxes[:, 3]
    other_area = others[:, 2] * others[:, 3]
    union = area[:, None] + other_area[None, :] - inter
    result: NDArray[np.float64] = inter / np.maximum(union, 1)
    return result


def intersections(boxes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Area shared by every box with every other one, px²: int64[N, 4], int64[M, 4] → int64[N, M]."""
    left = np.maximum(boxes[:, None, 0], others[None, :, 0])
    top = np.maximum(boxes[:, None, 1], others[None, :, 1])
    right = np.minimum((boxes[:, 0] + boxes[:, 2])[:, None], (others[:, 0] + others[:, 2])[None, :])
    bottom = np.minimum((boxes[:, 1] + boxes[:, 3])[:, None], (others[:, 1] + others[:, 3])[None, :])
    result: NDArray[np.int64] = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    return result


def as_array(boxes: tuple[Box, ...] | list[Box]) -> NDArray[np.int64]:
    """Boxes as int64[N, 4], also when there are none."""
    return np.array(boxes, np.int64).reshape(-1, 4)
