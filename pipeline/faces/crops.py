"""Face crops: encoding them, fetching them from the face tables, cutting them again from episodes."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import paths
from pipeline.errors import InputError, StageError
from pipeline.images import Rectangle, cut_face, encode_jpeg
from pipeline.params import Faces
from pipeline.rows import EpisodeRow, ManifestRow
from pipeline.schemas import FACES
from pipeline.tables import read_table, rows_of
from pipeline.video.decode import decode_chosen, known_frames
from pipeline.video.frame import Frame


def crop_jpeg(frame: Frame, box: Rectangle, params: Faces) -> bytes:
    """A face as the stage `faces` stores it: cut with the project's margin and size, encoded."""
    return encode_jpeg(cut_face(frame, box, params.crop_margin, params.crop_size))


def read_crops(faces: pd.DataFrame, folder: Path = paths.FACES) -> list[bytes]:
    """The encoded crop of each row of `faces` (episode_id, face_id), in their order; one episode in memory at a time.

    Raises StageError where a face has none: then the manifest was made from other faces than are there now.
    """
    found: dict[str, bytes] = {}
    for episode_id, own in faces.groupby("episode_id"):
        table = read_table(folder / f"{episode_id}.parquet", FACES, ["face_id", "crop"])
        wanted = set(own["face_id"])
        for row in table.filter(pc.is_in(table["face_id"], pa.array(sorted(wanted)))).to_pylist():
            if row["crop"] is not None:
                found[row["face_id"]] = row["crop"]["bytes"]
    missing = [identity for identity in faces["face_id"] if identity not in found]
    if missing:
        raise StageError(
            f"{len(missing)} faces of the manifest have no crop in {folder} (the first: {missing[0]}): "
            "the two were not made together; run `dvc repro`"
        )
    return [found[identity] for identity in faces["face_id"]]


def recut(
    faces: pd.DataFrame,
    episodes: pd.DataFrame,
    scenes: pd.DataFrame,
    params: Faces,
    folder: Path = paths.VIDEOS,
    threads: int = 1,
) -> dict[str, bytes]:
    """face_id → encoded crop, by (episode, pts, box), as the faces stage would have cut it.

    faces: rows of FACES without `crop`; episodes, scenes: EPISODES, SCENES; threads: of the decoder. Of an episode
    little more is read than the scenes that have any. What it does not give any more (it is gone, damaged, another
    file) is left out.
    """
    videos = {row.episode_id: row for row in rows_of(episodes, EpisodeRow)}
    crops: dict[str, bytes] = {}
    for episode_id, own in faces.groupby("episode_id"):
        episode, starts = videos[str(episode_id)], scenes[scenes["episode_id"] == episode_id]
        known = known_frames(episode, starts["start_frame"], starts["start_pts"])
        try:
            crops.update(_of_episode(own, folder / episode.path, known, params, threads))
        except InputError as error:
            print(f"report: faces of {episode_id} are not shown: {error}")
    return crops


def _of_episode(
    faces: pd.DataFrame, path: Path, known: dict[int, int], params: Faces, threads: int
) -> Iterator[tuple[str, bytes]]:
    wanted: dict[tuple[int, int], list[ManifestRow]] = {}
    for face in rows_of(faces, ManifestRow):
        wanted.setdefault((face.frame, face.pts), []).append(face)
    for frame in decode_chosen(path, {index for index, _ in wanted}, known, threads):
        for face in wanted.get((frame.index, frame.pts), ()):
            yield face.face_id, crop_jpeg(frame, (face.x, face.y, face.w, face.h), params)
