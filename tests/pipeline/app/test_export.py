"""`toonset app --export`: one file that, with the network cut, sees the same windows, faces and emotions as Python."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page
from typer.testing import CliRunner

from benchmarks.live_page import until
from benchmarks.studio import browser
from cascades import Cascade, Detector, TrainingParams, chroma_of
from cascades.pictures import decode_picture, read_picture
from cascades.training import train
from pipeline import images
from pipeline.app.export import export_page, haar, page_of, toon
from pipeline.classifier.inputs import face_input
from pipeline.classifier.model import save_model
from pipeline.classifier.predict import Finder
from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade, save_cascade
from pipeline.images import cut_face
from tests.pipeline.app.seen import MIN_SCORE, classifier, disc, scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
NAMES = {"disc": "Disc </script> & Co"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, folder)
    save_model(folder / "emotion", classifier())
    return folder


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Page]:
    """The page of a color cascade and a gray one, opened from the disk; nothing is asked of anybody."""
    cascades = [CharacterCascade("disc", disc(), MIN_SCORE), CharacterCascade("gray", gray_disc(), MIN_SCORE)]
    (folder / "page.html").write_text(page_of(classifier(), cascades, NAMES), encoding="utf-8")
    with browser(OFFLINE) as chromium:
        page = chromium.new_page()
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((folder / "page.html").as_uri())
        yield page
        assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
        assert [url for url in asked if url.startswith("file")] == [(folder / "page.html").as_uri()]
        assert faults == []


def gray_disc() -> Cascade:
    """A cascade that looks at gray alone, with another window than square."""
    from cascades import AnnotatedImage, Box

    places = [(10 + 9 * i % 130, 10 + 7 * i % 90) for i in range(24)]
    annotated = [
        AnnotatedImage(str(i), images.to_gray(scene(i, (place,))), [Box(*place, 48, 48)])
        for i, place in enumerate(places)
    ]
    return train(annotated, TrainingParams(stages=4, positives=60, negatives=120, ranking=0, window=(20, 20))).cascade


def sent(picture: np.ndarray) -> dict[str, Any]:
    """A picture as the page's scripts take it, its bytes in base64."""
    shape = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
    data = base64.b64encode(np.ascontiguousarray(picture).tobytes()).decode()
    return {"height": shape[0], "width": shape[1], "channels": shape[2], "data": data}


GIVEN = "const given = one => ({ ...one, data: Uint8Array.from(atob(one.data), letter => letter.charCodeAt(0)) });"


def run(page: Page, script: str, picture: np.ndarray, *more: Any) -> Any:
    """What a script gives for `image` and `more`."""
    return page.evaluate(
        f"([one, more]) => {{ {GIVEN} const image = given(one); return {script}; }}", [sent(picture), more]
    )


def pixels(page: Page, script: str, picture: np.ndarray, *more: Any) -> np.ndarray:
    """The picture that a script makes."""
    found = run(page, f"(made => ({{ ...made, data: Array.from(made.data) }}))({script})", picture, *more)
    return np.array(found["data"], np.uint8).reshape(found["height"], found["width"], found["channels"])


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("before", "after"), [((64, 36), (40, 23)), ((31, 47), (92, 92)), ((200, 160), (100, 80)), ((300, 7), (41, 3))]
)
def test_pictures_are_resized_to_the_same_bytes(opened: Page, before: tuple[int, int], after: tuple[int, int]) -> None:
    picture = noise(*before)
    np.testing.assert_array_equal(
        pixels(opened, "shrunk(image, ...more)", picture, *after), images.shrink(picture, *after)
    )
    exact = cv2.resize(picture, after, interpolation=cv2.INTER_LINEAR_EXACT)
    np.testing.assert_array_equal(pixels(opened, "resized(image, ...more)", picture, *after), exact)


def test_planes_are_the_same_bytes(opened: Page) -> None:
    picture = noise(120, 90)
    expected = [images.to_gray(picture), *chroma_of(picture)]
    for i, plane in enumerate(expected):
        np.testing.assert_array_equal(pixels(opened, "planesOf(image)[more[0]]", picture, i)[..., 0], plane)


def test_what_is_transparent_is_laid_on_white_to_the_same_bytes(opened: Page) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (40, 30, 4), dtype=np.uint8)
    png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    made = pixels(opened, "fromRgba(image.width, image.height, image.data)", picture)
    np.testing.assert_array_equal(made, decode_picture(png))


@pytest.mark.parametrize("box", [(20, 30, 40, 50), (-9, -20, 61, 33), (90, 60, 80, 80), (3, 4, 1, 1)])
@pytest.mark.parametrize("margin", [0.0, 0.25, 0.6])
def test_faces_are_cut_and_framed_to_the_same_bytes(
    opened: Page, box: tuple[int, int, int, int], margin: float
) -> None:
    picture, shape = noise(120, 90, 3), classifier().about.input
    crop = cut_face(picture, box, margin, 64)
    np.testing.assert_array_equal(pixels(opened, "cutFace(image, ...more)", picture, box, margin, 64), crop)
    made = pixels(opened, "faceInput(image, more[0], data.network)", crop, margin)
    np.testing.assert_array_equal(made, face_input(crop, margin, shape))


def test_the_windows_and_the_faces_are_those_of_the_detector(opened: Page) -> None:
    cascades = [disc(), gray_disc()]
    for seed, factor, least in ((1, 1.1, 20), (2, 1.1, 1), (3, 1.3, 30)):
        picture = scene(seed, ((20 + seed, 30), (120, 90)))
        if seed == 2:
            picture = np.ascontiguousarray(cv2.resize(picture, (333, 171), interpolation=cv2.INTER_CUBIC))
        gray, chroma = images.to_gray(picture), chroma_of(picture)
        detector = Detector(cascades, scale_factor=factor, min_size=least)
        settings = {"scale_factor": factor, "min_size": least}
        ours = run(opened, "windowsOf(data.cascades, planesOf(image), more[0])", picture, settings)
        theirs = detector.windows(gray, chroma=chroma)
        for mine, windows in zip(ours, theirs, strict=True):
            assert len(windows.boxes) > 0
            np.testing.assert_array_equal(np.array(mine)[:, :4], windows.boxes)
            np.testing.assert_array_equal(np.array(mine)[:, 4], windows.margins)
        script = "windowsOf(data.cascades, planesOf(image), more[0]).map((one, i) => grouped(data.cascades[i], one))"
        groups = run(opened, script, picture, settings)
        for mine, found in zip(groups, detector.detect(gray, chroma=chroma), strict=True):
            assert [one["box"] for one in mine] == found.boxes.tolist()
            assert [one["score"] for one in mine] == found.scores.tolist()


def test_the_network_answers_as_torch_does(opened: Page) -> None:
    known = classifier()
    faces = [noise(92, 92, seed) for seed in range(3)] + [np.full((92, 92, 3), 77, np.uint8)]
    for face in faces:
        found = run(opened, "probabilitiesOf(data.network, image)", face)
        np.testing.assert_allclose(found, known.predict_fitted(face[None])[0], atol=1e-4)


@pytest.mark.parametrize("height", [160, 500])
def test_a_picture_file_gives_what_python_finds_in_it(opened: Page, folder: Path, height: int) -> None:
    picture = scene(7, ((20, 30), (120, 90)))
    picture = cv2.resize(picture, (height * 200 // 160, height), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(folder / f"two-{height}.png"), picture[..., ::-1])
    known = classifier()
    finder = Finder([CharacterCascade("disc", disc(), MIN_SCORE), CharacterCascade("gray", gray_disc(), MIN_SCORE)],
                    known.about.crops)  # fmt: skip
    expected = list(finder.find(folder, read_picture(folder / f"two-{height}.png")))
    opened.set_input_files("#file", folder / f"two-{height}.png")
    until(opened, f"document.getElementById('said').textContent.startsWith('{len(expected)} face')")
    found = run(opened, "facesIn(image)", read_picture(folder / f"two-{height}.png"))
    assert len(expected) >= 2
    assert [(one["character"], tuple(one["box"])) for one in found] == [(one.character, one.box) for one in expected]
    for one, probabilities in zip(found, known.predict([face.pixels for face in expected]), strict=True):
        np.testing.assert_allclose(one["each"], probabilities, atol=1e-4)
    assert opened.locator("#faces .face").count() == len(expected)
    assert opened.evaluate("[shown.width, shown.height]") == [height * 200 // 160, height]
    assert "Disc </script> & Co: " in opened.inner_text("#faces")


def test_a_picture_without_a_face_and_a_file_that_is_none(opened: Page) -> None:
    png = cv2.imencode(".png", np.full((60, 60, 4), (90, 90, 90, 128), np.uint8))[1].tobytes()
    opened.set_input_files("#file", {"name": "flat.png", "mimeType": "image/png", "buffer": png})
    until(opened, "document.getElementById('said').textContent.includes('whole picture')")
    assert opened.locator("#faces .face").count() == 1
    opened.set_input_files("#file", {"name": "notes.png", "mimeType": "image/png", "buffer": b"mine"})
    until(opened, "document.getElementById('said').textContent.startsWith('notes.png')")
    assert opened.inner_text("#said") == "notes.png: this browser cannot read it as a picture."


def test_the_command_writes_the_same_file_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("one.html", "two.html"):
        arguments = ["app", "--export", name, "--cascade", "disc.xml", "--model", "emotion"]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.stdout.startswith(f"app: {name}, 1.0 MB; open it in a browser")
    assert (folder / "one.html").read_bytes() == (folder / "two.html").read_bytes()
    assert json.dumps(NAMES["disc"])[1:-1] not in (folder / "page.html").read_text(encoding="utf-8")


def test_what_a_page_cannot_run_is_refused_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cascades.test_parity import random_lbp
    from tests.pipeline.classifier.test_predict import classifier as another

    with pytest.raises(InputError, match="the classifier is vanilla: a page can only hold toon"):
        toon(another("vanilla"))
    haarcascades = Path(cv2.data.haarcascades)
    with pytest.raises(InputError, match="the cascade cat has LBP features"):
        haar(random_lbp(np.random.default_rng(0), 1), "cat")
    with pytest.raises(InputError, match="the cascade cat has trees of several nodes"):
        haar(Cascade.load(haarcascades / "haarcascade_frontalface_alt2.xml"), "cat")
    tilted = Cascade.load(haarcascades / "haarcascade_eye_tree_eyeglasses.xml")
    with pytest.raises(InputError, match="the cascade cat has t"):
        haar(tilted, "cat")
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="no trained model"):
        export_page(Path("page.html"), [Path("disc.xml")], Path("nowhere"))
