"""Agreement against published worked examples, plain twins and answers whose agreement is known by construction."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from labeling.agreement import (
    alpha_of_class,
    confusion,
    kappas,
    krippendorff_alpha,
    measure,
    pairs,
    value_counts,
)

CLASSES = list("12345")
# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units, values missing.
OBSERVERS = {"A": "123321412...", "B": "1233224125.3", "C": ".3332342251.", "D": "12332441251."}


def table(rows: dict[str, str]) -> pd.DataFrame:
    """Answers from one string per annotator, a character an item, "." for none."""
    found = [(item, who, answer) for who, said in rows.items() for item, answer in enumerate(said) if answer != "."]
    return pd.DataFrame(found, columns=["item", "annotator", "answer"])


def test_alpha_of_krippendorffs_own_example_with_missing_values() -> None:
    answers = table(OBSERVERS)
    assert krippendorff_alpha(value_counts(answers, CLASSES)).value == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_krippendorffs_two_observers() -> None:
    binary = table({"Meg": "0100000010", "Owen": "1110010000"})
    assert krippendorff_alpha(value_counts(binary, ["0", "1"])).value == pytest.approx(0.095, abs=5e-4)
    nominal = table({"Ben": "aabbdcccedda", "Gerry": "babbbccceddd"})
    assert krippendorff_alpha(value_counts(nominal, list("abcde"))).value == pytest.approx(0.692, abs=5e-4)


def test_alpha_equals_pairs_counted_one_by_one() -> None:
    dice = np.random.default_rng(3)
    answers = table({who: "".join(dice.choice(list("xyz."), 40)) for who in "pqrs"})
    kept = [list(own["answer"]) for _, own in answers.groupby("item") if len(own) >= 2]
    everything = [answer for own in kept for answer in own]
    observed = sum(sum(a != b for a, b in permutations(own, 2)) / (len(own) - 1) for own in kept) / len(everything)
    expected = sum(a != b for a, b in permutations(everything, 2)) / (len(everything) * (len(everything) - 1))
    assert krippendorff_alpha(value_counts(answers, list("xyz"))).value == pytest.approx(1 - observed / expected)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # Two annotators who are right with probability 0.8, else take one of the other two classes: alpha is known.
    right = 0.8**2 + 2 * 0.1**2
    truth = 1 - (1 - right) / (1 - 1 / 3)
    dice, covered = np.random.default_rng(0), 0
    for trial in range(100):
        true = dice.integers(0, 3, 120)
        said = [np.where(dice.random(120) < 0.8, true, (true + dice.integers(1, 3, 120)) % 3) for _ in range(2)]
        counts = np.stack([sum((one == c).astype(int) for one in said) for c in range(3)], axis=1)
        found = krippendorff_alpha(counts, resamples=400, seed=trial)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 85 <= covered <= 100


def test_the_interval_depends_on_the_seed_alone_and_narrows_with_more_items() -> None:
    counts = value_counts(table(OBSERVERS), CLASSES)
    assert krippendorff_alpha(counts, seed=1) == krippendorff_alpha(counts, seed=1)
    few, many = krippendorff_alpha(counts), krippendorff_alpha(np.tile(counts, (10, 1)))
    assert few.high is not None
    assert few.low is not None
    assert many.high is not None
    assert many.low is not None
    assert many.high - many.low < (few.high - few.low) / 2


def test_alpha_of_a_class_is_that_of_yes_and_no() -> None:
    answers = table({"p": "xxyyzzxyzx", "q": "xyyyzxxyzz"})
    counts = value_counts(answers, list("xyz"))
    yes = table({"p": "1100001001", "q": "1000011000"})
    assert alpha_of_class(counts, 0) == krippendorff_alpha(value_counts(yes, ["1", "0"]))


def test_cohens_kappa_of_a_worked_example() -> None:
    # Cohen's kappa of two readers of 50 grant proposals: 20 yes/yes, 15 no/no, 5 yes/no, 10 no/yes: 0.4.
    both = table({"one": "y" * 25 + "n" * 25, "two": "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15})
    assert kappas(both) == {"one & two": {"value": 0.4, "items": 50}}


def test_annotators_who_share_nothing_have_no_kappa_and_one_answer_has_no_value() -> None:
    assert kappas(table({"p": "xy..", "q": "..xy"})) == {}
    assert kappas(table({"p": "xx", "q": "xx"})) == {"p & q": {"value": None, "items": 2}}


def test_the_confusion_is_symmetric_and_counts_each_pair_twice() -> None:
    answers = table({"p": "xxy", "q": "xyy", "r": "x.."})
    found = confusion(pairs(answers), ["x", "y"])
    assert found.to_numpy().tolist() == [[6, 1], [1, 2]]
    assert len(pairs(answers)) == 10
    assert pairs(answers).iloc[0].tolist() == [0, "p", "q", "x", "x"]


@pytest.mark.parametrize(
    ("rows", "said", "items"),
    [
        ({}, "Nobody has labelled a face yet.", 0),
        ({"anna": "xyx"}, "all answers are by anna", 0),
        ({"": "xyx"}, "all answers are by somebody without a name", 0),
        ({"anna": "xy..", "ben": "..yx"}, "No face was judged by two of the 2 annotators", 0),
        ({"anna": "xxx", "ben": "xxx"}, "that two people judged have the same answer", 3),
        ({"anna": "xyx", "ben": "xxx"}, "Only 3 faces were judged by two", 3),
    ],
)
def test_too_little_is_said_not_crashed_on(rows: dict[str, str], said: str, items: int) -> None:
    found = measure(table(rows), ["x", "y"])
    assert said in found["note"]
    assert found["items_with_several"] == items
    assert (found["alpha"]["value"] is None) == ("Only" not in said)


def test_enough_needs_no_excuse() -> None:
    found = measure(table({"p": "xyz" * 12, "q": "xyz" * 11 + "xyx"}), list("xyzw"))
    assert (found["note"], sorted(found["per_class"])) == ("", ["x", "y", "z"])
    assert found["observed"] == pytest.approx(35 / 36, abs=1e-4)
