"""The texts of a release, made from its rows and from the reports: no figure is written by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pipeline import paths
from pipeline.escape import markdown
from pipeline.params import Params
from pipeline.schemas import SPLITS
from pipeline.version import VERSION

SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
SPDX: Final = {
    "CC-BY-4.0": "cc-by-4.0", "CC-BY-SA-4.0": "cc-by-sa-4.0", "CC-BY-NC-4.0": "cc-by-nc-4.0", "CC0-1.0": "cc0-1.0",
    "MIT": "mit", "Apache-2.0": "apache-2.0", "CC-BY-3.0": "cc-by-3.0",
}  # fmt: skip
"""Licences as params.yaml has them → as Hugging Face names them."""


def front_matter(rows: pd.DataFrame, splits: Sequence[str]) -> str:
    """The head of the card: what Hugging Face reads."""
    names = sorted(rows["license"].unique())
    known = SPDX.get(names[0]) if len(names) == 1 else None
    size = next((word for most, word in SIZES if len(rows) < most), "n>1M")
    lines = (
        [f"license: {known}"]
        if known
        else ["license: other", f"license_name: {_license_name(names)}", "license_link: LICENSES.md"]
    )
    lines += ["task_categories:", "- image-classification", "size_categories:", f"- {size}", "configs:",
              "- config_name: default", "  data_files:"]  # fmt: skip
    lines += [f"  - {{split: {split}, path: data/{split}-*.parquet}}" for split in splits]
    return "---\n" + "\n".join(lines) + "\n---\n"


def _license_name(names: Sequence[str]) -> str:
    """The name of the only licence as JSON, which is YAML too; `several` where there are more."""
    return json.dumps(names[0] or "unknown", ensure_ascii=False) if len(names) == 1 else "several"


def licenses_of(rows: pd.DataFrame) -> str:
    """Which rows have which licence, and whom to credit."""
    found = rows.groupby(["episode_id", "license", "attribution"]).size().reset_index(name="rows")
    lines = ["# Licences", "", "Every row has its own `license` and `attribution`.", ""]
    lines += ["| from | licence | credit | rows |", "|---|---|---|---|"]
    lines += [
        f"| {row['episode_id']} | {markdown(row['license'])} | {markdown(row['attribution'])} | {row['rows']} |"
        for row in found.to_dict("records")
    ]
    return "\n".join(lines) + "\n"


def datasheet(rows: pd.DataFrame, params: Params, version: str, *, reports: bool = True) -> str:
    """The questions of Gebru et al. (2021) that the project's own reports answer.

    reports: whether the reports are about these rows, and not about more.
    """
    counts = rows.groupby(["emotion", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=list(params.emotions), columns=list(SPLITS), fill_value=0)
    table = ["| emotion | " + " | ".join(SPLITS) + " |", "|---|---|---|---|"]
    table += [f"| {markdown(params.shown(str(name)))} | " + " | ".join(map(str, own)) + " |"
              for name, own in zip(counts.index, counts.to_numpy().tolist(), strict=True)]  # fmt: skip
    sources = ", ".join(sorted(rows["episode_id"].unique()))
    annotators = rows["annotators"].fillna(0)
    agreement = _report(paths.AGREEMENT / "agreement.json", reports).get("alpha", {}).get("value")
    metrics = _report(paths.EVALUATION / "metrics.json", reports)
    limits = [
        f"- {int((annotators < 2).sum())} of {len(rows)} labels were given by one person or one source.",
        "- Krippendorff's alpha of the labels: "
        + ("not measured." if agreement is None else f"{agreement:.2f} (1: full agreement, 0: chance)."),
    ]
    if metrics.get("accuracy") is not None:
        limits.append(
            f"- A classifier trained on `train` has accuracy {metrics['accuracy']:.2f} and macro F1 "
            f"{metrics['macro_f1']:.2f} on {metrics['n']} faces of `test`."
        )
    rare = [params.shown(str(name)) for name in counts.index if counts.loc[name, "test"] < 10]
    if rare:
        limits.append(f"- Fewer than 10 test faces: {markdown(', '.join(rare))}. Nothing can be said of them.")
    return "\n".join(
        [
            f"# Datasheet, version {version}",
            "",
            "## What is in it",
            "",
            f"{len(rows)} faces of {', '.join(markdown(params.shown(n)) for n in sorted(rows['character'].unique()))}, "
            f"from {sources}. Near-duplicates were left out; all faces of a scene (or group) are in one split.",
            "",
            *table,
            "",
            "## Who labelled it",
            "",
            f"At most {int(annotators.max())} annotators for a face. `votes`, `agreement` and `confidence` of each row "
            "say how sure its label is.",
            "",
            "## Known limits",
            "",
            *limits,
            "",
            f"Made with toonset {VERSION} from the reports of the project.",
            "",
        ]
    )


def _report(path: Path, wanted: bool) -> dict[str, Any]:
    if not wanted or not path.exists():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))
