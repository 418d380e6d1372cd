"""Which scene goes to train, validation or test. Adding an episode changes no split of another episode.

A scene's frames look alike, so a scene is never divided. The first of these rules that applies decides:

1. `annotations/splits.csv`, recorded by `toonset splits` (`pipeline.dataset.record_splits`),
2. `annotations/held_out.csv`, the test scenes that people choose,
3. a hash of the episode's content and the scene's start.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline import paths
from pipeline.errors import InputError, nearest
from pipeline.labels.people_files import read_table_file
from pipeline.params import Splits
from pipeline.schemas import SPLITS, Split

COLUMNS: Final = ["episode_id", "start_frame", "end_frame"]


def scene_split(sha256: str, start_pts: int, splits: Splits, *, never_test: bool = False) -> Split:
    """The split of the scene that starts at `start_pts` of the episode with this content.

    With `never_test` (people chose the episode's test scenes) the rest is shared between train and validation in the
    proportion that `splits` gives them.
    """
    key = f"{splits.seed}:{sha256}:{start_pts}".encode()
    share = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64
    if never_test:
        return "validation" if share < splits.validation / (1 - splits.test) else "train"
    if share < splits.test:
        return "test"
    return "validation" if share < splits.test + splits.validation else "train"


def held_out_share(start: int, stop: int, ranges: Sequence[tuple[int, int]]) -> float:
    """Share of the frames `start` to `stop` (exclusive) that lie in one of `ranges` (start, stop exclusive)."""
    held: set[int] = set()
    for first, end in ranges:
        held.update(range(max(start, first), min(stop, end)))
    return len(held) / (stop - start)


def read_held_out(frames: Mapping[str, int], path: Path = paths.HELD_OUT) -> dict[str, list[tuple[int, int]]]:
    """Read the ranges that people keep for the test split, as (start_frame, stop_frame exclusive) by episode.

    `frames` gives the length of each episode in frames (0 where it is not known). No file or an empty one holds
    nothing out. Raises InputError naming the line that is wrong.
    """
    ranges: dict[str, list[tuple[int, int]]] = {}
    for where, row in _read(path, COLUMNS):
        episode, first, last = _row(where, row, frames)
        ranges.setdefault(episode, []).append((first, last + 1))
    return ranges


def read_recorded(path: Path = paths.SPLITS) -> dict[str, list[tuple[int, int, Split]]]:
    """Read the splits that are written down for good, as (start_frame, stop_frame exclusive, split) by episode.

    No file or an empty one has none. Raises InputError naming the line that is wrong. Episodes that are not in the
    project are no fault: one that comes back finds its splits again.
    """
    recorded: dict[str, list[tuple[int, int, Split]]] = {}
    for where, row in _read(path, [*COLUMNS, "split"]):
        first, last = _range(where, row)
        if row[3] not in SPLITS:
            raise InputError(f"{where}: split is {row[3]!r}; expected {', '.join(SPLITS)}.{nearest(row[3], SPLITS)}")
        recorded.setdefault(row[0], []).append((first, last + 1, SPLITS[SPLITS.index(row[3])]))
    return recorded


def recorded_split(start: int, stop: int, recorded: Sequence[tuple[int, int, Split]]) -> Split | None:
    """The split written down for at least half of the frames `start` to `stop` (exclusive); None where there is none.

    Scenes are found by their frames, so they keep their split when a boundary is found a little earlier or later. Of
    two that have half each, the one of SPLITS that comes first.
    """
    shares = {
        split: held_out_share(start, stop, [(a, b) for a, b, own in recorded if own == split]) for split in SPLITS
    }
    most = max(SPLITS, key=lambda split: shares[split])
    return most if shares[most] >= 0.5 else None


def _read(path: Path, columns: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The lines below the header of a CSV file with these columns, and where each stands; none if there is no file."""
    if not path.exists() or not path.read_bytes().strip():
        return
    table = read_table_file(path, columns)
    if table.header != columns:
        raise InputError(f"{path}, line 1: found the columns {','.join(table.header)}; expected {','.join(columns)}")
    for number, row in table.rows:
        where = f"{path}, line {number}"
        if len(row) != len(columns):
            raise InputError(f"{where}: found {len(row)} values; expected {len(columns)}: {','.join(columns)}")
        yield where, row


def _row(where: str, row: list[str], frames: Mapping[str, int]) -> tuple[str, int, int]:
    """One line as (episode, first frame, last frame), or InputError."""
    episode = row[0]
    if episode not in frames:
        raise InputError(f"{where}: there is no episode {episode!r} in params.yaml.{_suggest(episode, frames)}")
    first, last = _range(where, row)
    if frames[episode] and first >= frames[episode]:
        raise InputError(
            f"{where}: start_frame is {first}; episode {episode!r} has {frames[episode]} frames, so at most "
            f"{frames[episode] - 1}"
        )
    return episode, first, last


def _suggest(episode: str, episodes: Collection[str]) -> str:
    return nearest(episode, episodes) or f" Expected one of {', '.join(sorted(episodes))}."


def _range(where: str, row: list[str]) -> tuple[int, int]:
    """The first and the last frame of a line, or InputError."""
    for name, value in zip(COLUMNS[1:], row[1:3], strict=True):
        if not (value.isascii() and value.isdigit()):
            raise InputError(f"{where}: {name} is {value!r}; expected a frame number (0 or more)")
    first, last = int(row[1]), int(row[2])
    if last < first:
        raise InputError(
            f"{where}: end_frame {last} comes before start_frame {first}; expected the last frame held out"
        )
    return first, last
