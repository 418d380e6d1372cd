"""How far annotators agree beyond chance: Krippendorff's alpha, Cohen's kappa, and a confusion table.

Works on a table of answers: `item`, `annotator`, `answer`, one row for each annotator and item. Nominal alpha is K.
Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part D: values by units. It is written out here
because the `krippendorff` package is GPL, and because a bootstrap over items needs no more than these sums with other
weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

RESAMPLES = 2000
COVERED = 0.95
DIGITS = 4

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that covers it, 95 %; None where the answers do not determine it."""

    value: float | None
    low: float | None
    high: float | None

    def rounded(self) -> dict[str, float | None]:
        """For JSON."""
        return {name: None if x is None else round(x, DIGITS) for name, x in vars(self).items()}


def several(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers to items that at least two annotators have judged: only they can agree or not."""
    return answers[answers.groupby("item")["annotator"].transform("nunique") >= 2]


def value_counts(answers: pd.DataFrame, classes: Sequence[str]) -> Counts:
    """How often each item got each answer, int64 [items, classes], of items that at least two have judged."""
    table = pd.crosstab(several(answers)["item"], answers["answer"]).reindex(columns=list(classes), fill_value=0)
    return table.to_numpy(np.int64)


def krippendorff_alpha(counts: Counts, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Nominal alpha with a percentile bootstrap interval over items.

    counts: int64 [items, classes], at least two answers an item. Alpha is 1 where all agree and 0 at chance. It is None
    if there is no item, or if all answers are the same: then agreement beyond chance cannot be measured.
    """
    value = float(_alphas(counts, np.ones((1, len(counts))))[0]) if len(counts) else np.nan
    if np.isnan(value):
        return Estimate(None, None, None)
    weights = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), resamples)
    drawn = _alphas(counts, weights.astype(np.float64))
    drawn = drawn[~np.isnan(drawn)]
    if len(counts) < 2 or len(drawn) < resamples / 2:
        return Estimate(value, None, None)
    low, high = np.quantile(drawn, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(value, float(low), float(high))


def _alphas(counts: Counts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha for each weighting of the items, [resamples, items]; not a number where only one answer is left."""
    judged = counts.sum(axis=1)
    disagreement = (counts * (judged[:, None] - counts)).sum(axis=1) / (judged - 1)
    of_class = weights @ counts
    total = of_class.sum(axis=1)
    expected = (of_class * (total[:, None] - of_class)).sum(axis=1)
    observed = weights @ disagreement
    ratio = np.divide(observed * (total - 1), expected, out=np.full(len(weights), np.nan), where=expected > 0)
    return np.asarray(1 - ratio, dtype=np.float64)


def alpha_of_class(counts: Counts, index: int, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Alpha of the question whether an item is of one class, every other answer being "no"."""
    own = counts[:, index]
    return krippendorff_alpha(np.stack([own, counts.sum(axis=1) - own], axis=1), resamples, seed)


def kappas(answers: pd.DataFrame) -> dict[str, dict[str, float | int | None]]:
    """Cohen's kappa of every two annotators, and how many items both judged. None if both gave only one answer."""
    wide = answers.pivot(index="item", columns="annotator", values="answer")
    found: dict[str, dict[str, float | int | None]] = {}
    for one, other in combinations(sorted(wide.columns), 2):
        both = wide[[one, other]].dropna()
        if both.empty:
            continue
        # Where both always gave one same answer scikit-learn divides 0 by 0, with a warning.
        defined = both.stack().nunique() > 1
        value = round(float(cohen_kappa_score(both[one], both[other])), DIGITS) if defined else None
        found[f"{one} & {other}"] = {"value": value, "items": len(both)}
    return found


def pairs(answers: pd.DataFrame) -> pd.DataFrame:
    """Every two answers to one item, in both orders: item, annotator, other_annotator, said, other_said; sorted."""
    both = answers.merge(answers, on="item", suffixes=("", "_other"))
    both = both[both["annotator"] != both["annotator_other"]]
    names = {"annotator_other": "other_annotator", "answer": "said", "answer_other": "other_said"}
    columns = ["item", "annotator", "other_annotator", "said", "other_said"]
    return both.rename(columns=names)[columns].sort_values(columns, ignore_index=True)


def confusion(both: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """How often one annotator gave the row's answer where another gave the column's; symmetric. both: as of `pairs`."""
    counts = pd.crosstab(both["said"], both["other_said"])
    return counts.reindex(index=list(classes), columns=list(classes), fill_value=0)


def measure(answers: pd.DataFrame, classes: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """All of it as one dict for a report, with a `note` that says what could not be measured, and why.

    classes: every answer that may occur, in the order to report them.
    """
    counts, both = value_counts(answers, classes), pairs(answers)
    given = counts.sum(axis=0)
    return {
        "annotators": int(answers["annotator"].nunique()),
        "items": int(answers["item"].nunique()),
        "items_with_several": len(counts),
        "observed": round(float((both["said"] == both["other_said"]).mean()), DIGITS) if len(both) else None,
        "alpha": krippendorff_alpha(counts, seed=seed).rounded(),
        "per_class": {
            name: {**alpha_of_class(counts, index, seed=seed).rounded(), "answers": int(given[index])}
            for index, name in enumerate(classes)
            if given[index]
        },
        "kappa": kappas(answers),
        "note": _note(answers, counts),
    }


def _note(answers: pd.DataFrame, counts: Counts) -> str:
    if answers.empty:
        return "Nobody has labelled a face yet."
    people = sorted(answers["annotator"].unique())
    if len(people) == 1:
        return f"Agreement needs two annotators, but all answers are by {people[0] or 'somebody without a name'}."
    if not len(counts):
        return (
            f"No face was judged by two of the {len(people)} annotators. Let two people label some of the same faces."
        )
    if (counts.sum(axis=0) > 0).sum() == 1:
        return "All faces that two people judged have the same answer, so agreement beyond chance cannot be measured."
    if len(counts) < 30:
        return f"Only {len(counts)} faces were judged by two people, so the intervals are wide and rough."
    return ""
