"""Files of OpenCV's trainer: `.vec` (samples of one size), `info.dat` (pictures and boxes), `bg.txt` (pictures)."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box
from cascades.errors import TrainingDataError
from cascades.strict_csv import whole_number
from cascades.tables import read_image

HEADER = struct.Struct("<iihh")  # number of samples, pixels of each, two that are not used
MOST_BYTES = 2**31


def read_vec(path: Path, window: tuple[int, int]) -> NDArray[np.uint8]:
    """The samples of a .vec file: uint8[N, h, w]. The file does not say its shape, only w × h."""
    width, height = window
    content = _content(path)
    if len(content) < HEADER.size:
        raise TrainingDataError(f"{path}: {len(content)} bytes, expected a .vec file of opencv_createsamples")
    count, pixels, _, _ = HEADER.unpack_from(content)
    if count < 1 or pixels < 1:
        raise TrainingDataError(f"{path}: no .vec file of opencv_createsamples, or one without samples")
    if pixels != width * height:
        side = round(pixels**0.5)
        hint = f": perhaps -w {side} -h {side}" if side * side == pixels else ""
        raise TrainingDataError(
            f"{path}: samples of {pixels} px, but -w {width} -h {height} are {width * height}{hint}"
        )
    size = 1 + 2 * pixels  # a zero, then 16 bits a pixel
    if len(content) < HEADER.size + count * size:
        whole = (len(content) - HEADER.size) // size
        raise TrainingDataError(f"{path}: cut off after {whole} of {count} samples; make it again")
    table = np.frombuffer(content, np.uint8, count * size, HEADER.size).reshape(count, size)
    values = np.ascontiguousarray(table[:, 1:]).view("<i2")
    return np.clip(values, 0, 255).astype(np.uint8).reshape(count, height, width)


def read_background(path: Path) -> list[Path]:
    """The pictures that a bg.txt names, one a line."""
    found = [_picture(path, line) for line in _lines(path)]
    if not found:
        raise TrainingDataError(f"{path}: names no picture; expected the path of one on every line")
    return [picture for picture, _ in found]


def read_info(path: Path) -> dict[Path, tuple[Box, ...]]:
    """The pictures that an info.dat names, with their boxes: `PATH NUMBER x y w h x y w h …` on every line."""
    found: dict[Path, tuple[Box, ...]] = {}
    for number, line in enumerate(_lines(path), 1):
        picture, words = _picture(path, line)
        values = [whole_number(word) for word in words]
        numbers = [value for value in values if value is not None]
        if not words or len(numbers) != len(words) or len(numbers) != 1 + 4 * numbers[0]:
            raise TrainingDataError(
                f"{path}, line {number}: {line[:80]!r}, expected PATH NUMBER and x y w h of each box"
            )
        boxes = tuple(Box(*numbers[i : i + 4]) for i in range(1, len(numbers), 4))
        found[picture] = found.get(picture, ()) + boxes
    if not any(found.values()):
        raise TrainingDataError(f"{path}: no boxes; expected lines such as `faces/1.png 1 140 100 45 45`")
    return found


class OpenCVImages(Sequence[AnnotatedImage]):
    """What OpenCV's files name, read one at a time: positives first, which give no background, then background."""

    def __init__(
        self, samples: NDArray[np.uint8] | None, boxes: dict[Path, tuple[Box, ...]], background: list[Path]
    ) -> None:
        self.samples = np.zeros((0, 1, 1), np.uint8) if samples is None else samples
        self.boxed = list(boxes.items())
        self.background = background

    def __len__(self) -> int:
        return len(self.samples) + len(self.boxed) + len(self.background)

    @overload
    def __getitem__(self, index: int) -> AnnotatedImage: ...
    @overload
    def __getitem__(self, index: slice) -> list[AnnotatedImage]: ...
    def __getitem__(self, index: int | slice) -> AnnotatedImage | list[AnnotatedImage]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0 or index >= len(self):
            raise IndexError(index)
        if index < len(self.samples):
            sample = self.samples[index]
            whole = Box(0, 0, sample.shape[1], sample.shape[0])
            return AnnotatedImage(f"sample {index}", np.ascontiguousarray(sample), (whole,), negatives=False)
        index -= len(self.samples)
        if index < len(self.boxed):
            path, boxes = self.boxed[index]
            gray, chroma = read_image(path)
            return AnnotatedImage(str(path), gray, boxes, negatives=False, chroma=chroma)
        path = self.background[index - len(self.boxed)]
        gray, chroma = read_image(path)
        return AnnotatedImage(str(path), gray, chroma=chroma)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TrainingDataError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise TrainingDataError(f"{path}: more than {MOST_BYTES:,} bytes")
    return content


def _lines(path: Path) -> list[str]:
    """Lines without spaces around them; empty ones and comments left out, as OpenCV does."""
    text = _content(path).decode("utf-8-sig", errors="surrogateescape")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _picture(table: Path, line: str) -> tuple[Path, list[str]]:
    """The picture that a line names, and the words behind it. A name may have spaces.

    It is relative to this folder, as in opencv_traincascade, or to the table's, as in opencv_createsamples.
    """
    words = line.split()
    for last in range(len(words), 0, -1):
        name = " ".join(words[:last]).replace("\\", "/")
        for path in (Path(name), table.parent / name):
            if path.is_file():
                return path, words[last:]
    raise TrainingDataError(f"{table}: there is no picture {line[:80]!r}, neither from here nor from {table.parent}")
