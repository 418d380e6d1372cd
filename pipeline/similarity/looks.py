"""Grouping faces by look, so that people name groups and not faces.

What a face looks like here is a small picture of it in which colors count: a show gives each character colors of its
own, and another light changes the gray level more than the color. Ward's clustering (1963) keeps groups small and even;
average linkage and k-means gave groups that were mixed more on the film and on the drawn excerpts (docs/benchmarks.md).
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from pipeline.images import Pixels, shrink

SIDE: Final = 12
"""px, side of the small picture."""
COLOR: Final = 2.0
"""How much the color planes count beside gray."""
SPREAD: Final = 24.0
"""Gray levels, the standard deviation that the gray plane is brought to."""


def look(face: Pixels) -> NDArray[np.float64]:
    """What a face, RGB uint8 [S, S, 3], looks like: float64 [3 * SIDE * SIDE], distances in gray levels."""
    planes = np.asarray(cv2.cvtColor(shrink(face, SIDE, SIDE), cv2.COLOR_RGB2YCrCb), np.float64).transpose(2, 0, 1)
    gray = (planes[0] - planes[0].mean()) / (planes[0].std() + 8) * SPREAD
    return np.concatenate([gray.ravel(), COLOR * planes[1:].ravel()])


def group(looks: NDArray[np.float64], tracks: Sequence[int], each: int, most: int) -> list[NDArray[np.int64]]:
    """Faces in groups that look alike: their rows, about `each` in a group and never more than `most`.

    looks: float64 [N, P]. tracks: number of the track of each; the faces of a track stay together as far as they fit.
    """
    if len(looks) == 0:
        return []
    names, of = np.unique(np.asarray(tracks), return_inverse=True)
    means = np.stack([looks[of == number].mean(axis=0) for number in range(len(names))])
    count = min(len(names), -(-len(looks) // each))
    clusters = AgglomerativeClustering(count).fit_predict(means) if count > 1 else np.zeros(len(names), np.int64)
    groups = []
    for cluster in range(count):
        rows = np.flatnonzero(clusters[of] == cluster)
        rows = rows[np.argsort(of[rows], kind="stable")]
        groups += np.array_split(rows, -(-len(rows) // most))
    return groups
