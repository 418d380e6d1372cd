"""The annotated frames, decoded: what a cascade is trained and tested on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labeling.answers import NOBODY
from pipeline import paths
from pipeline.compute.each import cores, each
from pipeline.console import progress
from pipeline.errors import nearest
from pipeline.faces.cut_frames import cut_frames
from pipeline.images import Pixels, Rectangle
from pipeline.params import Compute
from pipeline.rows import EpisodeRow
from pipeline.schemas import OK, Split
from pipeline.tables import row_of, rows_of
from pipeline.video.decode import known_frames


@dataclass(frozen=True)
class BoxedFrame:
    """One looked-at frame.

    gray: uint8 [H, W], shrunk. chroma: uint8 [2, h, w], Cb and Cr, half as large. boxes: x, y, w, h of the character's
    faces in px of `gray`. complete: whether every face of it is boxed, so that all else in the frame is background.
    split: of the scene it lies in. scene: its number in the episode. nobody: places (x, y, w, h in px of `gray`) that
    were found and are no face of a character.
    """

    episode_id: str
    frame: int
    gray: Pixels
    chroma: Pixels
    boxes: tuple[tuple[int, int, int, int], ...]
    complete: bool
    split: str
    scene: int = -1
    nobody: tuple[tuple[int, int, int, int], ...] = ()


def looked_at(boxes: pd.DataFrame, frames: pd.DataFrame, character: str, characters: Sequence[str]) -> pd.DataFrame:
    """What is known of each looked-at frame: episode_id, frame, complete, and the boxes of `character`.

    boxes, frames: as `read_boxes` and `read_looked_at` of `annotations` give them. A frame with a box that frames.csv
    does not list counts as complete. A frame with a rejected box does not: there may be a face where nothing is boxed.
    A box of somebody whose name is like none of `characters` is of somebody else, and does no harm.
    """
    key = ["episode_id", "frame"]
    listed = frames[frames["status"] == OK].drop_duplicates(key, keep="last")[[*key, "complete"]]
    boxed = boxes[key].drop_duplicates()
    seen = boxed.merge(listed, on=key, how="outer")
    seen["complete"] = seen["complete"].fillna(1).astype(bool)
    somebody_else = [name not in characters and not nearest(name, characters) for name in boxes["character"]]
    doubtful = pd.MultiIndex.from_frame(boxes.loc[(boxes["status"] != OK) & ~np.array(somebody_else, bool), key])
    seen["complete"] &= ~pd.MultiIndex.from_frame(seen[key]).isin(doubtful)
    own = boxes[(boxes["status"] == OK) & (boxes["character"] == character)]
    by_frame = {
        place: [tuple(row) for row in rows[list("xywh")].to_numpy().tolist()] for place, rows in own.groupby(key)
    }
    in_order = [by_frame.get(place, []) for place in zip(seen["episode_id"], seen["frame"], strict=True)]
    seen["boxes"] = pd.Series(in_order, index=seen.index, dtype=object)
    return seen.sort_values(key, ignore_index=True)


def with_named(seen: pd.DataFrame, names: pd.DataFrame, scenes: pd.DataFrame, character: str) -> pd.DataFrame:
    """The frames of `looked_at`, and those in train scenes in which found faces were named: `nobody` has boxes, too.

    names: as `read_names` gives them. A named face is one that a detector found. So such a frame is not complete, and
    nothing is measured on it; and where people boxed a frame, what was named in it says nothing more.
    """
    key = ["episode_id", "frame"]
    boxed = pd.MultiIndex.from_frame(seen[key])
    usable = names[(names["status"] == OK) & names["character"].isin((character, NOBODY))]
    usable = usable[in_split(usable, scenes, "train") & ~pd.MultiIndex.from_frame(usable[key]).isin(boxed)]
    rows = []
    for (episode_id, frame), own in usable.groupby(key):
        of = {
            name: [tuple(box) for box in own.loc[own["character"] == name, list("xywh")].to_numpy().tolist()]
            for name in (character, NOBODY)
        }
        rows.append((episode_id, frame, False, of[character], of[NOBODY]))
    named = pd.DataFrame(rows, columns=[*key, "complete", "boxes", "nobody"]).astype({"frame": np.int64})
    none: list[list[Rectangle]] = [[] for _ in range(len(seen))]
    nothing = pd.Series(none, index=seen.index, dtype=object)
    both = [table for table in (seen.assign(nobody=nothing), named) if len(table)]
    return pd.concat(both, ignore_index=True).sort_values(key, ignore_index=True) if both else named


def in_split(rows: pd.DataFrame, scenes: pd.DataFrame, split: Split) -> pd.Series:
    """Whether each row (episode_id, frame) lies in a scene of the split."""
    names, frames = rows["episode_id"].to_numpy(), rows["frame"].to_numpy(np.int64)
    inside = np.zeros(len(rows), np.bool_)
    for name, cuts in scenes[scenes["split"] == split].groupby("episode_id"):
        here, cuts = names == name, cuts.sort_values("start_frame")
        starts, stops = cuts["start_frame"].to_numpy(np.int64), cuts["stop_frame"].to_numpy(np.int64)
        scene = np.searchsorted(starts, frames[here], side="right") - 1
        inside[here] = (scene >= 0) & (frames[here] < stops[np.maximum(scene, 0)])
    return pd.Series(inside, index=rows.index)


def read_boxed_frames(
    seen: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, videos: Path, max_height: int, threads: int = 1
) -> list[BoxedFrame]:
    """The frames of `looked_at`: those that were not cut out of their videos before are decoded, and kept.

    threads: for the decoder; changes no frame.
    """
    wanted = seen.groupby("episode_id")
    found: list[BoxedFrame] = []
    rows = [row for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow) if row.episode_id in wanted.groups]
    for episode in progress(rows, desc="looked-at frames", unit="episodes"):
        own = wanted.get_group(episode.episode_id).set_index("frame")
        cuts = scenes[scenes["episode_id"] == episode.episode_id]
        found += _of_episode(videos / episode.path, episode, own, cuts, max_height, threads)
    return found


def cut_out(
    frames: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, max_height: int, compute: Compute
) -> None:
    """Have these frames (episode_id, frame) ready for `read_boxed_frames`, several episodes at once."""
    wanted = frames.groupby("episode_id")["frame"]
    rows = [row for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow) if row.episode_id in wanted.groups]
    jobs = []
    for row in rows:
        own = scenes[scenes["episode_id"] == row.episode_id]
        known = known_frames(row, own["start_frame"], own["start_pts"])
        jobs.append(ToCut(row._asdict(), tuple(sorted(set(wanted.get_group(row.episode_id).tolist()))), known))
    threads = max(1, cores(compute) // max(1, len(jobs)))
    for _ in each(partial(_cut, max_height=max_height, threads=threads), jobs, compute, desc="looked-at frames",
                  unit="episodes", alone=True):  # fmt: skip
        pass


@dataclass(frozen=True)
class ToCut:
    """Frames to cut out of an episode."""

    episode: dict[str, Any]
    frames: tuple[int, ...]
    known: dict[int, int]


def _cut(job: ToCut, max_height: int, threads: int) -> None:
    episode = row_of(job.episode, EpisodeRow)
    for _ in cut_frames(paths.VIDEOS / episode.path, episode, job.frames, job.known, max_height, threads):
        return


def _of_episode(
    video: Path, episode: EpisodeRow, seen: pd.DataFrame, scenes: pd.DataFrame, max_height: int, threads: int
) -> Iterator[BoxedFrame]:
    starts, splits = scenes["start_frame"].to_numpy(), scenes["split"].to_numpy()
    known = known_frames(episode, starts, scenes["start_pts"])
    for frame in cut_frames(video, episode, seen.index.tolist(), known, max_height, threads):
        row = seen.loc[frame.index]
        scene = int(np.searchsorted(starts, frame.index, side="right")) - 1
        yield BoxedFrame(
            episode.episode_id,
            frame.index,
            frame.gray,
            frame.chroma,
            _scaled(row["boxes"], frame.scale),
            bool(row["complete"]),
            str(splits[scene]),
            scene,
            _scaled(row.get("nobody", ()), frame.scale),
        )


def _scaled(boxes: Iterable[Any], scale: float) -> tuple[Rectangle, ...]:
    return tuple((round(x * scale), round(y * scale), round(w * scale), round(h * scale)) for x, y, w, h in boxes)
