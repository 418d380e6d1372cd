"""Finding the faces of one episode: detect in single frames, link into tracks inside each scene, crop.

The video is decoded once. Per scene, detections wait with their encoded crops until the scene is over and its tracks
decide which of them stand.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cascades import Detector
from pipeline import images
from pipeline.character_cascades import CharacterCascade
from pipeline.params import Faces
from pipeline.schemas import FACES, OK, REJECTED
from pipeline.tables import rows_of
from pipeline.tracks import link, number_tracks, settle
from pipeline.video import Frame


def find_faces(
    frames: Iterable[Frame],
    episode: Any,
    scenes: pd.DataFrame,
    cascades: Sequence[CharacterCascade],
    params: Faces,
    threads: int = 1,
) -> pd.DataFrame:
    """Rows of FACES for one episode.

    frames: every `params.every`-th of the episode. episode: its row of EPISODES. scenes: its rows of SCENES, in order.
    threads: for the detector; changes no row.
    """
    scene_rows = [
        judge(pd.DataFrame(detections), params)
        for detections in _detections_by_scene(frames, episode, scenes, cascades, params, threads)
        if detections
    ]
    if not scene_rows:
        return pd.DataFrame(columns=FACES.names)
    rows = pd.concat(scene_rows, ignore_index=True)
    rows = rows.sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["track"] = number_tracks(list(zip(rows["scene"], rows["character"], rows["track"], strict=True)))
    rows["face_id"] = [face_id(episode.sha256, row) for row in rows_of(rows)]
    crops = [{"bytes": row.crop, "path": f"{row.face_id}.jpg"} if row.status == OK else None for row in rows_of(rows)]
    rows["crop"] = pd.Series(crops, index=rows.index, dtype=object)
    return rows[FACES.names]


def face_id(sha256: str, row: Any) -> str:
    """Hash of (episode sha256, pts, character, box): the same face found again has the same id."""
    text = f"{sha256} {row.pts} {row.character} {row.x} {row.y} {row.w} {row.h}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def judge(rows: pd.DataFrame, params: Faces) -> pd.DataFrame:
    """Track numbers, status and reason for the detections of one scene.

    A detection gives way where another character's track claims the same face more strongly; what is left of a track
    must have at least `params.min_track` detections, which is what lone false alarms do not.
    """
    rows = rows.sort_values(["frame", "character", "x", "y"], ignore_index=True)
    rows["track"] = -1
    for _, own in rows.groupby("character"):
        numbers = link(own["frame"].to_numpy(np.int64), own[["x", "y", "w", "h"]].to_numpy(np.int64), params.every)
        rows.loc[own.index, "track"] = numbers
    tracks = rows.assign(track=number_tracks(list(zip(rows["scene"], rows["character"], rows["track"], strict=True))))
    winner = settle(tracks)
    standing = winner == ""
    length = tracks["track"].where(standing).map(tracks["track"][standing].value_counts()).fillna(0)
    short = standing & (length < params.min_track)
    rows["reason"] = np.where(standing, "", "the " + winner + " cascade claims this face more strongly")
    rows.loc[short, "reason"] = [
        f"a track of {int(count)}; faces.min_track is {params.min_track}" for count in length[short]
    ]
    rows["status"] = np.where(rows["reason"] == "", OK, REJECTED)
    return rows


def _detections_by_scene(
    frames: Iterable[Frame],
    episode: Any,
    scenes: pd.DataFrame,
    cascades: Sequence[CharacterCascade],
    params: Faces,
    threads: int,
) -> Iterator[list[dict[str, Any]]]:
    """The detections of each scene in order, crops encoded."""
    detector: Detector | None = None
    remaining = iter(rows_of(scenes))
    scene = next(remaining)
    found: list[dict[str, Any]] = []
    for frame in frames:
        while frame.index >= scene.stop_frame:
            yield found
            found, scene = [], next(remaining)
        small, scale = images.fit_height(frame.gray, params.max_height)
        if detector is None:
            detector = Detector(
                [character.cascade for character in cascades],
                scale_factor=params.scale_factor,
                min_size=max(1, round(params.min_size * scale)),
                threads=threads,
            )
        time_s = round(frame.pts * episode.time_base_num / episode.time_base_den, 6)
        for detection in _in_frame(frame, small, scale, detector, cascades, params):
            found.append(
                {"episode_id": episode.episode_id, "scene": scene.scene, "frame": frame.index, "pts": frame.pts}
                | {"time_s": time_s}
                | detection
            )
    yield found


def _in_frame(
    frame: Frame,
    small: images.Pixels,
    scale: float,
    detector: Detector,
    cascades: Sequence[CharacterCascade],
    params: Faces,
) -> Iterator[dict[str, Any]]:
    """The detections in one frame that reach their cascade's score, boxes in px of the source frame."""
    rgb = None
    for character, detections in zip(cascades, detector.detect(small), strict=True):
        for box, score in zip(detections.boxes, detections.scores, strict=True):
            if score < character.min_score:
                continue
            x, y, w, h = (round(int(value) / scale) for value in box)
            x, y = max(0, x), max(0, y)
            w, h = min(w, frame.gray.shape[1] - x), min(h, frame.gray.shape[0] - y)
            if w < 2 or h < 2:
                continue
            rgb = frame.rgb() if rgb is None else rgb
            crop = images.crop_square(rgb, (x, y, w, h), params.crop_margin)
            side = min(crop.shape[0], params.crop_size)
            face = np.ascontiguousarray(frame.gray[y : y + h, x : x + w])
            yield {
                "character": character.character,
                **dict(zip("xywh", (x, y, w, h), strict=True)),
                "score": float(score),
                "margin": float(score) / character.typical_score,
                "sharpness": images.sharpness(face),
                "brightness": images.brightness(face),
                "crop": images.encode_jpeg(images.shrink(crop, side, side)),
            }
