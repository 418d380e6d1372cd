"""Whether boxes that tracking carries to neighbouring frames help: `python -m benchmarks.carried film|drawn [SEEDS]
[BOXES]`.

The simulated annotator of `benchmarks.effort` boxes frames by chance, each scene once, then again, until a character
has so many boxes. Each drawn box is followed through the frames before and after it, within its scene, by the median
of Lucas and Kanade's flow of a grid of points (Kalal, Mikolajczyk, Matas, "Forward-backward error", ICPR 2010). It is
followed as long as enough points (MOST) come back to where they began when they are followed backwards, and the face
looks as the drawn one does (AGREES). At each of STEPS frames from the drawn one it is a carried box. A frame with
carried boxes gives positive examples and no negatives. For each number of boxes and seed: a detector for each
character that learns what was drawn, and one that learns what was carried as well.
"""

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.effort import boxed, in_order, judge
from benchmarks.effort_person import Annotator, Box
from benchmarks.effort_shows import Show, drawn, film
from benchmarks.footage import DEFAULT, FOOTAGE, Frame, rows
from cascades import Cascade, train
from cascades.boxes import intersection_over_union as iou
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.faces.examples import annotated
from pipeline.images import inside
from pipeline.stages.cascade import LEAST_BOXES

Picture = NDArray[np.uint8]
Look = tuple[Picture, Picture]
"""Gray uint8 [H, W] and chroma uint8 [2, H/2, W/2] of a frame."""
Frames = Callable[[str, int], Look | None]
"""The frame of an episode by its number; None where there is none."""

QUICK: Final = replace(DEFAULT, planes="color", positives=500, negatives=1000, feature_pool=8000)
STRIDE: Final = 2
"""Frames from one that a box is followed to, to the next: drawn shows change every second frame."""
STEPS: Final = (4, 8, 12)
"""How many frames from the drawn one a carried box is learned from."""
GRID: Final = 10
RETURNS: Final = 1.0
"""px: a point whose way back ends farther than this from where it began was lost."""
MOST: Final = 0.4
"""Share of the points that must not be lost."""
AGREES: Final = 0.6
"""Least correlation of a carried face and the drawn one, as gray pictures of FACE px."""
FACE: Final = 24


def follow(box: Box, look: Sequence[Picture]) -> Iterator[Box]:
    """The box in each picture after the first, as long as it is surely the same face. look: gray uint8 [H, W] each."""
    first = face(look[0], box)
    x, y, w, h = map(float, box)
    for before, after in pairwise(look):
        moved = step(before, after, (x, y, w, h))
        if moved is None:
            return
        x, y, w, h = moved
        place = (round(x), round(y), round(w), round(h))
        height, width = after.shape
        if inside(place, width, height) != place or correlation(first, face(after, place)) < AGREES:
            return
        yield place


def step(before: Picture, after: Picture, box: tuple[float, float, float, float]) -> tuple[float, ...] | None:
    """Where a box goes from one picture to the next: its move and scale are medians over points that come back."""
    x, y, w, h = box
    across, down = np.meshgrid((np.arange(GRID) + 0.5) / GRID, (np.arange(GRID) + 0.5) / GRID)
    points = np.stack([x + across * w, y + down * h], axis=-1).reshape(-1, 1, 2).astype(np.float32)
    guess: Any = None  # OpenCV's stubs do not know that there need be none
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, guess)
    back, refound, _ = cv2.calcOpticalFlowPyrLK(after, before, there, guess)
    lost = np.linalg.norm((back - points).reshape(-1, 2), axis=1) > RETURNS
    kept = ~lost & (found.ravel() == 1) & (refound.ravel() == 1)
    if kept.mean() < MOST:
        return None
    old, new = points.reshape(-1, 2)[kept], there.reshape(-1, 2)[kept]
    dx, dy = np.median(new - old, axis=0)
    pairs = np.triu_indices(len(old), 1)
    apart = np.linalg.norm(old[pairs[0]] - old[pairs[1]], axis=1)
    scale = float(np.median(np.linalg.norm(new[pairs[0]] - new[pairs[1]], axis=1) / apart))
    return x + float(dx) + w * (1 - scale) / 2, y + float(dy) + h * (1 - scale) / 2, w * scale, h * scale


def face(gray: Picture, box: Box) -> NDArray[np.float64]:
    height, width = gray.shape
    x, y, w, h = inside(box, width, height)
    small = cv2.resize(gray[y : y + h, x : x + w], (FACE, FACE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64)


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / max(1e-9, np.sqrt((one**2).sum() * (other**2).sum())))


def carried(
    scene: tuple[str, int], number: int, boxes: Sequence[tuple[str, Box]], frames: Frames, bounds: tuple[int, int]
) -> dict[int, list[tuple[str, Box]]]:
    """The boxes of a frame in the frames before and after it: names and boxes by number. bounds: of the scene."""
    found: dict[int, list[tuple[str, Box]]] = {}
    for way in (-STRIDE, STRIDE):
        there, look = list[int](), list[Picture]()
        for ahead in range(0, max(STEPS) + 1, STRIDE):
            at = number + (ahead if way > 0 else -ahead)
            picture = frames(scene[0], at) if bounds[0] <= at < bounds[1] else None
            if picture is None:
                break
            there.append(at)
            look.append(picture[0])
        for name, box in boxes:
            for at, place in zip(there[1:], follow(box, look), strict=False):
                if abs(at - number) in STEPS:
                    found.setdefault(at, []).append((name, place))
    return found


class Video:
    """Frames of the footage near those that can be boxed, decoded once and kept in the temporary folder."""

    def __init__(self, show: Show) -> None:
        self._places: dict[tuple[str, int], int] = {}
        self._kept: dict[str, tuple[Picture, Picture]] = {}
        self.bounds: dict[tuple[str, int], tuple[int, int]] = {}
        for episode in sorted({scene[0] for scene, _ in show.learn}):
            for index, row in enumerate(rows("scenes.csv", episode)):
                self.bounds[episode, index] = (int(row["start_frame"]), int(row["end_frame"]) + 1)
            own = [frame for scene, frame in show.learn if scene[0] == episode]
            near = {frame.number + way for frame in own for way in range(-max(STEPS), max(STEPS) + 1, STRIDE)}
            self._read(episode, sorted(number for number in near if number >= 0), own[0].gray.shape)

    def _read(self, episode: str, wanted: list[int], shape: tuple[int, ...]) -> None:
        height, width = shape
        stem = Path(tempfile.gettempdir()) / f"toonset-benchmark-carried-{episode}-{width}x{height}"
        chosen, numbers = set(wanted), list[int]()
        if not Path(f"{stem}.npy").is_file():
            name = "big_buck_bunny_720p.mp4" if episode == "bbb" else f"{episode}.mkv"
            grays = memmap(f"{stem}-gray.npy", (len(wanted), height, width))
            half = (2, height // 2, width // 2)
            colors = memmap(f"{stem}-chroma.npy", (len(wanted), *half))
            with av.open(str(FOOTAGE / name)) as container:
                for number, frame in enumerate(container.decode(video=0)):
                    if number in chosen:
                        planes = [plane_of(frame, index) for index in range(3)]
                        grays[len(numbers)] = cv2.resize(planes[0], (width, height), interpolation=cv2.INTER_AREA)
                        for index in (0, 1):
                            small = cv2.resize(planes[1 + index], half[:0:-1], interpolation=cv2.INTER_AREA)
                            colors[len(numbers), index] = small
                        numbers.append(number)
                    if number >= wanted[-1]:
                        break
            np.save(f"{stem}.npy", np.array(numbers))
        self._kept[episode] = (np.load(f"{stem}-gray.npy", "r"), np.load(f"{stem}-chroma.npy", "r"))
        for index, number in enumerate(np.load(f"{stem}.npy").tolist()):
            self._places[episode, number] = index

    def __call__(self, episode: str, number: int) -> Look | None:
        index = self._places.get((episode, number))
        if index is None:
            return None
        grays, colors = self._kept[episode]
        return np.array(grays[index]), np.array(colors[index])


def memmap(path: str, shape: tuple[int, ...]) -> Picture:
    """A file of pictures, to be written."""
    opened: Any = np.lib.format.open_memmap  # has no types
    made: Picture = opened(path, "w+", np.uint8, shape)
    return made


def plane_of(frame: av.VideoFrame, index: int) -> Picture:
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def exactness(show: Show, frames: Frames, bounds: dict[tuple[str, int], tuple[int, int]]) -> list[float]:
    """IoU of carried true boxes with the true boxes of the frames to which they are carried."""
    truth = {(scene, frame.number): frame for scene, frame in show.learn}
    found = []
    for scene, frame in show.learn:
        own = [(name, (box.x, box.y, box.w, box.h)) for name, box in frame.boxes if name in show.characters]
        for at, places in carried(scene, frame.number, own, frames, bounds[scene]).items():
            there = truth.get((scene, at))
            for name, place in places if there else []:
                assert there is not None
                same = np.array([tuple(box) for who, box in there.boxes if who == name], np.int64).reshape(-1, 4)
                if len(same):
                    found.append(float(iou(np.array([place]), same).max()))
    return found


def learn(frames: list[BoxedFrame], seed: int) -> Cascade:
    return train(annotated(frames), replace(QUICK, seed=seed)).cascade


def run(show: Show, frames: Frames, bounds: dict[tuple[str, int], tuple[int, int]], seed: int, count: int) -> None:
    """Print a row for each way."""
    person, order = Annotator(show.characters, seed), in_order(show, seed)
    drawings = {place: person.draw(show.learn[place][1]) for place in order}
    kept = {}
    ways: dict[str, dict[str, list[BoxedFrame]]] = {"drawn": {}, "and carried": {}}
    more = 0
    for character in show.characters:
        own, others, so_far = list[BoxedFrame](), list[BoxedFrame](), 0
        for place in order:
            if so_far >= count:
                break
            scene, frame = show.learn[place]
            boxes = [box for name, box in drawings[place] if name == character]
            own.append(boxed(frame, scene, boxes, frame.complete, []))
            so_far += len(boxes)
            if boxes and place not in kept:
                kept[place] = carried(scene, frame.number, drawings[place], frames, bounds[scene])
            for at, places in kept.get(place, {}).items() if boxes else ():
                theirs = [box for name, box in places if name == character]
                look = frames(scene[0], at)
                if theirs and look is not None:
                    there = Frame(at, *look, False, False, ())
                    others.append(boxed(there, scene, theirs, False, []))
        more += sum(len(frame.boxes) for frame in others)
        ways["drawn"][character], ways["and carried"][character] = own, own + others
    for way, learned in ways.items():
        trained = {
            name: learn(own, seed)
            for name, own in learned.items()
            if sum(len(frame.boxes) for frame in own) >= LEAST_BOXES
        }
        drawn_boxes = sum(len(frame.boxes) for own in ways["drawn"].values() for frame in own)
        figures = " | ".join(f"{figure:.3f}" for figure in judge(show, trained))
        cpu = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        added = more if way != "drawn" else 0
        print(
            f"| {show.name} | {count} | {seed} | {way} | {drawn_boxes} | {added} | {figures} | {cpu:.0f} |", flush=True
        )


def main(name: str, seeds: str = "0,1,2", counts: str = "20,60") -> None:
    show = {"film": film, "drawn": drawn}[name]()
    frames = Video(show)
    exact = exactness(show, frames, frames.bounds)
    if exact:
        print(
            f"{show.name}: {len(exact)} carried true boxes lie in frames with a true box; "
            f"IoU mean {np.mean(exact):.3f}, 5th percentile {np.percentile(exact, 5):.3f}, "
            f"below 0.5: {np.mean(np.array(exact) < 0.5):.3f}",
            flush=True,
        )
    print("| show | boxes a character | seed | learned | boxes drawn | carried | AP, IoU 0.3 | AP, IoU 0.5 | recall at "
          f"0.1 | CPU s so far |\n|{'---|' * 10}")  # fmt: skip
    for count in map(int, counts.split(",")):
        for seed in map(int, seeds.split(",")):
            run(show, frames, frames.bounds, seed, count)


if __name__ == "__main__":
    main(*sys.argv[1:])
