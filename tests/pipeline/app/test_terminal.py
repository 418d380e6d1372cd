"""`toonset watch --live`: a line for each change, of a file, an address and a camera."""

import threading
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import paths
from pipeline.app.terminal import GONE_S, Changes, newest, watch_live
from pipeline.classifier.model import save_model
from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.faces.cascade_files import save_cascade
from pipeline.project.new import make_project
from tests.pipeline.app.seen import EMOTIONS, MIN_SCORE, classifier, disc, scene
from tests.support.servers import serving
from tests.support.worlds import write_video


def row(character: str, emotion: str, probability: float = 0.9, unsure: bool = False) -> dict[str, object]:
    return {"character": character, "emotion": emotion, "probability": probability, "unsure": unsure}


def said(frames: list[list[dict[str, object]]], step_s: float = 0.1) -> list[str]:
    changes = Changes({"cat": "The Cat"})
    return [line for i, rows in enumerate(frames) for line in changes.after(rows, i * step_s)]


def test_what_lasts_is_said_once_with_the_time_at_which_it_began():
    happy, sad = row("cat", "happy"), row("cat", "sad")
    assert said([[happy]] * 10 + [[sad]] * 5) == ["00:00.00 The Cat: 😊 happy 90 %", "00:01.00 The Cat: 😢 sad 90 %"]
    assert said([[happy]] * 5 + [[sad]] + [[happy]] * 5) == ["00:00.00 The Cat: 😊 happy 90 %"]
    assert said([[happy], [sad]] * 5) == []


def test_who_is_gone_is_said_and_may_come_back():
    happy, away = [row("cat", "happy")], int(GONE_S * 10)
    lines = said([happy] * 4 + [[]] * (away - 1) + [happy] * 4 + [[]] * 2 * away + [happy] * 3)
    assert [line[9:] for line in lines] == ["The Cat: 😊 happy 90 %", "The Cat: gone", "The Cat: 😊 happy 90 %"]


def test_an_answer_not_to_be_believed_is_unsure_and_of_two_faces_the_surer_one_counts():
    assert said([[row("cat", "happy", unsure=True)]] * 4) == ["00:00.00 The Cat: unsure"]
    two = [row("cat", "sad", 0.6), row("cat", "happy", 0.8), row("dog", "odd", 0.7)]
    assert said([two] * 4) == ["00:00.00 The Cat: 😊 happy 80 %", "00:00.00 dog: 🙂 odd 70 %"]


def test_of_frames_that_come_too_fast_the_newest_is_taken():
    picture = np.zeros((2, 2, 3), np.uint8)
    taken, all_there = threading.Event(), threading.Event()

    def shots():
        yield 0.0, picture
        taken.wait()
        for i in range(1, 10):
            yield float(i), picture
        all_there.set()

    coming = newest(shots())
    assert next(coming)[0] == 0.0
    taken.set()
    all_there.wait()
    assert [time_s for time_s, _ in coming] == [9.0]


def test_what_went_wrong_with_a_source_is_told_to_who_takes_its_frames():
    def shots():
        yield 0.0, np.zeros((2, 2, 3), np.uint8)
        raise InputError("the camera is gone")

    with pytest.raises(InputError, match="the camera is gone"):
        list(newest(shots()))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a cascade and a classifier, and a video: a disc for two seconds, then none."""
    folder = tmp_path_factory.mktemp("live") / "show"
    make_project(folder)
    settings = yaml.safe_load((folder / "params.yaml").read_text())
    settings |= {"characters": ["disc", "hero"], "emotions": list(EMOTIONS)}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, folder / paths.CASCADES)
    save_model(folder / paths.CLASSIFIER, classifier())
    pictures = [scene(i, ((40, 50),) if i < 48 else ()) for i in range(84)]
    write_video(folder / "pilot.mp4", pictures, container_options={"movflags": "faststart"})
    return folder


@pytest.mark.slow
def test_a_file_is_watched_in_the_terminal(project, monkeypatch):
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["watch", "--live", "pilot.mp4"])
    first, *lines, last = done.stdout.splitlines()
    assert first == "app: hero has no cascade yet: not searched for"
    assert lines[0].startswith("00:00.")
    assert all(" disc: " in line for line in lines)
    assert last == "00:01.96 disc: gone"


@pytest.mark.slow
def test_an_address_is_watched_as_it_comes(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    with serving() as site:
        watch_live(site.add("/pilot.mp4", (project / "pilot.mp4").read_bytes()), paths.CLASSIFIER)
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1].endswith(" disc: gone")
        with pytest.raises(InputError, match="expected the address of a video"):
            watch_live(site.add("/page.html", b"<p>no video</p>"), paths.CLASSIFIER)


def test_what_cannot_be_watched_is_one_line(project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(InputError, match="camera 987 gives no pictures"):
        watch_live("987", paths.CLASSIFIER)
    with pytest.raises(InputError, match="there is no file absent"):
        watch_live("absent.mp4", paths.CLASSIFIER)
    with pytest.raises(InputError, match="cannot be read"):
        watch_live(f"file://{project / 'pilot.mp4'}", paths.CLASSIFIER)  # a stream reads no file of this machine
    done = CliRunner().invoke(app, ["watch", "pilot.mp4", "--live", "0"])
    assert "give no other video or option" in str(done.exception)
