"""Looking through a video: its faces, whose they are, and what they feel, a run of scenes after the other.

What a run gave is kept in data/cache/watch under all that decided it, so a watching that was killed goes on where it
was. Memory holds one run at a time, however long the video is.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cascades import CalibrationMissing, Cascade, probability
from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.model import Classifier
from pipeline.compute.each import each
from pipeline.errors import InputError
from pipeline.faces.cascade_files import load_cascade
from pipeline.faces.runs import Run, faces_of_run, in_runs
from pipeline.images import decode_rgb
from pipeline.params import Compute, Faces
from pipeline.schemas import OK
from pipeline.tables import read_rows, table_key, to_table, write_table
from pipeline.video import container
from pipeline.watch.smooth import smooth
from pipeline.watch.tables import watched_schema
from pipeline.watch.video import Video

VERSION: Final = "1"
"""Raise it when the same video would give other rows."""


@dataclass(frozen=True)
class Viewer:
    """Who watches: the characters whose cascades are run, the classifier, and how faces are looked for."""

    characters: tuple[str, ...]
    classifier: Classifier
    faces: Faces
    unsure_below: float
    """Probability of an answer below which it is marked as unsure."""
    cascades: Path = paths.CASCADES

    def key(self) -> str:
        """A hash of all that decides what is seen in a video."""
        settings = f"{self.characters} {self.faces.model_dump_json()} {self.unsure_below}"
        known = hashlib.sha256(f"{VERSION} {container.VERSION} {settings}".encode())
        for character in self.characters:
            for ending in ("xml", "json"):
                path = self.cascades / f"{character}.{ending}"
                known.update(path.read_bytes() if path.exists() else b"")
        known.update(self.classifier.about.model_dump_json().encode())
        for name, tensor in sorted(self.classifier.net.state_dict().items()):
            known.update(name.encode() + tensor.numpy().tobytes())
        return known.hexdigest()


def watch_faces(video: Video, viewer: Viewer, compute: Compute) -> Iterator[pd.DataFrame]:
    """Rows of `watched_schema`, a run of scenes after the other, tracks numbered through the video.

    Raises InputError where the video does not decode to its end.
    """
    schema = watched_schema(viewer.classifier.emotions)
    folder = cache_folder("watch") / f"{video.episode['sha256'][:24]}-{viewer.key()[:24]}"
    folder.mkdir(exist_ok=True)
    runs = [
        Run(video.path, video.episode, own, viewer.characters, viewer.faces, viewer.cascades)
        for own in in_runs(video.scenes, video.episode["seekable"])
    ]
    kept = [folder / f"{number:06}.parquet" for number in range(len(runs))]
    keys = [{"scenes": json.dumps(run.scenes[["start_frame", "stop_frame"]].to_numpy().tolist())} for run in runs]
    todo = [run for run, path, key in zip(runs, kept, keys, strict=True) if table_key(path) != key]
    looked = each(faces_of_run, todo, compute, desc=f"watch {video.name}", unit="runs of scenes")
    cascades = {name: load_cascade(name, viewer.cascades).cascade for name in viewer.characters}
    tracks = 0
    for path, key in zip(kept, keys, strict=True):
        if table_key(path) != key:
            table, problem = next(looked)
            if problem:
                raise InputError(f"{video.path}: {problem}")
            rows = judge_faces(table, cascades, viewer)
            write_table(path, to_table(rows, schema), key)
        else:
            rows = read_rows(path, schema)
        rows["track"] += tracks
        tracks = max(tracks, int(rows["track"].max()) + 1) if len(rows) else tracks
        yield rows


def judge_faces(table: pa.Table, cascades: dict[str, Cascade], viewer: Viewer) -> pd.DataFrame:
    """FACES of a run of scenes → rows of `watched_schema`: those in use, with what they feel."""
    emotions = viewer.classifier.emotions
    rows = table.to_pandas()
    rows = rows[rows["status"] == OK].sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["detection"] = np.nan
    for character, own in rows.groupby("character"):
        rows.loc[own.index, "detection"] = detection_probability(cascades[str(character)], own["score"].to_numpy())
    pictures = [decode_rgb(crop["bytes"]) for crop in rows["crop"]]
    sound = [picture for picture in pictures if picture is not None]
    found = viewer.classifier.predict(sound, viewer.faces.crop_margin)
    rows[list(emotions)] = found.round(6)
    rows = with_answers(rows, emotions, viewer.unsure_below)
    # Tracks are numbered anew: those that were put aside leave gaps.
    rows["track"] = pd.factorize(rows["track"])[0]
    return rows[watched_schema(emotions).names]


def with_answers(rows: pd.DataFrame, emotions: Sequence[str], unsure_below: float) -> pd.DataFrame:
    """The rows with `emotion`, `probability` and `unsure`, from the emotions' columns smoothed along each track."""
    probabilities = rows[list(emotions)].to_numpy(np.float32)
    smoothed = probabilities.copy()
    for places in rows.groupby("track").indices.values():
        smoothed[places] = smooth(probabilities[places], rows["time_s"].to_numpy()[places])
    best = smoothed.argmax(axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
    top = smoothed[np.arange(len(rows)), best].round(6)
    return rows.assign(emotion=np.array(emotions, dtype=object)[best], probability=top, unsure=top < unsure_below)


def detection_probability(cascade: Cascade, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """How likely detections with these scores are right; NaN where the cascade is not calibrated."""
    try:
        return probability(cascade, scores).round(6)
    except CalibrationMissing:
        return np.full(len(scores), np.nan)
