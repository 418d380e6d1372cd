"""Shares corrected for what a classifier confuses: nearer to a known truth than counting, and honest about doubt."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from pipeline.watch.stats import Confusions, changes_of, most, shares_of, together_of, try_correction, unfold

EMOTIONS = ("angry", "happy", "sad")
RATES = np.array([[0.7, 0.1, 0.2], [0.05, 0.9, 0.05], [0.3, 0.1, 0.6]])


def confusions(rng: np.random.Generator, faces: int) -> Confusions:
    rows = [(EMOTIONS[k], EMOTIONS[rng.choice(3, p=RATES[k])]) for k in range(3) for _ in range(faces)]
    return Confusions.of(pd.DataFrame(rows, columns=["actual", "predicted"]), EMOTIONS)


def watched(
    rng: np.random.Generator, character: str, shares: list[float], scenes: int, frames: int = 8
) -> pd.DataFrame:
    """Scenes of one emotion each, answered as RATES has it."""
    rows = []
    for scene in range(scenes):
        emotion = rng.choice(3, p=shares)
        for frame in range(frames):
            answer = EMOTIONS[rng.choice(3, p=RATES[emotion])]
            rows.append(("pilot", scene, scene * frames + frame, character, answer, EMOTIONS[emotion], 0.125))
    columns = ["episode_id", "scene", "frame", "character", "emotion", "truth", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def test_unfolding_finds_the_likeliest_shares() -> None:
    answers = np.array([300.0, 250.0, 450.0])

    def surprise(logits: np.ndarray) -> float:
        shares = np.exp(logits) / np.exp(logits).sum()
        return -float(answers @ np.log(shares @ RATES))

    best = minimize(
        surprise, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000}
    )
    np.testing.assert_allclose(unfold(answers, RATES), np.exp(best.x) / np.exp(best.x).sum(), atol=2e-3)


def test_a_perfect_classifier_is_left_alone_and_nothing_gives_even_shares() -> None:
    np.testing.assert_allclose(unfold(np.array([2.0, 6.0, 2.0]), np.eye(3)), [0.2, 0.6, 0.2])
    np.testing.assert_allclose(unfold(np.zeros(3), RATES), 1 / 3)


@pytest.mark.slow
def test_corrected_shares_are_nearer_to_the_truth_and_intervals_hold_it() -> None:
    counted, corrected, held = [], [], 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        faces = watched(rng, "cat", [0.1, 0.2, 0.7], scenes=60)
        found = shares_of(faces, confusions(rng, 60)).set_index("emotion")
        true = faces.groupby("truth")["seconds"].sum().reindex(EMOTIONS).fillna(0) / faces["seconds"].sum()
        counted.append(np.abs(found["counted"] - true).mean())
        corrected.append(np.abs(found["share"] - true).mean())
        held += int(((found["low"] <= true) & (true <= found["high"])).sum())
    assert np.mean(corrected) < 0.6 * np.mean(counted)
    assert held >= 0.85 * 36


def held_out(rng: np.random.Generator, scenes: int, whole_scenes: bool) -> pd.DataFrame:
    """Faces that were judged: each errs by itself as RATES has it, or a scene as a whole is right or wrong."""
    rows = []
    for scene in range(scenes):
        emotion = rng.choice(3, p=None if whole_scenes else [0.1, 0.2, 0.7])
        for _ in range(8):
            answer = rng.choice(3, p=RATES[emotion])
            if whole_scenes:  # every fourth is wrong
                answer = emotion if scene % 4 else (emotion + 1 + scene // 4 % 2) % 3
            rows.append(("pilot", scene, "cat", EMOTIONS[emotion], EMOTIONS[answer]))
    return pd.DataFrame(rows, columns=["episode_id", "scene", "character", "actual", "predicted"])


@pytest.mark.slow
def test_correcting_is_tried_on_held_out_scenes() -> None:
    """It helps fully where faces err as a table says, and not where the classifier errs in whole scenes."""
    by_face = [try_correction(held_out(np.random.default_rng(seed), 60, False), EMOTIONS) for seed in range(5)]
    by_scene = [try_correction(held_out(np.random.default_rng(seed), 12, True), EMOTIONS) for seed in range(5)]
    assert [trial.amount for trial in by_face] == [1.0] * 5
    # Twelve scenes may look as if half of a correction helped.
    assert sorted(trial.amount for trial in by_scene)[:4] == [0.0] * 4
    assert try_correction(held_out(np.random.default_rng(0), 1, False), EMOTIONS).amount == 0


def test_shares_that_are_not_corrected_are_the_counted_ones_in_wider_intervals() -> None:
    rng = np.random.default_rng(0)
    faces, known = watched(rng, "cat", [0.1, 0.2, 0.7], scenes=60), confusions(rng, 60)
    plain, half, corrected = (shares_of(faces, known, amount=one).set_index("emotion") for one in (0, 0.5, 1))
    assert plain["share"].equals(plain["counted"])
    assert not plain["share"].equals(corrected["share"])
    np.testing.assert_allclose(half["share"], (plain["share"] + corrected["share"]) / 2, atol=1e-4)
    assert ((plain["low"] <= plain["share"]) & (plain["share"] <= plain["high"])).all()
    assert (plain["high"] - plain["low"] >= corrected["high"] - corrected["low"]).all()


def test_who_is_the_most_is_said_only_where_intervals_do_not_meet() -> None:
    rng = np.random.default_rng(0)
    known = confusions(rng, 200)
    glad = watched(rng, "cat", [0.05, 0.9, 0.05], scenes=80)
    grim = watched(rng, "mouse", [0.6, 0.1, 0.3], scenes=80)
    shares = shares_of(pd.concat([glad, grim]), known)
    assert most(shares, "happy") == "cat"
    assert most(shares, "angry") == "mouse"
    few = shares_of(pd.concat([glad.head(24), grim.head(24)]), known)
    assert most(few, "sad") == "cannot tell"


def test_changes_and_company() -> None:
    segments = pd.DataFrame(
        {
            "episode_id": "pilot", "character": "cat", "track": [0, 0, 0, 1], "start_s": [0.0, 1.0, 2.0, 9.0],
            "emotion": ["happy", "sad", "happy", "angry"], "unsure": [False, False, False, False],
        }
    )  # fmt: skip
    found = changes_of(segments)
    assert found.to_dict("records") == [
        {"character": "cat", "before": "happy", "after": "sad", "times": 1},
        {"character": "cat", "before": "sad", "after": "happy", "times": 1},
    ]
    faces = pd.DataFrame(
        {
            "episode_id": "pilot",
            "frame": [0, 0, 3, 6, 6],
            "character": ["cat", "mouse", "cat", "cat", "mouse"],
            "seconds": 0.5,
        }
    )
    assert together_of(faces).to_dict("records") == [{"character": "cat", "other": "mouse", "seconds": 1.0}]


def test_confusions_of_other_emotions_do_not_count() -> None:
    rows = pd.DataFrame({"actual": ["happy", "bored"], "predicted": ["happy", "happy"]})
    assert Confusions.of(rows, EMOTIONS).counts.sum() == 1
    assert Confusions.of(rows, EMOTIONS).rates().sum(axis=1) == pytest.approx(1)
