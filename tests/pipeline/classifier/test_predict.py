"""`toonset predict` and `toonset export`: rows of JSON, whole pictures, and an ONNX file that answers as torch does."""

import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from cascades import AnnotatedImage, Box, TrainingParams, chroma_of, train
from pipeline import load_model
from pipeline.classifier.model import Classifier, Crops, Description, save_model
from pipeline.classifier.onnx import export_onnx
from pipeline.classifier.predict import pictures_in, predict, read_cascade
from pipeline.cli import app
from pipeline.errors import InputError, SetupError
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.images import cut_face
from pipeline.nets import ARCHITECTURES, build
from pipeline.params import Faces
from tests.support import ROOT
from tests.support.drawn_shapes import draw

EMOTIONS = ("disc", "square", "cross")


def classifier(name="toon", seed=0, **arguments):
    torch.manual_seed(seed)
    shape = ARCHITECTURES[name]
    about = Description(
        net=name, arguments=arguments, emotions=EMOTIONS, size=shape.size, channels=shape.channels,
        margin=0.25, crops=Crops.of(Faces(), 0.25), mean=(120.0,) * shape.channels,
        std=(60.0,) * shape.channels, temperature=0.5, params={}, seed=0, epoch=1, images={}, threads=1, torch="",
        instructions="",
    )  # fmt: skip
    return Classifier(build(name, 3, arguments).eval(), about)


@pytest.fixture
def folder(tmp_path):
    """Two faces, a file that is none, and a model."""
    rng = np.random.default_rng(0)
    (tmp_path / "faces").mkdir()
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / "faces" / name), draw("disc", "cat", rng)[..., ::-1])
    (tmp_path / "faces" / "c.png").write_bytes(b"no picture")
    (tmp_path / "faces" / "notes.txt").write_text("mine")
    save_model(tmp_path / "model", classifier())
    return tmp_path


def test_a_line_for_each_picture_of_a_folder(folder):
    done = CliRunner().invoke(app, ["predict", str(folder / "faces"), "--model", str(folder / "model")])
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["image"]).name for row in rows] == ["a.jpg", "b.png", "c.png"]
    assert [row["status"] for row in rows] == ["ok", "ok", "rejected"]
    assert rows[2]["reason"] == "no picture that can be decoded (it begins with b'no pictu')"
    face = cv2.imread(str(folder / "faces" / "b.png"))[..., ::-1]
    expected = load_model(folder / "model").predict([np.ascontiguousarray(face)])[0]
    assert rows[1]["emotion"] == EMOTIONS[int(expected.argmax())]
    assert rows[1]["probability"] == pytest.approx(float(expected.max()), abs=1e-5)
    assert rows[1]["probabilities"] == pytest.approx(dict(zip(EMOTIONS, expected.tolist(), strict=True)), abs=1e-5)


def test_a_video_and_a_whole_frame_are_told_what_to_do_instead(folder):
    (folder / "pilot.MP4").write_bytes(b"")
    cv2.imwrite(str(folder / "frame.png"), np.zeros((90, 160, 3), np.uint8))
    video, frame, face = predict([folder / name for name in ("pilot.MP4", "frame.png", "faces/a.jpg")], classifier())
    assert video["status"] == "rejected"
    assert video["reason"].startswith("a video: `toonset watch ")
    assert "--cascade models/cascades/CHARACTER.xml finds the faces" in frame["note"]
    assert "note" not in face


def test_a_place_that_is_not_there_is_shown_as_it_was_understood(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert pictures_in([Path("~/faces/a.jpg")]) == [folder / "faces" / "a.jpg"]
    with pytest.raises(InputError, match=re.escape(f"no picture {folder}/gone.png")):
        pictures_in([Path("~/gone.png")])


def test_more_pictures_than_are_held_at_once_keep_their_order(folder):
    paths = [folder / "faces" / ("c.png" if i % 3 == 0 else "a.jpg") for i in range(70)]
    rows = list(predict(paths, classifier()))
    assert [row["status"] == "rejected" for row in rows] == [i % 3 == 0 for i in range(70)]


def test_a_picture_that_cannot_be_read_costs_its_own_row(folder, cases):
    os.mkfifo(folder / "faces" / "pipe.png")
    places = [folder / "faces" / "a.jpg", folder / "faces" / "pipe.png", Path("/dev/zero"), folder / "faces"]
    places += [cases / "images" / name for name in ("bomb.png", "rgb.png", "rgba.png")]
    rows = list(predict(places, classifier()))
    assert [row["status"] for row in rows] == ["ok", *["rejected"] * 4, "ok", "ok"]
    assert [row["image"] for row in rows] == [str(place) for place in places]
    assert all(row["reason"] for row in rows if row["status"] == "rejected")
    assert rows[4]["reason"].startswith("its header says")


def test_few_pixels_are_held_at_once_and_the_answers_are_the_same(folder, monkeypatch):
    paths = [folder / "faces" / name for name in ("a.jpg", "c.png", "b.png", "b.png", "a.jpg")]
    rows = list(predict(paths, classifier()))
    known, sizes = classifier(), []
    judge = known.predict
    monkeypatch.setattr("pipeline.classifier.predict.PIXELS_AT_ONCE", 128 * 128 + 1)
    monkeypatch.setattr(Classifier, "predict", lambda self, faces, margin: sizes.append(len(faces)) or judge(faces))
    assert list(predict(paths, known)) == rows
    assert sizes == [2, 2]


def test_the_temperature_sharpens_or_softens_and_changes_no_answer(folder):
    known = classifier()
    face = cv2.imread(str(folder / "faces" / "a.jpg"))
    plain = Classifier(known.net, known.about.model_copy(update={"temperature": 1.0}))
    sharp, soft = known.predict([face])[0], plain.predict([face])[0]
    assert sharp.argmax() == soft.argmax()
    np.testing.assert_allclose(sharp, soft**2 / (soft**2).sum(), rtol=1e-4)


def test_what_is_not_there_is_named(folder):
    with pytest.raises(InputError, match=r"no picture .*nowhere.png: name image files, or folders"):
        pictures_in([folder / "nowhere.png"])
    with pytest.raises(InputError, match=r"no cascade .*cat.xml: `dvc repro` makes"):
        read_cascade(folder / "cat.xml")


def scene(seed, places=((60, 40),)):
    """A noisy picture with discs of 48 px at `places`: RGB."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(120, 170, (160, 200, 3)).astype(np.uint8)
    for x, y in places:
        cv2.circle(picture, (x + 24, y + 24), 22, (30, 40, 50), -1)
        cv2.circle(picture, (x + 24, y + 24), 10, (240, 240, 240), -1)
    return picture


@pytest.fixture(scope="module")
def disc():
    """A cascade that finds discs."""
    pictures = [scene(i, ((10 + 9 * i % 130, 10 + 7 * i % 90),)) for i in range(24)]
    annotated = [
        AnnotatedImage(
            f"{i}", cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), [Box(10 + 9 * i % 130, 10 + 7 * i % 90, 48, 48)],
            chroma=chroma_of(one),
        )
        for i, one in enumerate(pictures)
    ]  # fmt: skip
    params = TrainingParams(stages=3, positives=60, negatives=120, ranking=0, window=(16, 16))
    return CharacterCascade("disc", train(annotated, params).cascade, 3.0)


def test_faces_are_found_in_whole_pictures(disc, tmp_path):
    for name, places in (("two.png", ((20, 30), (120, 90))), ("none.png", ())):
        cv2.imwrite(str(tmp_path / name), scene(99, places)[..., ::-1])
    rows = list(predict([tmp_path / "two.png", tmp_path / "none.png"], classifier(), [disc]))
    boxes = sorted(row["box"] for row in rows if row["status"] == "ok")
    assert len(boxes) == 2
    np.testing.assert_allclose(boxes, [[20, 30, 48, 48], [120, 90, 48, 48]], atol=10)
    assert {row["character"] for row in rows if row["status"] == "ok"} == {"disc"}
    assert rows[-1] == {"image": str(tmp_path / "none.png"), "status": "rejected", "reason": "no face found"}


def with_crops(known, **values):
    crops = known.about.crops.model_copy(update=values)
    return Classifier(known.net, known.about.model_copy(update={"crops": crops}))


def test_faces_in_whole_pictures_are_found_and_cut_as_those_that_the_model_learned_from(disc, tmp_path):
    whole = scene(99, ((20, 30),))
    cv2.imwrite(str(tmp_path / "one.png"), whole[..., ::-1])
    for margin, size in ((0.25, 128), (1.0, 24), (0.0, 128)):
        known = with_crops(classifier(), margin=margin, size=size)
        (row,) = predict([tmp_path / "one.png"], known, [disc])
        crop = cut_face(whole, tuple(row["box"]), margin, size)
        expected = known.predict([crop], margin)[0]
        assert list(row["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    larger = with_crops(classifier(), min_size=100)
    (row,) = predict([tmp_path / "one.png"], larger, [disc])
    assert row["reason"] == "no face found"


def test_a_close_picture_gets_the_answer_of_a_wide_one_when_its_margin_is_said(tmp_path):
    known = classifier()
    known = Classifier(known.net, known.about.model_copy(update={"temperature": 0.02}))  # small differences show
    whole, box = scene(5, ((60, 40),)), (60, 40, 48, 48)

    def answer(margin, said):
        cv2.imwrite(str(tmp_path / "face.png"), cut_face(whole, box, margin, 1000)[..., ::-1])
        (row,) = predict([tmp_path / "face.png"], known, margin=said)
        return list(row["probabilities"].values())

    expected = answer(0.25, None)
    for margin in (0.0, 0.1, 0.5):
        assert answer(margin, margin) == pytest.approx(expected, abs=0.005)
    assert answer(0.0, None) != pytest.approx(expected, abs=0.02)


def test_the_command_line_takes_a_margin_and_says_which_one_it_assumes(folder, disc):
    said = CliRunner().invoke(app, ["predict", str(folder / "faces/a.jpg"), "--model", str(folder / "model")])
    assert "show 0.25 of the face's size on each side of it" in said.stderr
    told = [
        CliRunner().invoke(app, [*("predict", str(folder / "faces/a.jpg"), "--model", str(folder / "model")), *more])
        for more in (("--margin", "0.25"), ("--margin", "0"), ("--margin", "3"))
    ]
    assert told[0].stdout == said.stdout != told[1].stdout
    assert told[0].stderr == told[1].stderr == ""
    assert told[2].exit_code == 2
    with pytest.raises(
        InputError, match=r"a margin \(0\) says how closely pictures of one face were cut; with cascades"
    ):
        list(predict([folder / "faces/a.jpg"], classifier(), [disc], 0.0))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments"), [("toon", {}), ("ho2023", {})])
def test_the_onnx_file_answers_as_torch_for_any_number_of_faces(tmp_path, name, arguments):
    known = classifier(name, **arguments)
    path = tmp_path / "model.onnx"
    assert export_onnx(known, path) <= 1e-4
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    side, channels = known.about.size, known.about.channels
    for n in (1, 7):
        pictures = np.random.default_rng(n).integers(0, 256, (n, side, side, channels), dtype=np.uint8)
        (found,) = session.run(None, {"pictures": pictures})
        np.testing.assert_allclose(found, known.predict_fitted(pictures), atol=1e-4)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    assert json.loads({one.key: one.value for one in model.metadata_props}["emotions"]) == list(EMOTIONS)
    assert json.loads({one.key: one.value for one in model.metadata_props}["margin"]) == 0.25
    assert str(ROOT).encode() not in path.read_bytes()


def test_a_missing_package_is_named_with_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.classifier.onnx.NEEDED", ("onnx", "onnx_of_tomorrow"))
    with pytest.raises(SetupError, match=r"onnx_of_tomorrow not installed: pip install 'toonset\[onnx\]'"):
        export_onnx(classifier(), tmp_path / "m.onnx")
