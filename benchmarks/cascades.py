"""What `cascades` claims about speed and accuracy, on the real film: `python -m benchmarks.cascades [SECTION…]`.

Sections: train, scaling, speed, bundled, large, threads, accuracy, lbp, drawn, opencv (all when none is named; opencv
is `benchmarks.traincascade`). `bundled` needs no film and takes further folders of XML files from the variable XML.
The film is read from ../shared/footage; decoded frames are kept in the system's temporary directory. Other programs are
timed in the same run, so quote ratios.
"""

import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import CHARACTERS, DEFAULT, FOOTAGE, FPPI, SIZE, STATED, Frame, judge, load, training_images
from cascades import Cascade, Detector, sharing, train
from cascades.flat_lbp import FlatLbp
from cascades.pyramid import scales
from pipeline.sample.render import Painter

SEEDS = int(os.environ.get("SEEDS", "5"))


def section_train() -> None:
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    print("\n| character | boxes | seconds | CPU s | weak classifiers | peak memory, GB |\n|---|---|---|---|---|---|")
    for i, character in enumerate((CHARACTERS[0], *CHARACTERS)):
        images = training_images(frames, character)
        wall, cpu = time.perf_counter(), time.process_time()
        result = train(images, STATED)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        if i > 0:  # the first run compiles
            boxes = sum(len(image.boxes) for image in images)
            print(f"| {character} | {boxes} | {wall:.1f} | {cpu:.1f} | {result.cascade.weak_count} | {peak:.2f} |")


def section_scaling() -> None:
    images = training_images(load("bbb", "big_buck_bunny_720p.mp4", SIZE), "bunny")
    train(images, replace(STATED, stages=2))
    print("\n| positives, negatives | stages | CPU seconds | per sample and weak classifier, µs | peak memory, GB |")
    print("|---|---|---|---|---|")
    for times in (1, 10):
        params = replace(STATED, stages=6, positives=1000 * times, negatives=2000 * times)
        cpu = time.process_time()
        result = train(images, params)
        cpu = time.process_time() - cpu
        unit = cpu / (3000 * times * result.cascade.weak_count) * 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"| {1000 * times}, {2000 * times} | {len(result.stages)} | {cpu:.1f} | {unit:.2f} | {peak:.2f} |")


def least_ms(
    works: list[Callable[[Any], object]], frames: list[Any], clock: Callable[[], float], times: int = 5
) -> list[float]:
    """Milliseconds a frame of each piece of work: the least of some times for every frame, in turn."""
    best = np.full((len(works), len(frames)), np.inf)
    for work in works:
        work(frames[0])
    for _ in range(times):
        for i, frame in enumerate(frames):
            for k, work in enumerate(works):
                start = clock()
                work(frame)
                best[k, i] = min(best[k, i], clock() - start)
    return [1e3 * float(mean) for mean in best.mean(axis=1)]


def film_cascades(frames: list[Frame], characters: tuple[str, ...] = CHARACTERS) -> dict[str, Path]:
    """OpenCV's frontal face and cascades of the stated configuration, as files."""
    folder = Path(tempfile.mkdtemp())
    paths = {"frontalface_default": Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"}
    for character in characters:
        paths[character] = folder / f"{character}.xml"
        train(training_images(frames, character), STATED).cascade.save(paths[character])
    return paths


def section_speed() -> None:
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    grays = [f.gray for f in frames if f.held_out][::20]
    cv2.setNumThreads(1)
    paths = film_cascades(frames)
    print(f"\n{len(grays)} frames {SIZE[0]}×{SIZE[1]}, one thread, windows from 24 px, factor 1.1, no grouping")
    print("\n| cascade | cv2, ms a frame | ours, ms a frame | ratio | same windows |\n|---|---|---|---|---|")
    for name, path in paths.items():
        _compare(name, [path], grays)
    _compare("the four film cascades", [paths[c] for c in CHARACTERS], grays)


def section_large() -> None:
    """Larger pictures, and two threads: their wall time means something on an idle machine only."""
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    held = [f.gray for f in frames if f.held_out][::80]
    cv2.setNumThreads(1)
    paths = film_cascades(frames, ("bunny",))
    print(f"\n{len(held)} frames, enlarged; CPU time of one thread, then the time that one and two threads take")
    print("\n| cascade | picture | cv2, CPU ms | ours, CPU ms | ratio | one thread, ms | two threads, ms | times |")
    print("|---|---|---|---|---|---|---|---|")
    for size in (SIZE, (1920, 1080), (3840, 2160)):
        grays = [np.asarray(cv2.resize(gray, size), np.uint8) for gray in held]
        for name in ("frontalface_default", "bunny"):
            oracle, cascade = cv2.CascadeClassifier(str(paths[name])), Cascade.load(paths[name])
            one, two = (Detector([cascade], threads=threads) for threads in (1, 2))
            opencv = partial(oracle.detectMultiScale, scaleFactor=1.1, minNeighbors=0)
            cpu = least_ms([opencv, one.windows], grays, time.process_time)
            wall = least_ms([one.windows, two.windows], grays, time.perf_counter)
            cells = f"{cpu[0]:.1f} | {cpu[1]:.1f} | {cpu[0] / cpu[1]:.2f}"
            cells += f" | {wall[0]:.1f} | {wall[1]:.1f} | {wall[0] / wall[1]:.2f}"
            print(f"| {name} | {size[0]}×{size[1]} | {cells} |", flush=True)


def section_threads() -> None:
    """From which size on a second thread pays: always two, and two by the rule of `cascades.sharing`."""
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    held = [f.gray for f in frames if f.held_out][::80]
    paths = film_cascades(frames, ("bunny",))
    print(f"\n{len(held)} frames in several sizes, by the clock; {sharing.PIXELS_EACH:,} pixels for each thread")
    print("\n| cascade | picture | pyramid, million px | one thread, ms | two, ms | times | by the rule, ms | times |")
    print("|---|---|---|---|---|---|---|---|")
    rule = sharing.PIXELS_EACH
    for name in ("bunny", "frontalface_default"):
        one, two = (Detector([Cascade.load(paths[name])], threads=threads) for threads in (1, 2))

        def always(gray: NDArray[np.uint8], detector: Detector = two) -> object:
            sharing.PIXELS_EACH = 1
            try:
                return detector.windows(gray)
            finally:
                sharing.PIXELS_EACH = rule

        for height in (90, 135, 180, 270, 360, 720, 1080, 2160):
            size = (height * 16 // 9, height)
            grays = [np.asarray(cv2.resize(gray, size), np.uint8) for gray in held]
            pixels = sum(round(size[0] / s) * round(size[1] / s) for s in scales(size, (24, 24), 1.1))
            ms = least_ms([one.windows, always, two.windows], grays, time.perf_counter, 40 if height < 1000 else 10)
            cells = f"{ms[0]:.2f} | {ms[1]:.2f} | {ms[0] / ms[1]:.2f} | {ms[2]:.2f} | {ms[0] / ms[2]:.2f}"
            print(f"| {name} | {size[0]}×{size[1]} | {pixels / 1e6:.2f} | {cells} |", flush=True)


def section_bundled() -> None:
    """Every cascade of OpenCV's wheel and of the folders in XML, on frames of the sample show."""
    folders = [Path(cv2.__file__).parent / "data", *(Path(word) for word in os.environ.get("XML", "").split())]
    colors = (next(iter(Painter("garden").frames(number, number + 1))) for number in (100, 400, 700))
    frames = [cv2.resize(cv2.cvtColor(color, cv2.COLOR_BGR2GRAY), SIZE) for color in colors]
    grays = [np.asarray(frame, np.uint8) for frame in frames]
    cv2.setNumThreads(1)
    print(
        f"\n{len(grays)} frames {SIZE[0]}×{SIZE[1]} of the sample show, one thread, CPU time, factor 1.1, no grouping"
    )
    print("\n| cascade | cv2, ms a frame | ours, ms a frame | ratio | same windows |\n|---|---|---|---|---|")
    files: dict[bytes, Path] = {}  # one of each content
    for path in (path for folder in folders for path in sorted(folder.rglob("*cascade*.xml"))):
        files.setdefault(path.read_bytes(), path)
    for path in files.values():
        (flat,) = Detector([Cascade.load(path)]).flats
        kind = "LBP" if isinstance(flat, FlatLbp) else "tilted" if flat.tilted.any() else "upright"
        trees = "" if flat.stumps else " trees"
        _compare(f"{path.stem.split('cascade_')[-1]} ({kind}{trees})", [path], grays)


def _compare(name: str, paths: list[Path], grays: list[NDArray[np.uint8]]) -> None:
    oracles = [cv2.CascadeClassifier(str(p)) for p in paths]
    detector = Detector([Cascade.load(p) for p in paths])

    def opencv(gray: NDArray[np.uint8]) -> object:
        return [oracle.detectMultiScale(gray, 1.1, 0) for oracle in oracles]

    theirs, ours = least_ms([opencv, detector.windows], grays, time.process_time)
    same = all(
        sorted(map(tuple, w.boxes.tolist()))
        == sorted(map(tuple, np.array(o.detectMultiScale(g, 1.1, 0)).reshape(-1, 4)))
        for g in grays
        for w, o in zip(detector.windows(g), oracles, strict=True)
    )
    print(f"| {name} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.2f} | {'yes' if same else 'NO'} |", flush=True)


def section_accuracy() -> None:
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    print(f"\nHeld-out shots, complete frames, {SEEDS} seeds: mean ± standard deviation of recall")
    _accuracy_table([(c, frames, c) for c in CHARACTERS], complete_only=True)


def section_lbp() -> None:
    """LBP cascades with default settings: training, recall and speed."""
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    grays = [f.gray for f in frames if f.held_out][::20]
    cv2.setNumThreads(1)
    recalls = " | ".join(f"at {f:g}" for f in FPPI)
    print(
        f"\nLBP, default settings, held-out shots, complete frames, {SEEDS} seeds: mean ± standard deviation of recall"
    )
    print(f"\n| character | CPU s | weak classifiers | faces | {recalls} | average precision |")
    print("|---|---|---|---|---|---|---|---|")
    paths = {}
    train(training_images(frames, CHARACTERS[0]), replace(DEFAULT, features="lbp", stages=2))  # compiles
    for character in CHARACTERS[:2]:
        images = training_images(frames, character)
        figures, cpu, trees = [], [], []
        for seed in range(SEEDS):
            start = time.process_time()
            cascade = train(images, replace(DEFAULT, features="lbp", seed=seed)).cascade
            cpu.append(time.process_time() - start)
            trees.append(cascade.weak_count)
            roc = judge(cascade, frames, character)
            figures.append([*(roc.recall_at(f) for f in FPPI), roc.average_precision])
            if seed == 0:
                paths[f"{character}, LBP"] = Path(tempfile.mkdtemp()) / f"{character}.xml"
                cascade.save(paths[f"{character}, LBP"])
        cells = " | ".join(
            f"{m:.3f} ± {s:.3f}" for m, s in zip(np.mean(figures, axis=0), np.std(figures, axis=0), strict=True)
        )
        times = f"{np.mean(cpu):.1f} | {np.mean(trees):.0f}"
        print(f"| {character} | {times} | {roc.truths} | {cells} |", flush=True)
    print("\n| cascade | cv2, ms a frame | ours, ms a frame | ratio | same windows |\n|---|---|---|---|---|")
    for name, path in paths.items():
        _compare(name, [path], grays)


def section_drawn() -> None:
    size = (640, 477)
    parts = {e: load(e, f"{e}.mkv", size) for e in ("popeye_p1", "popeye_p2", "popeye_p3", "popeye_p4")}
    frames = [replace(f, held_out=e != "popeye_p1") for e, part in parts.items() for f in part]
    print(f"\nSindbad, trained on p1, tested on p2–p4 (incomplete frames count for recall only), {SEEDS} seeds")
    _accuracy_table([("sindbad", frames, "sindbad")], complete_only=False)


def _accuracy_table(jobs: list[tuple[str, list[Frame], str]], complete_only: bool) -> None:
    print("\n| character | planes | faces | " + " | ".join(f"at {f:g}" for f in FPPI) + " | average precision |")
    print("|---|---|---|---|---|---|---|")
    for name, frames, character in jobs:
        images = training_images(frames, character)
        for planes in ("gray", "color"):
            figures = []
            for seed in range(SEEDS):
                roc = judge(
                    train(images, replace(DEFAULT, seed=seed, planes=planes)).cascade, frames, character, complete_only
                )
                figures.append([*(roc.recall_at(f) for f in FPPI), roc.average_precision])
            mean, spread = np.mean(figures, axis=0), np.std(figures, axis=0)
            cells = " | ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True))
            print(f"| {name} | {planes} | {roc.truths} | {cells} |", flush=True)


def section_opencv() -> None:
    from benchmarks import traincascade  # it reads the film with what stands above

    traincascade.main([CHARACTERS[0]])


SECTIONS = {
    "train": section_train,
    "scaling": section_scaling,
    "speed": section_speed,
    "bundled": section_bundled,
    "large": section_large,
    "threads": section_threads,
    "accuracy": section_accuracy,
    "lbp": section_lbp,
    "drawn": section_drawn,
    "opencv": section_opencv,
}


def main(names: list[str]) -> None:
    unknown = [n for n in names if n not in SECTIONS]
    if unknown:
        sys.exit(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    if not (FOOTAGE / "boxes.csv").is_file():
        sys.exit(f"no film at {FOOTAGE}")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", end="; "
    )
    print(f"Python {platform.python_version()}, OpenCV {cv2.__version__}")
    for name in names or list(SECTIONS):
        SECTIONS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
