"""The simulated annotator's time and answers, and the further episodes that the benchmark draws."""

import numpy as np
import pytest

from benchmarks.effort_person import BOX_S, KEY_S, SHEET_S, Annotator
from benchmarks.effort_plot import TITLES, means, read
from benchmarks.footage import Frame
from cascades import Box
from pipeline.sample import TEN_CHARACTERS, TEN_EPISODES
from pipeline.sample.script import RARE, episode_plan

FOX, PIG = Box(10, 10, 40, 40), Box(80, 10, 40, 40)


@pytest.fixture
def frame() -> Frame:
    blank = np.zeros((100, 200), np.uint8)
    return Frame(0, blank, np.zeros((2, 50, 100), np.uint8), False, True, (("fox", FOX), ("pig", PIG)))


@pytest.fixture
def careful() -> Annotator:
    person = Annotator(["fox", "pig"], 0)
    person.errs = lambda: False  # type: ignore[method-assign]
    return person


def test_each_drawn_box_takes_its_time(careful: Annotator, frame: Frame) -> None:
    drawn = careful.draw(frame)
    assert [name for name, _ in drawn] == ["fox", "pig"]
    assert careful.seconds == KEY_S + 2 * BOX_S


def test_right_boxes_cost_a_look_and_stay_as_they_are(careful: Annotator, frame: Frame) -> None:
    there = [("pig", (82, 12, 40, 40)), ("fox", (10, 12, 40, 40))]
    assert careful.correct(frame, there) == there[::-1]
    assert careful.seconds == SHEET_S + KEY_S


def test_a_wrong_name_and_a_false_box_cost_a_key_each_and_a_missing_box_is_drawn(
    careful: Annotator, frame: Frame
) -> None:
    done = careful.correct(frame, [("pig", (10, 10, 40, 40)), ("pig", (150, 50, 30, 30))])
    assert done[0] == ("fox", (10, 10, 40, 40))
    name, (x, y, w, h) = done[1]
    assert name == "pig"
    assert np.abs(np.array([x, y, w, h]) - (80, 10, 40, 40)).max() <= 12
    assert careful.seconds == SHEET_S + 3 * KEY_S + BOX_S


def test_other_takes_have_other_scenes_and_the_rare_character_stays_rare() -> None:
    for name in TEN_EPISODES:
        plans = [episode_plan(name, take) for take in range(4)]
        assert plans[0] == episode_plan(name)
        counts = set()
        for plan in plans:
            cast = [{actor.character for actor in shot.actors} for shot in plan]
            assert set().union(*cast) == set(TEN_CHARACTERS)
            assert plan[-1].stop == plans[0][-1].stop
            counts.add(sum(RARE in there for there in cast))
        assert len(counts) == 1
        assert len({tuple(shot.backdrop for shot in plan) for plan in plans}) >= 3  # two may move alike by chance
        assert len({tuple(tuple(actor.character for actor in shot.actors) for shot in plan) for plan in plans}) == 4


def test_the_kept_runs_are_whole_and_their_means_are_of_each_point() -> None:
    runs = read()
    assert set(runs["show"]) == set(TITLES)
    assert not runs.duplicated(["show", "seed", "way", "after"]).any()
    figures = runs[["ap", "ap_strict", "recall"]].to_numpy(np.float64)
    assert ((figures >= 0) & (figures <= 1)).all()
    points = means(runs)
    assert points["seeds"].sum() == len(runs)
    own = runs[(runs["show"] == "ten") & (runs["way"] == "drawn")]
    point = points[(points["show"] == "ten") & (points["way"] == "drawn")]
    assert point["ap"].item() == pytest.approx(sum(own["ap"]) / len(own))
