"""Folders of drawn faces whose emotions are known, as papers have them: no two alike, seven expressions."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.images import Pixels

# Mouth: how far its ends lie above its middle. Brows: how far the inner end lies below the outer one. Eyes: height.
SHAPES = {
    "anger": (-6, 7, 4),
    "disgust": (-4, 4, 2),
    "fear": (-3, -6, 9),
    "joy": (10, 0, 5),
    "neutral": (0, 0, 5),
    "sadness": (-9, -7, 4),
    "surprise": (3, -3, 10),
}


def draw_face(emotion: str, dice: np.random.Generator, side: int = 96) -> Pixels:
    """A face that shows an emotion, RGB uint8 [side, side, 3]: place, size, colors and background by chance."""
    mouth, brow, eye = SHAPES[emotion]
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = dice.integers(30, 226, 3)
    for _ in range(6):
        corner, size, color = dice.integers(0, side, 2), dice.integers(8, 40, 2), dice.integers(30, 226, 3)
        cv2.rectangle(picture, corner.tolist(), (corner + size).tolist(), color.tolist(), -1)
    unit = side / 96 * dice.uniform(0.85, 1.05)
    x, y = (side / 2 + dice.uniform(-5, 5, 2)).tolist()
    ink, skin = (0, 0, 0), tuple(dice.integers(150, 256, 3).tolist())

    def at(dx: float, dy: float) -> tuple[int, int]:
        return round(x + unit * dx), round(y + unit * dy)

    cv2.ellipse(picture, at(0, 0), (round(40 * unit), round(44 * unit)), 0, 0, 360, skin, -1)
    cv2.ellipse(picture, at(0, 0), (round(40 * unit), round(44 * unit)), 0, 0, 360, ink, 2)
    for sign in (-1, 1):
        height = max(2, round((eye + dice.uniform(-1, 1)) * unit))
        cv2.ellipse(picture, at(sign * 15, -8), (round(7 * unit), height), 0, 0, 360, (255, 255, 255), -1)
        cv2.ellipse(picture, at(sign * 15, -8), (round(7 * unit), height), 0, 0, 360, ink, 1)
        cv2.circle(picture, at(sign * 15, -8), max(1, round(2.5 * unit)), ink, -1)
        lift = brow + dice.uniform(-1, 1)
        cv2.line(picture, at(sign * 7, -22 + lift), at(sign * 24, -22 - lift), ink, 3)
    bend = mouth + dice.uniform(-1.5, 1.5)
    if emotion == "surprise":
        cv2.ellipse(picture, at(0, 22), (round(8 * unit), round(11 * unit)), 0, 0, 360, (60, 0, 40), -1)
    else:
        steps = np.linspace(-1, 1, 15)
        points = np.array([at(18 * t, 22 + bend * (0.5 - t * t)) for t in steps], np.int32)
        cv2.polylines(picture, [points], False, ink, 3)
    return picture


def write_faces(folder: Path, each: int = 66, seed: int = 0, side: int = 96) -> Path:
    """A folder for each emotion with so many PNG files; the folder."""
    dice = np.random.default_rng(seed)
    for emotion in SHAPES:
        (folder / emotion).mkdir(parents=True)
        for number in range(each):
            picture = cv2.cvtColor(draw_face(emotion, dice, side), cv2.COLOR_RGB2BGR)
            assert cv2.imwrite(str(folder / emotion / f"{number:03d}.png"), picture)
    return folder
