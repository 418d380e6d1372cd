"""The pull of a guess: found where annotators follow it, not found where they do not, silent where answers are few."""

import numpy as np
import pandas as pd
import pytest

from labeling.anchoring import FEWEST, anchoring


def answers(count: int, pull: float, seed: int, shown: float = 0.8) -> pd.DataFrame:
    """Annotators are right 9 times in 10, the model 6 times; a guess that is seen is taken over with chance `pull`."""
    dice = np.random.default_rng(seed)
    true = dice.integers(0, 4, count)
    guess = np.where(dice.random(count) < 0.6, true, (true + 1) % 4)
    own = np.where(dice.random(count) < 0.9, true, (true + 2) % 4)
    seen = dice.random(count) < shown
    said = np.where(seen & (dice.random(count) < pull), guess, own)
    names = np.array(["angry", "happy", "neutral", "sad"])
    rows = pd.DataFrame({"answer": names[said], "guess": names[guess], "given_by": "task"})
    return rows.assign(suggested=np.where(seen, rows["guess"], ""))


def test_a_pull_is_found_and_measured() -> None:
    found = anchoring(answers(2000, pull=0.5, seed=0))
    # Not pulled they equal the guess 0.9 × 0.6 + ε times; half of the rest goes over to it.
    assert found["difference"]["value"] == pytest.approx(0.5 * (1 - 0.54), abs=0.06)
    assert found["difference"]["low"] > 0
    assert found["note"].startswith(
        "Seeing the guess biases the answers: the share of answers equal to the guess changes by +0.2"
    )


def test_no_pull_is_not_claimed_and_the_interval_covers_zero_about_as_often_as_it_says() -> None:
    found = [anchoring(answers(400, pull=0.0, seed=seed)) for seed in range(60)]
    covered = sum(one["difference"]["low"] <= 0 <= one["difference"]["high"] for one in found)
    assert covered >= 53
    assert sum(one["note"].startswith("No bias") for one in found) >= covered


def test_newcombes_published_interval() -> None:
    # Newcombe 1998, table II, example (a), method 10: 56/70 against 48/80 is 0.2000, from 0.0524 to 0.3339.
    def rows(equal: int, count: int, suggested: str) -> pd.DataFrame:
        said = ["happy"] * equal + ["sad"] * (count - equal)
        return pd.DataFrame({"answer": said, "guess": "happy", "suggested": suggested, "given_by": ""})

    found = anchoring(pd.concat([rows(56, 70, "happy"), rows(48, 80, "")]))["difference"]
    assert (found["value"], found["low"], found["high"]) == (0.2, 0.0524, 0.3339)


def test_too_little_is_said() -> None:
    found = anchoring(answers(50, pull=0.5, seed=1))
    assert found["difference"] is None
    assert f"At least {FEWEST} of each" in found["note"]
    assert found["note"].startswith("Too few answers")
    assert anchoring(answers(0, 0, 0))["note"].startswith("No answered face had a guess")


def test_sheets_reviews_and_faces_without_a_guess_do_not_count() -> None:
    rows = answers(300, pull=0.5, seed=2)
    others = [rows.assign(given_by="sheet"), rows.assign(given_by="review"), rows.assign(guess="", suggested="")]
    assert anchoring(pd.concat([rows, *others])) == anchoring(rows)
