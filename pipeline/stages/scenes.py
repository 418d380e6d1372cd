"""Find the scenes of every episode (`pipeline.video.shots`) and give each its split.

What it needs of the frames was measured by the stage `download` in the decode that checked them. An episode is decoded
here only where that is not in the cache any more.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.compute.each import cores, each
from pipeline.console import say_counts
from pipeline.dataset.scene_splits import (
    held_out_share,
    read_held_out,
    read_recorded,
    recorded_split,
    scene_split,
)
from pipeline.errors import InputError, TaskLost
from pipeline.params import Params, Scenes, Splits, load_params
from pipeline.schemas import EPISODES, OK, REJECTED, SCENES, SPLITS, Split
from pipeline.tables import read_kept_json, read_table, to_table, write_kept_json, write_table
from pipeline.video import changes, container
from pipeline.video.shots import Start, measured, starts_in

VERSION: Final = 3
"""Grows with every change to this module that can change boundaries, so that kept ones are found again."""

Row = dict[str, Any]


def main() -> None:
    """Run the stage in the project directory."""
    params = load_params()
    episodes = read_table(paths.EPISODES, EPISODES).to_pylist()
    rows = scenes(episodes, params, paths.VIDEOS, cache_folder("scenes"))
    write_table(paths.SCENES, to_table(rows, SCENES))
    say_counts("scenes", _counts(rows))


def scenes(episodes: Sequence[Mapping[str, Any]], params: Params, folder: Path, cache: Path) -> list[Row]:
    """Rows of SCENES for the rows of EPISODES that are ok; their files lie in `folder`.

    `cache` keeps the changes of the frames by content, and what was found by content and parameters; what belongs to no
    episode is deleted from it.
    """
    usable = [episode for episode in episodes if episode["status"] == OK]
    held_out = read_held_out({episode["episode_id"]: episode["frames"] or 0 for episode in episodes})
    recorded = read_recorded()
    names = {episode["sha256"]: _cache_name(episode["sha256"], params.scenes) for episode in usable}
    needed = {*names.values(), *map(changes.kept_name, names)}
    for stale in sorted({path.name for path in cache.iterdir()} - needed):
        (cache / stale).unlink()
    todo = [episode for episode in usable if read_kept_json(cache / names[episode["sha256"]]) is None]
    # Episodes run in parallel; where there are fewer than cores, the decoder has several threads.
    threads = max(1, cores(params.compute) // max(1, len(todo)))
    search = partial(_search, params=params.scenes, folder=folder, cache=cache, threads=threads)
    reasons = dict(each(search, todo, params.compute, desc="scenes", unit="episode", lost=_lost))
    rows: list[Row] = []
    for episode in usable:
        if reasons.get(episode["episode_id"]):
            rows.append(_rejected(episode, reasons[episode["episode_id"]]))
            continue
        kept = read_kept_json(cache / names[episode["sha256"]]) or {}
        starts = [Start(*start) for start in kept["starts"]]
        name = episode["episode_id"]
        rows += _rows(episode, starts, held_out.get(name), recorded.get(name, []), params.splits)
    return rows


def _search(episode: Mapping[str, Any], params: Scenes, folder: Path, cache: Path, threads: int) -> tuple[str, str]:
    """Find an episode's scenes and keep them in `cache`; (episode_id, why that failed or an empty string)."""
    rate = Fraction(episode["rate_num"], episode["rate_den"])
    try:
        found = _changes(episode, folder, cache, threads)
    except InputError as error:
        return episode["episode_id"], str(error)
    starts = starts_in(found, rate, params)
    write_kept_json(cache / _cache_name(episode["sha256"], params), {"starts": [astuple(start) for start in starts]})
    return episode["episode_id"], ""


def _changes(episode: Mapping[str, Any], folder: Path, cache: Path, threads: int) -> changes.Changes:
    """How much an episode's frames differ: as `download` has kept it, or from a decode.

    Raises InputError where that fails.
    """
    path = cache / changes.kept_name(episode["sha256"])
    found = changes.kept(path, episode["frames"])
    if found is None:
        found = measured(folder / episode["path"], threads, frames=episode["frames"])
        changes.keep(path, found)
    return found


def _lost(episode: Mapping[str, Any], lost: TaskLost) -> tuple[str, str]:
    return episode["episode_id"], str(lost)


def _cache_name(sha256: str, params: Scenes) -> str:
    """The name under which an episode's scenes are kept: all that they depend on."""
    settings = hashlib.sha256(f"{VERSION} {container.VERSION} {params.model_dump_json()}".encode()).hexdigest()
    return f"{sha256[:32]}-{settings[:16]}.json"


def _rows(
    episode: Mapping[str, Any],
    starts: Sequence[Start],
    held_out: Sequence[tuple[int, int]] | None,
    recorded: Sequence[tuple[int, int, Split]],
    splits: Splits,
) -> list[Row]:
    """An episode's scenes, tiling it: each stops where the next begins, the last at the episode's end."""
    stops = [start.frame for start in starts[1:]] + [episode["frames"]]
    time_base = Fraction(episode["time_base_num"], episode["time_base_den"])
    rows = []
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        split = recorded_split(start.frame, stop, recorded)
        if split is None and held_out and held_out_share(start.frame, stop, held_out) >= 0.5:
            split = "test"
        elif split is None:
            split = scene_split(episode["sha256"], start.pts, splits, never_test=bool(held_out))
        rows.append(
            {
                "episode_id": episode["episode_id"],
                "scene": index,
                "start_frame": start.frame,
                "stop_frame": stop,
                "start_pts": start.pts,
                "start_s": float(start.pts * time_base),
                "frames": stop - start.frame,
                "transition": start.transition,
                "split": split,
                "status": OK,
                "reason": "",
            }
        )
    return rows


def _rejected(episode: Mapping[str, Any], reason: str) -> Row:
    """The one row of an episode whose scenes cannot be found."""
    empty = dict.fromkeys(SCENES.names)
    return {**empty, "episode_id": episode["episode_id"], "status": REJECTED, "reason": reason}


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    good = [row for row in rows if row["status"] == OK]
    splits: dict[str, int] = {split: sum(row["split"] == split for row in good) for split in SPLITS}
    return {
        "episodes": len({row["episode_id"] for row in rows}),
        "scenes": len(good),
        "fades": sum(row["transition"] == "fade" for row in good),
        "dissolves": sum(row["transition"] == "dissolve" for row in good),
        **splits,
        "rejected": len(rows) - len(good),
    }
