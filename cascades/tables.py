"""Plain images and a box table as training data: what the command line reads.

The table is a CSV with the columns `image,x,y,w,h`: the image's path relative to the folder, then the face in pixels.
An image without rows is background. Images are read when they are asked for, so memory does not grow with their number.
"""

import csv
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box
from cascades.errors import TrainingDataError
from cascades.planes import chroma_of

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
COLUMNS = ("image", "x", "y", "w", "h")


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """Boxes by image, in the order of the table; a row that is not a box names its line."""
    boxes: dict[str, list[Box]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or [])]
        if missing:
            raise TrainingDataError(f"{path}: no column {', '.join(missing)}; expected {','.join(COLUMNS)}")
        for row in reader:
            try:
                box = Box(*(int(row[c]) for c in COLUMNS[1:]))
            except (TypeError, ValueError) as error:
                raise TrainingDataError(f"{path}, line {reader.line_num}: x, y, w, h must be whole pixels") from error
            boxes.setdefault(row["image"], []).append(box)
    return boxes


def list_images(folder: Path) -> list[str]:
    """Every image below a folder, sorted, as paths relative to it."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(p.relative_to(folder).as_posix() for p in found)


def read_image(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Gray uint8[H, W] and chroma uint8[2, H, W] of an image file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise TrainingDataError(f"{path}: not an image that can be read; repair it or take it out of the folder")
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    return gray, chroma_of(np.asarray(image[..., ::-1], np.uint8))


class ImageFolder(Sequence[AnnotatedImage]):
    """The images of a folder with their boxes, read one at a time."""

    def __init__(self, folder: Path, boxes: dict[str, list[Box]]) -> None:
        self.folder = folder
        self.boxes = boxes
        self.names = list_images(folder)
        unknown = sorted(set(boxes) - set(self.names))
        if unknown:
            raise TrainingDataError(
                f"the box table names {len(unknown)} images that are not in {folder}, the first is {unknown[0]!r}"
            )

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> AnnotatedImage: ...
    @overload
    def __getitem__(self, index: slice) -> list[AnnotatedImage]: ...
    def __getitem__(self, index: int | slice) -> AnnotatedImage | list[AnnotatedImage]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        name = self.names[index]
        gray, chroma = read_image(self.folder / name)
        return AnnotatedImage(name, gray, tuple(self.boxes.get(name, ())), chroma=chroma)

    def split(self, parts: Sequence[Path]) -> "tuple[ImageFolder, ImageFolder]":
        """The images outside and inside some folders, which lie in this one."""
        inside = set()
        for part in parts:
            prefix = part.resolve().relative_to(self.folder.resolve()).as_posix() + "/"
            found = [name for name in self.names if name.startswith(prefix)]
            if not found:
                raise TrainingDataError(f"{part}: no image in it; expected a folder of images inside {self.folder}")
            inside.update(found)
        return self._only([n for n in self.names if n not in inside]), self._only(sorted(inside))

    def _only(self, names: list[str]) -> "ImageFolder":
        part = copy(self)
        part.names = names
        return part
