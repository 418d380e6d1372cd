"""Semantic versions of data, as Croissant 1.1 asks: what a new release may be called, given the one before.

patch   the same rows and pictures
minor   only additions
major   rows changed, removed, or moved between splits
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.errors import InputError

VERSION: Final = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Change:
    """Rows of a release beside those of the one before, by face_id."""

    added: int = 0
    removed: int = 0
    relabelled: int = 0
    """Rows of which a column other than the picture and the split differs."""
    recut: int = 0
    """Rows whose picture differs."""
    moved: int = 0
    """Rows in another split."""

    @property
    def least(self) -> int:
        """Which part of the version has to grow at least: 0 major, 1 minor, 2 patch."""
        if self.removed or self.relabelled or self.recut or self.moved:
            return 0
        return 1 if self.added else 2

    def __str__(self) -> str:
        parts = {"added": self.added, "removed": self.removed, "with another label or column": self.relabelled,
                 "with another picture": self.recut, "in another split": self.moved}  # fmt: skip
        return ", ".join(f"{count} rows {what}" for what, count in parts.items() if count) or "the same rows"


def read_version(text: str) -> Version:
    """Raises InputError where it is no version of three numbers."""
    found = VERSION.fullmatch(text)
    if not found:
        raise InputError(f"{text!r} is no version; expected three numbers such as 1.0.0")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def latest(folder: Path, below: Version) -> str | None:
    """The highest version below another one that has been released in a folder; None where there is none."""
    versions = [path.name for path in folder.glob("*") if path.is_dir() and VERSION.fullmatch(path.name)]
    earlier = [name for name in versions if read_version(name) < below]
    return max(earlier, key=read_version, default=None)


def changes(old: pd.DataFrame, new: pd.DataFrame) -> Change:
    """old, new: `fingerprint.COLUMNS`."""
    both = old.merge(new, on="face_id", suffixes=("_old", "_new"))
    moved = both["split_old"] != both["split_new"]
    return Change(
        added=int((~new["face_id"].isin(old["face_id"])).sum()),
        removed=int((~old["face_id"].isin(new["face_id"])).sum()),
        relabelled=int(((both["label_sha256_old"] != both["label_sha256_new"]) & ~moved).sum()),
        recut=int((both["image_sha256_old"] != both["image_sha256_new"]).sum()),
        moved=int(moved.sum()),
    )


def require_growth(version: str, before: str | None, change: Change) -> None:
    """Raise InputError where the version promises less change than there is."""
    if before is None:
        return
    own, last = read_version(version), read_version(before)
    grown = next(place for place in range(3) if own[place] != last[place])
    if grown > change.least:
        next_one = (*last[: change.least], last[change.least] + 1, *(0,) * (2 - change.least))
        raise InputError(
            f"{version} follows {before}, but {change}: call it {'.'.join(map(str, next_one))} or higher (same rows: "
            "patch; only additions: minor; rows changed, removed or moved: major)"
        )
