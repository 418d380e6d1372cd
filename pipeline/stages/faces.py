"""episodes, scenes, cascades → the faces of every episode: found, linked into tracks, cropped.

One Parquet per episode; an episode whose content, parameters and cascades have not changed is not worked on again.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.character_cascades import FOLDER as CASCADES
from pipeline.character_cascades import load_cascade
from pipeline.compute import cores, each
from pipeline.console import progress, say_counts
from pipeline.face_finding import find_faces
from pipeline.params import Faces, Params, load_params
from pipeline.schemas import EPISODES, FACES, OK, SCENES
from pipeline.tables import read_frame, rows_of, table_key, to_table, write_table
from pipeline.video import Frame, read_frames

CODE_VERSION = "1"
"""Raise it when the same input would give other rows: every episode is then worked on again."""

VIDEOS = Path("data/episodes")
OUTPUT = Path("data/faces")


@dataclass(frozen=True)
class Job:
    """One episode's work, small enough to be sent to another process; `key` is all that decides its result."""

    episode: Any
    scenes: pd.DataFrame
    characters: tuple[str, ...]
    params: Faces
    key: dict[str, str]

    @property
    def output(self) -> Path:
        """The episode's Parquet file."""
        return OUTPUT / f"{self.episode['episode_id']}.parquet"


def main() -> None:
    """Read episodes, scenes and cascades, write data/faces/<episode_id>.parquet."""
    params = load_params()
    jobs = plan(
        read_frame(Path("data/episodes.parquet"), EPISODES), read_frame(Path("data/scenes.parquet"), SCENES), params
    )
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for stale in set(OUTPUT.iterdir()) - {job.output for job in jobs}:
        stale.unlink()
    todo = [job for job in jobs if table_key(job.output) != job.key]
    # Episodes run in parallel; where there are fewer than cores, each has several threads.
    threads = max(1, cores(params.compute) // max(1, len(todo)))
    for _ in each(partial(work, threads=threads), todo, params.compute, desc="faces", unit="episodes"):
        pass
    say_counts("faces", {"episodes": len(jobs), "worked on": len(todo), **count(jobs)})


def plan(episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params) -> list[Job]:
    """One job per episode in use."""
    cascades = hashlib.sha256()
    for character in params.characters:
        for ending in ("xml", "json"):
            cascades.update((CASCADES / f"{character}.{ending}").read_bytes())
    jobs = []
    for episode in rows_of(episodes[episodes["status"] == OK]):
        own = scenes[scenes["episode_id"] == episode.episode_id].reset_index(drop=True)
        key = {
            "episode": f"{episode.episode_id} {episode.sha256}",
            "scenes": own[["scene", "start_frame", "stop_frame"]].to_json(orient="values"),
            "params": json.dumps(params.faces.model_dump(), sort_keys=True),
            "characters": json.dumps(params.characters),
            "cascades": cascades.hexdigest(),
            "code": CODE_VERSION,
        }
        jobs.append(Job(episode._asdict(), own, params.characters, params.faces, key))
    return jobs


def work(job: Job, threads: int) -> None:
    """Find the faces of one episode and write its Parquet. Runs in a process of its own."""
    episode = pd.Series(job.episode)
    cascades = [load_cascade(character) for character in job.characters]
    frames: Iterable[Frame] = read_frames(VIDEOS / episode.path, every=job.params.every)
    if parent_process() is None:  # in a pool, the bars of several episodes would run into each other
        total = -(-episode.frames // job.params.every)
        frames = progress(frames, desc=episode.episode_id, unit="frames", total=total)
    rows = find_faces(frames, episode, job.scenes, cascades, job.params, threads)
    write_table(job.output, to_table(rows, FACES), key=job.key)


def count(jobs: list[Job]) -> dict[str, int]:
    """Detections over all episodes by status, and tracks in use."""
    columns = ["episode_id", "track", "status"]
    tables = [read_frame(job.output, FACES, columns) for job in jobs]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    in_use = rows[rows["status"] == OK]
    return {
        "detections": len(rows),
        "faces": len(in_use),
        "tracks": len(in_use.drop_duplicates(["episode_id", "track"])),
        "rejected": len(rows) - len(in_use),
    }
