"""Boxes as other tools write them. Each reader takes a file or a folder and gives pictures with their boxes.

What a file holds and cannot be used (polygons, boxes turned by an angle, rows with letters for numbers) is a fault of
its picture, and is listed. A file that is not what its format says is an InputError of one line.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image

from cascades.pictures import FAULTS, FORMATS, SUFFIXES
from pipeline.errors import InputError
from pipeline.exchange.boxed import Box, BoxedPicture
from pipeline.exchange.tables import rows_of_csv
from pipeline.exchange.vocabulary import split_named
from pipeline.strict_yaml import InvalidYaml, read_yaml

MOST_BYTES: Final = 1 << 30
MOST_NAMES: Final = 10_000


def read_coco(path: Path) -> Iterator[BoxedPicture]:
    """A file of instances, or a folder of them (`annotations/`)."""
    for file in _files(path, "*.json", "annotations"):
        data = _json(file)
        try:
            names = {int(one["id"]): str(one["name"]) for one in data["categories"]}
            by_image: dict[int, list[dict[str, Any]]] = {}
            for one in data["annotations"]:
                by_image.setdefault(int(one["image_id"]), []).append(one)
            split = split_named(file.stem.removeprefix("instances_")) or ""
            for image in data["images"]:
                boxes, faults = [], []
                for one in by_image.pop(int(image["id"]), []):
                    about = one.get("attributes") or {}
                    numbers = [float(value) for value in one.get("bbox") or ()]
                    if len(numbers) == 4:
                        boxes.append(_box(names[int(one["category_id"])], numbers, about))
                    else:
                        faults.append(f"annotation {one.get('id')} has no bbox of four numbers")
                yield BoxedPicture(str(image["file_name"]), int(image["width"]), int(image["height"]), tuple(boxes),
                                   split, faults=tuple(faults))  # fmt: skip
            for number, own in by_image.items():
                yield BoxedPicture(
                    f"image {number}", 0, 0, faults=(f"{len(own)} boxes of an image that is not listed",)
                )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{file} is no COCO file of instances ({error!r})") from error


def read_yolo(path: Path) -> Iterator[BoxedPicture]:
    """A folder with data.yaml, images/ and labels/."""
    root, file = (path, path / "data.yaml") if path.is_dir() else (path.parent, path)
    try:
        data = read_yaml(_content(file))
        listed = data["names"]
        named = listed.items() if isinstance(listed, dict) else enumerate(listed)
        names = {int(number): str(name) for number, name in named}
        folders = {key: data[key] for key in ("train", "val", "test") if isinstance(data.get(key), str)}
    except (InvalidYaml, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file} is no data.yaml of YOLO ({error!r}); expected names, train and val") from error
    if len(names) > MOST_NAMES:
        raise InputError(f"{file} has {len(names):,} names; expected characters, at most {MOST_NAMES:,}")
    for key, folder in folders.items():
        place = PurePosixPath(folder)
        if place.is_absolute() or ".." in place.parts:
            raise InputError(f"{file}: {key} is {folder!r}, which leads out of {root}; expected a folder in it")
        for picture in sorted((root / folder).rglob("*")):
            if picture.suffix.lower() in SUFFIXES and picture.is_file() and not picture.is_symlink():
                yield _of_yolo(root, picture, names, split_named(key) or "")


def _of_yolo(root: Path, picture: Path, names: dict[int, str], split: str) -> BoxedPicture:
    inside = picture.relative_to(root)
    # Ultralytics finds labels/x.txt for images/x.jpg: the last folder of that name is replaced.
    parts = list(inside.parts)
    if "images" not in parts:
        return BoxedPicture(picture.name, 0, 0, split=split, faults=("lies in no folder images/",))
    parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    label = (root / Path(*parts)).with_suffix(".txt")
    size = _size_of(picture)
    if size is None:
        return BoxedPicture(picture.name, 0, 0, split=split, faults=("its size cannot be read",))
    boxes, faults = [], []
    lines = _content(label).decode("utf-8", "replace").splitlines() if label.is_file() else []
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
        width, height = size
        boxes.append(Box(name, (x - w / 2) * width, (y - h / 2) * height, w * width, h * height))
    return BoxedPicture(picture.name, *size, tuple(boxes), split, faults=tuple(faults))


def read_voc(path: Path) -> Iterator[BoxedPicture]:
    """A folder with Annotations/ and, if there are splits, ImageSets/Main/; or one of its XML files."""
    splits: dict[str, str] = {}
    if path.is_dir():
        for listed in sorted((path / "ImageSets" / "Main").glob("*.txt")):
            found = split_named(listed.stem)
            if found:
                splits |= dict.fromkeys(_content(listed).decode("utf-8", "replace").split(), found)
    for file in _files(path, "*.xml", "Annotations"):
        root = _xml(file, "annotation")
        boxes, faults = [], []
        for thing in root.iter("object"):
            corners = [_number(thing.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")]
            left, top, right, bottom = corners
            name = (thing.findtext("name") or "").strip()
            if left is None or top is None or right is None or bottom is None:
                faults.append(f"{name!r} has no bndbox of four numbers")
                continue
            told = {one.findtext("name"): one.findtext("value") or "" for one in thing.iter("attribute")}
            boxes.append(
                Box(name, left - 1, top - 1, right - left + 1, bottom - top + 1, told.get("emotion", ""),
                    told.get("annotator", ""))
            )  # fmt: skip
        size = [_number(root.findtext(f"size/{tag}")) or 0 for tag in ("width", "height")]
        name = root.findtext("filename") or f"{file.stem}.jpg"
        yield BoxedPicture(
            name, int(size[0]), int(size[1]), tuple(boxes), splits.get(file.stem, ""), faults=tuple(faults)
        )


def read_cvat(path: Path) -> Iterator[BoxedPicture]:
    """annotations.xml of CVAT: for images, or for video with tracks, of which every shown box counts."""
    file = path / "annotations.xml" if path.is_dir() else path
    root = _xml(file, "annotations")
    for image in root.iter("image"):
        found = [_of_cvat(one, one.get("label", "")) for one in image.findall("box")]
        faults = [f"a {one.tag}, which is no box" for one in image if one.tag not in ("box", "tag")]
        faults += [fault for _, fault in found if fault]
        yield BoxedPicture(
            image.get("name", ""), int(_number(image.get("width")) or 0), int(_number(image.get("height")) or 0),
            tuple(box for box, _ in found if box), split_named(image.get("subset") or "") or "", faults=tuple(faults),
        )  # fmt: skip
    frames: dict[int, list[Box]] = {}
    problems = []
    for track in root.iter("track"):
        for one in track:
            box, fault = _of_cvat(one, track.get("label", "")) if one.tag == "box" else (None, f"a {one.tag}")
            frame = _number(one.get("frame"))
            if fault or frame is None:
                problems.append(fault or "a box without a frame")
            elif one.get("outside") != "1" and box:
                frames.setdefault(int(frame), []).append(box)
    width, height = (int(_number(root.findtext(f".//original_size/{tag}")) or 0) for tag in ("width", "height"))
    source = root.findtext(".//source") or root.findtext(".//task/name") or ""
    for frame in sorted(frames):
        yield BoxedPicture(source, width, height, tuple(frames[frame]), frame=frame)
    if problems:
        yield BoxedPicture(source, 0, 0, faults=tuple(problems))


def _of_cvat(one: Element, label: str) -> tuple[Box | None, str]:
    edges = [_number(one.get(name)) for name in ("xtl", "ytl", "xbr", "ybr")]
    left, top, right, bottom = edges
    if left is None or top is None or right is None or bottom is None:
        return None, f"{label!r} has no corners"
    if _number(one.get("rotation")):
        return None, f"{label!r} is turned by {one.get('rotation')}°, expected upright boxes"
    told = {attribute.get("name"): attribute.text or "" for attribute in one.findall("attribute")}
    return Box(label, left, top, right - left, bottom - top, told.get("emotion", ""), told.get("annotator", "")), ""


def read_via(path: Path) -> Iterator[BoxedPicture]:
    """A JSON file of VIA 2, of a project or of annotations. The size of a picture is not in it."""
    file = path / "via.json" if path.is_dir() else path
    data = _json(file)
    try:
        for entry in data.get("_via_img_metadata", data).values():
            regions = entry["regions"]
            boxes, faults = [], []
            for region in regions.values() if isinstance(regions, dict) else regions:
                shape, told = region["shape_attributes"], region["region_attributes"]
                if shape["name"] != "rect":
                    faults.append(f"a {shape['name']}, which is no box")
                    continue
                name = str(next((told[key] for key in ("name", "character", "label", "class") if told.get(key)), ""))
                boxes.append(_box(name, [float(shape[key]) for key in ("x", "y", "width", "height")], told))
            split = split_named(str(entry.get("file_attributes", {}).get("split", ""))) or ""
            yield BoxedPicture(str(entry["filename"]), 0, 0, tuple(boxes), split, faults=tuple(faults))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file} is no file of the VGG Image Annotator ({error!r})") from error


def read_label_studio(path: Path) -> Iterator[BoxedPicture]:
    """Tasks with rectangles, as Label Studio exports them as JSON, whoever made the tasks."""
    file = path / "tasks.json" if path.is_dir() else path
    data = _json(file)
    try:
        for task in data:
            data_of = task["data"]
            name = str(next(value for key, value in data_of.items() if isinstance(value, str) and "/" in value))
            file_name = name.replace("\\", "/").rpartition("/")[2].partition("?")[0] or name
            file_name = file_name if "." in file_name else name.rpartition("=")[2].rpartition("/")[2]
            boxes: dict[str, Box] = {}
            size, faults = (0, 0), []
            results = [one for answer in task.get("annotations") or () for one in answer.get("result") or ()]
            for one in results:
                value = one.get("value", {})
                if one.get("type") == "rectanglelabels":
                    size = int(one["original_width"]), int(one["original_height"])
                    across, down = size[0] / 100, size[1] / 100
                    if value.get("rotation"):
                        faults.append(f"a box turned by {value['rotation']}°, expected upright boxes")
                        continue
                    boxes[str(one["id"])] = Box(
                        str(value["rectanglelabels"][0]), value["x"] * across, value["y"] * down,
                        value["width"] * across, value["height"] * down,
                    )  # fmt: skip
                elif one.get("type") not in ("textarea", "choices"):
                    faults.append(f"a result of type {one.get('type')!r}, which is no box")
            for one in results:
                told = (one.get("value", {}).get("text") or one.get("value", {}).get("choices") or [""])[0]
                known = boxes.get(str(one.get("id")))
                if known and one.get("from_name") in ("emotion", "annotator"):
                    fields = vars(known) | {one["from_name"]: str(told)}
                    boxes[str(one["id"])] = Box(**fields)
            yield BoxedPicture(
                file_name, *size, tuple(boxes.values()), str(data_of.get("split", "")), faults=tuple(faults)
            )
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration, IndexError, RuntimeError) as error:
        raise InputError(f"{file} is no JSON export of Label Studio with boxes ({error!r})") from error


def read_table(path: Path) -> Iterator[BoxedPicture]:
    """boxes.csv with character, x, y, w, h and either file, or episode_id and frame."""
    file = path / "boxes.csv" if path.is_dir() else path
    for line, row in rows_of_csv(file, ("character", "x", "y", "w", "h")):
        name, frame = row.get("file", ""), row.get("frame", "")
        if not name and row.get("episode_id"):
            name = f"{row['episode_id']}-{frame}.jpg"
        place = [_number(row[key]) for key in ("x", "y", "w", "h")]
        x, y, w, h = place
        told = (row.get("emotion", ""), row.get("annotator", ""))
        split = split_named(row.get("split", "")) or ""
        if not any(row[key] for key in ("character", "x", "y", "w", "h")):
            yield BoxedPicture(name, 0, 0, split=split)
        elif not name or x is None or y is None or w is None or h is None:
            yield BoxedPicture(name, 0, 0, split=split, faults=(f"line {line} has no picture or no four numbers",))
        else:
            yield BoxedPicture(name, 0, 0, (Box(row["character"], x, y, w, h, *told),), split)


def read_info_dat(path: Path) -> Iterator[BoxedPicture]:
    """OpenCV's description files: NAME.dat is of that character; and bg.txt, the frames without anybody."""
    files = sorted(path.glob("*.dat")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} has no .dat file of OpenCV's cascade trainer")
    for file in files:
        for number, line in enumerate(_content(file).decode("utf-8", "replace").splitlines(), start=1):
            cells = line.split()
            if not cells:
                continue
            numbers = [_number(cell) for cell in cells[1:]]
            values = [value for value in numbers if value is not None]
            if not values or len(values) != len(numbers) or len(values) != 1 + 4 * values[0]:
                yield BoxedPicture(
                    cells[0], 0, 0, faults=(f"line {number} of {file.name}: expected a count and boxes",)
                )
                continue
            boxes = [_box(file.stem, values[i : i + 4], {}) for i in range(1, len(values), 4)]
            yield BoxedPicture(PurePosixPath(cells[0].replace("\\", "/")).name, 0, 0, tuple(boxes))
    background = path / "bg.txt" if path.is_dir() else path.with_name("bg.txt")
    if background.is_file():
        for line in _content(background).decode("utf-8", "replace").split():
            yield BoxedPicture(PurePosixPath(line.replace("\\", "/")).name, 0, 0)


READERS: Final[dict[str, Callable[[Path], Iterator[BoxedPicture]]]] = {
    "boxes": read_table,
    "coco": read_coco,
    "cvat": read_cvat,
    "info-dat": read_info_dat,
    "label-studio": read_label_studio,
    "via": read_via,
    "voc": read_voc,
    "yolo": read_yolo,
}


def _box(name: str, place: Sequence[float], told: Mapping[str, Any]) -> Box:
    """A box of x, y, w, h; told: its further attributes."""
    x, y, w, h = place
    return Box(name, x, y, w, h, str(told.get("emotion") or ""), str(told.get("annotator") or ""))


def _files(path: Path, pattern: str, folder: str) -> Iterable[Path]:
    if path.is_file():
        return [path]
    found = sorted((path / folder).glob(pattern)) or sorted(path.glob(pattern))
    if not found:
        raise InputError(f"{path} has no {pattern}, neither in {folder}/ nor beside it; name the file or its folder")
    return found


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InputError(f"{file} has more than {MOST_BYTES:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def _json(file: Path) -> Any:
    try:
        return json.loads(_content(file))
    except (ValueError, RecursionError) as error:
        hint = ": unpack the archive first" if file.suffix == ".zip" else ""
        raise InputError(f"{file} is no JSON ({type(error).__name__}){hint}") from error


def _xml(file: Path, tag: str) -> Element:
    try:
        root: Element = fromstring(_content(file))
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        hint = ": unpack the archive first" if file.suffix == ".zip" else ""
        raise InputError(f"{file} is no XML that can be used ({type(error).__name__}){hint}") from error
    if root.tag != tag:
        raise InputError(f"{file} begins with <{root.tag[:40]}>; expected <{tag}>")
    return root


def _number(text: str | None) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 2**31 else None


def _size_of(picture: Path) -> tuple[int, int] | None:
    try:
        with Image.open(picture, formats=FORMATS) as image:
            return image.size
    except FAULTS:
        return None
