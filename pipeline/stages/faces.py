"""episodes, scenes, cascades → the faces of every episode: detected, linked into tracks, cropped.

There is one Parquet file per episode. An episode whose content, parameters and cascades have not changed is not
processed again.
"""

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import paths
from pipeline.compute.each import each
from pipeline.console import say_counts
from pipeline.errors import StageError
from pipeline.faces.cascade_files import digest_of_cascades, trained, why_untrained
from pipeline.faces.runs import Run, faces_of_run, in_runs, join_runs
from pipeline.params import Faces, Params, load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, FACES, OK, SCENES
from pipeline.tables import read_rows, rows_of, table_key, write_table
from pipeline.video import container

CODE_VERSION = "4"
"""Raise it when the same input would give other rows: every episode is then worked on again."""


@dataclass(frozen=True)
class EpisodeFaces:
    """One episode's work; `key` is all that decides its result."""

    episode: dict[str, Any]
    scenes: pd.DataFrame
    characters: tuple[str, ...]
    params: Faces
    key: dict[str, str]

    @property
    def output(self) -> Path:
        """The episode's Parquet file."""
        return paths.FACES / f"{self.episode['episode_id']}.parquet"

    def runs(self) -> list[Run]:
        """The episode's scenes, a run after the other."""
        video, digest = paths.VIDEOS / self.episode["path"], self.key["cascades"]
        return [
            Run(video, self.episode, own, self.characters, self.params, cascades_digest=digest)
            for own in in_runs(self.scenes, self.episode["seekable"])
        ]


def main() -> None:
    """Read episodes, scenes and cascades, write data/faces/<episode_id>.parquet."""
    params = load_params()
    for character in params.characters:
        if why_untrained(character):
            print(f"faces: no face of {character!r} is looked for: it has no cascade yet")
    jobs = plan(read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES), params)
    paths.FACES.mkdir(parents=True, exist_ok=True)
    for stale in set(paths.FACES.iterdir()) - {job.output for job in jobs}:
        stale.unlink()
    todo = [job for job in jobs if table_key(job.output) != job.key]
    counts = [len(job.runs()) for job in todo]
    # All runs of all episodes are one queue; an episode is written as soon as its last run is done.
    done = each(
        faces_of_run, (run for job in todo for run in job.runs()), params.compute, desc="faces", unit="runs of scenes",
        lost=lambda _, lost: (FACES.empty_table(), str(lost)), total=sum(counts),
    )  # fmt: skip
    damaged = 0
    for job, own in zip(todo, counts, strict=True):
        tables, problems = zip(*islice(done, own), strict=True) if own else ((), ())
        problem = next(filter(None, problems), "")
        if problem:
            print(f"faces: {job.episode['episode_id']} has no faces: {problem}")
            damaged += 1
        # Without a key: it is tried again as soon as the stage runs again.
        write_table(job.output, join_runs(() if problem else tables), key=None if problem else job.key)
    say_counts("faces", {"episodes": len(jobs), "worked on": len(todo), "damaged": damaged, **count(jobs)})


def plan(episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params) -> list[EpisodeFaces]:
    """One job per episode in use. Raises StageError where no character has a cascade yet."""
    characters = trained(params.characters)
    if not characters:
        reasons = "; ".join(why_untrained(character) for character in params.characters)
        raise StageError(f"no character has a cascade yet, so no face can be found: {reasons}")
    cascades = digest_of_cascades(characters)
    jobs = []
    for episode in rows_of(episodes[episodes["status"] == OK], EpisodeRow):
        own = scenes[(scenes["episode_id"] == episode.episode_id) & (scenes["status"] == OK)].reset_index(drop=True)
        key = {
            "episode": f"{episode.episode_id} {episode.sha256}",
            "scenes": own[["scene", "start_frame", "stop_frame"]].to_json(orient="values"),
            "params": json.dumps(params.faces.model_dump(), sort_keys=True),
            "characters": json.dumps(characters),
            "cascades": cascades,
            "code": f"{CODE_VERSION} {container.VERSION}",
        }
        jobs.append(EpisodeFaces(episode._asdict(), own, characters, params.faces, key))
    return jobs


def count(jobs: list[EpisodeFaces]) -> dict[str, int]:
    """Detections over all episodes by status, and tracks in use."""
    counts = {"detections": 0, "faces": 0, "tracks": 0, "rejected": 0}
    for job in jobs:  # a file at a time: memory must not grow with the number of episodes
        rows = read_rows(job.output, FACES, ["track", "status"])
        in_use = rows[rows["status"] == OK]
        counts["detections"] += len(rows)
        counts["faces"] += len(in_use)
        counts["tracks"] += in_use["track"].nunique()
        counts["rejected"] += len(rows) - len(in_use)
    return counts
