"""Cutting faces out of their episodes again: what is known of a face is enough to find it."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline import paths
from pipeline.errors import InputError
from pipeline.faces.find import crop_jpeg
from pipeline.params import Faces
from pipeline.rows import EpisodeRow, ManifestRow
from pipeline.tables import rows_of
from pipeline.video.decode import decode_chosen, known_frames


def recut(
    faces: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Faces, folder: Path = paths.VIDEOS
) -> dict[str, bytes]:
    """face_id → encoded crop, by (episode, pts, box), as the faces stage would have cut it.

    faces: rows of FACES without `crop`; episodes, scenes: EPISODES, SCENES. Of an episode little more is read than the
    scenes that have any. What it does not give any more (it is gone, damaged, another file) is left out.
    """
    videos = {row.episode_id: row for row in rows_of(episodes, EpisodeRow)}
    crops: dict[str, bytes] = {}
    for episode_id, own in faces.groupby("episode_id"):
        episode, starts = videos[str(episode_id)], scenes[scenes["episode_id"] == episode_id]
        known = known_frames(episode, starts["start_frame"], starts["start_pts"])
        try:
            crops.update(_of_episode(own, folder / episode.path, known, params))
        except InputError as error:
            print(f"report: faces of {episode_id} are not shown: {error}")
    return crops


def _of_episode(faces: pd.DataFrame, path: Path, known: dict[int, int], params: Faces) -> Iterator[tuple[str, bytes]]:
    wanted: dict[tuple[int, int], list[ManifestRow]] = {}
    for face in rows_of(faces, ManifestRow):
        wanted.setdefault((face.frame, face.pts), []).append(face)
    for frame in decode_chosen(path, {index for index, _ in wanted}, known):
        for face in wanted.get((frame.index, frame.pts), ()):
            yield face.face_id, crop_jpeg(frame, (face.x, face.y, face.w, face.h), params)
