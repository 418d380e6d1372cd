"""How well detected boxes fit: `python -m benchmarks.fitted_boxes [--seeds N] [--halves] [NAME…]`.

Each character's cascade is trained as a project trains it, and detects on held-out scenes. Its boxes are compared with
the drawn ones three times: "one shape" puts the same box into every window, "constant" learns only a mean move of each
edge, "learned" moves edges by what the window shows (`cascades.fit_boxes`). Windows and scores are the same for all.

film: four characters, on the held-out shots. sindbad: learned on part 1, tested on parts 2, 3 and 4. sindbad back:
learned on parts 2 and 4, tested on parts 1 and 3. With --halves all of it is done in the training scenes alone: learned
on every other one, tested on the rest. What is fixed in `cascades.box_fitting` was chosen on these.

Mean IoU is of the faces that "one shape" finds at IoU 0.3 with 0.1 false positives per frame. Recall at each IoU is
at 0.1 false positives per frame, counted at that IoU.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import CHARACTERS, SIZE, Frame, load, rows, training_images
from cascades import Cascade, Detections, Detector, TrainingParams, evaluate, fit_boxes, train
from cascades.box_fitting import as_regression, collect_pairs
from cascades.boxes import as_array, intersection_over_union
from cascades.detector import face_boxes
from cascades.evaluation import match
from cascades.planes import COLOR, image_planes

PARAMS = TrainingParams(threads=2, margin=0.0, planes="color", fit_boxes=False)  # as a project trains
FPPI = 0.1
OVERLAPS = (0.3, 0.5, 0.7)
KINDS = ("one shape", "constant", "learned")


@dataclass(frozen=True)
class Fit:
    """Mean IoU of the faces that are found, and recall at each of OVERLAPS."""

    iou: float
    recall: tuple[float, ...]


def jobs() -> Iterator[tuple[str, str, list[Frame]]]:
    """Name, character, and its frames, of which those not held out are learned from."""
    film = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    for character in CHARACTERS:
        yield character, character, film
    parts = {e: load(e, f"{e}.mkv", (640, 477)) for e in ("popeye_p1", "popeye_p2", "popeye_p3", "popeye_p4")}
    for name, learned in (("sindbad", ("popeye_p1",)), ("sindbad back", ("popeye_p2", "popeye_p4"))):
        yield name, "sindbad", [replace(f, held_out=e not in learned) for e, part in parts.items() for f in part]


def halves() -> Iterator[tuple[str, str, list[Frame]]]:
    """As `jobs`, in the training scenes alone: every other one that shows the character is held out."""
    film = [f for f in load("bbb", "big_buck_bunny_720p.mp4", SIZE) if not f.held_out]
    for character in CHARACTERS:
        yield character, character, every_other(film, "bbb", character, 0)
    yield "sindbad", "sindbad", every_other(load("popeye_p1", "popeye_p1.mkv", (640, 477)), "popeye_p1", "sindbad", 1)


def every_other(frames: list[Frame], episode: str, character: str, held: int) -> list[Frame]:
    """The frames, of which every other scene with a character is held out, and every other one without it.

    held: 0 holds out the first, third, … scene, 1 the second, fourth, …
    """
    starts = np.array([int(row["start_frame"]) for row in rows("scenes.csv", episode)])
    scenes = [int(np.searchsorted(starts, f.number, side="right")) - 1 for f in frames]
    shown = sorted({s for s, f in zip(scenes, frames, strict=True) if any(c == character for c, _ in f.boxes)})
    place = {scene: scene for scene in scenes} | {scene: number for number, scene in enumerate(shown)}
    return [replace(f, held_out=place[scene] % 2 == held) for f, scene in zip(frames, scenes, strict=True)]


def with_boxes(cascade: Cascade, frames: list[Frame], character: str, kind: str) -> Cascade:
    """The cascade with one of KINDS of boxes."""
    if kind == "one shape":
        return replace(cascade, info=replace(cascade.info, box_regression=None))
    images = training_images(frames, character)
    if kind == "learned":
        return fit_boxes(cascade, images)
    pairs = collect_pairs(cascade, images)
    weights = np.zeros((pairs.features.shape[1], 4))
    weights[0] = pairs.shifts.mean(axis=0)
    return replace(cascade, info=replace(cascade.info, box_regression=as_regression(weights)))


def detections(cascade: Cascade, frames: list[Frame]) -> list[Detections]:
    """What the cascade finds on the held-out frames."""
    detector = Detector([cascade], min_size=24, threads=2)
    return [detector.detect(f.gray, chroma=f.chroma)[0] for f in frames if f.held_out]


def refitted(found: list[Detections], cascade: Cascade, frames: list[Frame]) -> list[Detections]:
    """The same detections with the boxes of another regression."""
    held = [f for f in frames if f.held_out]
    result = []
    for one, frame in zip(found, held, strict=True):
        planes = image_planes(frame.gray, frame.chroma, COLOR, "frame")
        boxes = np.rint(face_boxes(planes, one.windows.astype(np.float64), cascade.info)).astype(np.int32)
        result.append(replace(one, boxes=boxes))
    return result


def compare(cascade: Cascade, found: list[Detections], frames: list[Frame], character: str) -> dict[str, Fit]:
    """Fits of the three kinds of boxes; found: of `detections`, without a regression."""
    held = [f for f in frames if f.held_out]
    truths = [as_array([b for c, b in f.boxes if c == character]) for f in held]
    complete = [f.complete for f in held]
    least = evaluate(found, truths, complete=complete, iou=OVERLAPS[0]).lowest_score_at(FPPI)
    matched = [
        np.where(one.scores >= least, match(one.boxes, one.scores, truth, OVERLAPS[0]), -1)
        for one, truth in zip(found, truths, strict=True)
    ]
    fits = {}
    for name in KINDS:
        boxes = refitted(found, with_boxes(cascade, frames, character, name), frames)
        recall = tuple(evaluate(boxes, truths, complete=complete, iou=o).recall_at(FPPI) for o in OVERLAPS)
        fits[name] = Fit(mean_iou(boxes, truths, matched), recall)
    return fits


def mean_iou(
    found: Sequence[Detections], truths: Sequence[NDArray[np.int64]], matched: Sequence[NDArray[np.int64]]
) -> float:
    """Mean overlap of the detections with the truth boxes that they are matched to (−1: with none)."""
    overlaps: list[float] = []
    for one, truth, to in zip(found, truths, matched, strict=True):
        if len(truth) and len(to):
            overlap = intersection_over_union(one.boxes.astype(np.int64), truth)
            overlaps += overlap[np.flatnonzero(to >= 0), to[to >= 0]].tolist()
    return float(np.mean(overlaps)) if overlaps else 0.0


def table(fits: dict[str, list[dict[str, Fit]]]) -> str:
    """Mean ± standard deviation over seeds, one row for each character and kind of boxes."""
    lines = ["| character | boxes | mean IoU | " + " | ".join(f"recall at IoU {o:g}" for o in OVERLAPS) + " |"]
    lines.append("|---" * 6 + "|")
    for name, seeds in fits.items():
        for kind in KINDS:
            values = np.array([[seed[kind].iou, *seed[kind].recall] for seed in seeds])
            cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(values.mean(axis=0), values.std(axis=0), strict=True)]
            lines.append(f"| {name} | {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, train, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="bunny, frank, rinky, gimera, sindbad, 'sindbad back'; none: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--halves", action="store_true", help="in the training scenes alone")
    options = parser.parse_args()
    fits: dict[str, list[dict[str, Fit]]] = {}
    for name, character, frames in halves() if options.halves else jobs():
        if options.names and name not in options.names:
            continue
        for seed in range(options.seeds):
            cascade = train(training_images(frames, character), replace(PARAMS, seed=seed)).cascade
            fits.setdefault(name, []).append(compare(cascade, detections(cascade, frames), frames, character))
    print(table(fits))


if __name__ == "__main__":
    main()
