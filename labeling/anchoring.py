"""Whether seeing a guess biases annotators' answers towards it: measured by hiding some guesses.

The model guesses for every face, and a share of the guesses is hidden. Where the guess is hidden, people give the same
answer as the model with some frequency. Where it is shown, they may give it more often: the difference is the bias.
"""

from typing import Any

import pandas as pd
from scipy.stats import binomtest

FEWEST = 30
"""With fewer answers of either kind nothing is said: the interval would be wider than any bias that matters."""
DIGITS = 4


def anchoring(answers: pd.DataFrame) -> dict[str, Any]:
    """Shares of answers equal to the guess, shown and withheld, and their difference; a `note` in words.

    answers: `answer`, `suggested` (what was shown, or empty), `guess` (what the model held it to be, or empty),
    `given_by`. Only single tasks count: faces on a sheet or in a review were chosen because of their guess.
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
            "note": "No answered face had a guess of a model, so a bias cannot be measured.",
        }
    if few:
        words = {"shown": "shown", "withheld": "hidden"}
        said = " and ".join(f"{count} where the guess was {words[name]}" for name, count in few.items())
        return {**found, "note": f"Too few answers to measure a bias: {said}. At least {FEWEST} of each are needed."}
    found["difference"] = _difference(shown, withheld)
    biased = found["difference"]["low"] > 0
    verdict = "Seeing the guess biases the answers" if biased else "No bias is found beyond chance"
    return {
        **found,
        "note": f"{verdict}: the share of answers equal to the guess changes by {found['difference']['value']:+.2f}.",
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
