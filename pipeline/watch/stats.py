"""Who is the happiest: screen time, shares of emotions with intervals, changes, and who is seen with whom.

A classifier errs, and it errs more in some directions than in others, so counting its answers is biased. The shares are
therefore unfolded: the true shares are those that, passed through the classifier's known confusions, make the answers
that were found likeliest. They are found by the EM iteration of D'Agostini ("A multidimensional unfolding method based
on Bayes' theorem", Nucl. Instrum. Meth. A 362, 1995). The confusions are those of the held-out faces.

That is right where a classifier confuses in the watched scenes what it confused in the held-out ones. On real shows it
is so in part, or not at all. So `try_correction` asks the held-out scenes themselves how far to go: all the way from
the counted to the unfolded shares, half of it, or not at all.

Frames of a scene are alike, so intervals come from drawing whole scenes with replacement (a cluster bootstrap), and
from drawing the held-out faces with replacement too: a confusion seen twice is not known exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Table = NDArray[np.float64]

DRAWS: Final = 400
"""Bootstrap draws of an interval."""
HALVES: Final = 100
"""Random halves of the held-out scenes in which correcting is tried."""
LEVEL: Final = 0.95
AMOUNTS: Final = (0.0, 0.5, 1.0)
"""How far shares may be moved from the counted ones to the unfolded ones."""
STEPS: Final = 200
"""EM steps of an unfolding; further ones change the fourth decimal at most."""
PRIOR: Final = 0.5
"""Faces added to each cell of the confusions, so that what was never seen is rare and not impossible."""


@dataclass(frozen=True)
class Confusions:
    """What the classifier answers to each emotion: counts [K, K] of held-out faces, rows actual, columns answered."""

    emotions: tuple[str, ...]
    counts: NDArray[np.int64]

    @staticmethod
    def of(predictions: pd.DataFrame, emotions: Sequence[str]) -> "Confusions":
        """From rows with `actual` and `predicted`."""
        index = {emotion: i for i, emotion in enumerate(emotions)}
        counts = np.zeros((len(emotions), len(emotions)), dtype=np.int64)
        for actual, predicted in zip(predictions["actual"], predictions["predicted"], strict=True):
            if actual in index and predicted in index:
                counts[index[actual], index[predicted]] += 1
        return Confusions(tuple(emotions), counts)

    def rates(self, rng: np.random.Generator | None = None) -> Table:
        """P(answer | emotion), [K, K], rows sum to 1; with `rng`, of faces drawn anew with replacement."""
        counts = self.counts.astype(np.float64)
        if rng is not None:
            counts = np.array([rng.multinomial(int(row.sum()), row / max(1, row.sum())) for row in counts], float)
        counts += PRIOR * np.eye(len(counts)) + PRIOR / len(counts)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float64)


def unfold(answers: Table, rates: Table) -> Table:
    """The true shares [..., K], given how often each answer was given [..., K] and P(answer | emotion) [..., K, K]."""
    total = answers.sum(axis=-1, keepdims=True)
    shares = np.full(answers.shape, 1 / answers.shape[-1])
    for _ in range(STEPS):
        joint = rates * shares[..., None]
        given = joint / np.maximum(joint.sum(axis=-2, keepdims=True), 1e-12)
        shares = np.where(total > 0, np.einsum("...ij,...j->...i", given, answers) / np.maximum(total, 1e-12), shares)
    return shares


@dataclass(frozen=True)
class Trial:
    """By how far shares are corrected (AMOUNTS), the mean share of time that is then given to a wrong emotion."""

    wrong: tuple[float, ...]

    @property
    def amount(self) -> float:
        """How far to correct: what was nearest to the truth, and the less where two are as near."""
        return AMOUNTS[self.wrong.index(min(self.wrong))]


def try_correction(predictions: pd.DataFrame, emotions: Sequence[str], seed: int = 0) -> Trial:
    """Learn the confusions in one half of the held-out scenes and correct the shares in the other, many times.

    predictions: episode_id, scene, character, actual, predicted. The classifier is often wrong in a whole scene and
    right in the next, so what it confused in some scenes need not be what it confuses in others. Drawn from a table,
    where each face errs by itself, correcting always helps.
    """
    rng, index = np.random.default_rng(seed), {emotion: k for k, emotion in enumerate(emotions)}
    rows = predictions[predictions["actual"].isin(index) & predictions["predicted"].isin(index)]
    scenes = rows["episode_id"].astype(str) + " " + rows["scene"].astype(str)
    names = np.sort(scenes.unique())
    wrong = []
    for _ in range(HALVES if len(names) > 1 else 0):
        learned = scenes.isin(rng.permutation(names)[: len(names) // 2])
        rates = Confusions.of(rows[learned], emotions).rates()
        for _, own in rows[~learned].groupby("character"):
            true, answers = (
                np.bincount(own[column].map(index), minlength=len(emotions)).astype(np.float64)
                for column in ("actual", "predicted")
            )
            counted = answers / answers.sum()
            given = counted + np.array(AMOUNTS)[:, None] * (unfold(answers, rates) - counted)
            wrong.append(np.abs(given - true / true.sum()).sum(axis=1) / 2)
    means = np.mean(wrong, axis=0) if wrong else np.zeros(len(AMOUNTS))
    return Trial(tuple(means.round(4).tolist()))


def shares_of(faces: pd.DataFrame, confusions: Confusions, seed: int = 0, amount: float = 1.0) -> pd.DataFrame:
    """A row per character and emotion: seconds, counted, share, low, high.

    faces: episode_id, scene, character, emotion (the answer to the frame alone), seconds. `counted` is the plain share
    of the answers; `share` is moved from it to the unfolded one by `amount`, 0 to 1. low and high are its interval by
    `LEVEL`: that of the unfolded shares and, for an amount below 1, that of the plain ones too, as neither is better.
    """
    rows = []
    for character, own in faces.groupby("character"):
        by_scene = own.pivot_table(index=["episode_id", "scene"], columns="emotion", values="seconds", aggfunc="sum")
        answers = by_scene.reindex(columns=list(confusions.emotions)).fillna(0.0).to_numpy(np.float64)
        counted = answers.sum(axis=0) / max(answers.sum(), 1e-12)
        found = counted + amount * (unfold(answers.sum(axis=0), confusions.rates()) - counted)
        rng = np.random.default_rng(seed)
        chosen = np.array([answers[rng.integers(0, len(answers), len(answers))].sum(axis=0) for _ in range(DRAWS)])
        drawn = [unfold(chosen, np.array([confusions.rates(rng) for _ in range(DRAWS)]))]
        if amount < 1:
            drawn.append(chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-12))
        bounds = np.quantile(np.array(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
        low, high = bounds[0].min(axis=0), bounds[1].max(axis=0)
        for k, emotion in enumerate(confusions.emotions):
            rows.append((character, emotion, answers[:, k].sum(), counted[k], found[k], low[k], high[k]))
    columns = ["character", "emotion", "seconds", "counted", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns).round(4)


def most(shares: pd.DataFrame, emotion: str) -> str:
    """The character with the largest share of an emotion, or "cannot tell" where its interval meets another's."""
    own = shares[shares["emotion"] == emotion].sort_values("share", ascending=False)
    if own.empty:
        return "nobody"
    if len(own) > 1 and own["high"].iloc[1:].max() >= own["low"].iloc[0]:
        return "cannot tell"
    return str(own["character"].iloc[0])


def changes_of(segments: pd.DataFrame) -> pd.DataFrame:
    """How often one emotion follows another in a track: character, before, after, times; of sure segments alone."""
    sure = segments[~segments["unsure"]].sort_values(["episode_id", "character", "track", "start_s"])
    before = sure.groupby(["episode_id", "character", "track"])["emotion"].shift()
    pairs = sure.assign(before=before).dropna(subset=["before"])
    pairs = pairs[pairs["before"] != pairs["emotion"]]
    counted = pairs.groupby(["character", "before", "emotion"]).size().rename("times").reset_index()
    return counted.rename(columns={"emotion": "after"})


def together_of(faces: pd.DataFrame) -> pd.DataFrame:
    """For each two characters, how long both are on screen: character, other, seconds."""
    shown = faces.drop_duplicates(["episode_id", "frame", "character"])
    names = sorted(shown["character"].unique())
    frames = {name: shown[shown["character"] == name].set_index(["episode_id", "frame"])["seconds"] for name in names}
    rows = []
    for one, other in combinations(names, 2):
        both = frames[one].index.intersection(frames[other].index)
        rows.append((one, other, round(float(frames[one].loc[both].sum()), 3)))
    return pd.DataFrame(rows, columns=["character", "other", "seconds"])


def arcs_of(faces: pd.DataFrame, parts: int = 20) -> pd.DataFrame:
    """An episode's course: character, part (0 to parts − 1 of its time), emotion, share of the sure answers there."""
    ends = faces.groupby("episode_id")["time_s"].transform("max")
    part = np.minimum((faces["time_s"] / np.maximum(ends, 1e-9) * parts).astype(int), parts - 1)
    sure = faces.assign(part=part)[~faces["unsure"]]
    seconds = sure.groupby(["episode_id", "character", "part", "emotion"])["seconds"].sum()
    whole = seconds.groupby(["episode_id", "character", "part"]).transform("sum")
    return (seconds / whole).round(4).rename("share").reset_index()
