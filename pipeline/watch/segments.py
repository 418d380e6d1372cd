"""Runs of one emotion: who feels what from when to when."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.watch.tables import SEGMENTS


def segments_of(rows: pd.DataFrame, frame_s: float) -> pd.DataFrame:
    """Rows of SEGMENTS: each track cut where its answer, or whether it is believed, changes.

    rows: of `watched_schema`. frame_s: how long a frame is shown, s. A segment ends where the next one of its track
    begins, the last one with its last looked-at frame.
    """
    found = [segment for _, own in rows.groupby("track", sort=True) for segment in _of_track(own, frame_s)]
    table = pd.DataFrame(found, columns=SEGMENTS.names)
    return table.sort_values(["start_s", "character", "track"], ignore_index=True)


def _of_track(own: pd.DataFrame, frame_s: float) -> Iterator[tuple[object, ...]]:
    answers = list(zip(own["emotion"], own["unsure"], strict=True))
    starts = [0, *(i for i in range(1, len(own)) if answers[i] != answers[i - 1])]
    times, frames = own["time_s"].to_numpy(), own["frame"].to_numpy()
    for start, stop in zip(starts, [*starts[1:], len(own)], strict=True):
        end = times[stop] if stop < len(own) else times[stop - 1] + frame_s
        emotion, unsure = answers[start]
        mean = float(np.mean(own["probability"].to_numpy()[start:stop], dtype=np.float64))
        yield (
            own["episode_id"].iloc[0], own["character"].iloc[0], int(own["track"].iloc[0]), emotion,
            round(float(times[start]), 6), round(float(end), 6), int(frames[start]), int(frames[stop - 1]),
            round(mean, 6), stop - start, bool(unsure),
        )  # fmt: skip
