"""Pictures with boxes as faces: each is cut as the faces of an episode are, and what a box says is not guessed."""

import json
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.exchange.boxed import Box
from pipeline.exchange.export import export
from pipeline.exchange.given_boxes import said_of
from pipeline.exchange.pictures import describe, read_pictures
from pipeline.images import cut_face, decode_rgb
from pipeline.params import BOX_FORMATS, FacesFrom, load_params
from pipeline.stages.pictures import make_pictures
from tests.support.worlds import params

PLACE = Path("annotations/pictures/web")
SETTINGS = params(emotions=["happy", "sad"], characters=["tom", "cat"])
SAID = [("cat", "happy", (5, 6, 20, 21)), ("mouse", "sad", (70, 40, 26, 24))]
"""The boxes of the exported project that say an emotion: character, emotion, x, y, w, h px."""
WITHOUT = {"yolo", "info-dat"}
"""Formats that have no place for an emotion beside the class."""


def picture(name: str, seed: int = 0, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """Write a picture of blurred noise below PLACE; its pixels, RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    pixels = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    (PLACE / name).parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(PLACE / name), pixels)
    return pixels[..., ::-1]


def write(name: str, text: str) -> Path:
    (PLACE / name).parent.mkdir(parents=True, exist_ok=True)
    (PLACE / name).write_text(text)
    return PLACE / name


def coco(*boxes: tuple[str, list[float]], **more: Any) -> str:
    """A COCO file with one picture, a.png, and boxes of (class, place)."""
    names = sorted({name for name, _ in boxes})
    return json.dumps({
        "images": [{"id": 1, "file_name": "a.png", "width": 96, "height": 64}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [{"id": number, "image_id": 1, "category_id": names.index(name), "bbox": place} | more
                        for number, (name, place) in enumerate(boxes)],
    })  # fmt: skip


def rows(form: str = "coco", **entry: Any) -> pd.DataFrame:
    return pd.DataFrame(read_pictures(FacesFrom.model_validate({"id": "web", "format": form} | entry), SETTINGS).rows)


@pytest.mark.parametrize("form", sorted(set(BOX_FORMATS)))
def test_a_face_of_every_format_is_cut_from_its_picture_as_a_face_of_an_episode(boxed: Path, form: str) -> None:
    export(form, PLACE)
    settings = load_params()
    source = read_pictures(FacesFrom(id="web", format=form), settings)  # type: ignore[arg-type]
    used = [row for row in source.rows if row["status"] == "ok"]
    assert [(row["character"], row["emotion"], tuple(row[key] for key in "xywh")) for row in used] == (
        [] if form in WITHOUT else SAID
    )
    reasons = sorted(row["reason"] for row in source.rows if row["status"] != "ok")
    if form == "yolo":
        assert reasons == ["a box of cat, without an emotion"] * 2 + ["a box of mouse, without an emotion"] * 2 + [
            "no box in it"
        ]
    for row in used:
        (file,) = PLACE.rglob(row["name"].partition(",")[0].rpartition("/")[2])
        whole = np.asarray(cv2.imread(str(file)))[..., ::-1]
        expected = cut_face(np.ascontiguousarray(whole), tuple(row[key] for key in "xywh"), 0.25, 128)
        found = decode_rgb(row["image"]["bytes"])
        assert found is not None
        assert row["margin"] == 0.25
        assert np.abs(found.astype(int) - expected).mean() < 3  # what JPEG leaves


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (Box("joy", 0, 0, 9, 9), ("joy", "")),
        (Box("Tom/joy", 0, 0, 9, 9), ("joy", "Tom")),
        (Box("Tom", 0, 0, 9, 9, emotion="joy"), ("joy", "Tom")),
        (Box("Tom/Jerry", 0, 0, 9, 9, emotion="joy"), ("joy", "Tom/Jerry")),
    ],
)
def test_a_class_is_an_emotion_or_a_character_and_an_emotion(box: Box, said: tuple[str, str]) -> None:
    assert said_of(box) == said


def test_what_a_class_became_is_printed_and_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    places = [[0, 0, 20, 20], [30, 0, 20, 20], [60, 0, 20, 20], [0, 30, 20, 20], [30, 30, 20, 20], [60, 30, 20, 20]]
    classes = ["joy", "Tom/sadness", "Grumpy", "Thomas", "cat", "Nobody/joy"]
    write("boxes.json", coco(*zip(classes, places, strict=True)))
    entry = FacesFrom(id="web", format="coco", table="boxes.json", map={"Thomas": "tom", "Nobody": None})
    source = read_pictures(entry, SETTINGS)
    assert list(describe(source)) == [
        "web: 1 pictures labelled 'Grumpy': is not used: 'Grumpy' is not among the emotions in params.yaml, and `map` "
        "does not say what it is",
        "web: 2 pictures labelled 'joy': is happy (another word for it)",
        "web: 1 pictures labelled 'sadness': is sad (another word for it)",
        "web: boxes of the character 'Nobody': left out by `map`",
        "web: boxes of the character 'Tom': tom",
    ]
    found = {row["name"]: row for row in source.rows}
    assert [found[f"a.png, box {n}"].get("emotion") for n in (1, 2)] == ["happy", "sad"]
    assert [found[f"a.png, box {n}"].get("character") for n in (1, 2)] == ["web", "tom"]
    assert found["a.png, box 4"]["reason"] == "a box of tom, without an emotion"
    assert found["a.png, box 5"]["reason"] == "a box of cat, without an emotion"
    assert "'Nobody' is left out" in found["a.png, box 6"]["reason"]


def test_boxes_of_one_picture_are_in_one_split_and_may_say_different_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["file,character,x,y,w,h"]
    for number in range(30):
        picture(f"{number}.png", number)
        lines += [f"{number}.png,joy,2,2,30,30", f"{number}.png,sadness,60,20,30,30"]
    write("boxes.csv", "\n".join(lines) + "\n")
    entries = [{"id": "web", "format": "boxes"}]
    settings = params(emotions=["happy", "sad"], faces_from=entries, splits={"validation": 0.2, "test": 0.3, "seed": 0})
    found = make_pictures(settings)
    assert (found["status"] == "ok").all()
    by_picture = found.groupby("sha256")["split"].nunique()
    assert len(by_picture) == 30
    assert (by_picture == 1).all()
    assert set(found["split"]) == {"train", "validation", "test"}
    assert (found.groupby("emotion").size() == 30).all()


def test_splits_of_coco_are_in_the_names_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture("train2017/a.png")
    write("annotations/instances_train2017.json", coco(("joy", [0, 0, 20, 20])))
    write("annotations/instances_val2017.json", coco(("joy", [30, 0, 20, 20])))
    assert list(rows()["given_split"]) == ["train", "validation"]


def test_boxes_that_cannot_be_used_and_pictures_without_boxes_are_rows_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c.png", "d/e.png", "f/e.png"):
        picture(name)
    (PLACE / "c.png").write_bytes((PLACE / "c.png").read_bytes()[:300])
    (PLACE / "link.png").symlink_to("/etc/passwd")
    lines = ["file,character,x,y,w,h", "a.png,joy,0,0,5,30", "a.png,joy,90,0,30,30", "a.png,joy,200,0,30,30",
             "a.png,joy,-10,-10,40,40", "a.png,joy,5,5,-3,9", "c.png,joy,0,0,30,30", "gone.png,joy,0,0,9,9",
             "e.png,joy,0,0,9,9", "link.png,joy,0,0,9,9", "../secret.png,joy,0,0,9,9"]  # fmt: skip
    write("boxes.csv", "\n".join(lines) + "\n")
    found = rows("boxes")
    reasons = {f"{row.name}#{n}": row.reason for n, row in enumerate(found.itertuples(name="Row"))}
    said = list(found["reason"])
    expected = ["5×30 px are inside", "6×30 px are inside", "0×30 px", "", "0×9 px", "its size cannot be read",
                "no such picture", "2 pictures", "a link", "no such picture"]  # fmt: skip
    for number, part in enumerate(expected):
        assert part in said[number], reasons
    assert found["status"].tolist().count("ok") == 1
    assert not found["name"].duplicated().any()
    rest = dict(zip(found["name"], found["reason"], strict=True))
    assert rest["b.png"] == "the boxes do not name this picture"


def test_a_linked_file_of_boxes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    Path("elsewhere.csv").write_text("file,character,x,y,w,h\na.png,joy,0,0,20,20\n")
    (PLACE / "boxes.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(InputError, match="does not look behind links"):
        rows("boxes")


def test_a_crowd_is_no_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    write("a.json", coco(("joy", [0, 0, 20, 20]), iscrowd=1))
    assert list(rows()["reason"]) == ["a box of 'joy' that is marked as difficult or as a crowd"]
    write("a.json", coco(("joy", [0, 0, 20, 20])))
    assert list(rows(margin=0.5)["margin"]) == [0.5]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotations><image name="&c;"/></annotations>'
MANY = coco(*((f"name {number}", [0, 0, 20, 20]) for number in range(300)))


@pytest.mark.parametrize(
    ("form", "name", "content", "said"),
    [
        ("yolo", "data.yaml", b"names: [joy]\ntrain: ../../..\n", "leads out of"),
        ("cvat", "annotations.xml", BOMB.encode(), "EntitiesForbidden"),
        ("voc", "Annotations/a.xml", b"<annotation>", "no XML"),
        ("coco", "a.json", b"[" * 100_000, "no JSON"),
        ("coco", "a.json", MANY.encode(), "300 different labels"),
        ("boxes", "boxes.csv", "file,character,x,y,w,h\nä.png,joy,0,0,9,9\n".encode("utf-16"), "not UTF-8"),
        ("via", "via.json", b'{"a": {"regions": 3}}', "no file of the VGG"),
        ("label-studio", "tasks.json", b"{}", "no row"),
    ],
)
def test_hostile_and_odd_files_of_boxes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, name: str, content: bytes, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    write(name, "")
    (PLACE / name).write_bytes(content)
    if said == "no row":
        assert list(rows(form)["reason"]) == ["the boxes do not name this picture"]
        return
    with pytest.raises(InputError) as caught:
        rows(form)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/secret.png", "C:\\\\x\\\\secret.png", "a\\u0000.png", "bomb.png"]
)
def test_pictures_elsewhere_and_pictures_that_promise_too_much_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    picture("a.png")
    picture("../secret.png")
    whole = bytearray((PLACE / "a.png").read_bytes())
    whole[16:24] = (60_000).to_bytes(4, "big") * 2  # its header says 3,600,000,000 px
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    (PLACE / "bomb.png").write_bytes(bytes(whole))
    write(
        "a.json",
        coco(("joy", [0, 0, 20, 20]))
        .replace("a.png", name)
        .replace('"width": 96, "height": 64', '"width": 0, "height": 0'),
    )
    found = rows()
    assert set(found["status"]) == {"rejected"}
    expected = "size cannot be read" if name == "bomb.png" else "no such picture"
    assert expected in found["reason"][0]
