"""The real film and the drawn excerpts as `cascades` takes them, and how a cascade is judged on them.

Footage is read from ../shared/footage; decoded frames are kept in the system's temporary directory.
"""

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from cascades import AnnotatedImage, Box, Cascade, Detections, Detector, Roc, TrainingParams, evaluate

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"
CHARACTERS = ("bunny", "frank", "rinky", "gimera")
FPPI = (0.1, 0.3, 1.0)
SIZE = (640, 360)
# 1,000 positives, 2,000 negatives a stage, 24×24, BASIC, 12 stages, 0.995, 0.5, all stages alike as in other trainers
STATED = TrainingParams(threads=2, ranking=0)
DEFAULT = TrainingParams(threads=2)  # the same with a long last stage


@dataclass(frozen=True, eq=False)
class Frame:
    """One annotated frame: gray uint8[H, W], chroma uint8[2, H, W], boxes by character, px of this size."""

    number: int
    gray: NDArray[np.uint8]
    chroma: NDArray[np.uint8]
    held_out: bool
    complete: bool
    boxes: tuple[tuple[str, Box], ...]


def rows(name: str, episode: str) -> list[dict[str, str]]:
    with (FOOTAGE / name).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["episode_id"] == episode]


def load(episode: str, file: str, size: tuple[int, int]) -> list[Frame]:
    """The annotated frames of an episode at a size, decoded in sequence once and kept in a temporary file."""
    complete = {int(r["frame"]): r["complete"] == "1" for r in rows("frames.csv", episode)}
    cache = Path(tempfile.gettempdir()) / f"toonset-benchmark-2-{episode}-{size[0]}x{size[1]}.npz"
    if not cache.is_file():
        _decode(FOOTAGE / file, sorted(complete), size, cache)
    with np.load(cache) as archive:
        numbers, grays, chromas, full = (archive[k] for k in ("numbers", "grays", "chromas", "full"))
    scale = size[0] / int(full)
    held = [(int(r["start_frame"]), int(r["end_frame"])) for r in rows("scenes.csv", episode) if r["held_out"] == "1"]
    boxes: dict[int, list[tuple[str, Box]]] = {}
    for row in rows("boxes.csv", episode):
        box = Box(*(round(int(row[k]) * scale) for k in "xywh"))
        boxes.setdefault(int(row["frame"]), []).append((row["character"], box))
    return [
        Frame(int(n), g, c, any(a <= n <= b for a, b in held), complete[int(n)], tuple(boxes.get(int(n), ())))
        for n, g, c in zip(numbers, grays, chromas, strict=True)
    ]


def _decode(path: Path, wanted: list[int], size: tuple[int, int], cache: Path) -> None:
    grays, chromas = [], []
    numbers = set(wanted)
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in numbers:
                luma, cb, cr = (_plane(frame, i) for i in range(3))
                grays.append(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))
                half = (size[0] // 2, size[1] // 2)
                chromas.append([cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (cb, cr)])
            if number >= wanted[-1]:
                break
    np.savez(cache, numbers=np.array(wanted), grays=grays, chromas=chromas, full=frame.width)


def _plane(frame: av.VideoFrame, index: int) -> NDArray[np.uint8]:
    """A plane of a YUV 4:2:0 frame as it was decoded."""
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def training_images(frames: list[Frame], character: str) -> list[AnnotatedImage]:
    """The frames that are not held out; other characters' faces are background."""
    return [
        AnnotatedImage(str(f.number), f.gray, tuple(b for c, b in f.boxes if c == character), (), f.complete, f.chroma)
        for f in frames
        if not f.held_out
    ]


def squared(box: Box) -> tuple[int, int, int, int]:
    """The box squared on its longer side and widened 1.1 times, as the issue scores it."""
    side = max(box.w, box.h) * 1.1
    return round(box.x + box.w / 2 - side / 2), round(box.y + box.h / 2 - side / 2), round(side), round(side)


def rescaled(boxes: NDArray[np.int32], factor: float) -> NDArray[np.int32]:
    """Boxes int32[N, 4] grown about their centres: from the trained window to the 1.1 times that are scored."""
    out = boxes.astype(np.float64)
    out[:, :2] += out[:, 2:] * (1 - factor) / 2
    out[:, 2:] *= factor
    return np.rint(out).astype(np.int32)


def judge(cascade: Cascade, frames: list[Frame], character: str, complete_only: bool = True) -> Roc:
    """Recall against false positives on the held-out frames."""
    detector = Detector([cascade], min_size=24, threads=2)
    held = [f for f in frames if f.held_out and (f.complete or not complete_only)]
    found, truths = [], []
    for frame in held:
        (d,) = detector.detect(frame.gray, chroma=frame.chroma)
        windows = rescaled(d.windows, 1.1 / (1 + cascade.info.margin))
        found.append(Detections(windows, d.scores, windows, d.counts))
        truths.append(np.array([squared(b) for c, b in frame.boxes if c == character], np.int64).reshape(-1, 4))
    return evaluate(found, truths, complete=[f.complete for f in held])
