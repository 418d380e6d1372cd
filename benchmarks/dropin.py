"""`cascades.CascadeClassifier` against OpenCV's: `python -m benchmarks.dropin [FOLDER_OF_XML_FILES…]`.

Every cascade that can be had looks at the same pictures, with arguments drawn at random: what both return must be
equal, to the type and the last digit. Then both are timed, one thread each, in the same run. The folders are searched
for further cascades, such as Debian's package opencv-data unpacked. Needs an OpenCV that has `cv2.CascadeClassifier`.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades import AnnotatedImage, Box, CascadeClassifier, TrainingParams, groupRectangles, train
from pipeline.sample.render import Painter
from pipeline.sample.truth import episode_truth

Picture = NDArray[np.uint8]
SMALL, MIDDLE, LARGE = 150, 45, 5
SCALE_FACTORS = (1.01, 1.03, 1.05, 1.1, 1.2, 1.5, 2.0)
TRAINED: dict[str, dict[str, Any]] = {
    "gentle": {},
    "discrete": {"boosting": "discrete"},
    "real": {"boosting": "real"},
    "depth 2": {"max_depth": 2},
    "all": {"features": "all"},
    "lbp": {"features": "lbp"},
    "lbp, depth 2": {"features": "lbp", "max_depth": 2},
    "24×16": {"window": (24, 16)},
}


def cascades(folder: Path, others: list[Path]) -> Iterator[tuple[str, Path]]:
    """Kind and file of every cascade; of files with the same content, the first."""
    opencv, seen = Path(str(cv2.__file__)).parent / "data", set()
    for kind, source in (("OpenCV's wheel", opencv), *((other.name, other) for other in others)):
        for path in sorted(source.rglob("*cascade*.xml")):
            content = path.read_bytes()
            if content not in seen:
                yield kind, path
            seen.add(content)
    images = list(annotated())
    base: dict[str, Any] = {"stages": 5, "positives": 200, "negatives": 400, "feature_pool": 3000, "ranking": 20}
    for name, settings in TRAINED.items():
        path = folder / f"trained {name}.xml"
        train(images, TrainingParams(**{**base, **settings})).cascade.save(path)
        yield "trained here", path


def annotated() -> Iterator[AnnotatedImage]:
    """Frames of the sample show with the boxes of one character."""
    faces, painter = episode_truth("garden").faces, Painter("garden")
    faces = faces[(faces["character"] == "cat") & faces["annotatable"]]
    for number in range(80, 1440, 40):
        frame = np.asarray(cv2.cvtColor(next(iter(painter.frames(number, number + 1))), cv2.COLOR_BGR2GRAY), np.uint8)
        boxes = faces.loc[faces["frame"] == number, ["x", "y", "w", "h"]].to_numpy().tolist()
        yield AnnotatedImage(str(number), frame, tuple(Box(*box) for box in boxes))


def noise(rng: np.random.Generator, size: tuple[int, int], channels: int) -> Picture:
    """Soft blobs, in which cascades of faces find something now and then: uint8[H, W], or with that many channels."""
    width, height = size
    blob = int(rng.integers(4, 14))
    shape = (height // blob + 2, width // blob + 2)
    small = rng.integers(0, 256, shape if channels == 1 else (*shape, channels)).astype(np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def pictures() -> Iterator[Picture]:
    """Noise and frames of the sample show: gray and color, contiguous or not, from 1×1 to 3000×2000 px."""
    rng = np.random.default_rng(3)
    painter = Painter("garden")
    frames = [next(iter(painter.frames(number, number + 1))) for number in range(0, 900, 30)]
    for number in range(SMALL + MIDDLE + LARGE):
        low, high = (1, 150) if number < SMALL else (150, 320) if number < SMALL + MIDDLE else (900, 3000)
        width, height = (int(v) for v in rng.integers(low, high, 2))
        height = min(height, 2000)
        if number % 2:
            frame = frames[number % len(frames)]
            picture = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            picture = picture if number % 4 == 1 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        else:
            picture = noise(rng, (width, height), (1, 1, 3, 4)[number // 2 % 4])
        yield (picture, picture[::-1], picture[:, ::2], np.asfortranarray(picture))[number // 3 % 4]


def arguments(rng: np.random.Generator, number: int) -> tuple[str, dict[str, Any]]:
    """A method and what it is called with. One large picture with many scales takes OpenCV a minute."""
    method = ("detectMultiScale", "detectMultiScale2", "detectMultiScale3")[int(rng.integers(3))]
    chosen = {
        "scaleFactor": float(rng.choice(SCALE_FACTORS[0 if number < SMALL else 2 if number < SMALL + MIDDLE else 3 :])),
        "minNeighbors": int(rng.integers(0, 11)) if rng.random() < 0.5 else int(rng.integers(0, 3)),
        "minSize": tuple(int(v) for v in rng.integers(0, 120, 2)),
        "maxSize": tuple(int(v) for v in rng.integers(0, 400, 2)),
    }
    kept = {name: value for name, value in chosen.items() if rng.random() < 0.6}
    if rng.random() < 0.1:
        kept["minSize"] = kept["maxSize"] = (int(rng.integers(20, 90)),) * 2  # a single scale
    if method == "detectMultiScale3":
        kept["outputRejectLevels"] = True
    return method, kept


def equal(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, tuple):
        return isinstance(ours, tuple) and len(theirs) == len(ours) and all(map(equal, theirs, ours))
    return type(theirs) is type(ours) and theirs.dtype == ours.dtype and np.array_equal(theirs, ours)


def campaign(kinds: list[tuple[str, Path]], every: list[Picture]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for number, (kind, path) in enumerate(kinds):
        rng = np.random.default_rng([4, number])
        theirs, ours, count = (
            cv2.CascadeClassifier(str(path)),
            CascadeClassifier(path),
            counts.setdefault(kind, Counter()),
        )
        count["cascades"] += 1
        for i, picture in enumerate(every):
            if i >= SMALL + MIDDLE and i % LARGE != number % LARGE:
                continue  # each cascade looks at one of the large ones
            method, given = arguments(rng, i)
            expected, found = getattr(theirs, method)(picture, **given), getattr(ours, method)(picture, **given)
            count["calls"] += 1
            count["rectangles"] += len(expected if method == "detectMultiScale" else expected[0])
            if not equal(expected, found):
                count["different"] += 1
                print(f"different: {path.name}, picture {i} {picture.shape}, {method} {given}")
        print(f"{path.name}: {dict(count)}", file=sys.stderr, flush=True)
    return counts


def groups(sets: int = 2000) -> tuple[int, int]:
    """Rectangles in random sets, and sets in which groupRectangles differs."""
    rng, total, different = np.random.default_rng(5), 0, 0
    for _ in range(sets):
        count, spread = int(rng.integers(0, 300)), int(rng.integers(1, 300))
        rects = np.concatenate([rng.integers(-20, spread, (count, 2)), rng.integers(1, 90, (count, 2))], axis=1)
        threshold, eps = int(rng.integers(0, 11)), float(rng.choice([0.05, 0.2, 0.5]))
        given = rects.tolist()
        different += not equal(cv2.groupRectangles(given, threshold, eps), groupRectangles(given, threshold, eps))
        total += count
    return total, different


def cpu_ms(classifier: Any, picture: Picture, seconds: float = 0.1) -> float:
    """Least CPU time of one call, ms."""
    classifier.detectMultiScale(picture)
    best, begun = np.inf, time.process_time()
    while time.process_time() - begun < seconds:
        start = time.process_time()
        classifier.detectMultiScale(picture)
        best = min(best, time.process_time() - start)
    return 1e3 * float(best)


def speed(kinds: list[tuple[str, Path]]) -> None:
    frame = next(iter(Painter("garden").frames(400, 401)))
    gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
    print("\n| cascades | picture | cv2, ms | ours, ms | times faster: least, median, most |\n|---|---|---|---|---|")
    for size in ((640, 360), (1920, 1080)):
        picture = np.asarray(cv2.resize(gray, size), np.uint8)
        rows: dict[str, list[tuple[float, float]]] = {}
        for kind, path in kinds if size == (640, 360) else kinds[::4]:
            pair = cpu_ms(cv2.CascadeClassifier(str(path)), picture), cpu_ms(CascadeClassifier(path), picture)
            rows.setdefault(kind, []).append(pair)
        for kind, pairs in rows.items():
            a, b = np.array(pairs).T
            ratios = np.sort(a / b)
            middle = f"{np.median(a):.1f} | {np.median(b):.1f}"
            most = f"{ratios[0]:.1f}, {np.median(ratios):.1f}, {ratios[-1]:.1f}"
            print(f"| {kind} ({len(pairs)}) | {size[0]}×{size[1]} | {middle} | {most} |", flush=True)


def main(others: list[Path]) -> None:
    cv2.setNumThreads(1)
    print(f"OpenCV {cv2.__version__}")
    with TemporaryDirectory() as name:
        kinds = list(cascades(Path(name), others))
        every = list(pictures())
        counts = campaign(kinds, every)
        total: Counter[str] = sum(counts.values(), Counter())
        columns = ("cascades", "calls", "rectangles", "different")
        print(f"\n| {len(every)} pictures | {' | '.join(columns)} |\n|---|---|---|---|---|")
        for kind, count in {**counts, "all": total}.items():
            print(f"| {kind} | {' | '.join(f'{count[column]:,}' for column in columns)} |")
        rectangles, different = groups()
        print(f"\ngroupRectangles: {rectangles:,} rectangles in 2,000 sets, {different} sets differ", flush=True)
        speed(kinds)


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
