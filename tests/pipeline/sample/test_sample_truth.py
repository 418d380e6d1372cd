"""The truth of the sample show: complete, inside the picture, varied, and what the pictures show."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from pipeline.errors import ParamsError
from pipeline.sample import CHARACTERS, EPISODES, EXPRESSIONS, episode_truth
from pipeline.sample.expressions import LOOKS, look_of, mix, nearest, pure
from pipeline.sample.render import Painter


@pytest.mark.parametrize("name", EPISODES)
def test_scenes_cover_the_episode_once(name: str) -> None:
    scenes = episode_truth(name).scenes
    assert 18 <= len(scenes) <= 26
    assert scenes[0].start_frame == 0
    assert scenes[-1].stop_frame == 1440
    for scene, after in pairwise(scenes):
        assert scene.stop_frame == after.start_frame
    assert all(36 <= s.stop_frame - s.start_frame <= 144 for s in scenes)
    assert [s.transition for s in scenes].count("start") == 1
    assert {s.transition for s in scenes} == {"start", "cut", "fade", "dissolve"}


@pytest.mark.parametrize("name", EPISODES)
def test_gradual_ranges_lie_around_boundaries(name: str) -> None:
    truth = episode_truth(name)
    boundaries = {scene.start_frame for scene in truth.scenes}
    assert len(truth.gradual) == 4  # two fades, the black gap and the dissolve
    for start, stop in truth.gradual:
        assert sum(start <= b <= stop for b in boundaries) == 1
    for scene in truth.scenes:
        if scene.transition == "fade":
            assert any(start < scene.start_frame < stop for start, stop in truth.gradual)


@pytest.mark.parametrize("name", EPISODES)
def test_faces_are_inside_the_picture_and_once_a_frame(name: str) -> None:
    faces = episode_truth(name).faces
    assert (faces.x >= 0).all()
    assert (faces.y >= 0).all()
    assert (faces.x + faces.w <= 640).all()
    assert (faces.y + faces.h <= 360).all()
    assert not faces.duplicated(["frame", "character"]).any()
    assert set(faces.character) == set(CHARACTERS)
    assert set(faces.expression) == set(EXPRESSIONS)
    assert faces.visible.between(0, 1).all()
    assert faces.blend.between(0.2, 1).all()
    assert faces.tilt_deg.abs().max() <= 20
    assert faces[faces.annotatable].h.min() >= 32


@pytest.mark.slow
def test_every_expression_is_common_and_sizes_span_the_range() -> None:
    for character in CHARACTERS:
        count = dict.fromkeys(EXPRESSIONS, 0)
        heights: list[int] = []
        for name in EPISODES:
            faces = episode_truth(name).faces
            faces = faces[(faces.character == character) & faces.annotatable]
            heights += faces.h.tolist()
            for expression, number in faces.expression.value_counts().items():
                count[str(expression)] += number
        assert min(count.values()) > 250, count
        assert sum(h < 50 for h in heights) > 100
        assert sum(h > 120 for h in heights) > 100
        assert max(heights) < 225


def test_truth_takes_no_rendering() -> None:
    began = time.process_time()
    episode_truth("garden")
    assert time.process_time() - began < 2  # about 0.2 s on an idle machine


def test_an_unknown_episode_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ParamsError, match=r"'gardn'.*garden, kitchen, harbour.*mean 'garden'"):
        episode_truth("gardn")


@pytest.mark.parametrize("name", EPISODES)
def test_the_opening_is_the_same_everywhere(name: str) -> None:
    opening, here = (episode_truth(n).faces.query("frame < 72").reset_index(drop=True) for n in ("garden", name))
    assert opening.equals(here)


def test_pictures_hold_faces_where_the_truth_says() -> None:
    painter = Painter("harbour")
    faces = episode_truth("harbour").faces
    checked = 0
    for shot in painter.plan[2:8]:
        frame = shot.length // 2
        there = faces[(faces.frame == shot.start + frame) & (faces.visible == 1.0)]
        if there.empty:
            continue
        changed = (painter.frame(shot, frame) != painter.frame(shot, frame, actors=False)).any(axis=2)
        for face in there.itertuples():
            box = changed[face.y : face.y + face.h, face.x : face.x + face.w]
            assert box.mean() > 0.75, face  # a face fills its box but for the corners
            assert box[face.h // 2].mean() > 0.85, face
            checked += 1
        for edge in (0, -1):  # and the figure ends below, above and beside it, never across the whole picture
            assert not changed[:, edge].all()
    assert checked >= 5


def test_expressions_vary_continuously() -> None:
    for expression in EXPRESSIONS:
        assert nearest(pure(expression)) == (expression, 1.0)
        assert look_of(pure(expression)) == LOOKS[expression]
    steps = [look_of(mix(pure("angry"), pure("happy"), k / 20)) for k in range(21)]
    smiles = np.array([look.smile for look in steps])
    assert (np.diff(smiles) > 0).all()
    assert np.diff(smiles).max() < 0.1
