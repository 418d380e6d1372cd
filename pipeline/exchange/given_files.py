"""A picture as a source of `faces_from` gives it, and the files of such a source. Links are not followed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cascades.pictures import SUFFIXES
from pipeline.errors import InputError
from pipeline.images import Rectangle
from pipeline.params import FacesFrom

IGNORED: Final = ("thumbs.db", "desktop.ini", "readme.md", "readme.txt", "license", "license.txt")
"""Files that stand in such folders and are no pictures."""


@dataclass(frozen=True)
class Given:
    """A picture as a source gives it."""

    name: str
    """The file in the source's folder, or the table and its line."""
    label: str = ""
    character: str = ""
    split: str = ""
    group: str = ""
    picture: Path | bytes = b""
    """Where it is, or its content: an encoded picture."""
    fault: str = ""
    """Why it cannot be used; empty where it can."""
    box: Rectangle | None = None
    """The face in the picture, px; None where the picture is a face."""


def files_of(folder: Path) -> Iterator[tuple[str, str]]:
    """The files below a folder as (name relative to it, why it is no picture of it), sorted; hidden ones left out."""
    for top, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*files, *(one for one in folders if (Path(top) / one).is_symlink())]):
            path = Path(top) / name
            if name.startswith(".") or name.lower() in IGNORED:
                continue
            inside = path.relative_to(folder).as_posix()
            if path.is_symlink():
                yield inside, "a link, and DVC does not look behind links: copy the picture there"
            else:
                known = path.suffix.lower() in SUFFIXES
                yield inside, "" if known else f"no picture: its name ends in {path.suffix[:20]!r}"


def require_folder(path: Path, entry: FacesFrom) -> None:
    """Raises InputError where a source is no folder."""
    if not path.is_dir():
        raise InputError(
            f"{path} is no folder; the format {entry.format} needs one"
            + (": unpack the archive there first" if path.suffix.lower() in (".zip", ".tar", ".gz", ".7z") else "")
        )
