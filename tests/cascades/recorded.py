"""What OpenCV 4 finds with random cascades, kept in `opencv4.json` for environments without its classifier.

`python -m tests.cascades.recorded` writes the file again, with an OpenCV that has `cv2.CascadeClassifier`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cascades import Cascade
from tests.cascades.random_cascades import random_haar, random_lbp, random_picture

FILE = Path(__file__).with_name("opencv4.json")
CASCADES: dict[str, Callable[[], Cascade]] = {
    "haar stumps": lambda: random_haar(np.random.default_rng(8), 1, False, -0.8),
    "haar trees": lambda: random_haar(np.random.default_rng(6), 2, False, -0.8),
    "tilted stumps": lambda: random_haar(np.random.default_rng(8), 1, True, -0.8),
    "tilted trees": lambda: random_haar(np.random.default_rng(2), 2, True, -0.8),
    "lbp stumps": lambda: random_lbp(np.random.default_rng(5), 1),
    "lbp trees": lambda: random_lbp(np.random.default_rng(6), 2),
}
CALLS: tuple[dict[str, Any], ...] = (
    {},
    {"scaleFactor": 1.05, "minNeighbors": 1},
    {"scaleFactor": 1.3, "minNeighbors": 0},
    {"scaleFactor": 1.2, "minNeighbors": 2, "minSize": (30, 26)},
    {"scaleFactor": 1.1, "minNeighbors": 1, "minSize": (30, 30), "maxSize": (30, 30)},
    {"scaleFactor": 2.0, "minNeighbors": 0, "maxSize": (60, 70)},
)


def pictures() -> Iterator[np.ndarray]:
    for seed, (size, channels) in enumerate((((61, 47), 0), ((25, 21), 0), ((76, 58), 3))):
        yield random_picture(np.random.default_rng([9, seed]), size, channels)


def found(classifier: Any) -> list[list[Any]]:
    """Every call's rectangles, levels, weights and counts, as JSON keeps them."""
    answers = []
    for picture in pictures():
        for call in CALLS:
            three = classifier.detectMultiScale3(picture, outputRejectLevels=True, **call)
            two = classifier.detectMultiScale2(picture, **call)
            assert np.array_equal(three[0], two[0])
            answers.append([np.asarray(part).tolist() for part in (*three, two[1])])
    return answers


def record(folder: Path) -> dict[str, list[list[Any]]]:
    """OpenCV's answers; `folder` takes the XML files."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)  # with more, OpenCV's order changes from run to run
    try:
        answers = {}
        for name, make in CASCADES.items():
            make().save(folder / f"{name}.xml")
            answers[name] = found(cv2.CascadeClassifier(str(folder / f"{name}.xml")))
    finally:
        cv2.setNumThreads(before)
    return answers


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name:
        recorded = record(Path(name))
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in recorded.items())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii")
