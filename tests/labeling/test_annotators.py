"""What annotators do, done: two people in real browsers at a real Label Studio, from first box to trusted label."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.studio import Person, Studio, browser
from tests.support import ROOT, drawn_show

NAME = 'a <show> of "heroes" 🙃'
NAMES = {"hero": "孫悟空", "glad": 'so "glad" & <嬉しい>'}
"""What Label Studio shows; its answers come home with the ids."""
pytestmark = [pytest.mark.slow, pytest.mark.browser]


def toonset(project: Path, *arguments: str) -> str:
    return run(project, [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments])


def dvc(project: Path, *arguments: str) -> str:
    return run(project, [sys.executable, "-m", "dvc", *arguments])


def run(project: Path, command: list[str]) -> str:
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_show(tmp_path_factory.mktemp("annotators") / "show", project=NAME)


def new_show(folder: Path, **labelling: str) -> Path:
    """A project of the drawn show, some of whose frames are boxed."""
    toonset(ROOT, "new", str(folder))
    video = folder.parent / "pilot.mp4"
    drawn_show.write(video)
    drawn_show.set_params(
        folder / "params.yaml",
        episodes=[{"id": "pilot", "source": str(video)}],
        names=NAMES,
        labelling={"shared": 1.0, "box_frames": 5, **labelling},
    )
    with (folder / "annotations/boxes.csv").open("a") as file:
        for face in drawn_show.faces():
            if face.frame < 7 * drawn_show.FRAMES and face.frame % drawn_show.FRAMES in (3, 9, 15, 21):
                file.write(f"pilot,{face.frame},hero,{face.x},{face.y},{face.w},{face.h},anna,,\n")
    return folder


@pytest.fixture(scope="module")
def studio(project: Path) -> Iterator[Studio]:
    started = Studio(project)
    started.start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def people(studio: Studio) -> Iterator[list[Person]]:
    with browser() as chromium:
        invitation = studio.server().invitation()
        both = []
        for email in ("anna@example.org", "ben@example.org"):
            person = Person(
                chromium.new_context(viewport={"width": 1366, "height": 850}).new_page(), studio.account.url
            )
            person.sign_up(invitation, email)
            both.append(person)
        yield both


def rows(project: Path, name: str) -> list[dict[str, str]]:
    with (project / "annotations" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def metrics(project: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((project / "reports" / name).read_text()))


def test_two_people_box_label_agree_and_the_numbers_follow(project: Path, studio: Studio, people: list[Person]) -> None:
    dvc(project, "repro", "cascade")
    before = (project / "models/cascades/hero.xml").read_bytes()
    boxed_before = len(rows(project, "boxes.csv"))
    box_five_frames(project, studio, people[0])
    assert len(rows(project, "boxes.csv")) == boxed_before + 5
    assert [row["complete"] for row in rows(project, "frames.csv")] == ["1"] * 5
    dvc(project, "repro", "tasks")  # the cascade is trained again, and the tasks are pushed
    assert (project / "models/cascades/hero.xml").read_bytes() != before
    label_twenty_faces(project, studio, people)
    throw_out_one_of_a_sheet(project, studio, people[1])
    assert [person.elsewhere for person in people] == [[], []]
    dvc(project, "repro")
    labels = metrics(project, "labels/agreement.json")
    # and the face that ben threw out of a sheet
    assert (labels["items"], labels["items_with_several"], labels["annotators"]) == (21, 20, 2)
    assert 0.5 < labels["alpha"]["value"] < 1.0  # ben took two faces for the other mood
    assert labels["kappa"]["anna@example.org & ben@example.org"]["items"] == 20


def test_two_people_answer_a_round_and_one_that_was_killed_goes_on(
    studio: Studio, people: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = new_show(tmp_path / "show", project="rounds", media="inline")
    monkeypatch.setenv("LABEL_STUDIO_URL", studio.account.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", studio.account.token)
    arguments = ["label", "round", "--frames", "4"]
    said = toonset(show, *arguments)
    print(said)
    assert "round 1: on the validation scenes" in said
    (found,) = studio.server().projects("rounds: boxes")
    assert len(list(studio.server().tasks(found))) == 4
    (first,) = rows(show, "rounds.csv")
    assert (first["round"], first["character"]) == ("1", "hero")

    anna, ben = people
    box_four_and_disagree(studio, anna, ben)
    named = name_wrongly(studio, anna)
    say_no(show, studio, anna, named)
    take_back(studio, anna, named)
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments]
    with subprocess.Popen(
        command, cwd=show, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as killed:  # fmt: skip
        assert killed.stdout is not None
        assert any("dvc repro faces" in line for line in killed.stdout)
        os.killpg(killed.pid, signal.SIGKILL)
    assert len(rows(show, "rounds.csv")) == 1
    said = toonset(show, *arguments)
    print(said)
    assert "round 2: on the validation scenes" in said
    _, second = rows(show, "rounds.csv")
    assert int(second["found_before"]) >= int(first["found"])  # the same detector, on these frames and more
    gained = "as before" if second["found_before"] == second["found"] else f"{second['found_before']} before"
    assert f"finds {second['found']} of {second['faces']} faces, {gained}" in said
    assert all_is_there(show, named) == (int(second["answers"]), int(second["faces"]))
    before = [(show / "annotations" / f"{name}.csv").read_bytes() for name in ("boxes", "frames", "names")]
    assert "nothing has changed since round 2" in toonset(show, *arguments)
    assert [(show / "annotations" / f"{name}.csv").read_bytes() for name in ("boxes", "frames", "names")] == before
    assert len(rows(show, "rounds.csv")) == 2


def box_four_and_disagree(studio: Studio, anna: Person, ben: Person) -> None:
    """Both open the first frame: anna finds its boxes right, ben a face left out. They share the others, from both
    ends."""
    (found,) = studio.server().projects("rounds: boxes")
    tasks = list(studio.server().tasks(found))
    for person in (anna, ben):
        person.open_task(found.id, tasks[0].id)
    anna.save()
    ben.press("0")
    ben.keep_picture("disagree")
    ben.save()
    numbers = [f"{task.id}" for task in tasks]
    anna.open_stream(found.id)
    ben.open_stream(found.id, studio.from_the_end(found.id))
    assert [person.wait_for_task().split()[0] for person in (anna, ben)] == [numbers[1], numbers[3]]
    assert [person.submit().split()[0] for person in (anna, ben)] == [numbers[2]] * 2  # they meet: nothing is locked
    assert anna.submit() == ""


def name_wrongly(studio: Studio, anna: Person) -> list[dict[str, Any]]:
    """Anna says of a group of the hero's faces that they are nobody's; the faces."""
    (found,) = studio.server().projects("rounds: names")
    anna.open_stream(found.id)
    number = int(anna.wait_for_task().split()[0].lstrip("#"))
    anna.press("n")
    anna.submit()
    faces: list[dict[str, Any]] = next(task.data["faces"] for task in studio.server().tasks(found) if task.id == number)
    return faces


def take_back(studio: Studio, anna: Person, named: list[dict[str, Any]]) -> None:
    """Anna opens the group again, says that it is the hero, and updates her answer."""
    (found,) = studio.server().projects("rounds: names")
    anna.open_task(found.id, next(task.id for task in studio.server().tasks(found) if task.data["faces"] == named))
    anna.choose(NAMES["hero"])
    anna.keep_picture("taken-back")
    anna.save()


def all_is_there(show: Path, named: list[dict[str, Any]]) -> tuple[int, int]:
    """Hold the files to what the two said; how many pages of train scenes that is, and validation faces."""
    both = [row for row in rows(show, "frames.csv") if row["annotator"].endswith("@example.org")]
    assert len({row["frame"] for row in both}) == 4
    assert {row["annotator"] for row in both} == {"anna@example.org", "ben@example.org"}
    assert len(both) == len({(row["frame"], row["annotator"]) for row in both}) == 5
    (disputed,) = [own for frame in {row["frame"] for row in both}
                   if len(own := [row["complete"] for row in both if row["frame"] == frame]) == 2]  # fmt: skip
    assert disputed == ["1", "0"]
    places = [tuple(str(face[name]) for name in ("frame", *"xywh")) for face in named]
    said = {place: [row["character"] for row in rows(show, "names.csv")
                    if tuple(row[name] for name in ("frame", *"xywh")) == place] for place in places}  # fmt: skip
    assert list(said.values()) == [["nobody", "hero"]] * len(named)
    splits = {
        row["start_frame"] // drawn_show.FRAMES: row["split"]
        for row in pq.read_table(show / "data/scenes.parquet").to_pylist()
    }
    boxes = [row for row in rows(show, "boxes.csv") if row["character"] == "hero"]
    at = {name: {int(row["frame"]) for row in table} for name, table in (("boxes", boxes), ("frames", both))}
    train = [frame for frame in at["boxes"] | at["frames"] if splits[frame // drawn_show.FRAMES] == "train"]
    faces = [frame for frame in at["boxes"] if splits[frame // drawn_show.FRAMES] == "validation"]
    return len(train) + 2, len(faces)  # two sheets, one of them answered twice; one face in each frame


def say_no(show: Path, studio: Studio, anna: Person, named: list[dict[str, Any]]) -> None:
    """Anna says of a sheet of finds that were put aside that there is no face on it, but for the first."""
    (found,) = studio.server().projects("rounds: noes")
    faces = next(studio.server().tasks(found)).data["faces"]
    anna.open_stream(found.id)
    anna.press("n")
    anna.press("1")
    anna.keep_picture("noes")
    anna.submit()
    assert f"{len(named) + len(faces)} new" in toonset(show, "label", "pull")
    said = [row["character"] for row in rows(show, "names.csv")]
    assert said == [*["nobody"] * len(named), "unnamed", *["nobody"] * (len(faces) - 1)]


def box_five_frames(project: Path, studio: Studio, anna: Person) -> None:
    """Anna boxes what the cascade has drawn wrongly or not at all, and leaves what is right."""
    said = toonset(project, "label", "push", "boxes")
    assert "5 added" in said
    (found,) = studio.server().projects(f"{NAME}: boxes")
    truth = {face.frame: face for face in drawn_show.faces()}
    tasks = {task.id: task.data for task in studio.server().tasks(found)}
    anna.open_stream(found.id)
    assert NAMES["hero"] in anna.page.inner_text("body")
    for number in range(5):
        task = tasks[int(anna.page.url.split("task=")[-1].split("&")[0])] if "task=" in anna.page.url else None
        shown = anna.wait_for_task().split()[0].lstrip("#")
        data = task or tasks[int(shown)]
        face = truth[data["frame"]]
        if anna.page.locator(".lsf-outliner-item").count() == 0:
            anna.press("1")
            width, height = drawn_show.SIZE
            anna.draw((face.x / width, face.y / height, face.w / width, face.h / height))
        if number == 0:
            anna.keep_picture("boxes")
        anna.submit()
    assert "5 new frames" in toonset(project, "label", "pull")
    near = [
        (abs(int(row["x"]) - truth[int(row["frame"])].x), abs(int(row["w"]) - truth[int(row["frame"])].w))
        for row in rows(project, "boxes.csv")
        if row["annotator"] == "anna@example.org"
    ]
    assert {row["character"] for row in rows(project, "boxes.csv")} == {"hero"}
    assert len(near) == 5
    assert max(map(max, near)) <= 16


def throw_out_one_of_a_sheet(project: Path, studio: Studio, ben: Person) -> None:
    """Ben holds the second face of the first sheet to be somebody else."""
    toonset(project, "label", "push", "sheets")
    (found,) = studio.server().projects(f"{NAME}: sheets")
    faces = next(studio.server().tasks(found)).data["faces"]
    before = len(rows(project, "emotions.csv"))
    ben.open_stream(found.id)
    ben.press("2")
    ben.keep_picture("sheet")
    ben.submit()
    toonset(project, "label", "pull")
    given = rows(project, "emotions.csv")[before:]
    assert {(row["given_by"], row["suggested"], row["annotator"]) for row in given} == {
        ("sheet", "hero", "ben@example.org")
    }
    assert {int(row["frame"]) for row in given if row["emotion"] == "wrong-character"} == {faces[1]["frame"]}
    assert len(given) == len(faces) > 1


def label_twenty_faces(project: Path, studio: Studio, people: list[Person]) -> None:
    """Both label the same twenty faces, each with one key and the one that submits."""
    (found,) = studio.server().projects(f"{NAME}: emotions")
    tasks = {task.id: task.data for task in studio.server().tasks(found)}
    moods = {face.frame: face.mood for face in drawn_show.faces()}
    for person, name in zip(people, ("anna", "ben"), strict=True):
        person.open_stream(found.id)
        person.presses = 0
        person.waits.clear()
        for number in range(20):
            data = tasks[int(person.wait_for_task().split()[0].lstrip("#"))]
            mood = moods[data["frame"]]
            if name == "ben" and number in (4, 9):
                mood = {"glad": "sad", "sad": "glad"}[mood]
            person.press({"glad": "1", "sad": "2"}[mood])
            if number == 0:
                shown = person.page.inner_text("body")
                assert NAMES["hero"] in shown
                assert NAMES["glad"] in shown
            if number == 1:
                person.keep_picture(f"emotions-{name}")
            person.submit()
        assert person.presses == 40
        print(f"{name}: submit to next face, median {sorted(person.waits)[10]:.2f} s")
    assert "40 answers, 40 new" in toonset(project, "label", "pull")
    assert "40 answers, 0 new" in toonset(project, "label", "pull")
    given = rows(project, "emotions.csv")
    assert {(row["character"], row["emotion"]) for row in given} == {("hero", "glad"), ("hero", "sad")}
    assert {row["annotator"] for row in given} == {"anna@example.org", "ben@example.org"}
    assert all(row["given_by"] == "task" and float(row["lead_time_s"]) >= 0 for row in given)
