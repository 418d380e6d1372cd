"""How fast and how right `toonset app` looks: `python -m benchmarks.live PROJECT`.

Run it after `dvc repro` in PROJECT, which has the sample show's episodes. Frames are JPEGs of 640×360, as the page
sends them; torch and the detector have one thread. Times are of decoding and `Live.look`, without the browser and the
socket. The answers are held against the truth in scenes of the test split, as `benchmarks.watching` does; live, an
answer knows nothing of what comes after it.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.watching import MATCH, score, truth_of_sample
from cascades.boxes import intersection_over_union as iou
from cascades.pictures import decode_picture
from pipeline import paths
from pipeline.app.command import open_live
from pipeline.app.live import Live
from pipeline.images import encode_jpeg
from pipeline.rows import EpisodeRow, SceneRow
from pipeline.sample import episode_truth
from pipeline.schemas import BOX_NAMES, EPISODES, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.video.decode import decode_frames

SIZE = (640, 360)
QUALITY = 92
"""The page's quality of JPEG."""
EVERY = 3
"""Answers are judged in every so-many-th frame, the ones that `toonset watch` looks at."""


def frames_of(row: EpisodeRow, scenes: pd.DataFrame) -> Iterator[tuple[SceneRow, int, float, bytes]]:
    """Frames of an episode's test scenes: scene, index, time in s, JPEG."""
    own = scenes[(scenes["episode_id"] == row.episode_id) & (scenes["split"] == "test")]
    for scene in rows_of(own, SceneRow):
        pts = scene.start_pts if row.seekable else None
        for frame in decode_frames(
            paths.VIDEOS / row.path, start=scene.start_frame, stop=scene.stop_frame, start_pts=pts
        ):
            rgb = np.asarray(cv2.resize(frame.rgb(), SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            time_s = frame.pts * row.time_base_num / row.time_base_den
            yield scene, frame.index, time_s, encode_jpeg(rgb, QUALITY)


def look_at(live: Live, row: EpisodeRow, scenes: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[float, float]]]:
    """What is answered in the test scenes of an episode, and seconds of wall clock and of CPU for each frame."""
    found: list[dict[str, Any]] = []
    spent: list[tuple[float, float]] = []
    scene, looking = -1, live
    for at, index, time_s, jpeg in frames_of(row, scenes):
        if at.scene != scene:  # as if somebody had jumped there
            scene, looking = at.scene, live.fresh(row.episode_id)
        wall, cpu = time.perf_counter(), time.process_time()
        rows = looking.look(decode_picture(jpeg), time_s)
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
        found += [one | {"frame": index, "scene": scene} for one in rows]
    return pd.DataFrame(found, columns=live.schema.names), spent


def main() -> None:
    """Print speed and accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with contextlib.chdir(arguments.project):
        live, _ = open_live([], paths.CLASSIFIER)
        scenes, episodes = read_rows(paths.SCENES, SCENES), read_rows(paths.EPISODES, EPISODES)
        looked = [look_at(live, row, scenes) for row in rows_of(episodes, EpisodeRow)]
    faces = pd.concat([rows for rows, _ in looked], ignore_index=True)
    wall, cpu = (np.median([one[i] for _, spent in looked for one in spent[3:]]) for i in (0, 1))
    print(f"frames: {sum(len(spent) for _, spent in looked)}, faces: {len(faces)}, characters: {len(live.cascades)}")
    print(
        f"median ms per frame: {1000 * wall:.1f} wall clock, {1000 * cpu:.1f} CPU; {1 / cpu:.0f} frames per CPU second"
    )
    truth = truth_of_sample(scenes, EVERY)
    faces = faces[faces["frame"] % EVERY == 0]
    found = score(truth, faces, step_s=EVERY / 24)
    print(f"faces found {found.found:.3f}, right of all true faces {found.frame_accuracy:.3f}")
    print(f"without smoothing {found.frame_accuracy_unsmoothed:.3f}; right where sure {found.accuracy_where_sure:.3f}")
    print(f"false alarms: {strays(faces)} of {len(faces)} found faces")


def strays(faces: pd.DataFrame) -> int:
    """How many rows lie on no face of their character, whether people would annotate it or not."""
    known = {name: episode_truth(name.removeprefix("sample-")).faces for name in faces["episode_id"].unique()}
    there = {name: dict(iter(table.groupby(["frame", "character"]))) for name, table in known.items()}
    count = 0
    for place, own in faces.groupby(["episode_id", "frame", "character"]):
        true = there[str(place[0])].get(place[1:])
        boxes = np.zeros((0, 4), dtype=np.int64) if true is None else true[BOX_NAMES].to_numpy(np.int64)
        count += int((iou(own[BOX_NAMES].to_numpy(np.int64), boxes).max(axis=1, initial=0.0) < MATCH).sum())
    return count


if __name__ == "__main__":
    main()
