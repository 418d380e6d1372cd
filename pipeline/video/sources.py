"""What `episodes` in params.yaml names: URLs, files, folders of files and episodes of the sample show."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pipeline.errors import ParamsError, nearest
from pipeline.params import Episode

Kind = Literal["url", "sample", "file"]
SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
MISSING: Final = "there is no such file or folder"
"""Why a source is not used. The row holds no path of this machine; the console says where it was looked for."""
SAMPLE: Final = "sample:"
LONGEST_ID: Final = 64
SUFFIXES: Final = (
    *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".rm"),
    *(".ts", ".vob", ".webm", ".wmv"),
)
"""File name endings of videos in a folder; a file that is named itself may have any name."""


@dataclass(frozen=True)
class Item:
    """One episode to be had: `source` as in params.yaml (for a file in a folder, with its name).

    `problem` says why it cannot be had at all, and is empty otherwise.
    """

    id: str
    source: str
    kind: Kind
    license: str
    attribution: str
    sha256: str | None = None
    problem: str = ""


def expand(episodes: Sequence[Episode], own: Path) -> list[Item]:
    """One item per episode, a folder becoming one per video in it; sorted by id, ids unique.

    `own` is the folder that the download stage fills itself, so no source can lie in it. Raises ParamsError for
    sources of a kind that there is not.
    """
    items: list[Item] = []
    folders: list[Item] = []
    for index, episode in enumerate(episodes):
        kind = _kind(f"`episodes[{index}].source`", episode.source)
        item = Item(episode.id, episode.source, kind, episode.license, episode.attribution, episode.sha256)
        if kind == "file" and _is_folder(local(episode.source)):
            if episode.sha256 is not None:
                raise ParamsError(
                    f"`episodes[{index}].sha256`: {episode.source!r} is a folder; only a file has one sha256"
                )
            folders += _in_folder(item)
        else:
            items.append(item)
    named = Counter(item.id for item in items + folders)
    items += [_with_unique_id(item) if named[item.id] > 1 else item for item in folders]
    return sorted((_checked(item, own) for item in items), key=lambda item: item.id)


def local(source: str) -> Path:
    """The path of a file or folder source; ~/ is the home folder."""
    return Path.home() / source[2:] if source.startswith("~/") else Path(source)


def slug(name: str) -> str:
    """A name as an id may be written: lower-case ASCII letters, digits, - and _; may be empty."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_name.lower()).strip("-_")


def _kind(key: str, source: str) -> Kind:
    if source.startswith(SAMPLE):
        return "sample"
    scheme = SCHEME.match(source)
    if scheme is None:
        return "file"
    if scheme[1].lower() in ("http", "https"):
        _check_address(key, source)
        return "url"
    hint = "write the plain path of the file" if scheme[1].lower() == "file" else "fetch it yourself and name the file"
    raise ParamsError(
        f"{key} is {source!r}; expected an http(s):// address, a file, a folder or {SAMPLE}NAME: {hint}."
        + (nearest(scheme[1], ("http", "https")) if scheme[1].lower() != "file" else "")
    )


def _in_folder(item: Item) -> list[Item]:
    """An item per video in a folder, ids from the file names."""
    names = sorted(
        path.name
        for path in local(item.source).iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not names:
        shown = ", ".join(SUFFIXES)
        return [replace(item, problem=f"the folder has no video in it; expected files that end in one of {shown}")]
    inside = [replace(item, source=f"{item.source.rstrip('/')}/{name}") for name in names]
    named = [replace(each, id=f"{item.id}-{slug(Path(each.source).stem)}".rstrip("-")) for each in inside]
    return [_with_unique_id(each) if len(each.id) > LONGEST_ID or each.id == item.id else each for each in named]


def _with_unique_id(item: Item) -> Item:
    """The item under an id that its file name makes unique: neighbours that come and go do not change it."""
    mark = hashlib.sha256(Path(item.source).name.encode()).hexdigest()[:8]
    return replace(item, id=f"{item.id[: LONGEST_ID - len(mark) - 1]}-{mark}")


def _checked(item: Item, own: Path) -> Item:
    """The item with `problem` set where a file source cannot be read."""
    if item.kind != "file" or item.problem:
        return item
    try:
        return replace(item, problem=_file_problem(local(item.source), own))
    except (OSError, ValueError) as error:  # a name too long, a folder that may not be entered, a null character
        why = error.strerror if isinstance(error, OSError) else str(error)
        return replace(item, problem=f"its path cannot be looked up ({why}); expected a file that can be read")


def _file_problem(path: Path, own: Path) -> str:
    if path.resolve().is_relative_to(own.resolve()):
        return f"it lies in {own}, which toonset fills and clears itself: move it elsewhere"
    if not path.exists():
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"{MISSING}.{nearest(path.name, sorted(beside))}"
    return "" if path.is_file() else "it is neither a file nor a folder; expected a video file"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _check_address(key: str, source: str) -> None:
    try:
        host = urlsplit(source).hostname
    except ValueError as error:
        raise ParamsError(f"{key} is {source!r}, which is no address: {error}") from error
    if not host:
        raise ParamsError(f"{key} is {source!r}, which names no host; expected http(s)://host/path")
