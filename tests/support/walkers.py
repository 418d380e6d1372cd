"""A show of two who walk through eight shots, as a project on disk: what they are and where is known."""

import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pipeline import paths
from pipeline.params import Params
from pipeline.schemas import EPISODES, OK, SCENES, Split
from pipeline.tables import to_table, write_table
from tests.support.worlds import Picture, params, write_video

COLORS = {"cat": (235, 140, 40), "mouse": (80, 110, 215)}
RATE, LENGTH, SHOTS, SIZE = 12, 36, 8, (240, 160)
BOXED = (4, 5)
"""Shots in which faces are boxed."""
NOT_TRAIN: dict[int, Split] = {SHOTS - 1: "test"}


@dataclass(frozen=True)
class Face:
    character: str
    box: tuple[int, int, int, int]


def draw() -> tuple[list[Picture], dict[int, list[Face]]]:
    """Shots in which both walk before a patchy background, and who is where in each frame."""
    pictures, faces = [], {}
    for shot in range(SHOTS):
        dice = np.random.default_rng(shot)
        patches = dice.integers(40, 210, (5, 8, 1), dtype=np.uint8).repeat(3, axis=2)
        background = cv2.resize(patches, SIZE, interpolation=cv2.INTER_LINEAR_EXACT)
        side, top = int(dice.integers(40, 52)), int(dice.integers(10, 90))
        for step in range(LENGTH):
            picture = background.copy()
            own = []
            for number, (name, color) in enumerate(COLORS.items()):
                x, y = 20 + 110 * number + step, top
                middle = (x + side // 2, y + side // 2)
                cv2.circle(picture, middle, side // 2, color, -1)
                for eye in (-1, 1):
                    at = (middle[0] + eye * side // 5, middle[1] - side // 8)
                    cv2.circle(picture, at, side // 9, (20, 20, 20), -1)
                mouth = (x + side // 3, y + 2 * side // 3), (x + 2 * side // 3, y + 3 * side // 4)
                cv2.rectangle(picture, *mouth, (60, 20, 20), -1)
                own.append(Face(name, (x, y, side, side)))
            faces[len(pictures)] = own
            pictures.append(np.asarray(picture, np.uint8))
    return pictures, faces


def write_project(splits: dict[int, Split] = NOT_TRAIN, every: int = 6) -> tuple[Params, dict[int, list[Face]]]:
    """The show in the current directory, with boxes in two of its shots and nothing named; and who is where.

    splits: of the shots that are not for training. every: frames from one boxed frame of a shot to the next.
    """
    pictures, faces = draw()
    paths.VIDEOS.mkdir(parents=True)
    write_video(paths.VIDEOS / "e.mp4", pictures, options={"crf": "12"})
    known = {"episode_id": "e", "path": "e.mp4", "sha256": "0" * 64, "status": OK, "reason": "", "seekable": False}
    known |= {"frames": len(pictures), "rate_num": RATE, "rate_den": 1, "width": SIZE[0], "height": SIZE[1]}
    write_table(paths.EPISODES, to_table([dict.fromkeys(EPISODES.names) | known], EPISODES))
    scenes = [
        dict.fromkeys(SCENES.names)
        | {"episode_id": "e", "scene": shot, "start_frame": shot * LENGTH, "stop_frame": (shot + 1) * LENGTH}
        | {"frames": LENGTH, "split": splits.get(shot, "train"), "status": OK, "reason": ""}
        for shot in range(SHOTS)
    ]
    write_table(paths.SCENES, to_table(scenes, SCENES))
    paths.ANNOTATIONS.mkdir()
    lines = [
        f"e,{frame},{face.character},{','.join(map(str, face.box))}"
        for shot in BOXED
        for frame in range(shot * LENGTH, (shot + 1) * LENGTH, every)
        for face in faces[frame]
    ]
    paths.BOXES.write_text("\n".join(["episode_id,frame,character,x,y,w,h", *lines, ""]))
    settings = {"window": 16, "stages": 3, "positives": 60, "negatives": 100, "planes": "color"}
    episode = {"id": "e", "source": "e.mp4"}
    return params(episode, characters=list(COLORS), cascade=settings, faces={"min_size": 20}), faces


def answer(task: dict[str, Any], who: str, wrong: str, when: str) -> list[dict[str, Any]]:
    """An export of one sheet with its answer."""
    result = [
        {"from_name": name, "to_name": "sheet", "type": "choices", "value": {"choices": choices}}
        for name, choices in (("who", [who]), ("wrong", list(wrong)))
        if choices
    ]
    annotation = {"result": result, "updated_at": when, "lead_time": 4.0, "completed_by": 3}
    return json.loads(json.dumps([{"id": 1, "data": task["data"], "annotations": [annotation]}]))  # type: ignore[no-any-return]
