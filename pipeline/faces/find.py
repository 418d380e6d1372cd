"""Finding the faces of a run of scenes: look for them in its frames, link them into tracks, cut them out.

Nothing is known beyond a scene: an episode worked on in several runs of scenes gives the rows it gives in one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from pipeline import images
from pipeline.contents import face_hash
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.faces.crops import crop_jpeg
from pipeline.faces.search import Look, Searcher
from pipeline.faces.tracks import WEAK, judge, number_tracks
from pipeline.params import Faces
from pipeline.rows import EpisodeRow, FaceRow, SceneRow
from pipeline.schemas import FACES, OK
from pipeline.tables import rows_of
from pipeline.video.frame import Frame

THUMBNAIL = 8
"""px, side of the gray face that says which face it is, from frame to frame."""


def find_faces(
    frames: Iterable[Frame],
    episode: EpisodeRow,
    scenes: pd.DataFrame,
    cascades: Sequence[CharacterCascade],
    params: Faces,
) -> pd.DataFrame:
    """Rows of FACES for some scenes of an episode, tracks numbered from 0.

    frames: all frames of these scenes, in order. episode: its row of EPISODES. scenes: rows of SCENES that follow each
    other.
    """
    finder = FaceFinder(cascades, params)
    return as_faces([finder.scene(scene.scene, own) for scene, own in _by_scene(frames, scenes)], episode)


class FaceFinder:
    """Finds the faces of an episode's scenes, one after the other."""

    def __init__(self, cascades: Sequence[CharacterCascade], params: Faces) -> None:
        self._searcher = Searcher(cascades, params)
        self._cascades, self._params = cascades, params

    def scene(self, scene: int, frames: Iterable[Frame]) -> pd.DataFrame:
        """The detections of a scene with its number, judged; for `as_faces`. frames: as of `Searcher.scene`."""
        looks = self._searcher.scene(frames)
        found = [row | {"scene": scene} for look in looks for row in _faces(look, self._cascades, self._params)]
        return judge(pd.DataFrame(found), self._params) if found else pd.DataFrame()


def as_faces(judged: Sequence[pd.DataFrame], episode: EpisodeRow) -> pd.DataFrame:
    """What `FaceFinder` found in some scenes of an episode as rows of FACES, tracks numbered from 0."""
    judged = [scene for scene in judged if len(scene)]
    if not judged:
        return pd.DataFrame(columns=FACES.names)
    rows = pd.concat(judged, ignore_index=True).sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["episode_id"] = episode.episode_id
    rows["time_s"] = (rows["pts"] * episode.time_base_num / episode.time_base_den).round(6)
    rows["track"] = number_tracks(list(zip(rows["scene"], rows["character"], rows["track"], strict=True)))
    rows["face_id"] = [face_id(episode.sha256, row) for row in rows_of(rows, FaceRow)]
    crops = [
        {"bytes": row.crop, "path": f"{row.face_id}.jpg"} if row.status == OK else None
        for row in rows_of(rows, FaceRow)
    ]
    rows["crop"] = pd.Series(crops, index=rows.index, dtype=object)
    return rows[FACES.names]


def face_id(sha256: str, row: FaceRow) -> str:
    """Hash of (episode sha256, pts, character, box): the same face found again has the same id."""
    return face_hash(sha256, row.pts, row.character, (row.x, row.y, row.w, row.h))


def _by_scene(frames: Iterable[Frame], scenes: pd.DataFrame) -> Iterator[tuple[SceneRow, Iterator[Frame]]]:
    """Each scene that has frames, with them. Raises InputError where a scene does not begin at its pts."""
    starts = scenes["start_frame"].to_numpy(np.int64)
    in_order = list(rows_of(scenes, SceneRow))
    for position, own in groupby(frames, key=lambda frame: int(np.searchsorted(starts, frame.index, side="right")) - 1):
        scene = in_order[position]
        yield scene, _checked(own, scene)


def _checked(frames: Iterator[Frame], scene: SceneRow) -> Iterator[Frame]:
    for frame in frames:
        if frame.index == scene.start_frame and frame.pts != scene.start_pts:
            raise InputError(
                f"scene {scene.scene} of {scene.episode_id} should begin with frame {frame.index} at pts "
                f"{scene.start_pts}, found pts {frame.pts}: the file has changed; run `dvc repro scenes`"
            )
        yield frame


def _faces(look: Look, cascades: Sequence[CharacterCascade], params: Faces) -> Iterator[dict[str, Any]]:
    """The detections of one frame that are strong enough to be kept if their track is strong."""
    frame = look.frame
    for box, score, index in zip(look.boxes.tolist(), look.scores.tolist(), look.cascade.tolist(), strict=True):
        character = cascades[index]
        if score < character.min_score * WEAK:
            continue
        x, y, w, h = box
        face = np.ascontiguousarray(frame.gray[y : y + h, x : x + w])
        yield {
            "frame": frame.index,
            "pts": frame.pts,
            "character": character.character,
            **dict(zip("xywh", box, strict=True)),
            "score": score,
            "strength": score / character.min_score,
            "thumbnail": images.shrink(face, THUMBNAIL, THUMBNAIL).ravel(),
            "sharpness": images.sharpness(face),
            "brightness": images.brightness(face),
            "crop": crop_jpeg(frame, (x, y, w, h), params),
        }
