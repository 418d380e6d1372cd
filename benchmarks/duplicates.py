"""Near-duplicates at scale: `python -m benchmarks.duplicates [COUNT…]`, 160,000 faces unless said otherwise.

The faces are made here: four characters, tracks of 1 to 200 faces that hold still, drift or jump as drawn ones do,
every twentieth track shown again by boxes that tremble, and one false alarm that stands still a hundred times longer.
Each size runs in a process of its own, so that its peak memory is its own. Prints a Markdown table; each run also holds
100 random rows against a plain search.
"""

import argparse
import multiprocessing
import os
import platform
import resource
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.params import Manifest
from pipeline.processors import usable
from pipeline.similarity.alignment import SIDE, ZOOMS, enlarged, hashes, middle
from pipeline.similarity.clusters import Clusters, find_clusters
from pipeline.similarity.pairs import near_pairs_of_each

CHARACTERS = 4
CHECKED = 100
COARSE = 8
"""Cells a face is drawn of, on a side: as much detail as the hash looks at."""
HELD_FACES = 2000


def draw_track(rng: np.random.Generator, character: Pixels, length: int) -> Pixels:
    """A face followed through a scene, uint8 [length, SIDE, SIDE]: each step is the one before, moved on a little.

    character: uint8 [COARSE, COARSE], what its faces have in common.
    """
    steps = rng.choice([0.0, 1.5, 12.0], (length, 1, 1), p=[0.55, 0.4, 0.05])
    drift = np.cumsum(rng.normal(0, 1, (length, COARSE, COARSE)) * steps, axis=0)
    coarse = character + rng.normal(0, 34, (1, COARSE, COARSE)) + rng.normal(0, 25) + drift
    smooth = [cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for face in coarse]
    noise = rng.integers(-3, 4, (length, SIDE, SIDE))
    return np.clip(np.array(smooth) + noise, 0, 255).astype(np.uint8)


def moved(rng: np.random.Generator, track: Pixels) -> Pixels:
    """The track as other boxes show it: up to 2 px away and 5 % larger, and a little noise."""
    out = np.empty_like(track)
    for row, face in enumerate(track):
        (right, down), size = rng.uniform(-2, 2, 2), rng.uniform(0.95, 1.05)
        shift = (SIDE / 2) * (1 - size) + np.array([right, down])
        matrix = np.array([[size, 0, shift[0]], [0, size, shift[1]]])
        out[row] = cv2.warpAffine(face, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return out ^ rng.integers(0, 2, track.shape, dtype=np.uint8)


def make_faces(count: int, seed: int = 0) -> tuple[Pixels, pd.Series]:
    """Thumbnails uint8 [count, SIDE, SIDE] in shuffled order, and whose face each is."""
    rng = np.random.default_rng(seed)
    characters = rng.integers(40, 216, (CHARACTERS, COARSE, COARSE)).astype(np.uint8)
    faces, whose = np.empty((count, SIDE, SIDE), np.uint8), np.empty(count, np.int8)
    place = min(HELD_FACES, count // 10)
    faces[:place] = draw_track(rng, characters[0], 1) + rng.integers(0, 3, (place, SIDE, SIDE), dtype=np.uint8)
    whose[:place] = 0
    while place < count:
        character = int(rng.integers(CHARACTERS))
        track = draw_track(rng, characters[character], int(min(200, 1 + rng.geometric(1 / 20))))
        if rng.random() < 0.05:
            track = np.concatenate([track, moved(rng, track)])
        stop = min(count, place + len(track))
        faces[place:stop], whose[place:stop] = track[: stop - place], character
        place = stop
    order = rng.permutation(count)
    return faces[order], pd.Series(whose[order])


def plain_neighbours(windows: Pixels, codes: NDArray[np.uint64], row: int, params: Manifest) -> NDArray[np.bool_]:
    """Which faces are near one as they are, by the definition. windows: uint8 [N, P], softened; codes: their hashes."""
    near = np.bitwise_count(codes ^ codes[row]) <= params.duplicate_bits
    return np.asarray(
        near & (np.abs(windows.astype(np.int16) - windows[row]).mean(axis=1) <= params.duplicate_distance)
    )


def check(faces: Pixels, whose: pd.Series, clusters: Clusters, params: Manifest) -> None:
    """Hold the unmoved pairs of CHECKED random rows against the definition, among at most 20,000 rows at a time.

    And nobody that is left may be near another: of CHECKED random ones, none is, by a search among some others.
    """
    rng, pairs = np.random.default_rng(1), clusters.unmoved
    for _ in range(5):
        some = np.sort(rng.choice(len(faces), min(20000, len(faces)), replace=False))
        place = pd.Series(np.arange(len(some)), index=some)
        inside = pairs[pairs["first"].isin(some) & pairs["second"].isin(some)]
        first, second = place[inside["first"]].to_numpy(), place[inside["second"]].to_numpy()
        windows, kinds = middle(enlarged(faces[some], ZOOMS[:1])[0]), whose.iloc[some].to_numpy()
        codes, flat = hashes(windows), windows.reshape(len(some), -1)
        for row in rng.choice(len(some), CHECKED // 5, replace=False):
            found = set(second[first == row].tolist()) | set(first[second == row].tolist())
            near = plain_neighbours(flat, codes, int(row), params) & (kinds == kinds[row])
            if found != set(np.flatnonzero(near).tolist()) - {row}:
                raise SystemExit(f"row {some[row]}: other pairs than the plain search finds")
    left = rng.permutation(np.unique(clusters.stands_for))[: 20 * CHECKED]
    near = near_pairs_of_each(whose.iloc[left], faces[left], params.duplicate_bits, params.duplicate_distance)
    if len(near):
        raise SystemExit(f"{len(near)} pairs of faces that are left are near each other")


def measure(count: int) -> str:
    """One row of the table."""
    params = Manifest()
    settings = params.duplicate_bits, params.duplicate_distance
    warm, names = make_faces(500)
    find_clusters(np.arange(500), names, warm, *settings)  # compiled, or read from numba's cache
    faces, whose = make_faces(count)
    began, busy = time.monotonic(), time.process_time()
    clusters = find_clusters(np.arange(count), whose, faces, *settings)
    whole, cpu = time.monotonic() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    check(faces, whose, clusters, params)
    first, left = (len(np.unique(rows)) for rows in (clusters.still, clusters.stands_for))
    cells = [f"{count:,}", f"{len(clusters.unmoved):,}", f"{first:,}", f"{len(clusters.moved):,}", f"{left:,}"]
    cells += [f"{whole:.1f} ({cpu:.1f})", f"{peak:.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Parse the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("counts", type=int, nargs="*", default=[160_000])
    options = parser.parse_args()
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    cores = usable()
    print(f"{model}, {cores} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the start\n")
    head = ("faces", "near as they are", "clusters", "near when moved", "clusters at last", "s (CPU s)", "peak GB")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for count in options.counts:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(measure, (count,)), flush=True)


if __name__ == "__main__":
    main()
