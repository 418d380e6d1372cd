"""What is wrong with a project's results, and what would make them better: sentences for the first page."""

import json
from typing import Final

import pandas as pd

from cascades.words import counted
from pipeline import paths
from pipeline.faces.cascade_files import why_untrained
from pipeline.labels.consensus import in_common
from pipeline.params import Params
from pipeline.schemas import DATASET, EPISODES, LABELS, MANIFEST, OK, SPLITS, Split
from pipeline.tables import read_rows

TO_JUDGE: Final = 10
"""Test faces below which a figure says nothing."""
TO_LEARN: Final = 20
"""Training faces of an emotion below which it is hardly learned."""
RELIABLE: Final = 0.67
"""Krippendorff's alpha below which labels are not usually relied on."""


def advice(params: Params) -> list[str]:
    """Sentences, what matters most first; empty where nothing stands out. Reads the tables of all stages."""
    return [*_episodes(), *_cascades(params), *emotions_advice(params), *_labels(), *_next()]


def _episodes() -> list[str]:
    episodes = read_rows(paths.EPISODES, EPISODES, ["episode_id", "status", "reason"])
    bad = episodes[episodes["status"] != OK]
    return [f"Episode {name} is not used: {why}" for name, why in zip(bad["episode_id"], bad["reason"], strict=True)]


def _cascades(params: Params) -> list[str]:
    said = []
    for character in params.characters:
        name = params.shown(character)
        reason = why_untrained(character)
        if reason:
            said.append(f"{name} has no cascade yet, so none of its faces are in the dataset: {reason}")
            continue
        metrics = json.loads((paths.CASCADE_REPORTS / f"{character}.json").read_text(encoding="utf-8"))
        if metrics["faces"] < TO_JUDGE:
            said.append(
                f"The cascade of {name} is measured on {metrics['faces']} faces, which is too few to judge it: box "
                "faces in scenes of the test split (data/scenes.parquet), or let `toonset splits` share the scenes out"
            )
    return said


def emotions_advice(params: Params) -> list[str]:
    """What is lacking in the dataset: emotions with too few faces to learn or to judge."""
    more = "Add pictures" if params.pictures_alone else "Label more (`toonset label push emotions`)"
    counts = {
        split: read_rows(paths.split_table(split), DATASET, ["emotion"])["emotion"].value_counts() for split in SPLITS
    }

    def few(split: Split, least: int) -> str:
        found = [(params.shown(name), int(counts[split].get(name, 0))) for name in params.emotions]
        return ", ".join(f"{name} ({count})" for name, count in found if count < least)

    said = []
    if few("train", TO_LEARN):
        said.append(
            f"Few training faces: {few('train', TO_LEARN)}. {more}; below {TO_LEARN} faces an emotion is hardly learned"
        )
    if few("test", TO_JUDGE):
        also = "" if params.pictures_alone else ", or share out the scenes with `toonset splits`"
        said.append(f"Too few test faces to judge: {few('test', TO_JUDGE)}. {more.partition(' (')[0]}{also}")
    return said


def _labels() -> list[str]:
    labels = read_rows(paths.LABELS, LABELS, ["status", "reason"])
    said = []
    reasons = in_common(labels.loc[labels["status"] != OK, "reason"]).value_counts()
    if len(reasons):
        listed = "; ".join(f"{count}: {reason}" for reason, count in reasons.head(3).items())
        said.append(f"{counted(int(reasons.sum()), 'annotations')} without effect ({listed})")
    agreement = json.loads((paths.AGREEMENT / "agreement.json").read_text(encoding="utf-8"))
    alpha = agreement["alpha"]["value"]
    if alpha is None:
        said.append("Nobody knows how sure the labels are: let a second person label some of the same faces")
    elif alpha < RELIABLE:
        said.append(f"Annotators agree too little (alpha {alpha:.2f}): agree on what each emotion means, then review")
    return said


def _next() -> list[str]:
    manifest = read_rows(paths.MANIFEST, MANIFEST, ["face_id", "selected"])
    labelled = set(read_rows(paths.LABELS, LABELS, ["face_id"])["face_id"])
    left = int((manifest["selected"] & ~manifest["face_id"].isin(labelled)).sum())
    said = []
    if left:
        said.append(
            f"{left} distinct faces have no label yet; the most useful come first: `toonset label push emotions`"
        )
    if not paths.SPLITS.exists() or len(pd.read_csv(paths.SPLITS)) == 0:
        said.append("Before you publish, fix which scenes are tested on: `toonset splits`")
    return said
