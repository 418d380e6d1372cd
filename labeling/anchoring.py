"""Whether a guess that annotators are shown pulls their answers towards it: measured by withholding some guesses.

The model guesses for every face; a share of the guesses is withheld. How often people answer what the model guessed
where they did not see it is how often the model is right in their eyes; what they answer so more often where they did
see it is the pull.
"""

from typing import Any

import pandas as pd
from scipy.stats import binomtest

FEWEST = 30
"""Answers of either kind below which nothing is said: an interval is then wider than any pull worth acting on."""
DIGITS = 4


def anchoring(answers: pd.DataFrame) -> dict[str, Any]:
    """Shares of answers equal to the guess, shown and withheld, and their difference; a `note` where that says too
    little.

    answers: `answer`, `suggested` (what was shown, or empty), `guess` (what the model held it to be, or empty),
    `given_by`. Only single tasks count: what stands on a sheet or in a review was chosen because of its guess.
    Intervals cover 95 %: Wilson's for a share, Newcombe's hybrid score (1998, method 10) for the difference.
    """
    single = answers[(answers["guess"] != "") & answers["given_by"].isin(["", "task"])]
    shown, withheld = (_share(single[(single["suggested"] != "") == seen]) for seen in (True, False))
    found: dict[str, Any] = {"shown": shown, "withheld": withheld, "difference": None}
    counts = {"shown": shown["answers"], "withheld": withheld["answers"]}
    few = {name: count for name, count in counts.items() if count < FEWEST}
    if not len(single):
        return {
            **found,
            "note": "No answer was given where a model had made a guess: nothing to be pulled by.",
        }
    if few:
        said = " and ".join(f"{count} where it was {name}" for name, count in few.items())
        return {**found, "note": f"Too little to tell: only {said}; at least {FEWEST} answers of each kind are needed."}
    found["difference"] = _difference(shown, withheld)
    pulled = found["difference"]["low"] > 0
    verdict = "Guesses that are shown pull answers" if pulled else "No pull of the guesses can be told from chance"
    return {
        **found,
        "note": f"{verdict}: {found['difference']['value']:+.2f} in the share of answers equal to the guess.",
    }


def _share(rows: pd.DataFrame) -> dict[str, Any]:
    count, equal = len(rows), int((rows["answer"] == rows["guess"]).sum())
    if not count:
        return {"answers": 0, "equal": 0, "share": None, "low": None, "high": None}
    interval = binomtest(equal, count).proportion_ci(method="wilson")
    values = {"share": equal / count, "low": interval.low, "high": interval.high}
    return {"answers": count, "equal": equal, **{name: round(float(x), DIGITS) for name, x in values.items()}}


def _difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    p, q = one["share"], other["share"]
    low = p - q - ((p - one["low"]) ** 2 + (other["high"] - q) ** 2) ** 0.5
    high = p - q + ((one["high"] - p) ** 2 + (q - other["low"]) ** 2) ** 0.5
    return {"value": round(p - q, DIGITS), "low": round(low, DIGITS), "high": round(high, DIGITS)}
