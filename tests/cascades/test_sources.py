"""The same pictures and boxes, written as other programs write them, are read as the same; what is not used is said."""

import json
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cascades import AnnotatedImage, Box, InvalidParameter, TrainingDataError
from cascades.cli import app
from cascades.sources import open_sources
from tests.cascades.conftest import draw_scene

WINDOW = (24, 24)
SCENES = {f"images/{part}/{seed}.png": draw_scene(seed, (160, 120)) for part in ("train", "val") for seed in (3, 4, 5)}
NAMES = ("cat", "dog")


def name_of(index: int) -> str:
    return NAMES[index % 2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures, images/train/3.png and so on, with two boxes each."""
    for name, (gray, _) in SCENES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), gray)
    return tmp_path


def write_csv(folder: Path) -> Path:
    lines = [f"{name},{b.x},{b.y},{b.w},{b.h}" for name, (_, boxes) in SCENES.items() for b in boxes]
    (folder / "boxes.csv").write_text("image,x,y,w,h\n" + "\n".join(lines))
    return folder / "boxes.csv"


def write_coco(folder: Path) -> Path:
    images = [{"id": i, "file_name": name, "width": 160, "height": 120} for i, name in enumerate(SCENES)]
    boxes = [
        {"id": 9 * i + k, "image_id": i, "category_id": k % 2, "bbox": list(b), "area": b.w * b.h, "iscrowd": 0}
        for i, (_, own) in enumerate(SCENES.values())
        for k, b in enumerate(own)
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(NAMES)]
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return path


def write_yolo(folder: Path) -> Path:
    for name, (_, boxes) in SCENES.items():
        lines = [
            f"{k % 2} {(b.x + b.w / 2) / 160:.6f} {(b.y + b.h / 2) / 120:.6f} {b.w / 160:.6f} {b.h / 120:.6f}"
            for k, b in enumerate(boxes)
        ]
        label = folder / name.replace("images", "labels").replace("png", "txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("\n".join(lines))
    (folder / "data.yaml").write_text(
        "path: ../datasets/faces\ntrain: ../images/train\nval: images/val\nnc: 2\nnames:\n  0: cat\n  1: dog\n"
    )
    return folder / "data.yaml"


def write_voc(folder: Path) -> Path:
    (folder / "Annotations").mkdir()
    for i, (name, (_, boxes)) in enumerate(SCENES.items()):
        things = "".join(
            f"<object><name>{name_of(k)}</name><difficult>0</difficult><bndbox><xmin>{b.x + 1}</xmin>"
            f"<ymin>{b.y + 1}</ymin><xmax>{b.x + b.w}</xmax><ymax>{b.y + b.h}</ymax></bndbox></object>"
            for k, b in enumerate(boxes)
        )
        # labelImg keeps the name of the picture as it was, here before it was converted.
        size = "<size><width>160</width><height>120</height><depth>1</depth></size>"
        text = f"<annotation><filename>{name.replace('png', 'jpg')}</filename>{size}{things}</annotation>"
        (folder / "Annotations" / f"{i}.xml").write_text(text)
    return folder / "Annotations"


def shown(images: list[AnnotatedImage]) -> list[tuple[str, tuple[Box, ...], bool, bytes]]:
    return [(one.key, one.boxes, one.negatives, one.gray.tobytes()) for one in images]


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo])
def test_the_formats_say_the_same_as_the_table(folder: Path, write) -> None:  # type: ignore[no-untyped-def]
    boxes = write(folder)
    table = shown(list(open_sources(folder, write_csv(folder), WINDOW).images))
    sources = open_sources(folder, boxes, WINDOW)
    assert sources.unused == ()
    assert sources.counts == {"cat": 6, "dog": 6}
    if write is write_yolo:  # it has parts
        assert sources.validation is not None
        assert shown([*sources.images, *sources.validation]) == table
        assert [one.key for one in sources.validation] == [f"images/val/{n}.png" for n in (3, 4, 5)]
    else:
        assert sources.validation is None
        assert shown(list(sources.images)) == table
    cats = open_sources(folder, boxes, WINDOW, ["cat"]).images
    assert [one.boxes for one in cats] == [own[:1] for _, own, _, _ in table][: len(cats)]
    with pytest.raises(InvalidParameter, match=r"--only cow: no box in .* is called so; there are 'cat', 'dog'"):
        open_sources(folder, boxes, WINDOW, ["cow"])


def test_boxes_are_scaled_to_the_pictures_and_follow_their_orientation(tmp_path: Path) -> None:
    gray, _ = draw_scene(3, (160, 120))
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn: shown upright it is 120×160
    Image.fromarray(gray).save(tmp_path / "a.png", exif=turned)
    for side, expected in ((120, Box(10, 20, 30, 40)), (240, Box(5, 10, 15, 20))):
        data = {"images": [{"id": 1, "file_name": "a.png", "width": side, "height": side * 160 // 120}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}],
                "categories": [{"id": 1, "name": "cat"}]}  # fmt: skip
        (tmp_path / "a.json").write_text(json.dumps(data))
        (image,) = open_sources(tmp_path, tmp_path / "a.json", WINDOW).images
        assert (image.gray.shape, image.boxes) == ((160, 120), (expected,))


def test_what_is_not_used_is_listed_and_its_picture_gives_no_background(folder: Path) -> None:
    path = write_coco(folder)
    data = json.loads(path.read_text())
    data["annotations"][0]["bbox"] = []
    data["annotations"][2]["iscrowd"] = 1
    data["annotations"].append({"id": 99, "image_id": 77, "category_id": 0, "bbox": [1, 2, 3, 4]})
    data["images"][2]["width"] = 300
    data["images"][3]["file_name"] = "gone.png"
    data["images"].pop()
    path.write_text(json.dumps(data))
    sources = open_sources(folder, path, WINDOW)
    said = "\n".join(sources.unused)
    for part in (
        "images/train/3.png: annotation 0 has no bbox of four numbers",
        "images/train/4.png: a box of 'cat' that is marked as difficult or as a crowd",
        "images/train/5.png: the picture has 160×120 px, the boxes are of one of 300×120",
        "gone.png: no such picture",
        "image 77: 1 box of an image that is not listed",
        "image 5: 2 boxes of an image that is not listed",
        "3 pictures that the boxes do not list",
    ):
        assert part in said, said
    first, second, third = sources.images
    assert (len(first.boxes), first.negatives) == (1, False)  # a face without a box
    assert (len(second.boxes), len(second.ignore), second.negatives) == (1, 1, True)
    assert third.negatives


def test_opencv_files_and_crops(folder: Path) -> None:
    empty = folder / "empty"
    (folder / "crops").mkdir()
    empty.mkdir()
    for seed in (7, 8):
        cv2.imwrite(str(empty / f"{seed}.png"), draw_scene(seed, (160, 120), faces=0)[0])
    crops = [gray[b.y : b.y + b.h, b.x : b.x + b.w] for gray, boxes in SCENES.values() for b in boxes]
    for i, crop in enumerate(crops):
        cv2.imwrite(str(folder / "crops" / f"{i:02}.png"), crop)
    (folder / "crops" / "99.png").write_bytes(b"no picture")
    sources = open_sources(empty, folder / "crops", WINDOW)
    images = list(sources.images)
    assert [np.array_equal(a.gray, b) for a, b in zip(images, crops, strict=False)] == [True] * 12
    assert [one.boxes for one in images] == [(Box(0, 0, c.shape[1], c.shape[0]),) for c in crops] + [()] * 2
    assert [one.negatives for one in images] == [False] * 12 + [True] * 2
    assert "99.png" in "".join(sources.unused)

    info = [f"{name} 2 " + " ".join(str(side) for b in boxes for side in b) for name, (_, boxes) in SCENES.items()]
    (folder / "info.dat").write_text("\n".join(info))
    (folder / "bg.txt").write_text("empty/7.png\nimages/val/3.png\n")
    images = list(open_sources(folder / "bg.txt", folder / "info.dat", WINDOW).images)
    assert [one.boxes for one in images] == [boxes for _, boxes in SCENES.values()] + [()]
    assert [one.negatives for one in images] == [False] * 6 + [True]  # images/val/3.png has boxes

    samples = np.stack([cv2.resize(crop, WINDOW) for crop in crops]).astype("<i2")
    body = b"".join(b"\0" + sample.tobytes() for sample in samples)
    (folder / "a.vec").write_bytes(struct.pack("<iihh", 12, 24 * 24, 0, 0) + body)
    vec = open_sources(empty, folder / "a.vec", WINDOW)
    assert vec.samples
    assert np.array_equal([one.gray for one in list(vec.images)[:12]], samples)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[]", "is no COCO file of instances"),
        ("a.json", '{"images": [], "annotations": [], "categories": []}', "none of its pictures is in"),
        ("data.yaml", "names: [cat]\ntrain: images/gone\n", "there is no folder"),
        ("data.yaml", "names: [cat]\ntrain: /etc\n", "leads out of"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY b 'x'>]><annotation>&b;</annotation>", "EntitiesForbidden"),
        ("a.vec", "", "expected a .vec file"),
        ("a.dat", "images/train/3.png 1 2 3", "expected PATH NUMBER"),
    ],
)
def test_a_file_that_is_not_its_format_is_one_line(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(TrainingDataError) as caught:
        open_sources(folder, folder / name, WINDOW)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_train_reads_a_yolo_folder_and_says_what_it_learns(folder: Path) -> None:
    write_yolo(folder)
    label = folder / "labels" / "train" / "3.txt"
    label.write_text(label.read_text() + "\n0 0.1 0.1 0.2 0.2 0.3 0.3\n7 0.5 0.5 0.1 0.1\n")
    settings = ["--stages", "1", "--ranking", "0", "--positives", "20", "--negatives", "40"]
    done = CliRunner().invoke(
        app, ["train", str(folder), str(folder / "data.yaml"), str(folder / "c.xml"), *settings, "--only", "cat"]
    )
    assert done.exit_code == 0, done.output
    for part in (
        "not used: images/train/3.png: line 3 of 3.txt is '0 0.1 0.1 0.2 0.2 0.3 0.3'; expected a class and four",
        "not used: images/train/3.png: line 4 of 3.txt is '7 0.5 0.5 0.1 0.1'",
        "6 boxes of 'dog', which are background",
        "3 images of the boxes' own validation part are not trained on",
        "reading 3 images",
        "c.xml: 1 stage, ",
    ):
        assert part in done.output, done.output
    assert json.loads((folder / "c.json").read_text())["training"]["boxes"] == 3
