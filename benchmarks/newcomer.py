"""Somebody follows the README with a new show: `python -m benchmarks.newcomer PROJECT [CHARACTERS] [ROUNDS]
[EPISODES] [SEED]`.

Makes a project of the first EPISODES (3) of the drawn show with ten characters, with the settings of a new project; the
first CHARACTERS (3) of the ten are wanted. Then it does what the README says: `dvc repro scenes`, then `toonset label
round` again and again. No server runs, so a round writes its pages to files. An annotator who knows the truth answers
them as the pages want it, and `toonset label import` takes the answers. The annotator errs as in `benchmarks.effort`,
and times are from there: a drawn box 3 s, a sheet 6 s, each further key 1 s. A wrong box is clicked and deleted (two
keys). To look at a frame takes nothing. Before the first round and after each: the minutes of clicking so far, the
boxes and named faces to learn from, and how good the detectors are on test scenes.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from benchmarks.effort_person import KEY_S, Annotator, Box
from benchmarks.footage import Frame
from benchmarks.ten import TOONSET
from cascades import Box as FaceBox
from cascades.boxes import intersection_over_union as iou
from labeling.answers import MIXED, NOBODY
from labeling.config import LEFT_OUT, SHEET_KEYS
from pipeline import paths
from pipeline.params import load_params
from pipeline.sample import EXPRESSIONS, TEN_CHARACTERS, TEN_EPISODES, episode_truth
from pipeline.schemas import BOX_NAMES
from pipeline.tasks.known import learned_faces, read_known

KINDS: Final = ("boxes", "names", "noes")
RIGHT: Final = 0.5
"""IoU from which on a drawn box is left as it is."""
SAME: Final = 0.3
"""IoU from which on a found place is a face."""
Task = dict[str, Any]


def toonset(*words: str) -> str:
    """What the command prints; it knows of no server. Raises CalledProcessError if it fails."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO")}
    return subprocess.run([TOONSET, *words], check=True, env=alone, text=True, stdout=subprocess.PIPE).stdout


def make(project: Path, count: int, episodes: int) -> None:
    """A new project with the show, as far as its scenes; it becomes the current directory."""
    toonset("new", str(project))
    os.chdir(project)
    values = yaml.safe_load(paths.PARAMS.read_text())
    values["characters"], values["emotions"] = list(TEN_CHARACTERS[:count]), list(EXPRESSIONS)
    values["episodes"] = [{"id": f"sample-{name}", "source": f"sample:{name}"} for name in TEN_EPISODES[:episodes]]
    paths.PARAMS.write_text(yaml.safe_dump(values, sort_keys=False))
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q", "scenes"], check=True)


class Newcomer:
    """Answers pages from the truth. seconds: spent so far; keys, boxes and sheets: how many."""

    def __init__(self, characters: list[str], seed: int) -> None:
        self.person = Annotator(characters, seed)
        self.characters = characters
        self.boxes, self.pages = 0, 0
        self.truth: dict[tuple[str, int], pd.DataFrame] = {}
        for name in TEN_EPISODES:
            for number, own in episode_truth(name).faces.groupby("frame"):
                self.truth[f"sample-{name}", int(str(number))] = own
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def faces(self, place: Task) -> pd.DataFrame:
        """The wanted faces of a frame."""
        own = self.truth.get((place["episode_id"], place["frame"]))
        none = pd.DataFrame(columns=["character", *BOX_NAMES, "annotatable"])
        return none if own is None else own[own["character"].isin(self.characters)]

    def answer(self, kind: str, task: Task) -> Task:
        """The task as Label Studio exports it when it is answered."""
        before = self.person.seconds
        result = self.boxed(task) if kind == "boxes" else self.named(task["data"])
        self._now += timedelta(seconds=self.person.seconds - before + 0.001)
        self.pages += 1
        act = {"updated_at": self._now.isoformat(), "lead_time": self.person.seconds - before, "completed_by": 1}
        return {"id": self.pages, "data": task["data"], "annotations": [act | {"result": result}]}

    def boxed(self, task: Task) -> list[Task]:
        """Deletes wrong boxes, draws missing ones, says whether a face was left out, and submits."""
        data, faces = task["data"], self.faces(task["data"])
        left = [(str(row["character"]), as_box(row)) for row in faces[faces["annotatable"]].to_dict("records")]
        result = []
        for drawn in task.get("predictions", [{"result": []}])[0]["result"]:
            name, place = drawn["value"]["rectanglelabels"][0], from_shares(drawn["value"], data)
            right = [one for one in left if one[0] == name and overlap(one[1], place) >= RIGHT]
            if right:
                left.remove(right[0])
                result.append(drawn)
            else:
                self.person.seconds += 2 * KEY_S
        nothing = np.zeros((2, 2), np.uint8)
        missing = tuple((name, FaceBox(*box)) for name, box in left)
        for name, box in self.person.draw(Frame(data["frame"], nothing, nothing, False, True, missing)):
            self.boxes += 1
            if name != NOBODY:
                result.append(rectangle(name, box, data))
        if len(faces) > int(faces["annotatable"].sum()):
            self.person.seconds += KEY_S
            result.append(choices("left_out", "frame", [LEFT_OUT]))
        return result

    def named(self, data: Task) -> list[Task]:
        """Says who it is, and marks the faces that are somebody else."""
        said = self.person.sheet([self.who(place) for place in data["faces"]])
        names = [name for name in said if name is not None]
        marked = [key for key, name in zip(SHEET_KEYS, said, strict=False) if name is None]
        result = [choices("who", "sheet", [names[0] if names else MIXED])]
        return [*result, choices("wrong", "sheet", marked)] if names and marked else result

    def who(self, place: Task) -> str:
        found = tuple(place[name] for name in BOX_NAMES)
        near = [(overlap(as_box(row), found), str(row["character"])) for row in self.faces(place).to_dict("records")]
        best = max(near, default=(0.0, NOBODY))
        return best[1] if best[0] >= SAME else NOBODY


def as_box(row: dict[Any, Any]) -> Box:
    return int(row["x"]), int(row["y"]), int(row["w"]), int(row["h"])


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return float(iou(np.array([one]), np.array([other]))[0, 0])


def from_shares(value: Task, data: Task) -> Box:
    sides = [value["x"] * data["width"], value["y"] * data["height"], value["width"] * data["width"]]
    x, y, w, h = (round(side / 100) for side in (*sides, value["height"] * data["height"]))
    return x, y, w, h


def rectangle(name: str, box: Box, data: Task) -> Task:
    sides = [100 * side / data[whole] for side, whole in zip(box, ("width", "height") * 2, strict=True)]
    value = dict(zip(("x", "y", "width", "height"), sides, strict=True))
    size = {"original_width": data["width"], "original_height": data["height"], "image_rotation": 0}
    value |= {"rotation": 0, "rectanglelabels": [name]}
    return {"from_name": "box", "to_name": "frame", "type": "rectanglelabels", **size, "value": value}


def choices(name: str, to: str, chosen: list[str]) -> Task:
    return {"from_name": name, "to_name": to, "type": "choices", "value": {"choices": chosen}}


def next_round() -> str:
    """Run a round; what it said."""
    for kind in KINDS:
        (paths.TASKS / f"{kind}.json").unlink(missing_ok=True)
    return toonset("label", "round")


def answer_all(person: Newcomer) -> None:
    """Answer the pages of the last round and take the answers in."""
    for kind in KINDS:
        file = paths.TASKS / f"{kind}.json"
        tasks = json.loads(file.read_text()) if file.exists() else []
        if tasks:
            export = paths.TASKS / f"{kind}-answered.json"
            export.write_text(json.dumps([person.answer(kind, task) for task in tasks]))
            toonset("label", "import", str(export))
            export.unlink()


def figures() -> str:
    """Faces to learn from, and what the detectors reach on test scenes."""
    params = load_params()
    cells = [f"{drawn} + {named}" for drawn, named in learned_faces(read_known(params), params).values()]
    for what in ("average_precision", "recall_at_0.1"):
        found = []
        for name in params.characters:
            report = paths.CASCADE_REPORTS / f"{name}.json"
            value = json.loads(report.read_text())[what] if report.exists() else None
            found.append("–" if value is None else f"{value:.2f}")
        cells.append(", ".join(found))
    return " | ".join([", ".join(cells[:-2]), *cells[-2:]])


def main(project: str, count: str = "3", rounds: str = "3", episodes: str = "3", seed: str = "0") -> None:
    make(Path(project), int(count), int(episodes))
    person = Newcomer(list(TEN_CHARACTERS[: int(count)]), int(seed))
    print("| rounds answered | minutes | pages | boxes drawn | drawn + named in train scenes | AP | recall at 0.1 |")
    print(f"|{'---|' * 7}", flush=True)
    for number in range(int(rounds) + 1):
        said = next_round()
        minutes = person.person.seconds / 60
        print(f"| {number} | {minutes:.1f} | {person.pages} | {person.boxes} | {figures()} |", flush=True)
        print(said.strip().splitlines()[-1], file=sys.stderr, flush=True)
        if number < int(rounds):
            answer_all(person)


if __name__ == "__main__":
    main(*sys.argv[1:])
