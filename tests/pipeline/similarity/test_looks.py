"""Faces grouped by look, against a truth that the test draws."""

import cv2
import numpy as np

from pipeline.images import Pixels
from pipeline.similarity.looks import group, look

COLORS = {"cat": (230, 130, 40), "mouse": (90, 110, 200), "frog": (70, 170, 80)}


def face(color: tuple[int, int, int], dice: np.random.Generator) -> Pixels:
    """A disc with eyes, moved and lit a little differently each time."""
    picture = np.full((60, 60, 3), dice.integers(90, 160), np.uint8)
    x, y = (30 + dice.integers(-3, 4, 2)).tolist()
    light = dice.uniform(0.75, 1.15)
    cv2.circle(picture, (x, y), 24, tuple(min(255, one * light) for one in color), -1)
    for side in (-9, 9):
        cv2.circle(picture, (x + side, y - 5), 4, (20, 20, 20), -1)
    return picture


def test_groups_hold_one_character_each_though_the_light_changes() -> None:
    dice = np.random.default_rng(1)
    truth = [list(COLORS)[number % 3] for number in range(60)]
    looks = np.stack([look(face(COLORS[name], dice)) for name in truth])
    groups = group(looks, list(range(60)), 10, 12)
    assert sorted(np.concatenate(groups).tolist()) == list(range(60))
    assert max(map(len, groups)) <= 12
    assert [{truth[row] for row in rows} for rows in groups if len({truth[row] for row in rows}) > 1] == []


def test_the_faces_of_a_track_stay_together() -> None:
    dice = np.random.default_rng(2)
    turned = [look(face(COLORS["frog"], dice)) for _ in range(2)]  # one that changes its color on the way
    looks = np.stack([look(face(COLORS["cat"], dice)) for _ in range(6)] + turned)
    alone = {tuple(rows.tolist()) for rows in group(looks, range(8), 4, 24)}
    assert alone == {(0, 1, 2, 3, 4, 5), (6, 7)}
    together = group(looks, [0, 0, 0, 1, 1, 1, 2, 1], 8, 24)
    assert [rows.tolist() for rows in together] == [[0, 1, 2, 3, 4, 5, 7, 6]]
    assert group(np.zeros((0, 1)), [], 10, 24) == []
