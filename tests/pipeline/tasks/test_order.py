"""The order of labelling: unsure and unlike what is known, one by one as the definition has it; the same each time."""

import numpy as np
import pandas as pd
import pytest

from pipeline.tasks.order import labelling_order, uncertainty

FAR = 256


def faces_of(count: int, seed: int = 0) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    columns = {"character": dice.choice(["cat", "mouse"], count), "episode_id": "e"}
    return pd.DataFrame({**columns, "scene": dice.integers(0, 4, count), "track": dice.integers(0, 3, count)})


def plain(
    faces: pd.DataFrame, looks: np.ndarray, labelled: np.ndarray, probabilities: np.ndarray, count: int
) -> list[int]:
    """The definition, one choice after another."""
    known = list(np.flatnonzero(labelled))
    unsure = uncertainty(probabilities)
    taken: list[int] = []
    for _ in range(count):

        def worth(row: int) -> int:
            same = [other for other in known + taken if faces["character"][other] == faces["character"][row]]
            away = [int(np.abs(looks[row].astype(int) - looks[other]).sum()) for other in same]
            return int(unsure[row]) * min(away, default=FAR * looks.shape[1])

        taken.append(max(sorted(set(range(len(faces))) - set(known) - set(taken)), key=worth))
    return taken


@pytest.mark.parametrize("seed", range(6))
def test_the_order_is_the_plain_one(seed: int) -> None:
    dice = np.random.default_rng(seed)
    faces, looks = faces_of(40, seed), dice.integers(0, 256, (40, 30), dtype=np.uint8)
    looks[30:] = looks[:10]  # ties
    labelled, probabilities = dice.random(40) < 0.3, dice.dirichlet([0.4] * 4, 40)
    found = labelling_order(faces, looks, labelled, probabilities, 12)
    assert found[:12].tolist() == plain(faces, looks, labelled, probabilities, 12)
    assert sorted(found) == np.flatnonzero(~labelled).tolist()
    assert (np.diff(uncertainty(probabilities)[found[12:]]) <= 0).all()


def test_uncertainty_is_how_little_the_first_leads_the_second() -> None:
    rows = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.6, 0.3, 0.1], [np.nan] * 3])
    assert uncertainty(rows).tolist() == [1, 1001, 701, 1001]
    assert uncertainty(np.ones((2, 1))).tolist() == [1, 1]


def test_a_near_copy_of_a_labelled_face_waits_and_so_does_a_sure_one() -> None:
    faces = faces_of(5).assign(character="cat")
    looks = np.array([[0, 0], [1, 0], [200, 0], [0, 200], [90, 90]], np.uint8)
    sure, unsure = [0.99, 0.01], [0.5, 0.5]
    labelled = np.array([True, False, False, False, False])
    order = labelling_order(faces, looks, labelled, np.array([unsure, unsure, unsure, sure, unsure]))
    assert order.tolist() == [2, 4, 3, 1]


def test_an_unknown_character_is_asked_for_first() -> None:
    faces = faces_of(4).assign(character=["cat", "cat", "cat", "mouse"])
    looks = np.array([[0], [200], [255], [3]], np.uint8)
    labelled = np.array([True, False, False, False])
    assert labelling_order(faces, looks, labelled, np.full((4, 2), 0.5))[0] == 3


def test_without_a_model_scenes_and_characters_take_turns() -> None:
    faces = pd.DataFrame(
        {
            "character": ["cat"] * 6 + ["mouse"] * 2,
            "episode_id": "e",
            "scene": [0, 0, 0, 0, 1, 2, 0, 1],
            "track": 0,
        },
        index=range(50, 58),
    )
    looks = np.arange(8, dtype=np.uint8)[:, None] * 30
    none = np.zeros(8, bool)
    order = labelling_order(faces, looks, none)
    assert sorted(order) == list(range(8))
    assert faces["character"].iloc[order[:4]].tolist() == ["cat", "mouse", "cat", "mouse"]
    cats = [row for row in order if row < 6]
    assert faces["scene"].iloc[cats[:3]].nunique() == 3
    labelled = np.array([False] * 4 + [True] * 2 + [False] * 2)
    assert set(labelling_order(faces, looks, labelled)) == {0, 1, 2, 3, 6, 7}


def test_nothing_left_and_nothing_there() -> None:
    faces, looks = faces_of(3), np.zeros((3, 4), np.uint8)
    for probabilities in (None, np.full((3, 2), 0.5)):
        assert labelling_order(faces, looks, np.ones(3, bool), probabilities).tolist() == []
    assert labelling_order(faces.head(0), looks[:0], np.zeros(0, bool), None).tolist() == []
    assert labelling_order(faces.head(0), looks[:0], np.zeros(0, bool), np.zeros((0, 2))).tolist() == []


def test_the_order_does_not_depend_on_the_last_bits_of_a_probability() -> None:
    dice = np.random.default_rng(2)
    faces, looks = faces_of(60), dice.integers(0, 256, (60, 30), dtype=np.uint8)
    probabilities, labelled = dice.dirichlet([1.0] * 5, 60).round(4) + 1e-5, np.arange(60) < 10
    moved = probabilities * (1 + 1e-12 * dice.standard_normal(probabilities.shape))
    first, second = (labelling_order(faces, looks, labelled, one) for one in (probabilities, moved))
    assert first.tolist() == second.tolist()
