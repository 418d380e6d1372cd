"""The page of `toonset verify`."""

from pathlib import Path

import pandas as pd

from pipeline.pages.html import Section, render, table
from pipeline.release.verify import VERDICTS, Verified

SHOWN = 500
"""Findings on the page, at most."""


def verified_page(found: Verified, name: str) -> str:
    """Counts of files and rows, and each that is not as it was released."""
    counts = pd.DataFrame(
        [[what, *found.counts(what[:-1]).values()] for what in ("files", "rows")], columns=["", *VERDICTS]
    )
    odd = [one for one in found.findings if one.verdict != "match"]
    rows = pd.DataFrame(
        [[one.what, one.name, one.verdict, one.why] for one in odd[:SHOWN]], columns=["what", "name", "verdict", "why"]
    )
    parts = [table(counts)]
    if odd:
        shown = f"The first {SHOWN} of {len(odd)}." if len(odd) > SHOWN else ""
        parts.append(table(rows, "Not as they were released", shown))
    verdict = "Nothing is missing or altered." if found.whole else "Something is missing or altered."
    return render(
        f"Release {Path(name).name}", verdict, {}, [Section("What was found", parts)], made_by="toonset verify"
    )
