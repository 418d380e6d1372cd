"""The same drawing seen by boxes that tremble, against other drawings: `python -m benchmarks.trembling FOOTAGE`.

Every annotated face of the film and of the drawn excerpts is cut as it is boxed, and four times by a box that is up to
6 px of a 128 px crop away and up to 5 % larger or smaller, and encoded anew. Pairs of these are the same drawing. Pairs
of faces of one character in different shots are other drawings. A shot that cuts back to an earlier one may show the
same pose again: such pairs count as other drawings too, and are listed. Prints a Markdown table.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Pixels, decode_gray, encode_jpeg, inside, repeat_edges, shrink, square_around
from pipeline.similarity.alignment import PIXELS, aligned, enlarged, middle, quarter_sums
from pipeline.similarity.pairs import bits_apart, thumbnail

VIDEOS = {"bbb": "big_buck_bunny_720p.mp4", **{f"popeye_p{part}": f"popeye_p{part}.mkv" for part in (1, 2, 4)}}
MARGIN, SIDE = 0.25, 128
MOVED, SCALED = 6 / SIDE * (1 + 2 * MARGIN), 0.05
"""Greatest shift, as a share of the face's side, and greatest change of size."""
COPIES = 4
BITS = 10
DISTANCES = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 8.0)


@dataclass(frozen=True, eq=False)
class Face:
    """An annotated face: who, in which shot, at which frame, and its thumbnails, the first as it is boxed."""

    character: str
    shot: str
    frame: int
    thumbnails: list[Pixels]


def read_faces(footage: Path) -> Iterator[Face]:
    """All annotated faces but those of `other`, in the order of the videos."""
    rng = np.random.default_rng(0)
    boxes, shots = pd.read_csv(footage / "boxes.csv"), pd.read_csv(footage / "scenes.csv")
    for episode, name in VIDEOS.items():
        own = boxes[(boxes["episode_id"] == episode) & (boxes["character"] != "other")]
        starts = shots.loc[shots["episode_id"] == episode, "start_frame"].to_numpy()
        with av.open(str(footage / name)) as video:
            video.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(video.decode(video=0)):
                for _, box in own[own["frame"] == number].iterrows():
                    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                    shot = int(np.searchsorted(starts, number, side="right"))
                    seen = [cut(rgb, box, rng, trembling=copy > 0) for copy in range(COPIES + 1)]
                    yield Face(str(box["character"]), f"{episode} {shot}", number, seen)
                if number >= own["frame"].max():
                    break


def cut(rgb: Pixels, box: "pd.Series[int]", rng: np.random.Generator, trembling: bool) -> Pixels:
    """A face as the flow cuts, encodes and shrinks it."""
    x, y, w, h = (float(box[name]) for name in "xywh")
    side, quality = max(w, h), 95
    if trembling:
        distance, angle, change = rng.uniform(0, MOVED * side), rng.uniform(0, 2 * np.pi), rng.uniform(-SCALED, SCALED)
        x, y = x + distance * np.cos(angle) - w * change / 2, y + distance * np.sin(angle) - h * change / 2
        w, h, quality = w * (1 + change), h * (1 + change), int(rng.choice([60, 80, 95]))
    square = square_around((round(x), round(y), round(w), round(h)), MARGIN)
    part = inside(square, rgb.shape[1], rgb.shape[0])
    left, top, width, height = part
    crop = repeat_edges(rgb[top : top + height, left : left + width], part, square)
    size = min(SIDE, crop.shape[0])
    gray = decode_gray(encode_jpeg(shrink(crop, size, size), quality))
    assert gray is not None
    return thumbnail(gray, MARGIN)


def distances(small: Pixels, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The aligned distance of each pair, up to a little over the largest of DISTANCES."""
    pictures = enlarged(small)
    sums, limit = quarter_sums(pictures), int((DISTANCES[-1] + 1) * PIXELS)
    return np.array(
        [aligned(pictures, pictures, sums, sums, i, j, limit) for i, j in zip(first, second, strict=True)], float
    ) / PIXELS  # fmt: skip


def main() -> None:
    """Parse the command line, print the table and the nearest pairs of different shots."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("footage", type=Path)
    faces = list(read_faces(parser.parse_args().footage))
    small = np.array([one for face in faces for one in face.thumbnails], np.uint8)
    rows = np.arange(len(faces)) * (COPIES + 1)
    first, second = np.repeat(rows, COPIES), (rows[:, None] + np.arange(1, COPIES + 1)).ravel()
    whose, shots = np.array([face.character for face in faces]), np.array([face.shot for face in faces])
    one, other = np.triu_indices(len(faces), 1)
    apart = (whose[one] == whose[other]) & (shots[one] != shots[other])
    one, other = one[apart], other[apart]
    same = distances(small, first, second)
    near = bits_apart(small, first.astype(np.int32), second.astype(np.int32)) <= BITS
    windows = middle(enlarged(small, (0,))[0]).astype(np.int16)
    still = np.array([np.abs(windows[i] - windows[j]).mean() for i, j in zip(first, second, strict=True)])
    wrong = distances(small, rows[one], rows[other] + 1)
    names = sorted(set(whose))
    print(f"{len(same)} pairs of the same drawing, {len(wrong)} of different shots\n")
    print(f"| distance | found | as they are | different shots | {' | '.join(names)} |\n|{'---|' * (len(names) + 4)}")
    owner = np.repeat(whose, COPIES)
    for limit in DISTANCES:
        found = near & (same <= limit)
        each = " | ".join(f"{found[owner == name].mean():.2f}" for name in names)
        cells = f"{found.mean():.3f} | {(still <= limit).mean():.3f} | {(wrong <= limit).sum()}"
        print(f"| {limit:g} | {cells} | {each} |")
    print("\nshots between which faces are within 4.5, and how many pairs:")
    close = wrong <= 4.5
    pairs = pd.Series([f"{whose[i]}, {shots[i]} and {shots[j]}" for i, j in zip(one[close], other[close], strict=True)])
    print(pairs.value_counts().to_string())


if __name__ == "__main__":
    main()
