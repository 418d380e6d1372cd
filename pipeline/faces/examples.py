"""What a cascade is trained on, and with which settings."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from cascades import AnnotatedImage, Box, TrainingParams
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.images import cut, inside
from pipeline.params import CascadeParams

AROUND: Final = 0.25
"""What is learned around a place that is nobody's face, on each side, as a share of its side: people saw that much."""


def annotated(frames: Sequence[BoxedFrame]) -> list[AnnotatedImage]:
    """The frames as `cascades` takes them, and each place that is nobody's face as a picture of background."""
    return [image for frame in frames for image in _images(frame)]


def _images(frame: BoxedFrame) -> Iterator[AnnotatedImage]:
    key = f"{frame.episode_id} frame {frame.frame}"
    boxes = tuple(Box(*box) for box in frame.boxes)
    yield AnnotatedImage(key=key, gray=frame.gray, boxes=boxes, negatives=frame.complete, chroma=frame.chroma)
    height, width = frame.gray.shape
    for x, y, w, h in frame.nobody:
        across, down = round(w * AROUND), round(h * AROUND)
        # Even corners and sides: chroma is half as large.
        left, top = max(0, x - across) & ~1, max(0, y - down) & ~1
        part = inside((left, top, (w + 2 * across) & ~1, (h + 2 * down) & ~1), width & ~1, height & ~1)
        half = (part[0] // 2, part[1] // 2, part[2] // 2, part[3] // 2)
        chroma = np.stack([cut(plane, half) for plane in frame.chroma])
        gray = np.ascontiguousarray(cut(frame.gray, part))
        yield AnnotatedImage(f"{key}, {x},{y}", gray, (), (), True, chroma)


def training_params(params: CascadeParams, planes: str) -> TrainingParams:
    """The settings of params.yaml, for one choice of planes."""
    return TrainingParams(
        window=(params.window, params.window),
        features=params.features,
        stages=params.stages,
        positives=params.positives,
        negatives=params.negatives,
        min_hit_rate=params.min_hit_rate,
        max_false_alarm=params.max_false_alarm,
        margin=params.margin,
        fit_boxes=params.fit_boxes,
        seed=params.seed,
        planes=planes,
    )
