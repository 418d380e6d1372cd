"""Cutting faces out of their episodes again: what is known of a face is enough to find it."""

from pathlib import Path

import pandas as pd

from pipeline import paths
from pipeline.errors import InputError
from pipeline.faces.find import crop_jpeg
from pipeline.params import Faces
from pipeline.rows import ManifestRow, SceneRow
from pipeline.tables import rows_of
from pipeline.video.decode import decode_frames


def recut(
    faces: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Faces, folder: Path = paths.VIDEOS
) -> dict[str, bytes]:
    """face_id → encoded crop, by (episode, pts, box), as the faces stage would have cut it.

    faces: rows of FACES without `crop`; episodes, scenes: EPISODES, SCENES. Each scene that has any is read once, up to
    the last frame needed. What an episode does not give any more (it is gone, damaged, another file) is left out.
    """
    videos = dict(zip(episodes["episode_id"], episodes["path"], strict=True))
    begins = {(row.episode_id, row.scene): row for row in rows_of(scenes, SceneRow)}
    crops: dict[str, bytes] = {}
    for (episode_id, scene), own in faces.groupby(["episode_id", "scene"]):
        try:
            crops |= _of_scene(own, folder / videos[episode_id], begins[str(episode_id), int(str(scene))], params)
        except InputError as error:
            print(f"report: faces of {episode_id} are not shown: {error}")
    return crops


def _of_scene(faces: pd.DataFrame, path: Path, scene: SceneRow, params: Faces) -> dict[str, bytes]:
    wanted: dict[tuple[int, int], list[ManifestRow]] = {}
    for face in rows_of(faces, ManifestRow):
        wanted.setdefault((face.frame, face.pts), []).append(face)
    stop = int(faces["frame"].max()) + 1
    crops = {}
    for frame in decode_frames(path, start=int(scene.start_frame), stop=stop, start_pts=int(scene.start_pts)):
        for face in wanted.get((frame.index, frame.pts), ()):
            crops[face.face_id] = crop_jpeg(frame, (face.x, face.y, face.w, face.h), params)
    return crops
