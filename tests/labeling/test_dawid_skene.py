"""Dawid and Skene's consensus: the paper's data and estimates, a brute-force twin, annotators drawn to be bad."""

import numpy as np
import pytest
from numpy.typing import NDArray

from labeling.dawid_skene import dawid_skene

# Table 1 of the paper: 45 patients; the first anaesthetist judged each three times, four others once.
PATIENTS = """
111 1 1 1 1, 333 4 3 3 4, 112 2 1 2 2, 222 3 1 2 1, 222 3 2 2 2, 222 3 3 2 2, 122 2 1 1 1, 333 3 4 3 3, 222 2 2 2 3,
232 2 2 2 3, 444 4 4 4 4, 222 3 3 4 3, 111 1 1 1 1, 222 3 2 1 2, 121 1 1 1 1, 111 2 1 1 1, 111 1 1 1 1, 111 1 1 1 1,
222 2 2 2 1, 222 1 3 2 2, 222 2 2 2 2, 222 2 2 2 1, 222 3 2 2 2, 221 2 2 2 2, 111 1 1 1 1, 111 1 1 1 1, 232 2 2 2 2,
111 1 1 1 1, 111 1 1 1 1, 112 1 1 2 1, 111 1 1 1 1, 333 3 2 3 3, 111 1 1 1 1, 222 2 2 2 2, 222 3 2 3 2, 433 4 3 4 3,
221 2 2 3 2, 232 3 2 3 3, 333 3 4 3 2, 111 1 1 1 1, 111 1 1 1 1, 121 2 1 1 1, 232 2 2 2 2, 121 1 1 1 1, 222 2 2 2 2
"""


def anaesthetists() -> NDArray[np.int64]:
    counts = np.zeros((45, 5, 4), np.int64)
    for i, patient in enumerate(PATIENTS.split(",")):
        for k, grades in enumerate(patient.split()):
            for grade in grades:
                counts[i, k, int(grade) - 1] += 1
    return counts


def brute_force(counts: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    """The paper's equations as they are printed, number by number."""
    items, people, classes = counts.shape
    t = [[counts[i, :, j].sum() / counts[i].sum() for j in range(classes)] for i in range(items)]
    for _ in range(steps):
        p = [sum(t[i][j] for i in range(items)) / items for j in range(classes)]
        pi = np.zeros((people, classes, classes))
        for k in range(people):
            for j in range(classes):
                given = [sum(t[i][j] * counts[i, k, g] for i in range(items)) for g in range(classes)]
                pi[k, j] = [one / sum(given) if sum(given) else 0 for one in given]
        for i in range(items):
            weight = [
                p[j] * np.prod([pi[k, j, g] ** counts[i, k, g] for k in range(people) for g in range(classes)])
                for j in range(classes)
            ]
            t[i] = [one / sum(weight) for one in weight]
    return np.array(t)


def test_the_papers_own_estimates() -> None:
    fit = dawid_skene(anaesthetists())
    assert fit.prior.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]  # its Table 3
    assert fit.errors[0, 0].round(2).tolist() == [0.89, 0.11, 0.0, 0.0]  # Table 2, the first observer
    assert fit.posterior.sum(axis=1) == pytest.approx(np.ones(45))


def test_it_is_the_brute_force_of_the_printed_equations() -> None:
    counts = anaesthetists()
    assert dawid_skene(counts, steps=7, tolerance=0).posterior == pytest.approx(brute_force(counts, 7), abs=1e-12)
    dice = np.random.default_rng(5)
    sparse = dice.multinomial(1, [0.5, 0.3, 0.2], (30, 4)) * (dice.random((30, 4, 1)) < 0.4)
    sparse = sparse[sparse.sum(axis=(1, 2)) > 0].astype(np.int64)
    assert dawid_skene(sparse, steps=9, tolerance=0).posterior == pytest.approx(brute_force(sparse, 9), abs=1e-9)


def test_the_reliable_win_over_a_careless_majority() -> None:
    dice = np.random.default_rng(1)
    true = dice.integers(0, 3, 400)
    skill = [0.97, 0.95, 0.4, 0.4, 0.4]
    counts = np.zeros((400, 5, 3), np.int64)
    for k, right in enumerate(skill):
        said = np.where(dice.random(400) < right, true, (true + dice.integers(1, 3, 400)) % 3)
        counts[np.arange(400), k, said] = 1
    fit = dawid_skene(counts)
    ours = (fit.posterior.argmax(axis=1) == true).mean()
    assert ours > (counts.sum(axis=1).argmax(axis=1) == true).mean() + 0.05
    estimated = [float(np.diag(fit.errors[k]).mean()) for k in range(5)]
    assert estimated == pytest.approx(skill, abs=0.08)


def test_one_annotator_is_taken_at_their_word() -> None:
    counts = np.eye(3, dtype=np.int64)[[0, 2, 1, 1], None, :]
    assert dawid_skene(counts).posterior.argmax(axis=1).tolist() == [0, 2, 1, 1]
    assert dawid_skene(counts).posterior.max(axis=1).tolist() == [1, 1, 1, 1]


def test_one_class_and_thousands_of_votes_are_no_trouble() -> None:
    assert dawid_skene(np.ones((4, 2, 1), np.int64)).posterior.tolist() == [[1.0]] * 4
    many = np.zeros((3, 2, 2), np.int64)
    many[:, :, 0], many[:, :, 1] = 3000, 2000
    assert np.isfinite(dawid_skene(many).posterior).all()
