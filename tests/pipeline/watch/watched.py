"""A watched video of which every row is known, without a detector or a classifier."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.tables import to_table, write_table
from pipeline.watch.look import with_answers
from pipeline.watch.record import FACES, SEGMENTS_FILE, Watched
from pipeline.watch.segments import segments_of
from pipeline.watch.tables import SEGMENTS, watched_schema
from pipeline.watch.video import Video

EMOTIONS = ("angry", "happy", "neutral")
RATE = 24
START_PTS = 48
"""The first frame is at 2 s of the file's clock, as in files cut out of others."""


def row(frame: int, track: int, character: str, probabilities: tuple[float, ...], x: int = 10) -> dict[str, object]:
    pts = START_PTS + frame
    box = dict(zip("xywh", (x, 20, 30, 40), strict=True))
    emotions = dict(zip(EMOTIONS, probabilities, strict=True))
    place = {"episode_id": "pilot", "frame": frame, "pts": pts, "time_s": pts / RATE}
    return {**place, "character": character, **box, "scene": track, "track": track, "detection": 0.9, **emotions}


def watched(folder: Path, rows: list[dict[str, object]], seconds: int = 4) -> Watched:
    """The tables of these rows, written into a folder, as `watch_video` writes them."""
    episode = {
        "episode_id": "pilot", "path": "pilot.mp4", "sha256": "0" * 64, "width": 320, "height": 180,
        "frames": RATE * seconds, "rate_num": RATE, "rate_den": 1, "time_base_num": 1, "time_base_den": RATE,
        "duration_s": float(seconds),
    }  # fmt: skip
    video = Video(folder / "pilot & co.mp4", episode, pd.DataFrame({"start_pts": [START_PTS]}))
    faces = with_answers(pd.DataFrame(rows), EMOTIONS, 0.5)
    schema = watched_schema(EMOTIONS)
    write_table(folder / FACES, to_table(faces[schema.names], schema))
    write_table(folder / SEGMENTS_FILE, to_table(segments_of(faces, 1 / RATE), SEGMENTS))
    return Watched(video, folder, EMOTIONS, ("cat", "mouse"))


def two_characters() -> list[dict[str, object]]:
    """The cat is happy for a second, then angry; the mouse, at the same time, is anything."""
    sure = {"happy": (0.02, 0.96, 0.02), "angry": (0.96, 0.02, 0.02), "any": (0.34, 0.33, 0.33)}
    rows = [row(frame, 0, "cat", sure["happy" if frame < 24 else "angry"]) for frame in range(0, 48, 3)]
    rows += [row(frame, 1, "mouse", sure["any"], x=200) for frame in range(0, 48, 3)]
    return sorted(rows, key=lambda one: (one["frame"], one["character"]))


def shares(table: pd.DataFrame) -> np.ndarray:
    return table[list(EMOTIONS)].to_numpy()
