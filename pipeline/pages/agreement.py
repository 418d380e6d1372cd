"""The report's section on how far annotators agree, and whether seeing a guess biased their answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from labeling.agreement import confusion
from labeling.config import NO_NAMES
from pipeline import paths
from pipeline.pages.html import Part, Section, table


def agreement_section(names: Mapping[str, str] = NO_NAMES, folder: Path = paths.AGREEMENT) -> Section:
    """From `agreement.json` and `confusion.csv` of the labels stage. names: of answers, where they have one."""
    found = json.loads((folder / "agreement.json").read_text(encoding="utf-8"))
    both = pd.read_csv(folder / "confusion.csv")
    parts = [Part("Between annotators", in_short(found))]
    if found["per_class"]:
        rows = [
            [names.get(answer, answer), _figure(one), _interval(one), one["answers"]]
            for answer, one in found["per_class"].items()
        ]
        columns = ["answer", "alpha", "95 % interval", "times given"]
        text = "Krippendorff's alpha of each answer against all others, on the faces that several people judged."
        parts.append(table(pd.DataFrame(rows, columns=columns), "By answer", text))
    if found["kappa"]:
        rows = [
            [who, "–" if one["value"] is None else f"{one['value']:.2f}", one["items"]]
            for who, one in found["kappa"].items()
        ]
        parts.append(table(pd.DataFrame(rows, columns=["annotators", "Cohen's kappa", "faces both judged"]), "By pair"))
    if len(both):
        counts = confusion(both, list(found["per_class"])).rename(index=dict(names), columns=dict(names))
        counts = counts.rename_axis(index="answer", columns=None).reset_index()
        parts.append(table(counts, "Answers of one annotator by answers of another", CONFUSION))
    parts.append(Part("Does seeing a guess bias the answers?", anchoring_text(found["anchoring"])))
    return Section("Agreement", parts)


CONFUSION = (
    "Pairs of answers to the same face, each counted in both orders: one person gave the answer of the row, another "
    "person the answer of the column."
)


def in_short(found: dict[str, Any]) -> str:
    """Alpha over all answers in words, and what could not be measured."""
    alpha = found["alpha"]
    if alpha["value"] is None:
        return str(found["note"])
    return (
        f"{found['items_with_several']} of {found['items']} faces were judged by several of the "
        f"{found['annotators']} annotators. Two answers to the same face are equal in {100 * found['observed']:.0f} % "
        f"of the cases. Krippendorff's alpha is {_figure(alpha)} (95 % interval: {_interval(alpha)}): 1 means full "
        f"agreement, 0 means agreement by chance. A common rule: labels are reliable from 0.8 on, and not reliable "
        f"below 0.67. {found['note']}"
    ).strip()


def anchoring_text(found: dict[str, Any]) -> str:
    """The comparison of answers with a shown and with a hidden guess, in words."""
    said = [
        f"{100 * one['share']:.0f} % of {one['answers']} answers equal the guess where it was {word} ({_interval(one)})"
        for name, word in (("shown", "shown"), ("withheld", "hidden"))
        if (one := found[name])["answers"]
    ]
    figures = f" {'; '.join(said)}." if said else ""
    difference = found["difference"]
    interval = f" 95 % interval of the difference: {_interval(difference)}." if difference else ""
    return f"{found['note']}{figures}{interval}"


def _figure(one: dict[str, Any]) -> str:
    return "–" if one["value"] is None else f"{one['value']:.2f}"


def _interval(one: dict[str, Any]) -> str:
    return "–" if one["low"] is None else f"{one['low']:.2f} to {one['high']:.2f}"
