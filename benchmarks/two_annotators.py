"""Two people answer a round on the show with ten characters, in browsers: `python -m benchmarks.two_annotators PROJECT
[FRAMES]`.

Makes PROJECT as `benchmarks.ten make` does, keeps every third of its boxed frames, and starts a real Label Studio.
`toonset label round --frames FRAMES` (12) sends pages. Two people, who know the truth, open each kind of page in a
browser, one from each end, and answer until none is left. One of them first calls a group by a wrong name, and takes it
back at the end. Then the next round is run. Prints what both rounds said, and holds what has come home to the truth.
"""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx
import pandas as pd
import yaml

from benchmarks.newcomer import RIGHT, Newcomer, as_box, from_shares, overlap
from benchmarks.studio import PATIENCE_MS, Person, Studio, browser
from benchmarks.ten import TOONSET
from benchmarks.ten import make as make_ten
from labeling.answers import MIXED, NOBODY, UNNAMED
from labeling.config import HOTKEYS, NAME_KEYS, SHEET_KEYS
from pipeline import paths
from pipeline.sample import TEN_CHARACTERS

BOX_KEYS: Final = HOTKEYS.replace("0", "")
NAMED_BY: Final = dict(zip(TEN_CHARACTERS, NAME_KEYS, strict=True)) | {NOBODY: "n", MIXED: "m"}
KEPT: Final = 3
"""Every so many-th boxed frame is kept."""
PEOPLE: Final = ("anna@example.org", "ben@example.org")


def make(project: Path) -> None:
    """The project, with a part of its boxes and without labels; it becomes the current directory."""
    make_ten(project)
    values = yaml.safe_load(paths.PARAMS.read_text())
    values["labelling"]["media"] = "inline"
    paths.PARAMS.write_text(yaml.safe_dump(values, sort_keys=False))
    frames = pd.read_csv(paths.ANNOTATIONS / "frames.csv")
    kept = frames.iloc[::KEPT]
    kept.to_csv(paths.ANNOTATIONS / "frames.csv", index=False, lineterminator="\n")
    boxes = pd.read_csv(paths.ANNOTATIONS / "boxes.csv")
    boxes = boxes.merge(kept[["episode_id", "frame"]], on=["episode_id", "frame"])
    boxes.to_csv(paths.ANNOTATIONS / "boxes.csv", index=False, lineterminator="\n")
    labels = paths.ANNOTATIONS / "emotions.csv"
    labels.write_text(labels.read_text().splitlines(keepends=True)[0])


def label_round(frames: int) -> str:
    """Run a round; what it said."""
    words = [TOONSET, "label", "round", "--frames", str(frames)]
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout


class Answering:
    """One of the two at a browser; answers pages from the truth."""

    def __init__(self, person: Person, truth: Newcomer, studio: Studio) -> None:
        self.person, self.truth, self.studio = person, truth, studio
        self.drawn = self.deleted = 0

    def task(self, shown: str) -> dict[str, Any]:
        """The task with this number on the page, with its predictions."""
        number = shown.split()[0].lstrip("#")
        answer = httpx.get(
            f"{self.studio.account.url}/api/tasks/{number}/",
            headers={"Authorization": f"Token {self.studio.account.token}"},
            timeout=PATIENCE_MS / 1000,
        )
        return dict(answer.raise_for_status().json())

    def boxes(self, task: dict[str, Any]) -> None:
        """Delete the boxes that are wrong, draw those that are missing."""
        data, faces = task["data"], self.truth.faces(task["data"])
        left = [(str(row["character"]), as_box(row)) for row in faces[faces["annotatable"]].to_dict("records")]
        for drawn in (task["predictions"] or [{"result": []}])[0]["result"]:
            name, place = drawn["value"]["rectanglelabels"][0], from_shares(drawn["value"], data)
            right = [one for one in left if one[0] == name and overlap(one[1], place) >= RIGHT]
            if right:
                left.remove(right[0])
            else:
                self._delete(place, data)
        for name, (x, y, w, h) in left:
            self.person.press("Escape")
            self.person.press(BOX_KEYS[TEN_CHARACTERS.index(name)])
            self.person.draw((x / data["width"], y / data["height"], w / data["width"], h / data["height"]))
            self.drawn += 1
        self.person.press("Escape")
        if len(faces) > int(faces["annotatable"].sum()):
            self.person.press("0")

    def _delete(self, place: tuple[int, int, int, int], data: dict[str, Any]) -> None:
        """Click the middle of a box that is drawn already, and delete it."""
        picture = self.person.page.locator("img[alt=image]").first.bounding_box()
        assert picture is not None
        x, y, w, h = place
        self.person.page.mouse.click(
            picture["x"] + (x + w / 2) / data["width"] * picture["width"],
            picture["y"] + (y + h / 2) / data["height"] * picture["height"],
        )
        self.person.press("Backspace")
        self.deleted += 1

    def sheet(self, task: dict[str, Any], wrongly: bool = False) -> str:
        """Name most of a sheet's faces, or all wrongly, and mark those that are somebody else; who most of them are."""
        who = [self.truth.who(place) for place in task["data"]["faces"]]
        most = max(dict.fromkeys(who), key=who.count)
        said = next(name for name in TEN_CHARACTERS if name not in who) if wrongly else most
        self.person.press(NAMED_BY[said])
        if not wrongly:
            for key, name in zip(SHEET_KEYS, who, strict=False):
                if name != most:
                    self.person.press(key)
        return most


def answer_all(studio: Studio, both: list[Answering]) -> dict[str, dict[int, dict[str, Any]]]:
    """Both answer each kind of page from both ends; what was asked, by kind and task."""
    asked: dict[str, dict[int, dict[str, Any]]] = {}
    wrong: tuple[int, int] | None = None
    for kind in ("boxes", "names", "noes"):
        found = studio.server().projects(f"{Path.cwd().name}: {kind}")
        asked[kind] = {task.id: task.data for task in studio.server().tasks(found[0])} if found else {}
        if not asked[kind]:
            continue
        number = found[0].id
        both[0].person.open_stream(number)
        if len(asked[kind]) > 1:
            both[1].person.open_stream(number, studio.from_the_end(number))
        waiting, turn = set(asked[kind]), 0
        shown = [one.person.wait_for_task() for one in both]
        while waiting:
            one = both[turn % 2] if len(waiting) > 1 else both[0]
            task = one.task(shown[both.index(one)])
            if task["id"] in waiting:
                waiting.remove(task["id"])
                if kind == "boxes":
                    one.boxes(task)
                else:
                    wrongly = kind == "names" and wrong is None
                    one.sheet(task, wrongly)
                    wrong = (number, task["id"]) if wrongly else wrong
                one.person.keep_picture(f"ten-{kind}-{task['id']}")
            shown[both.index(one)] = one.person.submit()
            turn += 1
    if wrong:
        take_back(both[0], *wrong)
    return asked


def take_back(one: Answering, project: int, number: int) -> None:
    """Open a group that was named wrongly, and name it rightly."""
    one.person.open_task(project, number)
    who = [one.truth.who(place) for place in one.task(f"{number}")["data"]["faces"]]
    most = max(dict.fromkeys(who), key=who.count)
    one.person.choose("none of these, or no face" if most == NOBODY else most)
    one.person.save()


def read(name: str) -> list[dict[str, str]]:
    with (paths.ANNOTATIONS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def held_to_truth(asked: dict[str, dict[int, dict[str, Any]]], truth: Newcomer) -> str:
    """How many pages and boxes have come home, and how many of them agree with the truth."""
    places = {(data["episode_id"], data["frame"]) for data in asked["boxes"].values()}
    frames = [(row["episode_id"], int(row["frame"])) for row in read("frames") if row["annotator"] in PEOPLE]
    boxes = [row for row in read("boxes") if row["annotator"] in PEOPLE and row["character"]]
    right = sum(
        any(
            face["character"] == row["character"] and overlap(as_box(face), as_box(row)) >= RIGHT
            for face in truth.faces({"episode_id": row["episode_id"], "frame": int(row["frame"])}).to_dict("records")
        )
        for row in boxes
    )
    faces = sum(int(truth.faces({"episode_id": e, "frame": f})["annotatable"].sum()) for e, f in places)
    last = {
        tuple(row[one] for one in ("episode_id", "frame", *"xywh")): row for row in read("names")
        if row["annotator"] in PEOPLE
    }  # fmt: skip
    said = [row for row in last.values() if row["character"] != UNNAMED]
    agree = sum(
        row["character"] == truth.who({"episode_id": row["episode_id"], "frame": int(row["frame"])} | as_place(row))
        for row in said
    )
    on_sheets = sum(len(data["faces"]) for kind in ("names", "noes") for data in asked[kind].values())
    return (
        f"{len(places)} frames asked, {len(frames)} home, {len(set(frames))} different; {len(boxes)} boxes for {faces} "
        f"faces, {right} right\n{on_sheets} faces on {len(asked['names'])} sheets of names and {len(asked['noes'])} of "
        f"noes, {len(last)} home: {len(said)} with a name, {agree} of these right, the others marked as somebody else"
    )


def as_place(row: dict[str, str]) -> dict[str, int]:
    return {name: int(row[name]) for name in "xywh"}


def main(project: str, frames: str = "12") -> None:
    make(Path(project))
    studio, truth = Studio(Path.cwd()), Newcomer(list(TEN_CHARACTERS), 0)
    studio.start()
    try:
        os.environ |= {"LABEL_STUDIO_URL": studio.account.url, "LABEL_STUDIO_API_KEY": studio.account.token}
        print(label_round(int(frames)), flush=True)
        with browser() as chromium:
            both = []
            for email in PEOPLE:
                page = chromium.new_context(viewport={"width": 1366, "height": 850}).new_page()
                both.append(Answering(Person(page, studio.account.url), truth, studio))
                both[-1].person.sign_up(studio.server().invitation(), email)
            started = time.monotonic()
            asked = answer_all(studio, both)
            print(
                f"answered in {time.monotonic() - started:.0f} s with {sum(one.person.presses for one in both)} keys, "
                f"{sum(one.drawn for one in both)} boxes drawn and {sum(one.deleted for one in both)} deleted",
                flush=True,
            )
        print(label_round(int(frames)), flush=True)
        print(held_to_truth(asked, truth), flush=True)
    finally:
        studio.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
