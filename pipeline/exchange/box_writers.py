"""Boxes as other tools read them. Each writer gives the files of an export beside its pictures.

coco          annotations/instances_SPLIT.json, images/ (Lin et al. 2014); boxes from 0, px
yolo          data.yaml, images/SPLIT/, labels/SPLIT/ (Ultralytics); middle and size as shares of the picture
voc           Annotations/*.xml, ImageSets/Main/, JPEGImages/, labelmap.txt (Everingham et al. 2010); corners from 1, px
cvat          annotations.xml ("CVAT for images 1.1"), images/SPLIT/
label-studio  tasks.json with the boxes as annotations, config.xml (the page that shows them), images/
via           via.json (VGG Image Annotator 2), images/
csv           boxes.csv as in annotations/, with the picture's name, images/
info-dat      info.dat and bg.txt of OpenCV's cascade trainer, images/
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree import ElementTree

from pipeline.exchange.boxed import Box, BoxedPicture, identity, splits_of

Files = dict[str, str]
"""Path in the export → text."""
BOX_TABLE: Final = ["file", "split", "episode_id", "frame", "character", "x", "y", "w", "h", "emotion", "annotator"]


def place_of(form: str, picture: BoxedPicture) -> PurePosixPath:
    """Where a picture stands in an export."""
    by_split = f"images/{picture.split}"
    folder = {"yolo": by_split, "cvat": by_split, "voc": "JPEGImages"}.get(form, "images")
    return PurePosixPath(folder) / picture.file


def coco(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """A file for each split; emotion and annotator are `attributes`, as CVAT and FiftyOne have them."""
    files: Files = {}
    for split, own in splits_of(pictures):
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, picture in enumerate(own, start=1):
            images.append({"id": number, "file_name": picture.file, "width": picture.width, "height": picture.height})
            for box in picture.boxes:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": names.index(box.name) + 1,
                        "bbox": [box.x, box.y, box.w, box.h],
                        "area": box.w * box.h,
                        "iscrowd": 0,
                        "segmentation": [],
                        "attributes": {"emotion": box.emotion, "annotator": box.annotator},
                    }
                )
        categories = [{"id": number, "name": name} for number, name in enumerate(names, start=1)]
        files[f"annotations/instances_{split}.json"] = _json(
            {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
        )
    return files


def yolo(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """A text file for each picture; an empty one where nobody is in it."""
    there = dict(splits_of(pictures))
    # No `path`: Ultralytics then looks beside data.yaml; "." would be the folder in which it is started.
    lines = []
    for key, split in (("train", "train"), ("val", "validation"), ("test", "test")):
        if split in there:
            lines.append(f"{key}: images/{split}")
        elif key != "test":  # Ultralytics refuses a data.yaml without `train` or `val`
            lines.append(f"{key}: images/{next(iter(there))}  # no boxed frame is in {split}; box frames of its scenes")
    lines += ["names:", *(f"  {number}: {name}" for number, name in enumerate(names))]
    files = {"data.yaml": "\n".join(lines) + "\n"}
    for picture in pictures:
        rows = [f"{names.index(box.name)} {_shares(box, picture)}\n" for box in picture.boxes]
        files[f"labels/{picture.split}/{PurePosixPath(picture.file).stem}.txt"] = "".join(rows)
    return files


def voc(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """Corners count from 1 and the last pixel belongs to the box, as in VOC's own files."""
    files: Files = {}
    for picture in pictures:
        root = ElementTree.Element("annotation")
        _text(root, "folder", "JPEGImages")
        _text(root, "filename", picture.file)
        size = ElementTree.SubElement(root, "size")
        for tag, value in (("width", picture.width), ("height", picture.height), ("depth", 3)):
            _text(size, tag, value)
        _text(root, "segmented", 0)
        for box in picture.boxes:
            thing = ElementTree.SubElement(root, "object")
            for tag, word in (("name", box.name), ("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
                _text(thing, tag, word)
            corners = ElementTree.SubElement(thing, "bndbox")
            for tag, edge in (
                ("xmin", box.x + 1),
                ("ymin", box.y + 1),
                ("xmax", box.x + box.w),
                ("ymax", box.y + box.h),
            ):
                _text(corners, tag, edge)
            attributes = ElementTree.SubElement(thing, "attributes")
            for name, said in (("emotion", box.emotion), ("annotator", box.annotator)):
                if said:
                    attribute = ElementTree.SubElement(attributes, "attribute")
                    _text(attribute, "name", name)
                    _text(attribute, "value", said)
        files[f"Annotations/{PurePosixPath(picture.file).stem}.xml"] = _xml(root)
    # CVAT and Datumaro know no other names than those of VOC's own twenty without it.
    files["labelmap.txt"] = "# label:color_rgb:parts:actions\n" + "".join(f"{name}:::\n" for name in names)
    for split, own in splits_of(pictures):
        name = {"validation": "val"}.get(split, split)
        files[f"ImageSets/Main/{name}.txt"] = "".join(f"{PurePosixPath(one.file).stem}\n" for one in own)
    return files


def cvat(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """One file; the split is the subset of the picture, in whose folder CVAT and FiftyOne look for it."""
    root = ElementTree.Element("annotations")
    _text(root, "version", "1.1")
    # As CVAT exports a project: Datumaro takes the subsets of pictures from a project's tasks only.
    project = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "project")
    tasks = ElementTree.SubElement(project, "tasks")
    for split, _ in splits_of(pictures):
        _text(ElementTree.SubElement(tasks, "task"), "subset", split)
    labels = ElementTree.SubElement(project, "labels")
    for name in names:
        label = ElementTree.SubElement(labels, "label")
        _text(label, "name", name)
        attributes = ElementTree.SubElement(label, "attributes")
        for attribute in ("emotion", "annotator"):
            one = ElementTree.SubElement(attributes, "attribute")
            for tag, value in (("name", attribute), ("mutable", "False"), ("input_type", "text"), ("default_value", ""),
                               ("values", "")):  # fmt: skip
                _text(one, tag, value)
    for number, picture in enumerate(pictures):
        about = {"id": number, "name": picture.file, "subset": picture.split, "width": picture.width,
                 "height": picture.height}  # fmt: skip
        image = ElementTree.SubElement(root, "image", {key: str(value) for key, value in about.items()})
        for box in picture.boxes:
            edges = {"xtl": box.x, "ytl": box.y, "xbr": box.x + box.w, "ybr": box.y + box.h}
            place = {key: f"{value:.2f}" for key, value in edges.items()}
            one = ElementTree.SubElement(
                image, "box", {"label": box.name, "source": "manual", "occluded": "0", **place, "z_order": "0"}
            )
            for attribute in ("emotion", "annotator"):
                if getattr(box, attribute):
                    _text(one, "attribute", getattr(box, attribute)).set("name", attribute)
    return {"annotations.xml": _xml(root)}


def label_studio(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """Tasks to import into Label Studio, whose local storage is the folder of the export."""
    tasks = []
    for count, picture in enumerate(pictures, start=1):
        result: list[dict[str, Any]] = []
        for number, box in enumerate(picture.boxes):
            place = _percent(box, picture)
            shared = {
                "id": f"box{number}", "to_name": "image", "original_width": picture.width,
                "original_height": picture.height, "image_rotation": 0,
            }  # fmt: skip
            of_whom = {"from_name": "box", "type": "rectanglelabels", "value": place | {"rectanglelabels": [box.name]}}
            result.append(shared | of_whom)
            result += [
                shared | {"from_name": name, "type": "textarea", "value": place | {"text": [said]}}
                for name, said in (("emotion", box.emotion), ("annotator", box.annotator))
                if said
            ]
        episode_id, frame = identity(picture.file)
        data = {"image": f"/data/local-files/?d=images/{picture.file}", "episode_id": episode_id, "frame": frame,
                "split": picture.split}  # fmt: skip
        # As in its own exports: the converter asks for ids; an import gives its own.
        tasks.append({"id": count, "data": data, "annotations": [{"id": count, "result": result}]})
    return {"tasks.json": _json(tasks), "config.xml": _page(names)}


def _page(names: Sequence[str]) -> str:
    """The labelling page whose answers the tasks hold; Label Studio and its converter read no task without one."""
    root = ElementTree.Element("View")
    ElementTree.SubElement(root, "Image", {"name": "image", "value": "$image"})
    labels = ElementTree.SubElement(root, "RectangleLabels", {"name": "box", "toName": "image"})
    for name in names:
        ElementTree.SubElement(labels, "Label", {"value": name})
    for name in ("emotion", "annotator"):
        about = {"name": name, "toName": "image", "perRegion": "true", "placeholder": name}
        ElementTree.SubElement(root, "TextArea", about)
    return _xml(root)


def via(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """An entry for each picture, by its name and size in bytes, which VIA finds by itself where it is -1."""
    entries = {}
    for picture in pictures:
        regions = [
            {
                "shape_attributes": {"name": "rect", "x": box.x, "y": box.y, "width": box.w, "height": box.h},
                "region_attributes": {"name": box.name, "emotion": box.emotion, "annotator": box.annotator},
            }
            for box in picture.boxes
        ]
        entries[f"{picture.file}-1"] = {
            "filename": picture.file, "size": -1, "regions": regions, "file_attributes": {"split": picture.split},
        }  # fmt: skip
    return {"via.json": _json(entries)}


def table(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """A row for each box; a row without a box where nobody is in the picture."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(BOX_TABLE)
    for picture in pictures:
        head = [picture.file, picture.split, *identity(picture.file)]
        for box in picture.boxes:
            rows.writerow([*head, box.name, box.x, box.y, box.w, box.h, box.emotion, box.annotator])
        if not picture.boxes:
            rows.writerow([*head, *[""] * 7])
    return {"boxes.csv": text.getvalue()}


def info_dat(pictures: Sequence[BoxedPicture], names: Sequence[str]) -> Files:
    """A file for each character: OpenCV's trainer knows one kind of thing. bg.txt names the frames without anybody."""
    files: Files = {}
    for name in names:
        lines = []
        for picture in pictures:
            own = [box for box in picture.boxes if box.name == name]
            if own:
                lines.append(" ".join([f"images/{picture.file}", str(len(own)), *map(_edges, own)]) + "\n")
        files[f"{name}.dat"] = "".join(lines)
    empty = [picture for picture in pictures if picture.complete and not picture.boxes]
    files["bg.txt"] = "".join(f"images/{picture.file}\n" for picture in empty)
    return files


WRITERS: Final[dict[str, Callable[[Sequence[BoxedPicture], Sequence[str]], Files]]] = {
    "coco": coco,
    "cvat": cvat,
    "info-dat": info_dat,
    "label-studio": label_studio,
    "via": via,
    "voc": voc,
    "yolo": yolo,
    "boxes": table,
}


def _percent(box: Box, picture: BoxedPicture) -> dict[str, Any]:
    """A box as Label Studio has it: per cent of the picture."""
    across, down = 100 / picture.width, 100 / picture.height
    return {"x": box.x * across, "y": box.y * down, "width": box.w * across, "height": box.h * down, "rotation": 0}


def _shares(box: Box, picture: BoxedPicture) -> str:
    """Middle and size of a box as shares of the picture, exact enough to give the pixels back."""
    x, y = (box.x + box.w / 2) / picture.width, (box.y + box.h / 2) / picture.height
    return f"{x:.10f} {y:.10f} {box.w / picture.width:.10f} {box.h / picture.height:.10f}"


def _edges(box: Box) -> str:
    return f"{box.x} {box.y} {box.w} {box.h}"


def _text(parent: ElementTree.Element, tag: str, value: Any) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = str(value)
    return child


def _xml(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
