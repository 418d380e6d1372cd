"""Sources of pictures, read as the tools they come from write them; what is hostile or odd is one row or one line."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError, ParamsError
from pipeline.exchange.given import read_source
from pipeline.exchange.given_files import Given
from pipeline.exchange.pictures import read_pictures
from pipeline.exchange.vocabulary import meanings
from pipeline.images import decode_gray
from pipeline.params import FacesFrom, PictureFormat, load_params
from pipeline.schemas import IMAGE
from tests.support.worlds import params

EMOTIONS = ("angry", "happy", "sad")


def picture(path: Path, seed: int = 0, side: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def read(folder: Path, form: PictureFormat, table: str | None = None) -> list[Given]:
    return list(read_source(FacesFrom(id="faces", format=form, path=folder.name, table=table), folder.parent))


def test_folders_are_emotions_characters_and_splits(tmp_path: Path) -> None:
    for name in ("train/Tom/joy/1.png", "train/Tom/joy/2.JPG", "val/joy/3.png", "test/Jerry/anger/4.png"):
        picture(tmp_path / "faces" / name)
    found = read(tmp_path / "faces", "folder")
    assert [(one.name, one.split, one.character, one.label) for one in found] == [
        ("test/Jerry/anger/4.png", "test", "Jerry", "anger"),
        ("train/Tom/joy/1.png", "train", "Tom", "joy"),
        ("train/Tom/joy/2.JPG", "train", "Tom", "joy"),
        ("val/joy/3.png", "validation", "", "joy"),
    ]


def test_a_folder_beside_an_emotion_named_after_a_split_is_no_split(tmp_path: Path) -> None:
    picture(tmp_path / "faces/test/1.png")
    picture(tmp_path / "faces/joy/2.png")
    assert [(one.split, one.label) for one in read(tmp_path / "faces", "folder")] == [("", "joy"), ("", "test")]


def test_what_is_no_picture_of_an_emotion_says_why(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    picture(faces / "joy/1.png")
    picture(faces / "loose.png")
    picture(faces / "a/b/c/deep.png")
    (faces / "joy/notes.txt").write_text("x")
    (faces / "joy/.DS_Store").write_text("x")
    (faces / "joy/link.png").symlink_to("/etc/passwd")
    (faces / "joy/up").symlink_to(tmp_path)
    faults = {one.name: one.fault for one in read(faces, "folder")}
    assert sorted(faults) == ["a/b/c/deep.png", "joy/1.png", "joy/link.png", "joy/notes.txt", "joy/up", "loose.png"]
    assert faults["joy/1.png"] == ""
    assert "lies in 3 folders" in faults["a/b/c/deep.png"]
    assert "lies in 0 folders" in faults["loose.png"]
    assert "'.txt'" in faults["joy/notes.txt"]
    assert "link" in faults["joy/link.png"]
    assert "link" in faults["joy/up"]


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "..\\secret.png", "link.png", ""]
)
def test_a_path_that_leads_out_of_the_source_is_not_opened(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.png")
    picture(tmp_path / "faces/in.png")
    (tmp_path / "faces/link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "faces/labels.csv").write_text(f"path,emotion\nin.png,happy\n{name},happy\n")
    inside, outside = read(tmp_path / "faces", "csv")
    assert not inside.fault
    assert outside.fault
    assert outside.picture == tmp_path / "faces"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"path,emotion\n\xff\xfe,x\n", "line 2: not UTF-8"),
        ("path,emotion\nä.png,x\n".encode("utf-16"), "not UTF-8"),
        ("path,emotion\nä.png,x\n".encode("cp1252"), "WINDOWS-1252"),
        (b"path;emotion\na;b\n", "found the columns path;emotion"),
        (b"path,emotion,path\n", "more than once"),
        (b'path,emotion\n"a.png,happy\n', "line 2"),
        (b"path,emotion\na,b,c,d\n", "4 cells; expected 2"),
        (b"path,emotion\n" + b"x" * (2 << 20), "more than 1,048,576 characters"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"^\S.*$") as caught:
        read(tmp_path / "faces", "csv")
    assert said in str(caught.value)


def test_columns_of_a_table_give_character_split_and_group(tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        picture(tmp_path / f"faces/{name}.png", seed)
    rows = "path,emotion,character,split,group\na.png,happy,Tom,PublicTest,film 1\nb.png,sad,,,\nc.png,sad,,tset,\n"
    (tmp_path / "faces/labels.csv").write_text(rows)
    a, b, c = read(tmp_path / "faces", "csv")
    assert (a.label, a.character, a.split, a.group) == ("happy", "Tom", "validation", "film 1")
    assert (b.character, b.split, b.group, b.fault) == ("", "", "", "")
    assert "split is 'tset'" in c.fault


def test_fer2013_has_its_numbers_and_its_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    cells = " ".join(map(str, pixels.ravel()))
    lines = [f"3,{cells},Training", f"9,{cells},PrivateTest", "3,1 2 3,Training", f"0,{cells[:-3]}999,PublicTest"]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    found = read(tmp_path / "fer2013.csv", "fer2013")
    assert (found[0].label, found[0].split, found[0].fault) == ("happy", "train", "")
    assert isinstance(found[0].picture, bytes)
    read_back = decode_gray(found[0].picture)
    assert read_back is not None
    assert np.array_equal(read_back, pixels)
    assert "expected 0 to 6" in found[1].fault
    assert "3 values" in found[2].fault
    assert "above 255" in found[3].fault


def test_affectnet_has_its_numbers(tmp_path: Path) -> None:
    picture(tmp_path / "faces/1/a.jpg")
    head = "subDirectory_filePath,face_x,expression\n"
    (tmp_path / "faces/training.csv").write_text(head + "1/a.jpg,3,6\n1/a.jpg,3,10\n")
    (tmp_path / "faces/validation.csv").write_text(head + "1/a.jpg,3,1\n")
    found = read(tmp_path / "faces", "affectnet")
    assert [(one.label, one.split) for one in found] == [
        ("anger", "train"),
        ("no-face", "train"),
        ("happy", "validation"),
    ]
    assert "no emotion" in found[1].fault


def test_affectnet_has_its_numbers_in_npy_files_too(tmp_path: Path) -> None:
    def annotate(part: str, name: str, value: object) -> None:
        picture(tmp_path / f"faces/{part}/images/{name}.jpg")
        place = tmp_path / f"faces/{part}/annotations/{name}_exp.npy"
        place.parent.mkdir(exist_ok=True)
        np.save(place, np.array(value), allow_pickle=True)

    for name, value in {"0": "6", "1": 3, "2": 7.0, "3": b"0", "4": [1], "5": "10"}.items():
        annotate("train_set", name, value)
    annotate("val_set", "9", "1")
    bad = {"a": [1, 2], "b": None, "c": "x", "d": "x" * 9000, "e": 1.5, "f": {"a": 1}}
    for name, value in bad.items():
        annotate("val_set", name, value)
    picture(tmp_path / "faces/val_set/images/g.jpg")
    (tmp_path / "faces/val_set/annotations/h_exp.npy").write_bytes(b"PK\x03\x04")
    picture(tmp_path / "faces/val_set/images/h.jpg")
    found = {Path(one.name).stem: one for one in read(tmp_path / "faces", "affectnet")}
    assert [(found[name].label, found[name].split) for name in "012349"] == [
        ("anger", "train"),
        ("surprise", "train"),
        ("contempt", "train"),
        ("neutral", "train"),
        ("happy", "train"),
        ("happy", "validation"),
    ]
    assert "no emotion" in found["5"].fault
    reasons = {"a": "(2,)", "b": "object", "c": "'x'", "d": "4096 bytes", "e": "'1.5'", "f": "object",
               "g": "there is no annotations/g_exp.npy", "h": "no .npy file"}  # fmt: skip
    for name, reason in reasons.items():
        assert reason in found[name].fault, name
    assert found["0"].name == "train_set/images/0.jpg"


def test_affectnet_needs_a_table_or_its_folders(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    with pytest.raises(InputError, match="nor a folder with images/"):
        read(tmp_path / "faces", "affectnet")


def test_ferg_names_its_folders_after_character_and_emotion(tmp_path: Path) -> None:
    picture(tmp_path / "faces/aia/aia_anger/aia_anger_1.png")
    picture(tmp_path / "faces/aia/ray_anger/1.png")
    good, bad = read(tmp_path / "faces", "ferg")
    assert (good.character, good.label, good.fault) == ("aia", "anger", "")
    assert "FERG" in bad.fault


def test_words_become_emotions_by_a_rule_that_is_said(tmp_path: Path) -> None:
    found = meanings(["Happy", "joy", "anger", "sadness", "odd", "3", "left"], EMOTIONS, {"odd": "sad", "left": None})
    assert {word: one.emotion for word, one in found.items()} == {
        "Happy": "happy",
        "joy": "happy",
        "anger": "angry",
        "sadness": "sad",
        "odd": "sad",
        "3": None,
        "left": None,
    }
    assert found["Happy"].rule == "the same word"
    assert found["joy"].rule == "another word for it"
    assert "`map` does not say" in found["3"].rule
    with pytest.raises(InputError, match="Did you mean 'happy'"):
        meanings(["x"], EMOTIONS, {"x": "hapy"})


def test_two_emotions_of_one_family_are_not_guessed_between() -> None:
    assert meanings(["fearful"], ("fear", "afraid"), {})["fearful"].emotion is None


def test_a_million_labels_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^1,000,000 different labels.*at most 200"):
        meanings(map(str, range(1_000_000)), EMOTIONS, {})


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../b", "C:/x"])
def test_a_source_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "params.yaml").write_text(
        "toonset: '0.1'\nepisodes: []\ncharacters: [cat]\nemotions: [happy, sad]\n"
        f"faces_from: [{{id: x, path: '{path}'}}]\n"
    )
    with pytest.raises(ParamsError, match=r"`faces_from\[0\].path`.*leads elsewhere"):
        load_params(tmp_path / "params.yaml")


def test_a_linked_source_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "real/joy/1.png")
    (tmp_path / "given").mkdir()
    (tmp_path / "given/faces").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="does not look behind links"):
        read_source(FacesFrom(id="faces"), tmp_path / "given")


def test_an_archive_is_asked_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "faces.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="unpack the archive"):
        read(tmp_path / "faces.zip", "folder")


def test_pictures_are_kept_or_encoded_anew_and_damaged_ones_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = tmp_path / "annotations/pictures/faces"
    small = picture(given / "Tom Cat/joy/1.png")
    picture(given / "Tom Cat/joy/2.bmp", 2)
    picture(given / "Tom Cat/joy/3.png", 3, side=1200)
    (given / "Tom Cat/joy/4.png").write_bytes(small.read_bytes()[:200])
    picture(given / "孫悟空/joy/5.png", 5)
    picture(given / "Tom Cat/joy/6.png", 6, side=4)
    rows = read_pictures(FacesFrom(id="faces", license="MIT", margin=0.25), params(emotions=EMOTIONS)).rows
    by_name = {row["name"][-5:]: row for row in rows}
    assert by_name["1.png"]["image"]["bytes"] == small.read_bytes()
    assert (by_name["1.png"]["emotion"], by_name["1.png"]["character"]) == ("happy", "tom-cat")
    assert [by_name["1.png"][name] for name in "xywh"] == [4, 4, 16, 16]  # a margin of a quarter of 16 px
    assert by_name["2.bmp"]["image"]["bytes"].startswith(b"\xff\xd8")
    assert [by_name["3.png"][name] for name in "xywh"] == [85, 85, 342, 342]
    assert "damaged" in by_name["4.png"]["reason"]
    assert "`map`" in by_name["5.png"]["reason"]
    assert "4×4 px" in by_name["6.png"]["reason"]
    assert {row["license"] for row in rows} == {"MIT"}


def parquet(path: Path, labels: pa.Array, images: list[bytes | None], names: list[str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = pa.array([None if one is None else {"bytes": one, "path": "x"} for one in images], IMAGE)
    table = pa.table({"image": pictures, "label": labels})
    if names:
        features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": names}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    pq.write_table(table, path)
    return path


def test_parquet_gives_names_for_numbers_and_says_what_is_odd(tmp_path: Path) -> None:
    data = picture(tmp_path / "a.png").read_bytes()
    labels = pa.array([1, 0, 7, None])
    parquet(tmp_path / "faces/data/test-00000-of-00001.parquet", labels, [data, None, data, data], ["joy", "anger"])
    found = read(tmp_path / "faces", "parquet")
    assert [(one.label, one.split, bool(one.fault)) for one in found] == [
        ("anger", "test", False),
        ("joy", "test", True),
        ("", "test", True),
        ("", "test", True),
    ]
    assert found[0].picture == data


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"PAR1 no PAR1"), "cannot be read as Parquet"),
        (lambda path: parquet(path, pa.array([1]), [b"x"]), "no names for them"),
        (lambda path: pq.write_table(pa.table({"a": [1]}), path), "expected image"),
    ],
)
def test_a_parquet_file_that_cannot_be_read_is_one_line(tmp_path: Path, make: Any, said: str) -> None:
    (tmp_path / "faces").mkdir()
    make(tmp_path / "faces/train.parquet")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "faces", "parquet")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
