"""Boxes as other tools write them. Each reader takes a file or a folder and gives pictures with their boxes.

What a file holds and cannot be used (polygons, boxes turned by an angle, rows with letters for numbers) is a fault of
its picture, and is listed. A file that is not what its format says is an InputError of one line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from string import digits as DIGITS
from typing import Any, Final
from xml.etree.ElementTree import Element

from cascades.box_files import BoxedFile, finite, read_coco, read_content, read_json, read_voc, read_xml, read_yolo
from cascades.errors import TrainingDataError
from pipeline.errors import InputError
from pipeline.exchange.boxed import Box, BoxedPicture
from pipeline.exchange.label_studio import read_label_studio
from pipeline.exchange.tables import reading, rows_of_csv
from pipeline.exchange.vocabulary import split_named


def _read_by(read: Callable[[Path], Iterator[BoxedFile]]) -> Callable[[Path], Iterator[BoxedPicture]]:
    """A reader of `cascades`, which gives attributes as the file has them, as a reader of boxes with emotions."""

    def reader(path: Path) -> Iterator[BoxedPicture]:
        try:
            for one in read(path):
                sure = [box for box in one.boxes if not box.doubtful]
                boxes = tuple(_box(box.name, (box.x, box.y, box.w, box.h), box.told) for box in sure)
                marked = [f"a box of {box.name!r} that is marked as difficult or as a crowd"
                          for box in one.boxes if box.doubtful]  # fmt: skip
                split = split_named(one.part.rstrip(DIGITS)) or ""  # COCO's own parts are called train2017
                yield BoxedPicture(one.file, one.width, one.height, boxes, split, faults=(*one.faults, *marked))
        except TrainingDataError as error:
            raise InputError(str(error)) from error

    return reader


def read_cvat(path: Path) -> Iterator[BoxedPicture]:
    """annotations.xml of CVAT: for images, or for video with tracks, of which every shown box counts."""
    file = path / "annotations.xml" if path.is_dir() else path
    root = reading(read_xml, file, "annotations")
    for image in root.iter("image"):
        found = [_of_cvat(one, one.get("label", "")) for one in image.findall("box")]
        faults = [f"a {one.tag}, which is no box" for one in image if one.tag not in ("box", "tag")]
        faults += [fault for _, fault in found if fault]
        yield BoxedPicture(
            image.get("name", ""), int(finite(image.get("width")) or 0), int(finite(image.get("height")) or 0),
            tuple(box for box, _ in found if box), split_named(image.get("subset") or "") or "", faults=tuple(faults),
        )  # fmt: skip
    frames: dict[int, list[Box]] = {}
    problems = []
    for track in root.iter("track"):
        for one in track:
            box, fault = _of_cvat(one, track.get("label", "")) if one.tag == "box" else (None, f"a {one.tag}")
            frame = finite(one.get("frame"))
            if fault or frame is None:
                problems.append(fault or "a box without a frame")
            elif one.get("outside") != "1" and box:
                frames.setdefault(int(frame), []).append(box)
    width, height = (int(finite(root.findtext(f".//original_size/{tag}")) or 0) for tag in ("width", "height"))
    source = root.findtext(".//source") or root.findtext(".//task/name") or ""
    for frame in sorted(frames):
        yield BoxedPicture(source, width, height, tuple(frames[frame]), frame=frame)
    if problems:
        yield BoxedPicture(source, 0, 0, faults=tuple(problems))


def _of_cvat(one: Element, label: str) -> tuple[Box | None, str]:
    edges = [finite(one.get(name)) for name in ("xtl", "ytl", "xbr", "ybr")]
    left, top, right, bottom = edges
    if left is None or top is None or right is None or bottom is None:
        return None, f"{label!r} has no corners"
    if finite(one.get("rotation")):
        return None, f"{label!r} is turned by {one.get('rotation')}°, expected upright boxes"
    told = {attribute.get("name"): attribute.text or "" for attribute in one.findall("attribute")}
    return Box(label, left, top, right - left, bottom - top, told.get("emotion", ""), told.get("annotator", "")), ""


def read_via(path: Path) -> Iterator[BoxedPicture]:
    """A JSON file of VIA 2, of a project or of annotations. The size of a picture is not in it."""
    file = path / "via.json" if path.is_dir() else path
    data = reading(read_json, file)
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


def read_table(path: Path) -> Iterator[BoxedPicture]:
    """boxes.csv with character, x, y, w, h and either file, or episode_id and frame or time_s."""
    file = path / "boxes.csv" if path.is_dir() else path
    for line, row in rows_of_csv(file, ("character", "x", "y", "w", "h")):
        name, frame = row.get("file", ""), row.get("frame", "")
        time_s = finite(row.get("time_s")) if not name and not frame else None
        if not name and row.get("episode_id"):
            name = row["episode_id"] if time_s is not None else f"{row['episode_id']}-{frame}.jpg"
        place = [finite(row[key]) for key in ("x", "y", "w", "h")]
        x, y, w, h = place
        told = (row.get("emotion", ""), row.get("annotator", ""))
        split = split_named(row.get("split", "")) or ""
        if not any(row[key] for key in ("character", "x", "y", "w", "h")):
            yield BoxedPicture(name, 0, 0, split=split, time_s=time_s)
        elif not name or x is None or y is None or w is None or h is None:
            yield BoxedPicture(name, 0, 0, split=split, faults=(f"line {line} has no picture or no four numbers",))
        else:
            yield BoxedPicture(name, 0, 0, (Box(row["character"], x, y, w, h, *told),), split, time_s=time_s)


def read_info_dat(path: Path) -> Iterator[BoxedPicture]:
    """OpenCV's description files: NAME.dat is of that character; and bg.txt, the frames without anybody."""
    files = sorted(path.glob("*.dat")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} has no .dat file of OpenCV's cascade trainer")
    for file in files:
        for number, line in enumerate(reading(read_content, file).decode("utf-8", "replace").splitlines(), start=1):
            cells = line.split()
            if not cells:
                continue
            numbers = [finite(cell) for cell in cells[1:]]
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
        for line in reading(read_content, background).decode("utf-8", "replace").split():
            yield BoxedPicture(PurePosixPath(line.replace("\\", "/")).name, 0, 0)


READERS: Final[dict[str, Callable[[Path], Iterator[BoxedPicture]]]] = {
    "boxes": read_table,
    "coco": _read_by(read_coco),
    "cvat": read_cvat,
    "info-dat": read_info_dat,
    "label-studio": read_label_studio,
    "via": read_via,
    "voc": _read_by(read_voc),
    "yolo": _read_by(read_yolo),
}


def _box(name: str, place: Sequence[float], told: Mapping[str, Any]) -> Box:
    """A box of x, y, w, h; told: its further attributes."""
    x, y, w, h = place
    return Box(name, x, y, w, h, str(told.get("emotion") or ""), str(told.get("annotator") or ""))
