"""The review queue: ties first, then labels by how probably they are wrong, by Bayes' rule done by hand."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.schemas import LABELS
from pipeline.tasks.review import disagreement_queue, label_error_queue, out_of_fold_probabilities, review_queue


def label(face_id: str | None, emotion: str | None, reason: str = "", **votes: int) -> dict[str, Any]:
    named = {name.replace("_", "-"): count for name, count in votes.items()}
    status = "rejected" if reason else "ok"
    return {"face_id": face_id, "emotion": emotion, "votes": json.dumps(named), "status": status, "reason": reason}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=LABELS.names)


def model(**probabilities: list[float]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(probabilities, orient="index", columns=["happy", "neutral", "sad"])


def test_the_score_is_bayes_rule() -> None:
    labels = table(label("a", "happy", happy=1), label("b", "happy", happy=2, sad=1))
    found = label_error_queue(labels, model(a=[0.2, 0.1, 0.7], b=[0.2, 0.1, 0.7])).set_index("face_id")["score"]
    one = np.array([0.2 * 0.9, 0.1 * 0.05, 0.7 * 0.05])
    three = np.array([0.2 * 0.9**2 * 0.05, 0.1 * 0.05**3, 0.7 * 0.05**2 * 0.9])
    assert found["a"] == pytest.approx(1 - one[0] / one.sum(), abs=1e-4)
    assert found["b"] == pytest.approx(1 - three[0] / three.sum(), abs=1e-4)


def test_a_second_vote_and_a_model_that_agrees_lessen_the_doubt() -> None:
    rows = [label("a", "happy", happy=1), label("b", "happy", happy=2), label("c", "happy", happy=1)]
    found = label_error_queue(table(*rows), model(a=[0.1, 0.0, 0.9], b=[0.1, 0.0, 0.9], c=[0.9, 0.0, 0.1]))
    assert found["face_id"].tolist() == ["a", "b", "c"]
    assert found["why"][0] == "labelled happy, voted happy 1; the model says sad (0.90)"


def test_without_a_model_the_votes_alone_decide() -> None:
    rows = [label("once", "happy", happy=1), label("split", "happy", happy=2, sad=1), label("sure", "happy", happy=3)]
    for opinions in (None, model(once=[np.nan] * 3)):
        found = label_error_queue(table(*rows), opinions)
        # Two of three are surer than one alone, who errs in one answer of ten.
        assert found["face_id"].tolist() == ["once", "split", "sure"]
        assert found["score"][0] == pytest.approx(0.1)


def test_ties_come_first_and_unmatched_or_faceless_rows_not_at_all() -> None:
    rows = [
        label("tie", None, "a tie: happy 1, sad 1", happy=1, sad=1),
        label("agreed", "sad", sad=2),
        label("split", "sad", sad=2, happy=1),
        label("none", None, "no emotion: not-a-face 2, happy 1", not_a_face=2, happy=1),
        label("seen", None, "no vote yet: right-character 1"),
        label(None, "happy", "emotions.csv, line 2: no face was found there", happy=1),
    ]
    assert disagreement_queue(table(*rows))["face_id"].tolist() == ["tie", "split"]
    whole = review_queue(table(*rows))
    assert whole["face_id"].tolist() == ["tie", "split", "agreed"]
    assert whole.loc[0].tolist() == ["tie", "no label, voted happy 1, sad 1", 1.0]
    assert review_queue(table()).empty


def test_one_thing_said_in_several_words_is_no_disagreement_about_it() -> None:
    rows = [label("a", None, "a tie: happy 2, …", happy=2, not_a_face=1, wrong_character=1)]
    assert disagreement_queue(table(*rows))["why"].tolist() == ["no label, voted happy 2, not-the-character 2"]


def test_faces_are_judged_by_models_of_other_scenes() -> None:
    dice = np.random.default_rng(0)
    manifest = pd.DataFrame({"face_id": [f"f{i}" for i in range(12)], "episode_id": "e", "scene": np.arange(12) // 3})
    crops = [bytes(dice.integers(0, 255, 8, dtype=np.uint8)) for _ in range(12)]  # no pictures: only shares are learnt
    labels = table(*[label(f"f{i}", "sad" if i < 11 else "happy", sad=1) for i in range(12)])
    found = out_of_fold_probabilities(labels, manifest, crops, 0.25, ["happy", "neutral", "sad"])
    assert found.index.tolist() == manifest["face_id"].tolist()
    assert found.loc["f11"].tolist() == [0, 0, 1]  # its scene is the only one with a happy face
    assert 0 < found.loc["f0", "happy"] < 0.3
