"""Runs of scenes: the unit of work on an episode, small enough to be sent to any process and done again if it dies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import paths
from pipeline.errors import InputError, StageError
from pipeline.faces.cascade_files import digest_of_cascades, load_cascade
from pipeline.faces.find import find_faces
from pipeline.params import Faces
from pipeline.rows import EpisodeRow
from pipeline.schemas import FACES
from pipeline.tables import row_of, to_table
from pipeline.video.decode import decode_frames

LENGTH = 1000
"""Frames in a run of scenes, at least: enough to be worth a seek, few enough that a film keeps every core busy."""


@dataclass(frozen=True)
class Run:
    """Some scenes of an episode that follow each other.

    episode: its row of EPISODES, by column. scenes: rows of SCENES. characters: whose cascades of the folder `cascades`
    are run; cascades_digest: what `digest_of_cascades` said of them when the work began; empty: not held to it.
    """

    video: Path
    episode: dict[str, Any]
    scenes: pd.DataFrame
    characters: tuple[str, ...]
    params: Faces
    cascades: Path = paths.CASCADES
    cascades_digest: str = ""


def in_runs(scenes: pd.DataFrame, seekable: bool) -> list[pd.DataFrame]:
    """An episode's rows of SCENES in runs of at least LENGTH frames, the last one perhaps shorter.

    seekable: of EPISODES; without it every run would be read from the beginning of the file, so all is one run.
    """
    if not seekable:
        return [scenes] if len(scenes) else []
    runs, first = [], 0
    starts, stops = scenes["start_frame"], scenes["stop_frame"]
    for last in range(len(scenes)):
        if stops[last] - starts[first] >= LENGTH or last + 1 == len(scenes):
            runs.append(scenes.iloc[first : last + 1].reset_index(drop=True))
            first = last + 1
    return runs


def faces_of_run(run: Run) -> tuple[pa.Table, str]:
    """The faces in a run of scenes: FACES, tracks numbered from 0, and why there are none if it does not decode.

    Runs in a process of its own.
    """
    first, last, episode = run.scenes.iloc[0], run.scenes.iloc[-1], row_of(run.episode, EpisodeRow)
    frames = decode_frames(
        run.video,
        start=int(first["start_frame"]),
        stop=int(last["stop_frame"]),
        start_pts=int(first["start_pts"]) if episode.seekable else None,
    )
    cascades = [load_cascade(character, run.cascades) for character in run.characters]
    if run.cascades_digest and digest_of_cascades(run.characters, run.cascades) != run.cascades_digest:
        raise StageError(f"the cascades in {run.cascades} changed while faces were searched: run this again")
    try:
        found = find_faces(frames, episode, run.scenes, cascades, run.params)
    except InputError as error:
        return FACES.empty_table(), str(error)
    return to_table(found, FACES), ""


def join_runs(tables: Sequence[pa.Table]) -> pa.Table:
    """An episode's runs, in order, as one table with its tracks numbered through."""
    tracks, numbered = 0, []
    for table in tables:
        track = pc.add(table["track"], pa.scalar(tracks, pa.int32()))
        numbered.append(table.set_column(FACES.get_field_index("track"), FACES.field("track"), track))
        if table.num_rows:
            tracks = 1 + int(pc.max(track).as_py())
    return pa.concat_tables([FACES.empty_table(), *numbered])
