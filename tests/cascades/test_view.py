"""`cascades view`: which windows are left after each stage, and the picture that shows it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cascades import Detector
from cascades.cli import app
from cascades.planes import chroma_of
from cascades.view import survivors
from tests.cascades.random_cascades import random_picture
from tests.cascades.recorded import CASCADES

RGB = random_picture(np.random.default_rng(5), (150, 90), 3)
GRAY = np.ascontiguousarray(RGB[..., 1])


@pytest.mark.parametrize("name", CASCADES)
def test_windows_fall_out_stage_by_stage(name: str) -> None:
    cascade = CASCADES[name]()
    found = survivors(cascade, GRAY, chroma_of(RGB))
    places = [set(map(tuple, windows.boxes.tolist())) for windows in found.after]
    assert len(places) == len(cascade.stages)
    assert all(later <= earlier for earlier, later in pairwise(places))
    assert found.looked_at > found.counts[0] > found.counts[-1] > 0
    whole = Detector([cascade]).windows(GRAY)[0]
    assert np.array_equal(found.after[-1].boxes, whole.boxes)


@pytest.mark.parametrize("name", ["tilted trees", "lbp stumps"])
def test_the_picture_shows_windows_bars_and_features(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    CASCADES[name]().save("a.xml")
    Image.fromarray(RGB).save("faces.png")
    done = CliRunner().invoke(app, ["view", "a.xml", "faces.png"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "faces-view.png"
    assert "stage 4: 5 trees, " in done.stdout
    page = np.asarray(Image.open("faces-view.png"))
    assert page.shape[1] == 960
    colors = {tuple(pixel) for pixel in page.reshape(-1, 3)[::7].tolist()}
    assert {(0, 176, 80), (76, 120, 168), (255, 255, 255)} <= colors  # windows that passed, bars, paper


def test_what_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    CASCADES["haar stumps"]().save("a.xml")
    Image.fromarray(RGB).save("faces.png")
    Image.fromarray(RGB[:5, :5]).save("tiny.png")
    before = Path("faces.png").read_bytes()
    for words, message in (
        (["faces.png", "--out", "faces.png"], "is the picture itself"),
        (["tiny.png"], "smaller than the window, 22×18 px"),
        (["a.xml"], "no picture that can be decoded"),
        (["faces.png", "--out", "no/such.png"], "there is no folder no"),
    ):
        done = CliRunner().invoke(app, ["view", "a.xml", *words])
        assert done.exit_code == 1
        assert message in done.stderr
    assert Path("faces.png").read_bytes() == before
