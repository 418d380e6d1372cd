"""`toonset search` as it is typed: pages, JSON and sheets of a small project, and one line for each wrong input."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from cascades.errors import PictureError
from pipeline import paths
from pipeline.classifier.model import load_model
from pipeline.classifier.predict import Face
from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.params import load_params
from pipeline.schemas import SCENES
from pipeline.search.hits import IndexRow, Links
from pipeline.search.index import faces_in_use
from pipeline.search.query import faces_asked, strongest
from pipeline.tables import read_rows, rows_of, to_table, write_table
from tests.pipeline.app.seen import SIDE, disc, scene
from tests.pipeline.search.world import face, make_project, picture, places


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search project")
    make_project(folder)
    (folder / "face.jpg").write_bytes(face(6, "ring")["crop"]["bytes"])
    for name, image in (("frame", picture(6)), ("empty", scene(3, ()))):
        cv2.imwrite(str(folder / f"{name}.png"), image[..., ::-1])
    (folder / "notes.png").write_text("mine")
    return folder


@pytest.fixture(autouse=True)
def _there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["search", *arguments], catch_exceptions=False)


def found(*arguments: str) -> list[dict]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


class Page(HTMLParser):
    """The addresses and the words of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.links += [known["href"] or ""] if tag == "a" else []
        self.pictures += [known["src"] or ""] if tag == "img" else []

    def handle_data(self, data: str) -> None:
        self.words += " ".join(data.split()) + " "


def test_a_crop_of_the_project_finds_itself_first() -> None:
    rows = found("face.jpg")
    assert [row["rank"] for row in rows] == list(range(1, 24))  # all faces in use
    likeness = [row["likeness"] for row in rows]
    assert likeness == sorted(likeness, reverse=True)
    assert rows[0]["face_id"] == "ring06"
    assert rows[0]["likeness"] == pytest.approx(1, abs=1e-3)
    assert [rows[0][name] for name in "xywh"] == [*places(6)["ring"], SIDE, SIDE]


def test_filters_and_counts() -> None:
    assert {row["character"] for row in found("face.jpg", "--character", "disc")} == {"disc"}
    assert {row["character"] for row in found("face.jpg", "--not-character", "disc")} == {"ring"}
    rows = found("face.jpg", "--emotion", "sad")
    assert {row["emotion"] for row in rows} == {"sad"}
    assert not any(row["unsure"] for row in rows)
    every = found("face.jpg")
    threshold = load_model().about.unsure_below
    assert [row["unsure"] for row in every] == [row["probability"] < threshold for row in every]
    believed = {row["face_id"] for row in every if row["emotion"] == "sad" and not row["unsure"]}
    assert {row["face_id"] for row in rows} == believed
    (said,) = [row for row in rows if row["said_by_people"]]
    assert said["face_id"] == "ring04"
    assert said["probability"] == 1
    assert len(found("face.jpg", "--count", "5")) == 5


def test_the_answers_are_the_classifiers() -> None:
    rows = [row for row in found("face.jpg") if not row["said_by_people"]]
    x, y = places(rows[3]["frame"])[rows[3]["character"]]
    classifier = load_model()
    pad = round(SIDE * 0.25)
    whole = cv2.copyMakeBorder(picture(rows[3]["frame"]), 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    crop = whole[200 + y - pad : 200 + y + SIDE + pad, 200 + x - pad : 200 + x + SIDE + pad]
    own = classifier.predict([np.ascontiguousarray(crop)])[0]
    assert rows[3]["emotion"] == classifier.emotions[int(own.argmax())]
    assert rows[3]["probability"] == pytest.approx(float(own.max()), abs=0.05)  # the project's crops are JPEGs


def test_near_duplicates_are_shown_once_and_counted() -> None:
    rows = {row["face_id"]: row for row in found("face.jpg")}
    assert "disc22" not in rows
    assert rows["disc20"]["near_duplicates"] == 1


def test_a_whole_frame_is_searched_with_cascades() -> None:
    rows = found("frame.png", "--cascade", "models/cascades/disc.xml", "--count", "1")
    assert len(rows) == 2  # the cascade takes both for a disc
    away = np.array([row["asked_box"][:2] for row in rows])[:, None] - np.array(list(places(6).values()))
    assert sorted(np.abs(away).max(axis=2).argmin(axis=1)) == [0, 1]
    assert np.abs(away).max(axis=2).min(axis=1).max() < 12


def test_the_page_needs_nothing_and_links_to_the_moment(project: Path) -> None:
    (project / "watch" / "pilot").mkdir(parents=True, exist_ok=True)
    (project / "watch" / "pilot" / "index.html").write_text("a timeline")
    done = run("face.jpg", "--count", "4", "--not-character", "disc")
    assert done.stdout == "search: 1 face in face.jpg, 4 found among 23: search/face.html\n"
    page = Page(project / "search" / "face.html")
    assert len(page.pictures) == 5
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.pictures)
    videos, pages = page.links[::2], page.links[1::2]
    for address, name in ((videos[0], "data/episodes/pilot 1.mp4"), (pages[0], "watch/pilot/index.html")):
        place, moment = address.split("#t=")
        assert (project / "search" / unquote(place)).resolve() == (project / name).resolve()
        assert float(moment) == pytest.approx(6 / 24, abs=1e-3)
    assert "pilot, 0:00.2" in page.words
    assert "Wanted: not disc." in page.words
    text = (project / "search" / "face.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<iframe|<object|url\(|@import|https?:", text)


def test_moments_count_from_the_first_frame_as_players_do(project: Path) -> None:
    scenes = read_rows(paths.SCENES, SCENES)
    (row,) = rows_of(faces_in_use().query("face_id == 'ring06'").assign(emotion="sad"), IndexRow)
    assert Links(Path("search")).of(row)[0] == 0.25
    write_table(paths.SCENES, to_table(scenes.assign(start_s=scenes["start_s"] + 0.1), SCENES))
    try:
        moment_s, video, _ = Links(Path("search")).of(row)
    finally:
        write_table(paths.SCENES, to_table(scenes, SCENES))
    assert moment_s == 0.15
    assert video.endswith("#t=0.150")


def test_names_are_escaped(project: Path) -> None:
    run("face.jpg", "--character", "disc", "--out", "other")
    text = (project / "other" / "face.html").read_text(encoding="utf-8")
    assert "<b>Disc &amp; Co &lt;b&gt;</b>" in text


def test_the_sheet_shows_the_faces_as_they_are_in_the_episode(project: Path) -> None:
    run("face.jpg", "--count", "8", "--json", "--sheet", "sheet.png")
    with Image.open(project / "sheet.png") as image:
        assert image.format == "PNG"
        assert image.size == (6 * 270 + 14, 2 * (256 + 48 + 14) + 14)
        sheet = np.array(image.convert("RGB"))
    first = sheet[14 : 14 + 256, 14 + 270 : 14 + 270 + 256]
    x, y = places(6)["ring"]
    expected = cv2.copyMakeBorder(picture(6), 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    expected = expected[200 + y - 24 : 200 + y + 72, 200 + x - 24 : 200 + x + 72]
    expected = cv2.resize(expected, (256, 256), interpolation=cv2.INTER_CUBIC)
    assert np.abs(cv2.blur(first, (9, 9)).astype(int) - cv2.blur(expected, (9, 9))).mean() < 12


def test_without_the_episode_there_is_no_link_and_the_sheet_has_the_crops(project: Path) -> None:
    video = project / "data/episodes/pilot 1.mp4"
    video.rename(project / "kept.mp4")
    try:
        (row,) = found("face.jpg", "--count", "1", "--sheet", "small.png")
    finally:
        (project / "kept.mp4").rename(video)
    assert row["video"] == ""
    assert (project / "small.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_same_search_gives_the_same_bytes(project: Path) -> None:
    made = []
    for folder in ("one", "two"):
        run("face.jpg", "--out", folder, "--sheet", f"{folder}.png")
        made.append([(project / folder / "face.html").read_bytes(), (project / f"{folder}.png").read_bytes()])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["face.jpg", "--character", "dics"],
            r"no character is called 'dics'; there is disc, ring\. Did you mean 'disc'",
        ),
        (["face.jpg", "--not-character", "x"], "no character is called 'x'"),
        (["face.jpg", "--emotion", "happi"], "no emotion is called 'happi'; there is angry, happy, sad"),
        (["face.jpg", "--model", "nowhere"], "no trained model"),
        (["pilot.mp4"], "is a video, expected a picture"),
        (
            ["empty.png", "--cascade", "models/cascades/disc.xml"],
            r"empty\.png: no face found in it \(looked for disc\)",
        ),
        (["face.jpg", "--cascade", "models/cascades/cat.xml"], "no cascade "),
        (["face.jpg", "--cascade", "models/cascades/disc.xml", "--margin", "0"], "leave one out"),
        (["face.jpg", "--character", "disc", "--not-character", "disc"], "has no face that is only disc, not disc"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "message"), [("notes.png", "no picture that can be decoded"), ("no.png", "No such")])
def test_what_is_no_picture_is_one_line(name: str, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        run(name)


def test_a_wide_picture_is_taken_for_a_frame_and_any_other_for_a_face(project: Path) -> None:
    classifier, params = load_model(), load_params()
    wide = np.concatenate([scene(9, ((30, 40),)), scene(10, ())], axis=1)
    cv2.imwrite(str(project / "wide.png"), wide[..., ::-1])
    (one,) = faces_asked(project / "wide.png", classifier, params)
    assert one.character == "disc"
    assert np.abs(np.array(one.box) - (30, 40, SIDE, SIDE)).max() < 10
    (whole,) = faces_asked(project / "wide.png", classifier, params, margin=0.1)
    assert whole.box is None
    assert whole.pixels.shape == wide.shape
    (own,) = faces_asked(project / "face.jpg", classifier, params)
    assert own.box is None
    assert own.margin == classifier.about.crops.margin


def test_of_two_cascades_at_one_place_the_surer_one_counts() -> None:
    def seen(character: str, x: int, score: float) -> Face:
        return Face("frame.png", np.zeros((9, 9, 3), np.uint8), (x, 10, 40, 40), character, score)

    known = [CharacterCascade("cat", disc(), 2.0), CharacterCascade("mouse", disc(), 8.0)]
    faces = [seen("cat", 10, 6.0), seen("mouse", 14, 16.0), seen("mouse", 200, 30.0)]
    assert [(one.character, one.score) for one in strongest(faces, known)] == [("mouse", 30.0), ("cat", 6.0)]
