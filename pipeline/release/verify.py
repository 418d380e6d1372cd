"""`toonset verify RELEASE`: is it what was released? Needs the release alone, no project.

match    the same bytes
similar  other bytes, but the picture looks the same: another encode of the episode
missing  a file or a row that was released is not there
altered  a file, a row or a picture is another one
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.release.fingerprint import COLUMNS, compare, label_sums, looks
from pipeline.release.make import ROWS, SUMS, listed_files
from pipeline.schemas import DATASET
from pipeline.tables import sha256_of

VERDICTS: Final = ("match", "similar", "missing", "altered")


@dataclass(frozen=True)
class Finding:
    """What was found of a file or a row."""

    what: str
    """file or row"""
    name: str
    verdict: str
    why: str = ""


@dataclass(frozen=True)
class Verified:
    """All that was found of a release."""

    findings: list[Finding]

    def counts(self, what: str) -> dict[str, int]:
        """How many files or rows there are of each verdict."""
        found = Counter(one.verdict for one in self.findings if one.what == what)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or altered."""
        return all(one.verdict in ("match", "similar") for one in self.findings)


def verify(release: Path) -> Verified:
    """Check every file and every row. Raises InputError where it is no release."""
    if not (release / SUMS).is_file():
        raise InputError(f"{release} has no {SUMS}: expected a folder that `toonset release` made")
    sums = _sums(release)
    rows = list(_rows(release))
    verdicts = {one.verdict for one in rows}
    # Pictures that were cut again make another file. Of a release that had its pictures, other bytes are damage.
    alike = verdicts <= {"match", "similar"} and _was_bare(release)
    return Verified([*_files(release, sums, alike), *rows])


def _was_bare(release: Path) -> bool:
    """Whether the release was made without pictures. Its recipe is one of the files that are checked."""
    try:
        value = json.loads((release / "recipe.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("pictures") is False


def _sums(release: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(_lines(release / SUMS), start=1):
        sha256, _, name = line.partition("  ")
        parts = Path(name).parts
        if len(sha256) != 64 or not parts or ".." in parts or Path(name).is_absolute():
            raise InputError(
                f"{release / SUMS}, line {number}: found {line[:100]!r}; expected a sha256 and a file of the release"
            )
        found[name] = sha256
    return found


def _lines(path: Path) -> list[str]:
    """Its lines as `sha256sum` ends them; `splitlines` would take other characters for a line's end too."""
    return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")


def _files(release: Path, sums: dict[str, str], alike: bool) -> Iterator[Finding]:
    there = set(listed_files(release))
    for name, sha256 in sums.items():
        if name not in there:
            yield Finding("file", name, "missing")
        elif sha256_of(release / name) == sha256:
            yield Finding("file", name, "match")
        elif alike and name.startswith("data/"):
            yield Finding("file", name, "similar", "other bytes, but its rows are the same and its pictures look so")
        else:
            yield Finding("file", name, "altered", "its sha256 is another one")
    for name in sorted(there - set(sums)):
        yield Finding("file", name, "altered", "was not released: it is in no line of the checksums")


def _rows(release: Path) -> Iterator[Finding]:
    try:
        known = pd.read_csv(release / ROWS, dtype=str, keep_default_na=False)[COLUMNS]
    except (OSError, KeyError, ValueError) as error:
        yield Finding("file", ROWS, "altered", f"cannot be read ({type(error).__name__}): no row can be checked")
        return
    by_id = {str(row["face_id"]): {name: str(row[name]) for name in COLUMNS} for row in known.to_dict("records")}
    seen: set[str] = set()
    for path in sorted((release / "data").glob("*.parquet")):
        try:
            table = pq.read_table(path)
            rows = table.to_pandas().assign(emotion=lambda read: read["emotion_name"])[DATASET.names]
        except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError) as error:
            yield Finding("file", f"data/{path.name}", "altered", f"cannot be read ({type(error).__name__})")
            continue
        encoded = [image["bytes"] if image and image["bytes"] else b"" for image in rows["image"]]
        found = looks(encoded, rows["margin"].fillna(0).to_numpy(np.float64).clip(0, 2))
        for number, (face_id, label) in enumerate(zip(rows["face_id"], label_sums(rows), strict=True)):
            name = str(face_id)
            if name in seen:
                yield Finding("row", name, "altered", "stands there twice")
                continue
            seen.add(name)
            own = {column: values[number] for column, values in found.items()}
            yield _row(name, by_id.get(name), own, label, has_picture=bool(encoded[number]))
    for name in by_id:
        if name not in seen:
            yield Finding("row", name, "missing")


def _row(name: str, known: dict[str, str] | None, own: dict[str, str], label: str, *, has_picture: bool) -> Finding:
    if known is None:
        return Finding("row", name, "altered", "was not released")
    if known["label_sha256"] != label:
        return Finding("row", name, "altered", "its label or another column is another one")
    if not has_picture:
        return Finding("row", name, "match", "without its picture")
    verdict = compare(known, own)
    why = {"similar": "another encode of its picture", "altered": "its picture is another one"}.get(verdict, "")
    return Finding("row", name, verdict, why)
