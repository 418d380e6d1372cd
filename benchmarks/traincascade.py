"""Our trainer against OpenCV's: `python -m benchmarks.traincascade [CHARACTER…] [--feature-type HAAR|LBP] [--seeds N]`.

`opencv_traincascade` comes with OpenCV 3.4 and has to be on PATH; where it is not, this says so and ends.
Both learn the same windows of the real film at 640×360 with the same settings, one after the other, on two threads, and
both cascades are judged on the held-out shots with our detector. Footage is read by `benchmarks.footage`.
A seed decides which copies of the boxes both learn, for OpenCV also which come first; one alone says little.

What differs, because it has to or because that is how each is used:

- OpenCV looks at all features, ours at 20,000 drawn anew for every stage; a row with all of them is printed as well.
- OpenCV keeps its default weight trimming of 0.95 and replaces positives that a stage refuses from a reserve; ours
  looks at every example and goes on with the positives that are left.
- OpenCV reads background from files and cannot be told where the faces are, so these are painted over (`painted`);
  its windows are half a side apart on scales √2 apart, ours every window of the detector outside the faces.
- OpenCV stops as soon as its stages together let through no more than 0.5 to the power of their wanted number, so it
  may end with fewer than were asked for (with --stages 2 it mostly does: for trying this out, not for figures).
"""

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import CHARACTERS, FOOTAGE, FPPI, SIZE, STATED, Frame, judge, load, training_images
from cascades import AnnotatedImage, Cascade, CascadeInfo, TrainingParams, train
from cascades.sampling import collect_positives, context_window

PROGRAM = "opencv_traincascade"
RESERVE = 200  # positives beyond those of a stage, to replace what earlier stages refused
BUFFER_MB = 2000  # for feature values, and again for their order: enough for all features of the stated configuration


@dataclass(frozen=True, eq=False)
class Run:
    """What one training took and gave; peak is GB of resident memory."""

    name: str
    cascade: Cascade
    wall: float
    cpu: float
    peak: float


def positives(images: list[AnnotatedImage], params: TrainingParams) -> tuple[NDArray[np.uint8], CascadeInfo]:
    """The windows our trainer learns, uint8[N, h, w], and after them the reserve: other cuts of the same boxes."""
    ours = collect_positives(images, params)
    known = {patch.tobytes() for patch in ours.patches}
    others = replace(params, positives=params.positives + RESERVE, seed=params.seed + 1)
    more = collect_positives(images, others).patches
    fresh = [i for i, patch in enumerate(more) if patch.tobytes() not in known]
    chosen = np.random.default_rng(params.seed).permutation(fresh)[:RESERVE]
    windows = np.concatenate([ours.patches, more[chosen]])[:, 0]
    return windows, CascadeInfo(face=ours.face, margin=params.margin)


def write_vec(path: Path, windows: NDArray[np.uint8]) -> None:
    """OpenCV's file of positives: int32 count and size, two int16 zeros; per window a zero byte and int16 pixels."""
    count, height, width = windows.shape
    records = np.zeros((count, 1 + 2 * height * width), np.uint8)
    records[:, 1:] = windows.reshape(count, -1).astype("<i2").view(np.uint8)
    header = np.array([count, height * width, 0], "<i4")  # the last one is the two int16
    path.write_bytes(header.tobytes() + records.tobytes())


def painted(image: AnnotatedImage, window: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image with noise of its own mean and spread over the squared boxes.

    Noise and not one gray level: windows without contrast, which no detector looks at, have only features of value 0
    for `opencv_traincascade`, and its stages would be spent on refusing them.
    """
    out = image.gray.copy()
    mean, spread = float(out.mean()), float(out.std())
    for box in image.boxes:
        x, y, w, h = context_window(box, window, 0.0)
        region = out[max(round(y), 0) : max(round(y + h), 0), max(round(x), 0) : max(round(x + w), 0)]
        region[:] = np.clip(np.rint(rng.normal(mean, spread, region.shape)), 0, 255)
    return out


def write_background(folder: Path, images: list[AnnotatedImage], params: TrainingParams) -> Path:
    """The images that may serve as background as PNG files, and the list of them."""
    rng = np.random.default_rng(params.seed)
    paths = []
    for image in images:
        if image.negatives:
            paths.append(folder / f"{image.key}.png")
            cv2.imwrite(str(paths[-1]), painted(image, params.window, rng), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    listing = folder / "bg.txt"
    listing.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return listing


def memory_peak(pid: int) -> float:
    """GB a running process has had in memory at most, 0 where that cannot be told.

    Not `ru_maxrss` of the children: Linux counts what this process held when it started them.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**20


def run_opencv(images: list[AnnotatedImage], params: TrainingParams, feature_type: str, folder: Path) -> Run:
    """Write what OpenCV reads, run it, and read its cascade. Only the program itself is timed."""
    windows, info = positives(images, params)
    vec, data, log = folder / "positives.vec", folder / "cascade", folder / "log.txt"
    write_vec(vec, windows)
    listing = write_background(folder, images, params)
    data.mkdir()  # not there yet: the program goes on from stages it finds
    options = {
        "data": data, "vec": vec, "bg": listing,
        "numPos": params.positives, "numNeg": params.negatives, "numStages": params.stages,
        "w": params.window[0], "h": params.window[1], "featureType": feature_type,
        "minHitRate": params.min_hit_rate, "maxFalseAlarmRate": params.max_false_alarm,
        "maxWeakCount": params.max_weak_count, "maxDepth": params.max_depth, "bt": "GAB",
        "precalcValBufSize": BUFFER_MB, "precalcIdxBufSize": BUFFER_MB, "numThreads": params.threads,
    } | ({"mode": "BASIC"} if feature_type == "HAAR" else {})  # fmt: skip
    command = [PROGRAM, *(str(part) for name, value in options.items() for part in (f"-{name}", value))]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, peak = time.perf_counter(), 0.0
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        while True:
            peak = max(peak, memory_peak(process.pid))
            try:
                status = process.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                continue
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    path = data / "cascade.xml"
    if status != 0 or not path.is_file():
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        sys.exit(f"{PROGRAM} made no cascade (exit status {status}):\n" + "\n".join(last))
    return Run(f"{PROGRAM}, {feature_type}", replace(Cascade.load(path), info=info), wall, cpu, peak)


def run_ours(images: list[AnnotatedImage], params: TrainingParams, name: str) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    cascade = train(images, params).cascade
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(name, cascade, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def row(run: Run, recalls: list[float], character: str) -> str:
    return (
        f"| {character} | {run.name} | {run.wall:.1f} | {run.cpu:.1f} | {run.peak:.2f} | "
        f"{len(run.cascade.stages)} | {run.cascade.weak_count} | {' | '.join(f'{r:.3f}' for r in recalls)} |"
    )


def summary(name: str, runs: list[tuple[Run, list[float]]], character: str) -> str:
    """Several seeds' rows as one: means, and standard deviations of the recalls."""
    recalls = np.array([found for _, found in runs])
    cells = " | ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(recalls.mean(axis=0), recalls.std(axis=0), strict=True))
    wall, cpu = (float(np.mean([getattr(run, name) for run, _ in runs])) for name in ("wall", "cpu"))
    return f"| {character} | {name}, {len(runs)} seeds | {wall:.1f} | {cpu:.1f} | | | | {cells} |"


@contextmanager
def work_folder(kept: Path | None, character: str) -> Iterator[Path]:
    """A new folder for a character, below `kept` or for the time being."""
    if kept is not None:
        folder = kept.resolve() / character
        folder.mkdir(parents=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="toonset-traincascade-") as name:
            yield Path(name)


def compare(
    character: str, frames: list[Frame], params: TrainingParams, feature_type: str, seeds: int, kept: Path | None
) -> None:
    """Print a row for every training, then one for each trainer's seeds together, then OpenCV's times over ours."""
    images = training_images(frames, character)
    results: dict[str, list[tuple[Run, list[float]]]] = {}
    for seed in range(seeds):
        seeded = replace(params, seed=seed)
        with work_folder(kept, f"{character}-{seed}") as folder:
            for job in jobs(images, seeded, feature_type, folder):
                run = job()
                roc = judge(run.cascade, frames, character)
                results.setdefault(run.name, []).append((run, [roc.recall_at(f) for f in FPPI]))
                print(row(run, results[run.name][-1][1], character), flush=True)
    theirs, *ours = results
    for name in results if seeds > 1 else ():
        print(summary(name, results[name], character), flush=True)
    for name in ours:
        wall, cpu = (
            sum(getattr(run, what) for run, _ in results[theirs]) / sum(getattr(run, what) for run, _ in results[name])
            for what in ("wall", "cpu")
        )
        print(f"| {character} | OpenCV to {name} | {wall:.1f} × | {cpu:.1f} × | | | | | | |", flush=True)


def jobs(
    images: list[AnnotatedImage], params: TrainingParams, feature_type: str, folder: Path
) -> list[Callable[[], Run]]:
    """The trainings that are compared: OpenCV's, then ours."""
    theirs: list[Callable[[], Run]] = [lambda: run_opencv(images, params, feature_type, folder)]
    if feature_type == "LBP":
        return [*theirs, lambda: run_ours(images, replace(params, features="lbp"), "ours, LBP")]
    return [
        *theirs,
        lambda: run_ours(images, params, f"ours, {params.feature_pool:,} features a stage"),
        lambda: run_ours(images, replace(params, feature_pool=None), "ours, all features"),
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traincascade", description="See the module.")
    parser.add_argument("characters", metavar="CHARACTER", nargs="*", help=f"{', '.join(CHARACTERS)}; default: bunny")
    parser.add_argument("--feature-type", choices=("HAAR", "LBP"), default="HAAR", help="what OpenCV learns")
    parser.add_argument("--stages", type=int, default=STATED.stages, help="fewer, for trying this out")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each, with seeds 0, 1, …")
    parser.add_argument("--directory", type=Path, help="keep what OpenCV read and wrote here, in a new folder each")
    options = parser.parse_args(arguments)
    characters = options.characters or ["bunny"]
    unknown = [c for c in characters if c not in CHARACTERS]
    if unknown:
        parser.error(f"no character {unknown[0]!r}; there are {', '.join(CHARACTERS)}")
    if shutil.which(PROGRAM) is None:
        print(f"{PROGRAM} is not on PATH, nothing to compare with: build it from OpenCV 3.4 (BUILD_opencv_apps=ON)")
        return
    if not (FOOTAGE / "boxes.csv").is_file():
        sys.exit(f"no film at {FOOTAGE}")
    params = replace(STATED, stages=options.stages)
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    ours = {"HAAR": params.features, "LBP": "lbp"}[options.feature_type]
    short = replace(params, stages=min(2, params.stages), features=ours)
    train(training_images(frames, characters[0]), short)  # compiles
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}")
    film = sum(frame.gray.nbytes + frame.chroma.nbytes for frame in frames) / 2**30
    print(f"{params.positives} positives, {params.negatives} negatives a stage, {params.stages} stages at most")
    print(f"Our memory is that of this whole process, with {film:.2f} GB of film.")
    recalls = " | ".join(f"recall at {f:g}" for f in FPPI)
    print(f"\n| character | trainer | seconds | CPU s | peak memory, GB | stages | weak classifiers | {recalls} |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for character in characters:
        compare(character, frames, params, options.feature_type, options.seeds, options.directory)


if __name__ == "__main__":
    main(sys.argv[1:])
