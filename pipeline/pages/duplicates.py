"""The picture for choosing `manifest.duplicate_distance`: how much pairs of faces differ, with example pairs.

People choose the distance by looking: at a valley in the histogram, and at the row in which the two faces of a pair are
no longer the same drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_rgb, shrink
from pipeline.pages.plots import new_figure, save, style
from pipeline.params import Manifest
from pipeline.similarity.alignment import PIXELS
from pipeline.similarity.pairs import bits_apart, near_pairs_of_each

MOST: Final = 1024
"""Faces whose pairs are looked at, taken by face_id, which is a hash: a fair sample of any larger set."""
BANDS: Final = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0), (1.0, 1.25), (1.25, 1.5), (1.5, 2.0), (2.0, 2.5))
"""Distances of which examples are shown, in units of the threshold, each up to its end; the last is the histogram's."""
ACROSS: Final = 7
"""Example pairs shown of a band."""
KINDS: Final = ("in one track", "in one episode", "in two episodes")
COLORS: Final = ("#9ec5e8", "#3b82c4", "#d9822b")
LINE: Final = "#b91c1c"
SIDE: Final = 96
"""A face among the examples, px."""
WIDTH, LEFT, HISTOGRAM, ROW = 11.0, 1.3, 3.6, 0.74
"""The picture's width, the room left of the examples, the height of the histogram and of a row, inches."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Pairs of faces up to the last band's end.

    faces: the examples' rows of FACES, each once. pairs: distance (mean gray levels), kind (index into KINDS), agree
    (whether the hashes are near enough). examples: per band, the pairs to show as rows of `faces`, nearest first.
    """

    faces: pd.DataFrame
    pairs: pd.DataFrame
    examples: tuple[NDArray[np.int64], ...]
    sampled: int
    total: int


def gather(faces: pd.DataFrame, thumbnails: Pixels, params: Manifest) -> Evidence:
    """Measure the pairs among the faces in use (rows of FACES; thumbnails uint8 [N, S, S]) and choose examples."""
    chosen = np.sort(np.argsort(faces["face_id"].to_numpy(str), kind="stable")[:MOST])
    own, small = faces.iloc[chosen].reset_index(drop=True), thumbnails[chosen]
    pairs = near_pairs_of_each(own["character"], small, 64, min(255.0, params.duplicate_distance * BANDS[-1][1]))
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    episode, track = pd.factorize(own["episode_id"])[0], own["track"].to_numpy()
    together = episode[first] == episode[second]
    pairs["kind"] = np.where(together, np.where(track[first] == track[second], 0, 1), 2)
    pairs["agree"] = bits_apart(small, first, second) <= params.duplicate_bits
    performances = pd.factorize(own["episode_id"] + " " + own["track"].astype(str))[0]
    order = np.lexsort((own["face_id"].to_numpy(str)[first], pairs["distance"]))
    chosen_pairs = [
        _examples(pairs.iloc[order[_in_band(pairs["distance"].to_numpy()[order], band, params)]], performances)
        for band in BANDS
    ]
    rows, places = np.unique(np.concatenate([part.ravel() for part in chosen_pairs]), return_inverse=True)
    stops = np.cumsum([part.size for part in chosen_pairs])[:-1]
    examples = tuple(part.reshape(-1, 2) for part in np.split(places, stops))
    return Evidence(own.loc[list(rows)], pairs[["distance", "kind", "agree"]], examples, len(own), len(faces))


def _in_band(distance: NDArray[np.float32], band: tuple[float, float], params: Manifest) -> NDArray[np.bool_]:
    """Distances in a band: up to and including its end, as the threshold itself is; the first from 0 on."""
    low, high = (edge * params.duplicate_distance for edge in band)
    above = distance > low if low else distance >= 0
    return np.asarray(above & (distance <= high))


def _examples(pairs: pd.DataFrame, performances: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most ACROSS of the pairs, int64 [K, 2]: spread over their order, no two showing the same two tracks."""
    first, second = (pairs[name].to_numpy() for name in ("first", "second"))
    tracks = np.sort(np.stack([performances[first], performances[second]], axis=1), axis=1)
    _, once = np.unique(tracks, axis=0, return_index=True)
    once.sort()
    shown = once[np.unique(np.linspace(0, len(once) - 1, min(ACROSS, len(once))).round().astype(int))]
    return np.stack([first[shown], second[shown]], axis=1).astype(np.int64)


@style()
def draw_evidence(path: Path, evidence: Evidence, crops: Sequence[bytes], params: Manifest) -> None:
    """The histogram and the examples as PNG. crops: the encoded crop of each of `evidence.faces`."""
    height = HISTOGRAM + ROW * len(BANDS) + 0.2
    figure = new_figure(WIDTH, height)
    figure.set_layout_engine("none")  # every part has its place

    def place(top: float, tall: float) -> Axes:
        return figure.add_axes((LEFT / WIDTH, 1 - (top + tall) / height, 1 - (LEFT + 0.2) / WIDTH, tall / height))

    _histogram(place(0.4, HISTOGRAM - 1.1), evidence, params)
    for index, (band, pairs) in enumerate(zip(BANDS, evidence.examples, strict=True)):
        low, high = (edge * params.duplicate_distance for edge in band)
        near = band[1] <= 1
        axes = place(HISTOGRAM + ROW * index, ROW - 0.08)
        axes.imshow(_strip(crops, pairs), aspect="equal")
        axes.set_anchor("W")
        axes.set_axis_off()
        label = f"{low:.3g} to {high:.3g}\n" + ("near-duplicates" if near else "different")
        axes.text(
            -0.01, 0.5, label, transform=axes.transAxes, ha="right", va="center", color="#222222" if near else LINE
        )
    save(figure, path)


def _histogram(axes: Axes, evidence: Evidence, params: Manifest) -> None:
    """How many pairs there are at each distance, by where their two faces are from."""
    agree = evidence.pairs["agree"].to_numpy()
    distance, kind = evidence.pairs["distance"].to_numpy(), evidence.pairs["kind"].to_numpy()
    groups = [distance[agree & (kind == index)] for index in range(len(KINDS))]
    labels = [f"{name} ({len(group)})" for name, group in zip(KINDS, groups, strict=True)]
    groups.append(distance[~agree])
    labels.append(f"hashes differ in more than {params.duplicate_bits} bits ({len(groups[-1])})")
    edges = np.linspace(0, max(params.duplicate_distance, 1 / PIXELS) * BANDS[-1][1], 51)
    axes.hist(groups, bins=list(edges), stacked=True, label=labels, color=[*COLORS, "#d8d8d8"])
    if len(distance):
        axes.set_yscale("log")
        axes.set_ylim(0.7, 12 * axes.get_ylim()[1])
    axes.axvline(params.duplicate_distance, color=LINE, linewidth=1.5)
    axes.set_xlim(0, edges[-1])
    axes.set(xlabel="mean difference of two faces of one character, laid over each other, gray levels", ylabel="pairs")
    whom = f"{evidence.sampled} faces" + (f" of {evidence.total}" if evidence.sampled < evidence.total else "")
    axes.set_title(f"pairs among {whom}; left of the red line (manifest.duplicate_distance) are near-duplicates")
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper left")


def _strip(crops: Sequence[bytes], pairs: NDArray[np.int64]) -> Pixels:
    """The pairs side by side, RGB; white where there are fewer than ACROSS."""
    gap = SIDE // 4
    strip = np.full((SIDE, ACROSS * (2 * SIDE + gap) - gap, 3), 255, np.uint8)
    for index, row in enumerate(pairs.ravel()):
        picture = decode_rgb(crops[int(row)])
        left = index // 2 * (2 * SIDE + gap) + index % 2 * SIDE
        if picture is not None:
            strip[:, left : left + SIDE] = shrink(picture, SIDE, SIDE)
    return strip
