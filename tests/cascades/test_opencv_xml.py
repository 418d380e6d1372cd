"""XML read and written; hostile XML gives a clear error, never a crash."""

import gzip
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import Cascade, Detector, InvalidCascadeXml, TrainingResult
from cascades.opencv_xml import parse_cascade, write_cascade
from tests.cascades.conftest import draw_scene

BUNDLED = sorted(Path(cv2.data.haarcascades).glob("*.xml"))


@pytest.mark.parametrize("name", ["frontalface_alt", "frontalface_alt2", "eye"])
def test_round_trip(name: str) -> None:
    cascade = Cascade.load(Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml")
    text = write_cascade(cascade)
    again = parse_cascade(text.encode(), "again")
    assert write_cascade(again) == text
    gray, _ = draw_scene(1)
    a, b = (Detector([c]).windows(gray)[0] for c in (cascade, again))
    assert np.array_equal(a.boxes, b.boxes)
    assert np.array_equal(a.margins, b.margins)


def test_written_floats_read_back_exactly(trained: TrainingResult) -> None:
    again = parse_cascade(write_cascade(trained.cascade).encode(), "again")
    for a, b in zip(trained.cascade.stages, again.stages, strict=True):
        assert np.float32(a.threshold) == np.float32(b.threshold)
        for s, t in zip(a.trees, b.trees, strict=True):
            assert np.array_equal(s.threshold, t.threshold)
            assert np.array_equal(s.leaves, t.leaves)


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<opencv_storage><cascade><stageType>&b;</stageType></cascade></opencv_storage>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<opencv_storage><cascade><stageType>&a;</stageType></cascade></opencv_storage>"""


@pytest.mark.parametrize("text", ["", "no xml", "<a>", "<a/>", BOMB, EXTERNAL, "<opencv_storage/>"])
def test_what_is_no_cascade(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(text)
    with pytest.raises(InvalidCascadeXml, match=r"x\.xml: "):
        Cascade.load(path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<height>24</height>", "<height>99999</height>", "height"),
        ("<height>24</height>", "<height>6</height>", "outside the 24×6 window"),
        ("<stageType>BOOST</stageType>", "<stageType>TREE</stageType>", "TREE"),
        ("<featureType>HAAR</featureType>", "<featureType>HOG</featureType>", "HOG"),
        ("<internalNodes>0 -1 0 ", "<internalNodes>0 -1 99999 ", "feature index"),
        ("<internalNodes>0 -1 0 ", "<internalNodes>5 -1 0 ", "link"),
        ("<internalNodes>0 -1 0 ", "<internalNodes>0 -1 0.5 ", "whole"),
        ("<stageThreshold>", "<stageThreshold>nan ", "stageThreshold"),
        ("<leafValues>", "<leafValues>inf ", "leaves|leafValues"),
    ],
)
def test_what_is_wrong_is_named(trained: TrainingResult, old: str, new: str, complaint: str) -> None:
    text = write_cascade(trained.cascade)
    assert old in text
    with pytest.raises(InvalidCascadeXml, match=complaint):
        parse_cascade(text.replace(old, new, 1).encode(), "x")


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes, drop or repeat a slice, or put a number where another was."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        kind, at = rng.integers(0, 5), int(rng.integers(0, len(data)))
        size = int(rng.integers(1, 200))
        if kind == 0:
            data[at] = int(rng.integers(0, 256))
        elif kind == 1:
            del data[at : at + size]
        elif kind == 2:
            data[at:at] = data[at : at + size]
        else:  # hits a digit more often than chance would
            digits = [i for i in range(at, min(at + 400, len(data))) if chr(data[i]).isdigit()]
            if digits:
                values = [b"-1", b"99999999999", b"1e39", b"nan", b"0", b"7", b"-3.5"]
                spot = digits[int(rng.integers(0, len(digits)))]
                data[spot : spot + 1] = values[int(rng.integers(0, len(values)))]
    return bytes(data)


@pytest.mark.slow
def test_fuzzed_files_give_an_error_or_detections(trained: TrainingResult) -> None:
    """1,000 mutations: each is refused with this library's error, or runs."""
    rng = np.random.default_rng(11)
    tree = Path(cv2.data.haarcascades) / "haarcascade_righteye_2splits.xml"
    originals = [write_cascade(c).encode() for c in (trained.cascade, Cascade.load(tree))]
    gray, _ = draw_scene(2, (120, 90), 1)
    refused = 0
    for i in range(1000):
        content = mutate(originals[0] if i % 10 else originals[1], rng)
        try:
            cascade = parse_cascade(content, "fuzzed")
        except InvalidCascadeXml:
            refused += 1
            continue
        (windows,) = Detector([cascade]).windows(gray)
        assert windows.boxes.shape[1] == 4
    assert 200 < refused < 1000


EYE = (Path(cv2.data.haarcascades) / "haarcascade_eye.xml").read_text(encoding="ascii")
NEW = write_cascade(parse_cascade(EYE.encode(), "eye"))
OLD = """<?xml version="1.0"?>
<opencv_storage>
<my_face type_id="opencv-haar-classifier"><size>24 24</size><stages><_>
<trees><_><_><feature><rects><_>3 3 18 9 -1.</_><_>3 6 18 3 3.</_></rects><tilted>0</tilted></feature>
<threshold>-0.02</threshold><left_val>0.9</left_val><right_val>-0.9</right_val></_></_></trees>
<stage_threshold>0.1</stage_threshold><parent>-1</parent><next>-1</next></_></stages></my_face>
</opencv_storage>
"""
WILD = {
    "dashes in a comment": NEW.replace("<cascade>", "<!-- by hand -- 2003 --\n---><cascade>").encode(),
    "Latin-1 in a comment": NEW.replace("<cascade>", "<!-- José -->\n<cascade>").encode("latin-1"),
    "another name": NEW.replace("cascade>", "haarcascade_profileface>").encode(),
    "zeros at the end": NEW.encode() + b"\0\0\n",
    "gzip": gzip.compress(NEW.encode()),
    "old": OLD.encode(),
    "old without type_id": OLD.replace(' type_id="opencv-haar-classifier"', "").encode(),
    "old, dashes in a comment": OLD.replace("<size>", "<!-- a -- b --><size>").encode(),
}


@pytest.mark.parametrize("content", WILD.values(), ids=WILD)
def test_what_opencv_reads_is_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("x.xml.gz" if content.startswith(b"\x1f\x8b") else "x.xml")
    path.write_bytes(content)
    oracle = cv2.CascadeClassifier(str(path))
    gray, _ = draw_scene(1)
    read = Cascade.load(path)
    assert not oracle.empty()
    found = oracle.detectMultiScale(gray, 1.1, 0)
    ours = Detector([read], scale_factor=1.1).windows(gray)[0].boxes
    assert {tuple(box) for box in np.asarray(found).reshape(-1, 4).tolist()} == {tuple(box) for box in ours.tolist()}


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.xml.gz"
    path.write_bytes(gzip.compress(bytes(80 * 2**20)))
    with pytest.raises(InvalidCascadeXml, match="unpacked more than"):
        Cascade.load(path)
    path.write_bytes(gzip.compress(NEW.encode())[:-20])
    with pytest.raises(InvalidCascadeXml, match="cut off"):
        Cascade.load(path)


@pytest.mark.parametrize("other", ["[1, 2]", "{}", '{"version": 1, "name": "another program"}', "no json", "[" * 9999])
def test_another_programs_json_beside_a_cascade_is_left_alone(other: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(NEW)
    plain = Cascade.load(path)
    path.with_suffix(".json").write_text(other)
    assert Cascade.load(path).info == plain.info


def test_a_damaged_side_file_of_ours_is_an_error(trained: TrainingResult, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    trained.cascade.to_side_file(path)
    trained.cascade.save(path.with_suffix(".xml"))
    for damaged in (path.read_text()[:-30], path.read_text().replace('"face"', '"farce"')):
        path.write_text(damaged)
        with pytest.raises(InvalidCascadeXml, match=r"x\.json"):
            Cascade.load(path.with_suffix(".xml"))


def test_a_cascade_is_written_whole_or_not_at_all(trained: TrainingResult, tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text("the cascade from before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            trained.cascade.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("x.xml", "the cascade from before")]
