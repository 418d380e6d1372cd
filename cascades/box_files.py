"""Boxes as other programs write them: COCO, YOLO, Pascal VOC. Each reader takes a file or a folder.

What a file holds and cannot be used (polygons, rows with letters for numbers) is a fault of its picture, and is listed.
A file that is not what its format says is a TrainingDataError of one line.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from cascades.errors import PictureError, TrainingDataError
from cascades.pictures import SUFFIXES, picture_size
from cascades.strict_yaml import InvalidYaml, read_yaml

MOST_BYTES: Final = 1 << 30
MOST_NAMES: Final = 10_000
YOLO_FILE: Final = "data.yaml"
YOLO_PARTS: Final = ("train", "val", "test")


@dataclass(frozen=True)
class NamedBox:
    """A box, px of the picture as real numbers, and whose it is.

    told      further attributes of the box
    doubtful  the file marks it as a crowd or as difficult: neither learned from nor background
    """

    name: str
    x: float
    y: float
    w: float
    h: float
    told: Mapping[str, Any] = field(default_factory=dict)
    doubtful: bool = False


@dataclass(frozen=True)
class BoxedFile:
    """A picture that a file of boxes names.

    file           as the file writes it; YOLO: below the folder of data.yaml
    width, height  px that the file says, 0 if it does not
    part           the part of the data that it is in, in the words of the file, such as val2017; or nothing
    faults         what of it cannot be used, and why
    """

    file: str
    width: int
    height: int
    boxes: tuple[NamedBox, ...] = ()
    part: str = ""
    faults: tuple[str, ...] = ()


def read_coco(path: Path) -> Iterator[BoxedFile]:
    """A file of instances, or a folder of them (`annotations/`)."""
    for file in _files(path, "*.json", "annotations"):
        data = read_json(file)
        try:
            names = {int(one["id"]): str(one["name"]) for one in data["categories"]}
            by_image: dict[int, list[dict[str, Any]]] = {}
            for one in data["annotations"]:
                by_image.setdefault(int(one["image_id"]), []).append(one)
            part = file.stem.removeprefix("instances_")
            for image in data["images"]:
                boxes, faults = [], []
                for one in by_image.pop(int(image["id"]), []):
                    numbers = [float(value) for value in one.get("bbox") or ()]
                    if len(numbers) == 4:
                        x, y, w, h = numbers
                        name = names[int(one["category_id"])]
                        boxes.append(NamedBox(name, x, y, w, h, one.get("attributes") or {}, one.get("iscrowd") == 1))
                    else:
                        faults.append(f"annotation {one.get('id')} has no bbox of four numbers")
                yield BoxedFile(
                    str(image["file_name"]), int(image["width"]), int(image["height"]), tuple(boxes), part,
                    tuple(faults),
                )  # fmt: skip
            for number, own in by_image.items():
                count = f"{len(own)} box{'es' * (len(own) != 1)}"
                yield BoxedFile(f"image {number}", 0, 0, faults=(f"{count} of an image that is not listed",))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TrainingDataError(f"{file} is no COCO file of instances ({error!r})") from error


def read_yolo(path: Path) -> Iterator[BoxedFile]:
    """A folder with data.yaml, images/ and labels/; or its data.yaml."""
    root, file = (path, path / YOLO_FILE) if path.is_dir() else (path.parent, path)
    try:
        data = read_yaml(read_content(file))
        listed = data["names"]
        named = listed.items() if isinstance(listed, dict) else enumerate(listed)
        names = {int(number): str(name) for number, name in named}
        folders = {key: _texts(data[key]) for key in YOLO_PARTS if data.get(key)}
        below = str(data.get("path") or "")
    except (InvalidYaml, KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingDataError(f"{file} is no data.yaml of YOLO ({error!r}); expected names, train and val") from error
    if len(names) > MOST_NAMES:
        raise TrainingDataError(f"{file} has {len(names):,} names; expected at most {MOST_NAMES:,}")
    seen: set[str] = set()
    for key, texts in folders.items():
        for text in texts:
            if text in seen:
                continue  # `train` and `val` may be one folder, as in coco128.yaml
            seen.add(text)
            for picture in sorted(_yolo_folder(root, below, text, f"{file}: {key}").rglob("*")):
                if picture.suffix.lower() in SUFFIXES and picture.is_file() and not picture.is_symlink():
                    yield _of_yolo(root, picture, names, key)


def _texts(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{value!r} is no folder")
    return texts


def _yolo_folder(root: Path, below: str, text: str, what: str) -> Path:
    """A folder of pictures in the folder of data.yaml, or in the folder `below` it.

    Programs write ../train/images where they mean train/images.
    """
    place = PurePosixPath(text.replace("\\", "/"))
    if place.parts[:1] == ("..",):
        place = PurePosixPath(*place.parts[1:])
    if place.is_absolute() or ".." in place.parts:
        raise TrainingDataError(f"{what} is {text!r}, which leads out of {root}; expected a folder in it")
    folder = root / below / place
    if not folder.is_dir() or root.resolve() not in folder.resolve().parents:
        folder = root / place
    if not folder.is_dir():
        raise TrainingDataError(f"{what} is {text!r}, but there is no folder {folder}; expected a folder of pictures")
    return folder


def _of_yolo(root: Path, picture: Path, names: dict[int, str], part: str) -> BoxedFile:
    inside = picture.relative_to(root)
    # Ultralytics finds labels/x.txt for images/x.jpg: the last folder of that name is replaced.
    parts = list(inside.parts)
    if "images" not in parts:
        return BoxedFile(inside.as_posix(), 0, 0, part=part, faults=("lies in no folder images/",))
    parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    label = (root / Path(*parts)).with_suffix(".txt")
    try:
        width, height = picture_size(picture)
    except PictureError:
        return BoxedFile(inside.as_posix(), 0, 0, part=part, faults=("its size cannot be read",))
    boxes, faults = [], []
    lines = read_content(label).decode("utf-8", "replace").splitlines() if label.is_file() else []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells:
            continue
        try:
            name = names[int(cells[0])]
            x, y, w, h = map(float, cells[1:])
        except (KeyError, ValueError):
            faults.append(f"line {number} of {label.name} is {line[:60]!r}; expected a class and four shares")
            continue
        boxes.append(NamedBox(name, (x - w / 2) * width, (y - h / 2) * height, w * width, h * height))
    return BoxedFile(inside.as_posix(), width, height, tuple(boxes), part, tuple(faults))


def read_voc(path: Path) -> Iterator[BoxedFile]:
    """A folder with Annotations/ and, if there are parts, ImageSets/Main/; or a folder of XML files, or one of them."""
    parts: dict[str, str] = {}
    if path.is_dir():
        for listed in sorted((path / "ImageSets" / "Main").glob("*.txt")):
            if listed.stem in VOC_PARTS:
                parts |= dict.fromkeys(read_content(listed).decode("utf-8", "replace").split(), listed.stem)
    for file in _files(path, "*.xml", "Annotations"):
        root = read_xml(file, "annotation")
        boxes, faults = [], []
        for thing in root.iter("object"):
            corners = [finite(thing.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")]
            left, top, right, bottom = corners
            name = (thing.findtext("name") or "").strip()
            if left is None or top is None or right is None or bottom is None:
                faults.append(f"{name!r} has no bndbox of four numbers")
                continue
            told = {one.findtext("name") or "": one.findtext("value") or "" for one in thing.iter("attribute")}
            doubtful = (thing.findtext("difficult") or "").strip() == "1"
            # Corners are pixels, the first one 1, and both belong to the box.
            boxes.append(NamedBox(name, left - 1, top - 1, right - left + 1, bottom - top + 1, told, doubtful))
        size = [finite(root.findtext(f"size/{tag}")) or 0 for tag in ("width", "height")]
        name = root.findtext("filename") or f"{file.stem}.jpg"
        yield BoxedFile(name, int(size[0]), int(size[1]), tuple(boxes), parts.get(file.stem, ""), tuple(faults))


VOC_PARTS: Final = ("train", "val", "validation", "test")
"""Lists of a part as a whole: others, such as trainval or cat_train, say it again."""


def _files(path: Path, pattern: str, folder: str) -> Iterable[Path]:
    if path.is_file():
        return [path]
    found = sorted((path / folder).glob(pattern)) or sorted(path.glob(pattern))
    if not found:
        raise TrainingDataError(
            f"{path} has no {pattern}, neither in {folder}/ nor beside it; name the file or its folder"
        )
    return found


def read_content(file: Path) -> bytes:
    """The bytes of a file that is not too large. Raises TrainingDataError."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise TrainingDataError(f"{file} has more than {MOST_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise TrainingDataError(f"{file} cannot be read: {error.strerror}") from error


def read_json(file: Path) -> Any:
    """The value of a JSON file. Raises TrainingDataError."""
    try:
        return json.loads(read_content(file))
    except (ValueError, RecursionError) as error:
        raise TrainingDataError(f"{file} is no JSON ({type(error).__name__}){_unpack(file)}") from error


def read_xml(file: Path, tag: str) -> Element:
    """The root of an XML file, which must be called `tag`. Raises TrainingDataError, also for entities."""
    try:
        root: Element = fromstring(read_content(file))
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise TrainingDataError(f"{file} is no XML that can be used ({type(error).__name__}){_unpack(file)}") from error
    if root.tag != tag:
        raise TrainingDataError(f"{file} begins with <{root.tag[:40]}>; expected <{tag}>")
    return root


def _unpack(file: Path) -> str:
    return ": unpack the archive first" if file.suffix == ".zip" else ""


def finite(text: str | None) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 2**31 else None
