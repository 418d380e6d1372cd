"""Cascades from few boxes: `python -m benchmarks.small_data [VARIANT…] [--boxes N…] [--worlds W…] [--seeds S…]
[--ious I…] [--links L…]`.

A cascade learns 50, 100 or 139 boxes of some shots of the drawn excerpts or of the film and is tested on the other
shots: three folds over shots, so every shot is tested once a seed. A seed chooses the boxed frames and trains.
Frames without a wanted face are background in the training, as people have them. A variant is a change of the
settings; `default` has none. Each training is judged at every IoU from which a detection counts as right, and with
every tolerance from which windows are near enough to be merged (`cascades.grouping.LINK`).
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.footage import FPPI, SIZE, Frame, load, rescaled, rows, squared
from cascades import AnnotatedImage, Box, Cascade, Detections, Detector, TrainingParams, evaluate, train
from cascades.grouping import LINK, group_windows

FOLDS = 3
DRAWN = tuple((f"popeye_p{part}", f"popeye_p{part}.mkv", (640, 477)) for part in (1, 2, 3, 4))
FILM = (("bbb", "big_buck_bunny_720p.mp4", SIZE),)
WORLDS = {
    "drawn, three characters": (DRAWN, ("sindbad", "boola", "popeye")),
    "drawn, one character": (DRAWN, ("sindbad",)),
    "film, two characters": (FILM, ("bunny", "frank")),
}
VARIANTS: dict[str, Callable[[TrainingParams], TrainingParams]] = {
    "default": lambda p: p,
    "jitter 0.02": lambda p: replace(p, jitter=0.02),
    "jitter 0.1": lambda p: replace(p, jitter=0.1),
    "8 stages": lambda p: replace(p, stages=8),
    "8 stages, hit rate 0.999": lambda p: replace(p, stages=8, min_hit_rate=0.999),
    "hit rate 0.999": lambda p: replace(p, min_hit_rate=0.999),
    "false alarm 0.6": lambda p: replace(p, max_false_alarm=0.6),
    "1,000 negatives": lambda p: replace(p, negatives=1000),
    "4,000 negatives": lambda p: replace(p, negatives=4000),
    "2,000 positives": lambda p: replace(p, positives=2000),
    "margin 0.1": lambda p: replace(p, margin=0.1),
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
    cascade: Cascade, shown: Sequence[Shown], links: Sequence[float]
) -> list[tuple[list[Detections], list[tuple[int, int, int, int]], bool]]:
    """Detections for each link, truths and completeness of each frame, boxes as the other benchmarks score them."""
    detector = Detector([cascade], min_size=24, threads=1)
    found = []
    for one in shown:
        (raw,) = detector.windows(one.frame.gray, chroma=one.frame.chroma)
        detections = []
        for link in links:
            merged, scores, counts = group_windows(raw.boxes.astype(np.int64), raw.margins + 1.0, link=link)
            boxes = rescaled(np.rint(merged).astype(np.int32), 1.1 / (1 + cascade.info.margin))
            detections.append(Detections(boxes, scores.astype(np.float32), boxes, counts.astype(np.int32)))
        found.append((detections, [squared(box) for box in one.boxes], one.frame.complete))
    return found


def measure(
    shown: Sequence[Shown], variant: str, boxes: int, seed: int, judged: Sequence[tuple[float, float]]
) -> tuple[list[list[float]], float]:
    """For each IoU and link: recall at 0.1, 0.3 and 1 false positives a frame, at any number, and average precision,
    means of the folds. And CPU seconds.

    Scores of different cascades are not comparable, so each fold has its own curve.
    """
    where, results, spent = folds(shown), [], time.process_time()
    links = sorted({link for _, link in judged})
    for fold in range(FOLDS):
        images = chosen([one for one in shown if where[one.shot] != fold], boxes, seed)
        params = VARIANTS[variant](TrainingParams(seed=seed, threads=1))
        cascade = train(images, params).cascade
        tested = found_in(cascade, [one for one in shown if where[one.shot] == fold], links)
        detections, truths, complete = zip(*tested, strict=True)
        boxed = [np.array(t, np.int64).reshape(-1, 4) for t in truths]
        figures = []
        for iou, link in judged:
            roc = evaluate([d[links.index(link)] for d in detections], boxed, complete=complete, iou=iou)
            figures.append([*(roc.recall_at(fppi) for fppi in FPPI), roc.recall_at(np.inf), roc.average_precision])
        results.append(figures)
    return np.mean(results, axis=0).tolist(), time.process_time() - spent


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_data", description="See the module.")
    parser.add_argument("variants", metavar="VARIANT", nargs="*", help=", ".join(VARIANTS))
    parser.add_argument("--boxes", type=int, nargs="+", default=[50, 100, 139])
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ious", type=float, nargs="+", default=[0.3, 0.5], help="from which a detection is right")
    parser.add_argument("--links", type=float, nargs="+", default=[LINK], help="tolerance of merging")
    options = parser.parse_args(arguments)
    variants = options.variants or list(VARIANTS)
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        parser.error(f"no variant {unknown[0]!r}; there are {', '.join(VARIANTS)}")
    recalls = " | ".join(f"recall at {f:g}" for f in FPPI)
    judged = [(iou, link) for iou in options.ious for link in options.links]
    print(f"| world | boxes | variant | IoU | link | seeds | {recalls} | at any | average precision | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for world in options.worlds:
        shown = read(world)
        for boxes in options.boxes:
            for variant in variants:
                runs = [measure(shown, variant, boxes, seed, judged) for seed in options.seeds]
                cpu = np.mean([spent for _, spent in runs])
                for k, (iou, link) in enumerate(judged):
                    found = np.array([figures[k] for figures, _ in runs])
                    cells = " | ".join(
                        f"{m:.3f} ± {s:.3f}" for m, s in zip(found.mean(axis=0), found.std(axis=0), strict=True)
                    )
                    setting = f"{variant} | {iou:g} | {link:g} | {len(runs)}"
                    print(f"| {world} | {boxes} | {setting} | {cells} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
