"""A small world to be watched live: discs on noise, a cascade that finds them, a classifier that answers something."""

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
import torch

from cascades import AnnotatedImage, Box, Cascade, TrainingParams, chroma_of, train
from pipeline.app.live import Live
from pipeline.classifier.model import Classifier, Crops, Description
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.nets import ARCHITECTURES, build
from pipeline.params import Faces

EMOTIONS = ("angry", "happy", "sad")
MIN_SCORE = 3.0
SIDE = 48


def scene(seed: int, places: tuple[tuple[int, int], ...], shade: int = 240) -> np.ndarray:
    """RGB uint8 [160, 200, 3]: a disc in a square of SIDE px at each place; shade: of its middle."""
    picture = np.random.default_rng(seed).integers(120, 170, (160, 200, 3)).astype(np.uint8)
    for x, y in places:
        cv2.circle(picture, (x + 24, y + 24), 22, (30, 40, 50), -1)
        cv2.circle(picture, (x + 24, y + 24), 10, (shade, shade, shade), -1)
    return picture


def moving(frames: int) -> Iterator[np.ndarray]:
    """Two discs that move, of which the second is not there from the fourth to the sixth frame; the middles darken."""
    for i in range(frames):
        second = () if 3 <= i < 6 else ((120 - 2 * i, 90),)
        yield scene(50 + i, ((10 + 3 * i, 20), *second), 240 - 4 * i)


@cache
def disc() -> Cascade:
    places = [(10 + 9 * i % 130, 10 + 7 * i % 90) for i in range(24)]
    pictures = [scene(i, (place,)) for i, place in enumerate(places)]
    annotated = [
        AnnotatedImage(str(i), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), [Box(*place, SIDE, SIDE)],
                       chroma=chroma_of(picture))
        for i, (picture, place) in enumerate(zip(pictures, places, strict=True))
    ]  # fmt: skip
    return train(annotated, TrainingParams(stages=3, positives=60, negatives=120, ranking=0, window=(16, 16))).cascade


def classifier(**about: object) -> Classifier:
    torch.manual_seed(0)
    shape = ARCHITECTURES["toon"]
    described = Description(
        net="toon", arguments={}, emotions=EMOTIONS, size=shape.size, channels=shape.channels,
        margin=0.25, crops=Crops.of(Faces(), 0.25), mean=(120.0,) * shape.channels,
        std=(60.0,) * shape.channels, temperature=0.05, params={}, seed=0, epoch=1, images={}, threads=1, torch="",
        instructions="",
    ).model_copy(update=about)  # fmt: skip
    return Classifier(build("toon", len(EMOTIONS), {}).eval(), described)


def live(name: str = "live") -> Live:
    return Live([CharacterCascade("disc", disc(), MIN_SCORE)], classifier(), name)
