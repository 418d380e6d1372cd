"""Arithmetic of boxes (x, y, w, h in px)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def iou(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of every box of `first` [N, 4] with every box of `second` [M, 4]: float64 [N, M]."""
    a = np.asarray(first, dtype=np.int64).reshape(-1, 1, 4)
    b = np.asarray(second, dtype=np.int64).reshape(1, -1, 4)
    near = np.maximum(a[..., :2], b[..., :2])
    far = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(far - near, 0, None).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - common
    return np.where(union > 0, common / np.maximum(union, 1), 0.0)
