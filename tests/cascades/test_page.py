"""The page of a training: what it says is what was measured, and drawing it changes nothing."""

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cascades import AnnotatedImage, Box, Detector, TrainingResult, evaluate
from cascades.boxes import as_array
from cascades.cli import app
from cascades.page import TrainingPage
from cascades.verdict import Alarm, Face, Verdict, look, statements
from tests.cascades.conftest import draw_images


class Page(HTMLParser):
    """Tags that are open, and where it loads something from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixteen pictures to train on, and six in v/."""
    (tmp_path / "v").mkdir()
    lines = ["image,x,y,w,h"]
    for first, count, part in ((0, 16, ""), (50, 6, "v/")):
        for number, image in enumerate(draw_images(first, count)):
            name = f"{part}{number}.png"
            cv2.imwrite(str(tmp_path / name), image.gray)
            lines += [f"{name},{b.x},{b.y},{b.w},{b.h}" for b in image.boxes]
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    return tmp_path


def test_the_cascade_is_the_same_with_and_without_a_page(folder: Path) -> None:
    settings = ["--stages", "2", "--ranking", "0", "--positives", "60", "--negatives", "100"]
    line = ["train", str(folder), str(folder / "boxes.csv"), "--validation", str(folder / "v"), *settings]
    run = CliRunner().invoke
    with_page, without = run(app, [*line, str(folder / "a.xml")]), run(app, [*line, str(folder / "b.xml"), "--no-page"])
    assert (with_page.exit_code, without.exit_code) == (0, 0), with_page.output
    assert (folder / "a.xml").read_bytes() == (folder / "b.xml").read_bytes()
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
    assert not (folder / "b.html").exists()
    text = (folder / "a.html").read_text()
    page = Page(text)
    assert "script" not in page.tags
    assert all(place.startswith("data:image/png;base64,") for place in page.loads)
    assert page.tags.count("td") == 2 * 9 + 3 * 2  # two stages, three rates
    assert 'http-equiv="refresh"' not in text
    assert "On 6 validation pictures with 12 faces" in text
    assert "2 stages with " in text
    assert ", learned from 32 boxes. Why the training stopped: all 2 stages are trained." in text


def test_while_it_goes_the_page_loads_itself_again(trained: TrainingResult, tmp_path: Path) -> None:
    page = TrainingPage(tmp_path / "p.html", "a <b>", ["not used: <i>"])
    for report in trained.stages[:2]:
        assert report.weakest.shape == report.hardest.shape == (6, 1, 24, 24)
        page.stage(report)
    text = page.path.read_text()
    assert 'http-equiv="refresh"' in text
    assert "2 of 4 stages" in text
    assert "a &lt;b&gt;" in text
    assert "not used: &lt;i&gt;" in text
    page.stage(trained.stages[0])  # a second training
    assert page.path.read_text().count("<h2>Stages, in gray</h2>") == 2
    page.done(["It is over."])
    text = page.path.read_text()
    assert 'http-equiv="refresh"' not in text
    assert "That is not known" in text


def test_the_verdict_counts_what_the_curve_counts(trained: TrainingResult) -> None:
    images = draw_images(300, 8)
    missed = AnnotatedImage("dark", np.full((120, 160), 9, np.uint8), (Box(0, 20, 40, 40), Box(70, 30, 20, 22)))
    partly = AnnotatedImage("partly", images[0].gray, (), negatives=False)  # what is found there is no false alarm
    images = [*images, missed, partly]
    verdict = look(trained.cascade, images)
    detector = Detector([trained.cascade])
    found = [detector.detect(image.gray)[0] for image in images]
    roc = evaluate(found, [as_array(i.boxes) for i in images], complete=[i.negatives for i in images])
    assert verdict.score == roc.score_at(0.1)
    assert sum(face.found for face in verdict.faces) == round(roc.recall_at(0.1) * roc.truths)
    assert len(verdict.alarms) <= 0.1 * 9
    assert len(found[-1].boxes) > 0
    assert {alarm.image for alarm in verdict.alarms} <= set(range(9))
    edge, small = verdict.faces[-2:]
    assert (edge.found, edge.at_edge, edge.smaller, edge.mean, edge.spread) == (False, True, False, 9, 0)
    assert (small.at_edge, small.smaller) == (False, True)


def test_statements_are_made_where_the_numbers_are() -> None:
    def face(found: bool, at_edge: bool = False, overlap: float = 0.0, mean: float = 100) -> Face:
        return Face(0, Box(0, 0, 40, 40), found, overlap, False, False, at_edge, mean, 50)

    misses = [face(False, at_edge=True)] * 3 + [face(False, mean=50)] * 5 + [face(False, overlap=0.3)] * 2
    found = [face(True, overlap=1.0)] * 18 + [face(True, at_edge=True)] * 2
    roc = evaluate([], [])
    where = [Alarm(2, Box(0, 0, 30, 30), 9, 0)] * 3 + [Alarm(1, Box(0, 0, 30, 30), 8, 0)]
    said = statements(Verdict(roc, 1, (*misses, *found), tuple(where), ("a", "b", "c.png")))
    assert [line.partition(".")[0] for line in said] == [
        "3 of 10 misses are at the edge of the picture; of the 20 faces that are found, 2",
        "5 of 10 misses are in dark pictures; of the 20 faces that are found, none",
        "3 of 4 false alarms are in c",
    ]
    as_often = [face(True, at_edge=True)] * 6 + [face(True)] * 14
    assert not any("edge" in line for line in statements(Verdict(roc, 1, (*misses, *as_often), (), ("a",))))
    assert statements(Verdict(roc, 1, tuple(found), (), ("a",))) == []
