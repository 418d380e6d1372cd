"""Sheets of groups: faces that the detector of everybody's faces finds, put together by look, to be named at one go.

Faces are looked for in train scenes only, in frames about a second apart that nobody has boxed. What people name is
learned from and never measured on: a detector's boxes are where detectors find faces, and only as exact as they are.
"""

from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cascades.boxes import intersection_over_union as iou
from labeling.answers import UNNAMED
from labeling.config import SHEET_KEYS
from labeling.tasks import NAMED_FIELDS, WHO, name_task
from pipeline import paths
from pipeline.compute.each import each
from pipeline.errors import InputError
from pipeline.faces.boxed_frames import in_split
from pipeline.faces.everybody import FramesToSearch, by_scene, cut_places, find_everybody, learn_everybody, strongest
from pipeline.faces.tracks import link
from pipeline.images import encode_jpeg
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names, rows_in_force
from pipeline.params import Params
from pipeline.rows import EpisodeRow
from pipeline.schemas import BOX_NAMES, EPISODES, OK, SCENES
from pipeline.similarity.looks import group
from pipeline.tables import read_rows, rows_of
from pipeline.tasks.boxes import OVERLAP, candidate_frames
from pipeline.tasks.media import QUALITY, Media
from pipeline.tasks.sheets import draw_sheet
from pipeline.video.decode import known_frames

IN_GROUP: Final = 10
"""Faces in a group, on average."""
AGAIN: Final = 4
"""The same for faces that were marked, or were in a mixed group."""


def tasks_of_names(params: Params) -> list[dict[str, Any]]:
    """A task for each group of faces, those that are surest to be faces first."""
    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    boxes, frames = rows_in_force(
        read_boxes(paths.BOXES, episodes, params.characters), read_looked_at(paths.FRAMES, episodes)
    )
    names = read_names(paths.NAMES, episodes, params.characters)
    boxed = pd.concat([table[["episode_id", "frame"]] for table in (boxes, frames)])
    wanted = frames_to_search(episodes, scenes, boxed, names, params.labelling.name_frames)
    lost = cut_places(unnamed(names, boxed, scenes), episodes, scenes, params)
    if not len(wanted) and not len(lost):
        raise InputError("every frame of the train scenes that is worth a look is boxed or named: nothing is left")
    cascade, faces_of_frame = learn_everybody(boxes, frames, names, episodes, scenes, params)
    jobs = []
    for row in rows_of(episodes, EpisodeRow):
        own, cuts = wanted[wanted["episode_id"] == row.episode_id], scenes[scenes["episode_id"] == row.episode_id]
        if len(own):
            known = known_frames(row, cuts["start_frame"], cuts["start_pts"])
            jobs.append(FramesToSearch(row._asdict(), by_scene(own), known))
    find = partial(find_everybody, cascade=cascade, max_height=params.cascade.max_height, params=params.faces)
    tables = [lost.head(0), *each(find, jobs, params.compute, desc="everybody's faces", unit="episodes")]
    found = strongest(pd.concat(tables, ignore_index=True), round(faces_of_frame * len(wanted)))
    found = pd.concat([found, not_among(lost, found)]).sort_values(["episode_id", "frame", "x", "y"], ignore_index=True)
    rates = {row.episode_id: row.rate_num / row.rate_den for row in rows_of(episodes, EpisodeRow) if row.status == OK}
    return make_sheets(found.assign(track=follow(found, rates), **told(found, names)), Media(params.labelling.media))


def frames_to_search(
    episodes: pd.DataFrame, scenes: pd.DataFrame, boxed: pd.DataFrame, names: pd.DataFrame, count: int
) -> pd.DataFrame:
    """At most `count` frames of train scenes, evenly spread: episode_id, frame, scene.

    boxed: episode_id, frame. Left out is what is near a boxed frame, and frames whose faces all have their names.
    """
    found = candidate_frames(episodes, scenes[scenes["split"] == "train"].reset_index(drop=True), boxed)
    key = ["episode_id", "frame"]
    settled = names.groupby(key)["character"].agg(lambda own: not (own == UNNAMED).any())
    done = pd.MultiIndex.from_frame(found[key]).isin(settled.index[settled.to_numpy(bool)])
    found = found[~done]
    chosen = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(np.int64))
    return found.iloc[chosen][[*key, "scene"]].reset_index(drop=True)


def unnamed(names: pd.DataFrame, boxed: pd.DataFrame, scenes: pd.DataFrame) -> pd.DataFrame:
    """The faces that people looked at and did not name, in train scenes: episode_id, frame, scene, x, y, w, h, score.

    names: rows in force. boxed: episode_id, frame. The detector may not find them again, and they are faces. score: 0.
    """
    key = ["episode_id", "frame"]
    rows = names[(names["status"] == OK) & (names["character"] == UNNAMED)]
    rows = rows[
        in_split(rows, scenes, "train") & ~pd.MultiIndex.from_frame(rows[key]).isin(pd.MultiIndex.from_frame(boxed))
    ]
    starts = {name: np.sort(own["start_frame"].to_numpy(np.int64)) for name, own in scenes.groupby("episode_id")}
    places = zip(rows["episode_id"], rows["frame"], strict=True)
    scene = [int(np.searchsorted(starts[name], frame, side="right")) - 1 for name, frame in places]
    rows = rows.assign(scene=np.array(scene, np.int64), score=0.0)
    return rows[[*key, "scene", *BOX_NAMES, "score"]].reset_index(drop=True)


def not_among(places: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The places (episode_id, frame, x, y, w, h) at which nothing is found."""
    by_frame = {key: own[BOX_NAMES].to_numpy(np.int64) for key, own in found.groupby(["episode_id", "frame"])}
    again = [
        bool((iou(place[None], by_frame.get(key, np.zeros((0, 4), np.int64))) >= OVERLAP).any())
        for key, place in zip(
            zip(places["episode_id"], places["frame"], strict=True), places[BOX_NAMES].to_numpy(np.int64), strict=True
        )
    ]
    return places[~np.array(again, bool)]


def told(found: pd.DataFrame, names: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Of each found face: whether it is `settled`, so that nobody is asked again, and whether it was asked before."""
    answers = dict(iter(names[names["status"] == OK].groupby(["episode_id", "frame"])))
    settled, before = np.zeros(len(found), np.bool_), np.zeros(len(found), np.bool_)
    for index, place in enumerate(zip(found["episode_id"], found["frame"], strict=True)):
        own = answers.get(place)
        if own is not None:
            same = iou(found.iloc[[index]][BOX_NAMES].to_numpy(np.int64), own[BOX_NAMES].to_numpy(np.int64))[0]
            unnamed = (own["character"] == UNNAMED).to_numpy()
            settled[index] = bool((same[~unnamed] >= OVERLAP).any())
            before[index] = bool((same[unnamed] >= OVERLAP).any())
    return {"settled": settled, "before": before}


def follow(found: pd.DataFrame, rates: dict[str, float]) -> NDArray[np.int64]:
    """The track of each found face; frames are about a second apart. rates: frames a second, by episode."""
    tracks = np.full(len(found), -1, np.int64)
    for (episode_id, _), own in found.groupby(["episode_id", "scene"]):
        every = round(1.5 * rates[str(episode_id)])
        small = np.stack(own["thumbnail"].tolist())
        own_tracks = link(own["frame"].to_numpy(np.int64), own[BOX_NAMES].to_numpy(np.int64), small, every)
        tracks[own.index.to_numpy()] = own_tracks + tracks.max() + 1
    return tracks


def make_sheets(found: pd.DataFrame, media: Media) -> list[dict[str, Any]]:
    """The tasks of found faces (NAMED_FIELDS, score, crop, look, track, settled, before)."""
    made = []
    for before, each_of in ((False, IN_GROUP), (True, AGAIN)):
        own = found[~found["settled"] & (found["before"] == before)].reset_index(drop=True)
        looks = np.stack(own["look"].tolist()) if len(own) else np.zeros((0, 1))
        for rows in group(looks, own["track"].tolist(), each_of, len(SHEET_KEYS)):
            task = sheet_of(own.iloc[rows], media)
            made.append((-float(own["score"].iloc[rows].mean()), task["data"]["key"], task))
    return [task for *_, task in sorted(made, key=lambda one: one[:2])]


def sheet_of(faces: pd.DataFrame, media: Media, heading: str = WHO) -> dict[str, Any]:
    """The task of one group of faces (NAMED_FIELDS, crop); its picture is kept."""
    picture = encode_jpeg(draw_sheet(faces["crop"].tolist()), QUALITY)
    places = [dict(zip(NAMED_FIELDS, row, strict=True)) for row in _places(faces)]
    key = name_task(places, "")["data"]["key"]
    return name_task(places, media.put(f"sheets/{key}.jpg", picture), heading)


def _places(faces: pd.DataFrame) -> list[list[Any]]:
    return [list(row) for row in faces[list(NAMED_FIELDS)].astype(object).itertuples(index=False, name=None)]
