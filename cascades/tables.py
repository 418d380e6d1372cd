"""Plain images and a box table as training data: what the command line reads.

The table is a CSV with the columns `image,x,y,w,h`: the image's path relative to the folder, then the face in pixels.
An image without rows is background. Images are read when they are asked for, so memory does not grow with their number.
"""

import posixpath
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box
from cascades.errors import PictureError, TrainingDataError
from cascades.pictures import SUFFIXES, read_picture
from cascades.planes import chroma_of
from cascades.strict_csv import InvalidCsv, parse_csv, whole_number

COLUMNS = ("image", "x", "y", "w", "h")


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """Boxes by image, in the order of the table; a row that is not a box names its line.

    The table is read as strictly as `strict_csv` reads it; `./` before a path means nothing. Raises TrainingDataError.
    """
    try:
        table = parse_csv(path.read_bytes(), str(path), COLUMNS)
    except (OSError, InvalidCsv) as error:
        raise TrainingDataError(str(error)) from error
    boxes: dict[str, list[Box]] = {}
    for (line, cells), row in zip(table.rows, table.records(), strict=True):
        sides = [whole_number(row[name]) for name in COLUMNS[1:]]
        wrong = [name for name, side in zip(COLUMNS[1:], sides, strict=True) if side is None]
        if wrong:
            found = row[wrong[0]][:80]
            raise TrainingDataError(f"{path}, line {line}: {wrong[0]} is {found!r}; x, y, w, h must be whole pixels")
        if not row["image"] or len(cells) > len(table.header):
            raise TrainingDataError(f"{path}, line {line}: expected {','.join(table.header)}; found {cells}")
        box = Box(*(side for side in sides if side is not None))
        boxes.setdefault(posixpath.normpath(row["image"]), []).append(box)
    return boxes


def list_images(folder: Path) -> list[str]:
    """Every image below a folder, sorted, as paths relative to it. Raises TrainingDataError where there is none."""
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise TrainingDataError(f"{folder}: no image in it; expected files that end in one of {', '.join(SUFFIXES)}")
    return found


def read_image(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Gray uint8[H, W] and chroma uint8[2, H, W] of an image file, read as `pictures` does."""
    try:
        image = read_picture(path)
    except PictureError as error:
        raise TrainingDataError(f"{error}; mend it, or take it out of the folder") from error
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8), chroma_of(image)


class ImageFolder(Sequence[AnnotatedImage]):
    """The images of a folder with their boxes, read one at a time.

    ignore      regions that are neither learned nor background, by image
    incomplete  images in which a face may be without a box, so that they give no background
    """

    def __init__(
        self,
        folder: Path,
        boxes: dict[str, list[Box]],
        ignore: Mapping[str, tuple[Box, ...]] = MappingProxyType({}),
        incomplete: Collection[str] = (),
    ) -> None:
        self.folder = folder
        self.boxes = boxes
        self.ignore = ignore
        self.incomplete = incomplete
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
        boxes = tuple(self.boxes.get(name, ()))
        return AnnotatedImage(name, gray, boxes, self.ignore.get(name, ()), name not in self.incomplete, chroma)

    def split(self, parts: Sequence[Path]) -> "tuple[ImageFolder, ImageFolder]":
        """The images outside and inside some folders, which lie in this one."""
        inside = set()
        for part in parts:
            prefix = part.resolve().relative_to(self.folder.resolve()).as_posix() + "/"
            found = [name for name in self.names if name.startswith(prefix)]
            if not found:
                raise TrainingDataError(f"{part}: no image in it; expected a folder of images inside {self.folder}")
            inside.update(found)
        return self.only([n for n in self.names if n not in inside]), self.only(sorted(inside))

    def only(self, names: list[str]) -> "ImageFolder":
        """The same folder with fewer images."""
        part = copy(self)
        part.names = names
        return part
