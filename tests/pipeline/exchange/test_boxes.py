"""Boxes go out and come back whole in every format, and are what the formats' own tools read."""

import csv
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import pytest
from label_studio_sdk.converter import Converter
from PIL import Image
from pycocotools.coco import COCO

from pipeline import paths
from pipeline.errors import InputError
from pipeline.exchange.box_readers import READERS
from pipeline.exchange.box_writers import WRITERS
from pipeline.exchange.export import export
from pipeline.exchange.import_boxes import Choices, import_boxes
from pipeline.schemas import EPISODES
from pipeline.tables import read_rows, to_table, write_table
from tests.support.exchange_worlds import BOXED, BOXES, EMOTIONS, FRAMES

FILES = {"boxes": BOXES, "frames": FRAMES, "emotions": EMOTIONS}
CARRIED = {
    # format → whether it keeps emotions, who drew a box
    "boxes": (True, True),
    "coco": (True, True),
    "cvat": (True, True),
    "info-dat": (False, False),
    "label-studio": (True, True),
    "via": (True, True),
    "voc": (True, True),
    "yolo": (False, False),
}


def rows(name: str, *columns: str) -> list[tuple[str, ...]]:
    text = Path(f"annotations/{name}.csv").read_text()
    return sorted(tuple(row[column] for column in columns) for row in csv.DictReader(io.StringIO(text)))


def forget_annotations() -> None:
    for name, text in FILES.items():
        Path(f"annotations/{name}.csv").write_text(text.partition("\n")[0] + "\n")


def test_every_writer_has_its_reader() -> None:
    assert set(WRITERS) == set(READERS) == set(CARRIED)


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_a_round_trip_loses_nothing_that_the_format_can_carry(boxed: Path, form: str) -> None:
    export(form, Path("out"))
    place = ("episode_id", "frame", "character", "x", "y", "w", "h")
    emotions, people = CARRIED[form]
    whole = (*place, "annotator") if people else place
    before = rows("boxes", *whole), rows("emotions", *place, "emotion") if emotions else [], rows("frames", "frame")
    splits = {picture.file: picture.split for picture in READERS[form](Path("out"))}
    forget_annotations()
    with redirect_stdout(io.StringIO()) as said:
        import_boxes(form, Path("out"), Choices())
    after = rows("boxes", *whole), rows("emotions", *place, "emotion"), rows("frames", "frame")
    assert after == before, said.getvalue()
    assert "0 not used" in said.getvalue()
    if form != "info-dat":
        assert set(splits.values()) <= {"train", "validation", "test"}
    content = {name: Path(f"annotations/{name}.csv").read_bytes() for name in FILES}
    import_boxes(form, Path("out"), Choices())  # again: nothing twice
    assert {name: Path(f"annotations/{name}.csv").read_bytes() for name in FILES} == content


def test_pictures_are_the_frames_and_stand_where_the_files_say(boxed: Path) -> None:
    for form in WRITERS:
        export(form, Path(form))
        pictures = sorted(path for path in Path(form).rglob("*.jpg"))
        assert sorted(path.name for path in pictures) == [
            "one-000003.jpg",
            "one-000030.jpg",
            "one-000040.jpg",
            "two-b-000007.jpg",
        ]
        with Image.open(pictures[0]) as picture:
            assert picture.size == (96, 64)


def test_pycocotools_reads_what_was_written_for_it(boxed: Path) -> None:
    export("coco", Path("out"))
    found = []
    for file in sorted(Path("out/annotations").glob("*.json")):
        with redirect_stdout(io.StringIO()):
            coco = COCO(str(file))
        names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
        for image in coco.loadImgs(coco.getImgIds()):
            assert Path("out/images", image["file_name"]).is_file()
            for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
                assert one["area"] == one["bbox"][2] * one["bbox"][3]
                found.append((image["file_name"], names[one["category_id"]], tuple(one["bbox"])))
    assert sorted(found) == BOXED


def test_the_converter_of_label_studio_reads_what_was_written_for_it(boxed: Path) -> None:
    export("label-studio", Path("out"))
    converter = Converter(config="out/config.xml", project_dir=None, download_resources=False)
    converter.convert_to_coco("out/tasks.json", "coco", is_dir=False)
    data = json.loads(Path("coco/result.json").read_text())
    pictures = {one["id"]: one["file_name"].rpartition("/")[2] for one in data["images"]}
    names = {one["id"]: one["name"] for one in data["categories"]}
    found = [(pictures[one["image_id"]], names[one["category_id"]], one["bbox"]) for one in data["annotations"]]
    assert [one[:2] for one in sorted(found)] == [one[:2] for one in BOXED]
    for (*_, place), (*_, known) in zip(sorted(found), BOXED, strict=True):
        assert place == pytest.approx(known)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def said_of(form: str, path: Path, **choices: Any) -> str:
    with redirect_stdout(io.StringIO()) as said:
        import_boxes(form, path, Choices(**choices))
    return said.getvalue()


def test_tracks_of_a_cvat_video_are_boxes_by_frame_number(boxed: Path) -> None:
    forget_annotations()
    box = '<box frame="{}" outside="{}" xtl="{}" ytl="2" xbr="31" ybr="33" keyframe="1"/>'
    track = "".join(box.format(frame, outside, left) for frame, outside, left in ((5, 0, 1), (6, 0, 2), (7, 1, 3)))
    file = write(
        boxed / "video.xml",
        "<annotations><meta><task><original_size><width>192</width><height>128</height></original_size></task>"
        f'<source>one.mp4</source></meta><track id="0" label="Tom">{track}<polygon frame="8" points="1,2"/></track>'
        "</annotations>",
    )
    said = said_of("cvat", file, maps={"Tom": "cat"})
    assert "one.mp4, frame 5, is frame 5 of one" in said
    assert "2 boxes of 'Tom': cat" in said
    assert "1 not used" in said
    assert rows("boxes", "frame", "character", "x", "y", "w", "h") == [
        ("5", "cat", "0", "1", "16", "15"),  # half as large: the video was labelled at twice the size
        ("6", "cat", "1", "1", "15", "15"),
    ]


def test_key_frames_of_a_label_studio_video_are_placed_by_their_time(boxed: Path) -> None:
    """The episode has 24 frames a second; a page that assumes 25 numbers them otherwise, and its times are right."""
    forget_annotations()

    def key(frame: int, enabled: bool, x: float = 25) -> dict[str, Any]:
        place = {"x": x, "y": 50, "width": 25, "height": 25, "rotation": 0}
        return {"frame": frame, "time": round((frame - 1) / 25, 3), "enabled": enabled, **place}

    sequence = [key(40, False), key(1, True), key(26, False, 50), key(31, True), key(36, True)]
    video = {"id": "a", "from_name": "box", "type": "videorectangle", "value": {"sequence": sequence}}
    name = {"id": "a", "from_name": "names", "type": "labels", "value": {"labels": ["cat"]}}
    emotion = {"id": "a", "from_name": "emotion", "type": "choices", "value": {"choices": ["happy"]}}
    task = {"data": {"video": "/data/upload/1/one.mp4"}, "annotations": [{"result": [video, name, emotion]}]}
    said = said_of("label-studio", write(boxed / "a.json", json.dumps([task])))
    assert "one.mp4, 0 s, is frame 0 of one" in said
    assert rows("boxes", "frame", "x", "y", "w", "h") == [
        ("0", "24", "32", "24", "16"),
        ("24", "48", "32", "24", "16"),  # the last of its span: frame 26 of the page is at 1.000 s
        ("28", "24", "32", "24", "16"),
        ("33", "24", "32", "24", "16"),
        ("37", "24", "32", "24", "16"),
    ]
    assert rows("emotions", "frame", "emotion") == [(frame, "happy") for frame in ("0", "24", "28", "33", "37")]


@pytest.mark.parametrize("rate", [24, 25, 30, 24000 / 1001, 60])
def test_times_rounded_to_milliseconds_give_the_frame(boxed: Path, rate: float) -> None:
    forget_annotations()
    episodes = read_rows(paths.EPISODES, EPISODES).assign(rate_num=round(rate * 1001), rate_den=1001)
    write_table(paths.EPISODES, to_table(episodes, EPISODES))
    lines = [f"one,{round(frame / rate, 3)},cat,{frame + 1},2,3,4" for frame in range(48)]
    table = "\n".join(["episode_id,time_s,character,x,y,w,h", *lines])
    said_of("boxes", write(boxed / "b.csv", table))
    assert sorted((int(frame), int(x)) for frame, x in rows("boxes", "frame", "x")) == [(n, n + 1) for n in range(48)]
    write_table(paths.EPISODES, to_table(episodes.assign(variable_rate=True), EPISODES))
    assert "no even frame rate" in said_of("boxes", boxed / "b.csv")


def test_what_cannot_be_used_is_listed_with_its_reason(boxed: Path) -> None:
    forget_annotations()
    lines = [
        "file,character,x,y,w,h",
        "one-3.jpg,cat,1,2,3,4",
        "one-3.jpg,dog,1,2,3,4",
        "one-3.jpg,cat,1,2,x,4",
        "one-3.jpg,cat,1,2,0,4",
        "one-3.jpg,cat,500,2,3,4",
        "one-4000.jpg,cat,1,2,3,4",
        "oen-3.jpg,cat,1,2,3,4",
        "portrait.jpg,cat,1,2,3,4",
        "one-9.jpg,Gone,1,2,3,4",
    ]
    said = said_of("boxes", write(boxed / "boxes.csv", "\n".join(lines)), maps={"Gone": None}, unused=Path("not.csv"))
    for part in (
        "'dog' is not among the characters",
        "no four numbers",
        "a box of 0×4 px",
        "outside the picture",
        "which has frames 0 to 47",
        "Did you mean 'one'?",
        "'portrait.jpg' has no number",
        "left out by --map",
        "pictures of no episode can be learned from, too",
        "1 new box, ",
        "8 not used",
    ):
        assert part in said, said
    listed = Path("not.csv").read_text().splitlines()
    assert listed[0] == "file,reason"
    files = [line.partition(",")[0] for line in listed[1:]]
    assert files == ["one-3.jpg"] * 4 + ["one-4000.jpg", "oen-3.jpg", "portrait.jpg", "one-9.jpg"]
    assert rows("boxes", "frame", "x") == [("3", "1")]
    assert rows("frames", "frame", "complete") == [("3", "0")]  # faces without a box: no background


def test_pictures_named_by_ffmpeg_count_from_one(boxed: Path) -> None:
    forget_annotations()
    said_of(
        "boxes",
        write(boxed / "b.csv", "file,character,x,y,w,h\n000001.png,cat,1,2,3,4\n"),
        episode="one",
        first_frame=1,
    )
    assert rows("boxes", "episode_id", "frame") == [("one", "0")]


def test_another_shape_is_not_stretched(boxed: Path) -> None:
    image = {"id": 1, "file_name": "one-3.jpg", "width": 96, "height": 96}
    data = {"images": [image], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
            "categories": [{"id": 1, "name": "cat"}]}  # fmt: skip
    said = said_of("coco", write(boxed / "a.json", json.dumps(data)))
    assert "another shape" in said


def test_very_many_names_are_a_few_lines(boxed: Path) -> None:
    forget_annotations()
    names = "".join(f"one-3.jpg,name{number:07d},1,2,3,4\n" for number in range(2_000))
    said = said_of("boxes", write(boxed / "b.csv", "file,character,x,y,w,h\n" + names))
    assert "1,980 other names" in said
    assert len(said.splitlines()) < 40
    assert rows("boxes", "frame") == []


BOMB = (
    '<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("bcdefgh", "cdefghi", strict=True))
    + "]><annotations>&i;</annotations>"
)
XXE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotations>&b;</annotations>'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "name", "content", "said"),
    [
        ("coco", "a.json", b"{", "no JSON"),
        ("coco", "a.json", b"[" * 100_000, "no JSON"),
        ("coco", "a.json", b"[]", "no COCO file"),
        ("coco", "a.json", b"\xff\xfe{\x00", "no JSON"),
        ("coco", "a.zip", b"PK\x03\x04", "unpack the archive"),
        ("cvat", "a.xml", BOMB.encode(), "EntitiesForbidden"),
        ("cvat", "a.xml", XXE.encode(), "EntitiesForbidden"),
        ("cvat", "a.xml", b"<html/>", "expected <annotations>"),
        ("voc", "a.xml", b"<annotation>", "no XML"),
        ("via", "a.json", b'{"a": 1}', "no file of the VGG"),
        ("label-studio", "a.json", b'{"a": 1}', "no JSON export"),
        ("yolo", "data.yaml", b"names: 3", "no data.yaml"),
        ("yolo", "data.yaml", b"names: [cat]\ntrain: ../..\n", "leads out of"),
        ("yolo", "data.yaml", b"names: [cat]\ntrain: /etc\n", "leads out of"),
        ("yolo", "data.yaml", b"names:\n" + b"".join(b"- n%d\n" % i for i in range(20_000)), "20,000 names"),
        ("boxes", "a.csv", "file,character,x,y,w,h\nä.jpg,cat,1,1,1,1\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_hostile_and_odd_files_are_one_line_and_write_nothing(
    boxed: Path, form: str, name: str, content: bytes, said: str
) -> None:
    before = {path: path.read_bytes() for path in Path("annotations").rglob("*")}
    (boxed / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        import_boxes(form, boxed / name, Choices())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in Path("annotations").rglob("*")} == before


def test_nothing_is_written_over(boxed: Path) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        export("coco", Path("out"))
    assert cv2.imread("out/mine.txt") is None
