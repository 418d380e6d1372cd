"""The show with ten characters: all of them, crowds, two alike, one rare, and the same pictures every time."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pandas as pd

from pipeline.sample import EXPRESSIONS, TEN_CHARACTERS, TEN_EPISODES, episode_truth
from pipeline.sample.design import Pose
from pipeline.sample.expressions import look_of, pure
from pipeline.sample.heads import head, head_reach
from pipeline.sample.render import Painter
from pipeline.sample.svg import group, rasterise

CROWD_PIXELS = "d98ec149ea33b2520afc1e3e21f1e4bd01b9acee55d814c75ea8051b7ab09a1d"
"""A change of it means that every published number about the show changes."""


@cache
def faces() -> pd.DataFrame:
    """All faces, with the number of the scene."""
    tables = []
    for name in TEN_EPISODES:
        truth = episode_truth(name)
        starts = [scene.start_frame for scene in truth.scenes]
        scene = np.searchsorted(starts, truth.faces["frame"], side="right")
        tables.append(truth.faces.assign(episode=name, scene=scene))
    return pd.concat(tables, ignore_index=True)


def test_all_ten_are_seen_one_of_them_rarely() -> None:
    seen = faces()[faces()["annotatable"]]
    scenes = seen.groupby("character")[["episode", "scene"]].apply(lambda rows: len(rows.drop_duplicates()))
    assert tuple(scenes.index) == TEN_CHARACTERS
    assert scenes["dragon"] == 5
    assert scenes.drop("dragon").min() >= 15
    per_expression = seen.groupby("character")["expression"].nunique()
    assert (per_expression.drop("dragon") == len(EXPRESSIONS)).all()
    episodes = seen.groupby("character")["episode"].nunique()
    assert (episodes == len(TEN_EPISODES)).all()


def test_there_are_crowds_in_which_some_hide_others() -> None:
    counts = faces().groupby(["episode", "frame"]).size()
    assert counts.max() == 9
    assert (counts >= 5).sum() > 500
    assert (faces()["visible"] < 0.6).sum() > 100


def test_faces_lie_inside_the_picture_once_a_frame_and_scenes_follow_each_other() -> None:
    table = faces()
    assert table[["x", "y"]].min().min() >= 0
    assert (table["x"] + table["w"]).max() <= 640
    assert (table["y"] + table["h"]).max() <= 360
    assert not table.duplicated(["episode", "frame", "character"]).any()
    for name in TEN_EPISODES:
        scenes = episode_truth(name).scenes
        assert [scene.start_frame for scene in scenes[1:]] == [scene.stop_frame for scene in scenes[:-1]]
        assert (scenes[0].start_frame, scenes[-1].stop_frame) == (0, 1440)
        assert [scene.transition for scene in scenes].count("start") == 1


def portrait(character: str) -> np.ndarray:
    """The head from the front, int16 [H, W, 4]: blue, green, red, opacity."""
    shapes = head(character, Pose(), look_of(pure("neutral")))
    return rasterise(group(shapes, 0, 0), 240, 240, -120, -150).astype(np.int16)


def test_pip_and_pop_are_nearly_alike_and_nobody_else_is() -> None:
    pictures = {name: portrait(name) for name in TEN_CHARACTERS}

    def apart(first: str, second: str) -> float:
        return float(np.abs(pictures[first] - pictures[second]).mean())

    others = [apart(a, b) for a in TEN_CHARACTERS for b in TEN_CHARACTERS if a < b and (a, b) != ("pip", "pop")]
    assert 0 < apart("pip", "pop") < 0.5 * min(others)


def test_no_head_leaves_the_place_that_is_drawn_for_it() -> None:
    for character in TEN_CHARACTERS:
        for expression in EXPRESSIONS:
            pose, look = Pose(yaw=-20.0, tilt=12.0), look_of(pure(expression))
            left, top, right, bottom = head_reach(character, pose, look)
            picture = rasterise(group(head(character, pose, look), 0, 0), 480, 480, -240, -240)
            rows, columns = np.nonzero(picture[..., 3])
            assert left <= columns.min() - 240, (character, expression)
            assert columns.max() - 240 <= right, (character, expression)
            assert top <= rows.min() - 240, (character, expression)
            assert rows.max() - 240 <= bottom, (character, expression)


def test_a_crowd_has_the_same_pixels_on_every_machine() -> None:
    painter = Painter("fair")
    shot = next(shot for shot in painter.plan if len(shot.actors) == 6)
    assert hashlib.sha256(painter.frame(shot, shot.length // 2).tobytes()).hexdigest() == CROWD_PIXELS
