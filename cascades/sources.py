"""What a training may be made from, however it is written: pictures, and where the faces in them are.

    IMAGES                          BOXES
    a folder of pictures            a CSV; COCO's JSON; YOLO's data.yaml; a folder of Pascal VOC's XML files
    a folder, or a bg.txt that      info.dat; a .vec file; a folder of crops, each of which is a face
      names pictures, without faces

What BOXES is, is seen from its name and its content. Everything that cannot be used is listed with its reason.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cascades.box_files import YOLO_FILE, BoxedFile, NamedBox, read_coco, read_voc, read_yolo
from cascades.boxes import AnnotatedImage, Box
from cascades.errors import InvalidParameter, PictureError, TrainingDataError
from cascades.opencv_files import OpenCVImages, read_background, read_info, read_vec
from cascades.pictures import picture_size
from cascades.tables import ImageFolder, list_images, read_boxes

ASPECT: Final = 0.01
"""By how much the shapes of a picture and of what a file says about it may differ."""
LISTED: Final = (".dat", ".txt")
PART: Final = re.compile(r"(train|val|test|dev)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Sources:
    """Pictures to train on.

    images      with their boxes
    validation  the pictures that the boxes' own format sets aside for it, if any
    samples     whether the positives are samples of a .vec file, which are learned as they are
    counts      number of boxes by name, where the format has names
    unused      a line for everything that is not used: what, and why
    """

    images: Sequence[AnnotatedImage]
    validation: ImageFolder | None = None
    samples: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    unused: tuple[str, ...] = ()


def open_sources(images: Path, boxes: Path, window: tuple[int, int], only: Sequence[str] = ()) -> Sources:
    """Read what BOXES says about IMAGES.

    only  names of boxes to learn; the others are background. Without any, all are learned
    Raises TrainingDataError for what cannot be read, and InvalidParameter for a name that no box has.
    """
    reader = _reader(boxes)
    if reader is not None:
        return _of_files(_folder(images, boxes), reader(boxes), only, boxes)
    if only:
        raise InvalidParameter(f"--only chooses boxes by name, but {boxes} has no names")
    if boxes.suffix.lower() == ".vec":
        return Sources(OpenCVImages(read_vec(boxes, window), {}, _background(images)), samples=True)
    if boxes.is_dir():
        crops, unused = _crops(boxes)
        return Sources(OpenCVImages(None, crops, _background(images)), unused=tuple(unused))
    if boxes.suffix.lower() in LISTED:
        found = read_info(boxes)
        known = {path.resolve() for path in found}
        background = [path for path in _background(images) if path.resolve() not in known]
        return Sources(OpenCVImages(None, found, background))
    return Sources(ImageFolder(_folder(images, boxes), read_boxes(boxes)))


def _reader(boxes: Path) -> Callable[[Path], Iterator[BoxedFile]] | None:
    """What reads boxes with names; None for the other kinds of boxes."""
    if boxes.is_dir():
        if (boxes / YOLO_FILE).is_file():
            return read_yolo
        for pattern, folder, read in (("*.xml", "Annotations", read_voc), ("*.json", "annotations", read_coco)):
            if any((boxes / folder).glob(pattern)) or any(boxes.glob(pattern)):
                return read
        return None
    return {".json": read_coco, ".yaml": read_yolo, ".yml": read_yolo, ".xml": read_voc}.get(boxes.suffix.lower())


def _folder(images: Path, boxes: Path) -> Path:
    if not images.is_dir():
        raise InvalidParameter(f"{images} is a file; the pictures that {boxes} names must be in a folder")
    return images


def _background(images: Path) -> list[Path]:
    if images.is_dir():
        return [images / name for name in list_images(images)]
    return read_background(images)


def _crops(folder: Path) -> tuple[dict[Path, tuple[Box, ...]], list[str]]:
    """Every picture of a folder as one box, the whole picture; and those that cannot be read."""
    crops: dict[Path, tuple[Box, ...]] = {}
    unused = []
    for name in list_images(folder):
        try:
            crops[folder / name] = (Box(0, 0, *picture_size(folder / name)),)
        except PictureError as error:
            unused.append(str(error))
    return crops, unused


def _of_files(folder: Path, files: Iterator[BoxedFile], only: Sequence[str], boxes: Path) -> Sources:
    """The pictures of a folder that a file of boxes names, the parts for validation and test apart."""
    places = Places(folder)
    learned: dict[str, list[Box]] = {}
    ignored: dict[str, list[Box]] = {}
    parts: dict[str, str] = {}
    incomplete: set[str] = set()
    counts: Counter[str] = Counter()
    unused: list[str] = []
    for one in files:
        unused += [f"{one.file}: {fault}" for fault in one.faults]
        place = places.find(one.file, one.width, one.height)
        if isinstance(place, str):
            unused.append(f"{one.file}: {place}")
            continue
        name, across, down = place
        if one.faults:
            incomplete.add(name)  # a face may be there that has no box
        found = PART.match(one.part)
        parts[name] = found[1].lower() if found else ""
        for box in one.boxes:
            whole = _whole(box, across, down)
            counts[box.name] += 1
            if only and box.name not in only:
                continue
            if box.doubtful:
                unused.append(f"{one.file}: a box of {box.name!r} that is marked as difficult or as a crowd")
            (ignored if box.doubtful else learned).setdefault(name, []).append(whole)
    unknown = [name for name in only if name not in counts]
    if unknown:
        raise InvalidParameter(f"--only {unknown[0]}: no box in {boxes} is called so; there are {_listed(counts)}")
    if not parts:
        raise TrainingDataError(f"{boxes}: none of its pictures is in {folder} ({'; '.join(unused[:2]) or 'no rows'})")
    whole_folder = ImageFolder(folder, learned, {name: tuple(own) for name, own in ignored.items()}, incomplete)
    return _parted(whole_folder, parts, counts, unused)


def _parted(folder: ImageFolder, parts: dict[str, str], counts: Counter[str], unused: list[str]) -> Sources:
    """Train on the training part and on what is in no part; where no picture is in it, on everything."""
    divided = "train" in parts.values()
    training = [name for name in folder.names if name in parts and (not divided or parts[name] in ("train", ""))]
    judged = [name for name in folder.names if divided and parts.get(name) in ("val", "dev")]
    tested = sum(divided and part == "test" for part in parts.values())
    without = len(set(folder.names) - set(parts))
    if tested:
        unused.append(f"{tested} picture{'s' * (tested != 1)} of the part for tests")
    if without:
        unused.append(
            f"{without} picture{'s' * (without != 1)} that the boxes do not list: nobody said what is in them"
        )
    validation = folder.only(judged) if judged else None
    return Sources(folder.only(training), validation, counts=counts, unused=tuple(unused))


def _whole(box: NamedBox, across: float, down: float) -> Box:
    """A box in whole pixels of the picture as it is."""
    left, top = round(box.x * across), round(box.y * down)
    return Box(left, top, round((box.x + box.w) * across) - left, round((box.y + box.h) * down) - top)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name!r}" for name, _ in counts.most_common(10)) or "none"


class Places:
    """The pictures of a folder, found by what a file of boxes calls them.

    names: the pictures, as paths relative to the folder; None: all that are in it.
    """

    def __init__(self, folder: Path, names: Sequence[str] | None = None) -> None:
        self.folder = folder
        self.names = set(list_images(folder) if names is None else names)
        self.by_end: dict[str, list[str]] = {}
        for name in sorted(self.names):
            last = posixpath.basename(name)
            for key in {last, posixpath.splitext(last)[0]}:
                self.by_end.setdefault(key, []).append(name)

    def find(self, file: str, said_width: int, said_height: int) -> tuple[str, float, float] | str:
        """The picture's path in the folder, and what makes the file's x and y px of it; or why it cannot be used.

        file, said_width, said_height: name and size (px, 0: not said) of the picture, as the file of boxes has them.
        """
        path = posixpath.normpath(file.replace("\\", "/"))
        if path in self.names:
            name = path
        else:
            last, stem = posixpath.basename(path), posixpath.splitext(path)[0]
            # Pictures are converted after they were boxed: the ending may be another.
            likely = self.by_end.get(last) or self.by_end.get(posixpath.basename(stem)) or []
            same = [name for name in likely if ("/" + posixpath.splitext(name)[0]).endswith("/" + stem)] or likely
            if len(same) != 1:
                return f"{len(same)} pictures in {self.folder} are called so" if same else "no such picture"
            name = same[0]
        try:
            width, height = picture_size(self.folder / name)
        except PictureError as error:
            return str(error)
        across, down = width / (said_width or width), height / (said_height or height)
        if abs(across / down - 1) > ASPECT:
            return f"the picture has {width}×{height} px, the boxes are of one of {said_width}×{said_height}"
        return name, across, down
