"""Looking through a video: its faces, whose they are, and what they feel, a run of scenes after the other.

What a run gave is kept (`pipeline.watch.kept`), so a watching that was killed goes on where it was. Memory holds one
run at a time, however long the video is.
"""

import hashlib
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
from pipeline.classifier.model import Classifier
from pipeline.compute.each import each
from pipeline.errors import InputError
from pipeline.faces.cascade_files import load_cascade
from pipeline.faces.runs import Run, faces_of_run, in_runs
from pipeline.images import decode_rgb
from pipeline.params import Compute, Faces
from pipeline.schemas import OK
from pipeline.video import container
from pipeline.watch.kept import Kept
from pipeline.watch.smooth import smooth
from pipeline.watch.tables import watched_schema
from pipeline.watch.video import Video

VERSION: Final = "2"
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
    kept = Kept(video.episode["sha256"], viewer.key())
    runs = [
        Run(video.path, video.episode, own, viewer.characters, viewer.faces, viewer.cascades)
        for own in in_runs(video.scenes, seekable=True)
    ]
    todo = [run for number, run in enumerate(runs) if (number, run.scenes) not in kept]
    looked = each(faces_of_run, todo, compute, desc=f"watch {video.name}", unit="runs of scenes")
    cascades = {name: load_cascade(name, viewer.cascades).cascade for name in viewer.characters}
    tracks = 0
    for number, run in enumerate(runs):
        if (number, run.scenes) not in kept:
            table, problem = next(looked)
            if problem:
                raise InputError(f"{video.path}: {problem}")
            kept.write(number, run.scenes, judge_faces(table, cascades, viewer), schema)
        # Under another name the same video may have been watched before.
        rows = kept.read(number, schema).assign(episode_id=video.name)
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
