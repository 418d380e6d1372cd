"""A small drawn world: round faces on clutter, with known boxes."""

import cv2
import numpy as np
import pytest

from cascades import AnnotatedImage, Box, TrainingParams, TrainingResult, train


def draw_face(image: np.ndarray, x: int, y: int, side: int, rng: np.random.Generator) -> None:
    """A light disc with two dark eyes and a mouth in the square (x, y, side, side)."""
    cx, cy, r = x + side // 2, y + side // 2, side // 2
    cv2.circle(image, (cx, cy), r, int(rng.integers(190, 230)), -1)
    for dx in (-1, 1):
        cv2.circle(image, (cx + dx * r * 2 // 5, cy - r // 4), max(r // 5, 1), int(rng.integers(10, 50)), -1)
    cv2.ellipse(image, (cx, cy + r * 2 // 5), (r // 2, r // 5), 0, 0, 180, 40, -1)


def draw_scene(seed: int, size: tuple[int, int] = (320, 180), faces: int = 2) -> tuple[np.ndarray, tuple[Box, ...]]:
    """Rectangles and discs of every gray on noise, and some faces that do not overlap."""
    rng = np.random.default_rng([7, seed])
    width, height = size
    image = rng.integers(60, 140, (height // 8 + 1, width // 8 + 1)).astype(np.uint8)
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR_EXACT)
    for _ in range(25):
        x, y, s, shade = rng.integers(0, width), rng.integers(0, height), rng.integers(5, 60), int(rng.integers(0, 255))
        if rng.random() < 0.5:
            cv2.rectangle(image, (int(x), int(y)), (int(x + s), int(y + s * rng.uniform(0.3, 2))), shade, -1)
        else:
            cv2.circle(image, (int(x), int(y)), int(s // 2), shade, -1)
    boxes: list[Box] = []
    for _ in range(faces * 20):
        if len(boxes) == faces:
            break
        side = int(rng.integers(28, 80))
        x, y = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        if all(abs(x - b.x) > max(side, b.w) or abs(y - b.y) > max(side, b.h) for b in boxes):
            boxes.append(Box(x, y, side, side))
            draw_face(image, x, y, side, rng)
    noise = rng.integers(-8, 9, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), tuple(boxes)


def draw_images(first: int, count: int) -> list[AnnotatedImage]:
    scenes = [draw_scene(seed) for seed in range(first, first + count)]
    return [AnnotatedImage(f"scene/{first + i}", gray, boxes) for i, (gray, boxes) in enumerate(scenes)]


SMALL = TrainingParams(stages=4, positives=200, negatives=300, feature_pool=3000, ranking=20)


@pytest.fixture(scope="session")
def images() -> list[AnnotatedImage]:
    return draw_images(0, 20)


@pytest.fixture(scope="session")
def trained(images: list[AnnotatedImage]) -> TrainingResult:
    return train(images, SMALL)
