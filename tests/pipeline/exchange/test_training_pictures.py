"""Boxed pictures that are of no episode: which train a character's cascade, and which do not, and why."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.exchange.boxed import Box
from pipeline.exchange.training_pictures import training_pictures, whose_face
from pipeline.params import FacesFrom
from tests.support.worlds import params

WEB: dict[str, Any] = {"id": "web", "format": "coco", "character": "cat", "map": {"Thomas": "tom", "Nobody": None}}
SETTINGS = params(characters=["tom", "cat"], emotions=["happy", "sad"], faces_from=[WEB, {"id": "plain"}])


@pytest.mark.parametrize(
    ("box", "whose"),
    [
        (Box("tom", 0, 0, 9, 9), "tom"),
        (Box("Thomas", 0, 0, 9, 9), "tom"),
        (Box("Tom/joy", 0, 0, 9, 9), "tom"),
        (Box("Tom", 0, 0, 9, 9, emotion="joy"), "tom"),
        (Box("joy", 0, 0, 9, 9), "cat"),  # the source's own character
        (Box("Butch", 0, 0, 9, 9), "butch"),
        (Box("Nobody", 0, 0, 9, 9), ""),
    ],
)
def test_a_box_says_whose_face_it_is(box: Box, whose: str) -> None:
    assert whose_face(box, FacesFrom.model_validate(WEB), SETTINGS) == whose


def write_coco(folder: Path, part: str, boxes: dict[str, list[tuple[str, list[int]]]]) -> None:
    """A COCO file of one part, and its pictures: 40×30 px, gray."""
    names = sorted({name for own in boxes.values() for name, _ in own})
    images, annotations = [], []
    for number, (file, own) in enumerate(boxes.items()):
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / file), np.full((30, 40, 3), 90, np.uint8))
        images.append({"id": number, "file_name": file, "width": 40, "height": 30})
        annotations += [{"id": len(annotations) + n, "image_id": number, "category_id": names.index(name), "bbox": box}
                        for n, (name, box) in enumerate(own)]  # fmt: skip
    (folder / "annotations").mkdir(exist_ok=True)
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"annotations/instances_{part}.json").write_text(json.dumps(data))


def test_pictures_of_a_training_part_are_learned_from_and_others_are_listed(tmp_path: Path) -> None:
    web = tmp_path / "web"
    write_coco(web, "train2017", {
        "a.png": [("Thomas", [1, 2, 20, 21]), ("cat", [22, 2, 9, 9]), ("Butch", [30, 20, 9, 9])],
        "b.png": [("tomm", [1, 2, 20, 21])],
        "c.png": [],
        "pilot-000012.png": [("tom", [1, 2, 20, 21])],
        "other-000012.png": [("tom", [1, 2, 9, 9]), ("tom", [])],
    })  # fmt: skip
    write_coco(web, "val2017", {"v.png": [("tom", [1, 2, 20, 21])]})
    write_coco(web / "more", "none", {"unlisted.png": []})
    found, unused = training_pictures("tom", SETTINGS, {"pilot"}, tmp_path)
    assert [(one.place.name, one.boxes, one.complete) for one in found] == [
        ("a.png", [(1, 2, 20, 21)], True),
        ("b.png", [], False),  # tomm may be tom
        ("c.png", [], True),
        ("other-000012.png", [(1, 2, 9, 9)], False),  # a face of it has no box that can be read
    ]
    assert unused == [
        ("web: pilot-000012.png", "seems to be frame 12 of pilot: `toonset import` reads boxes on frames"),
        ("web: other-000012.png", "annotation 6 has no bbox of four numbers"),
        ("web: v.png", "its source has it for validation"),
        ("web: more/unlisted.png", "the boxes do not name this picture"),
    ]
