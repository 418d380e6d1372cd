"""Pictures with boxes as sources of faces: what `toonset import` reads, with the pictures beside it.

A box is a face. Its class says the emotion, or the character and the emotion (`Tom/joy`). Where a box has the attribute
`emotion`, the class is the character. A box that says the character alone is no face of the dataset, but trains the
character's cascade (`training_pictures`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cascades.pictures import SUFFIXES
from cascades.sources import Places
from pipeline.errors import InputError
from pipeline.exchange.box_readers import READERS
from pipeline.exchange.boxed import Box, moment_of
from pipeline.exchange.given_files import Given, files_of, require_folder
from pipeline.images import Rectangle
from pipeline.params import FacesFrom


@dataclass(frozen=True)
class BoxedFile:
    """A picture that a source's file of boxes names."""

    name: str
    """As the file of boxes has it."""
    split: str
    place: Path = Path()
    boxes: tuple[tuple[Box, Rectangle], ...] = ()
    """Each box as the file has it, and in whole px of the picture."""
    faults: tuple[str, ...] = ()
    """What of it cannot be used, and why."""


def boxed_files(path: Path, entry: FacesFrom) -> Iterator[BoxedFile]:
    """The pictures that the file of boxes names, and those in the folder that it does not name.

    Raises InputError where the file of boxes is not what its format says.
    """
    require_folder(path, entry)
    pictures = _pictures(path)
    places = Places(path, [name for name, fault in pictures.items() if not fault])
    named = set()
    for picture in READERS[entry.format](path / entry.table if entry.table else path):
        if picture.frame is not None or picture.time_s is not None:
            yield BoxedFile(f"{picture.file}{moment_of(picture)}", "", faults=("a frame of a video, no picture",))
            continue
        place = places.find(picture.file, picture.width, picture.height)
        if isinstance(place, str):
            named.add(picture.file)
            yield BoxedFile(picture.file, picture.split, faults=(*picture.faults, pictures.get(picture.file) or place))
            continue
        name, across, down = place
        named.add(name)
        boxes = tuple((box, _whole(box, across, down)) for box in picture.boxes)
        yield BoxedFile(picture.file, picture.split, path / name, boxes, picture.faults)
    for name, fault in pictures.items():
        if name not in named:
            yield BoxedFile(name, "", faults=(fault or "the boxes do not name this picture",))


def _pictures(path: Path) -> dict[str, str]:
    """The pictures of a source → why one cannot be used. Raises InputError where anything else in it is a link."""
    found = {}
    for name, fault in files_of(path):
        if (path / name).suffix.lower() in SUFFIXES:
            found[name] = fault
        elif (path / name).is_symlink():
            raise InputError(f"{path / name} is a link, and DVC does not look behind links: copy it there")
    return found


def _whole(box: Box, across: float, down: float) -> Rectangle:
    left, top = round(box.x * across), round(box.y * down)
    return left, top, round((box.x + box.w) * across) - left, round((box.y + box.h) * down) - top


def said_of(box: Box) -> tuple[str, str]:
    """The emotion and the character that a box says; empty where it does not say one."""
    if box.emotion:
        return box.emotion, box.name
    character, _, emotion = box.name.rpartition("/")
    return emotion, character


def boxed_faces(path: Path, entry: FacesFrom) -> Iterator[Given]:
    """A row for each box, for each picture without a box, and for each thing that cannot be used."""
    counts: Counter[str] = Counter()  # a table has a row for each box
    for one in boxed_files(path, entry):
        for fault in one.faults:
            yield Given(one.name, split=one.split, fault=fault)
        for box, place in one.boxes:
            counts[one.name] += 1
            label, character = said_of(box)
            yield Given(f"{one.name}, box {counts[one.name]}", label, character, one.split, "", one.place, box=place)
        if not one.boxes and not one.faults:
            yield Given(one.name, split=one.split, fault="no box in it")
