"""Cascades from few boxes: `python -m benchmarks.small_data [VARIANT…] [--boxes N…] [--worlds W…] [--seeds S…]`.

A cascade learns 50, 100 or 139 boxes of some shots of the drawn excerpts or of the film and is tested on the other
shots: three folds over shots, so every shot is tested once a seed. A seed chooses the boxed frames and trains.
Frames without a wanted face are background in the training, as people have them. Detections match at IoU 0.3: how well
boxes fit is another question. A variant is a change of the settings; `default` has none.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.footage import FPPI, SIZE, Frame, load, rescaled, rows, squared
from cascades import AnnotatedImage, Box, Cascade, Detections, Detector, TrainingParams, evaluate, train

FOLDS = 3
IOU = 0.3
DRAWN = tuple((f"popeye_p{part}", f"popeye_p{part}.mkv", (640, 477)) for part in (1, 2, 3, 4))
FILM = (("bbb", "big_buck_bunny_720p.mp4", SIZE),)
WORLDS = {
    "drawn, three characters": (DRAWN, ("sindbad", "boola", "popeye")),
    "drawn, one character": (DRAWN, ("sindbad",)),
    "film, two characters": (FILM, ("bunny", "frank")),
}
VARIANTS: dict[str, Callable[[TrainingParams], TrainingParams]] = {
    "default": lambda p: p,
    "jitter 0.1": lambda p: replace(p, jitter=0.1),
    "8 stages": lambda p: replace(p, stages=8),
    "8 stages, hit rate 0.999": lambda p: replace(p, stages=8, min_hit_rate=0.999),
    "hit rate 0.999": lambda p: replace(p, min_hit_rate=0.999),
    "false alarm 0.6": lambda p: replace(p, max_false_alarm=0.6),
    "1,000 negatives": lambda p: replace(p, negatives=1000),
    "4,000 negatives": lambda p: replace(p, negatives=4000),
    "2,000 positives": lambda p: replace(p, positives=2000),
    "no mirror": lambda p: replace(p, mirror=False),
    "color": lambda p: replace(p, planes="color"),
}


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame of a world: the shot it is of, and the wanted faces in it."""

    shot: tuple[str, int]
    frame: Frame
    boxes: tuple[Box, ...]


def read(world: str) -> list[Shown]:
    shows, characters = WORLDS[world]
    found = []
    for episode, file, size in shows:
        shots = [(int(r["start_frame"]), int(r["end_frame"])) for r in rows("scenes.csv", episode)]
        for frame in load(episode, file, size):
            shot = next((i for i, (first, last) in enumerate(shots) if first <= frame.number <= last), -1)
            found.append(Shown((episode, shot), frame, tuple(b for c, b in frame.boxes if c in characters)))
    return found


def folds(shown: Sequence[Shown]) -> dict[tuple[str, int], int]:
    """Shot → fold: the shots with most faces first, each to the fold that has fewest."""
    counts: dict[tuple[str, int], int] = {}
    for one in shown:
        counts[one.shot] = counts.get(one.shot, 0) + len(one.boxes)
    faces, where = [0] * FOLDS, {}
    for shot in sorted(counts, key=lambda shot: (-counts[shot], shot)):
        where[shot] = faces.index(min(faces))
        faces[where[shot]] += counts[shot] + 1
    return where


def chosen(shown: Sequence[Shown], boxes: int, seed: int) -> list[AnnotatedImage]:
    """Boxed frames drawn at random until there are as many boxes, and all complete frames without a wanted face."""
    rng = np.random.default_rng([seed, 18])
    taken, count = set(), 0
    boxed = [i for i, one in enumerate(shown) if one.boxes]
    for i in rng.permutation(boxed).tolist():
        if count >= boxes:
            break
        taken.add(i)
        count += len(shown[i].boxes)
    taken |= {i for i, one in enumerate(shown) if not one.boxes and one.frame.complete}
    return [
        AnnotatedImage(f"{one.shot}/{one.frame.number}", one.frame.gray, one.boxes, (), one.frame.complete,
                       one.frame.chroma)
        for one in (shown[i] for i in sorted(taken))
    ]  # fmt: skip


def found_in(
    cascade: Cascade, shown: Sequence[Shown]
) -> list[tuple[Detections, list[tuple[int, int, int, int]], bool]]:
    """Detections, truths and completeness of each frame, boxes as the other benchmarks score them."""
    detector = Detector([cascade], min_size=24, threads=1)
    found = []
    for one in shown:
        (d,) = detector.detect(one.frame.gray, chroma=one.frame.chroma)
        windows = rescaled(d.windows, 1.1 / (1 + cascade.info.margin))
        truths = [squared(box) for box in one.boxes]
        found.append((Detections(windows, d.scores, windows, d.counts), truths, one.frame.complete))
    return found


def measure(shown: Sequence[Shown], variant: str, boxes: int, seed: int) -> tuple[list[float], float]:
    """Recall at 0.1, 0.3 and 1 false positives a frame, at any number, and average precision, means of the folds.

    Scores of different cascades are not comparable, so each fold has its own curve.
    """
    where, results, spent = folds(shown), [], time.process_time()
    for fold in range(FOLDS):
        images = chosen([one for one in shown if where[one.shot] != fold], boxes, seed)
        params = VARIANTS[variant](TrainingParams(seed=seed, threads=1))
        cascade = train(images, params).cascade
        tested = found_in(cascade, [one for one in shown if where[one.shot] == fold])
        detections, truths, complete = zip(*tested, strict=True)
        boxed = [np.array(t, np.int64).reshape(-1, 4) for t in truths]
        roc = evaluate(detections, boxed, complete=complete, iou=IOU)
        results.append([*(roc.recall_at(fppi) for fppi in FPPI), roc.recall_at(np.inf), roc.average_precision])
    return np.mean(results, axis=0).tolist(), time.process_time() - spent


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_data", description="See the module.")
    parser.add_argument("variants", metavar="VARIANT", nargs="*", help=", ".join(VARIANTS))
    parser.add_argument("--boxes", type=int, nargs="+", default=[50, 100, 139])
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args(arguments)
    variants = options.variants or list(VARIANTS)
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        parser.error(f"no variant {unknown[0]!r}; there are {', '.join(VARIANTS)}")
    recalls = " | ".join(f"recall at {f:g}" for f in FPPI)
    print(f"| world | boxes | variant | seeds | {recalls} | at any | average precision | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for world in options.worlds:
        shown = read(world)
        for boxes in options.boxes:
            for variant in variants:
                runs = [measure(shown, variant, boxes, seed) for seed in options.seeds]
                found = np.array([figures for figures, _ in runs])
                cells = " | ".join(
                    f"{m:.3f} ± {s:.3f}" for m, s in zip(found.mean(axis=0), found.std(axis=0), strict=True)
                )
                cpu = np.mean([spent for _, spent in runs])
                print(f"| {world} | {boxes} | {variant} | {len(runs)} | {cells} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
