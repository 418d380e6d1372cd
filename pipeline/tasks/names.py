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
from labeling.tasks import NAMED_FIELDS, name_task
from pipeline import paths
from pipeline.compute.each import each
from pipeline.errors import InputError
from pipeline.faces.everybody import FramesToSearch, by_scene, find_everybody, learn_everybody, strongest
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
    if not len(wanted):
        raise InputError("every frame of the train scenes that is worth a look is boxed or named: nothing is left")
    cascade, faces_of_frame = learn_everybody(boxes, frames, names, episodes, scenes, params)
    jobs = []
    for row in rows_of(episodes, EpisodeRow):
        own, cuts = wanted[wanted["episode_id"] == row.episode_id], scenes[scenes["episode_id"] == row.episode_id]
        if len(own):
            known = known_frames(row, cuts["start_frame"], cuts["start_pts"])
            jobs.append(FramesToSearch(row._asdict(), by_scene(own), known))
    find = partial(find_everybody, cascade=cascade, max_height=params.cascade.max_height, params=params.faces)
    found = pd.concat(each(find, jobs, params.compute, desc="everybody's faces", unit="episodes"), ignore_index=True)
    found = strongest(found, round(faces_of_frame * len(wanted)))
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
            faces = own.iloc[rows]
            picture = encode_jpeg(draw_sheet(faces["crop"].tolist()), QUALITY)
            places = [dict(zip(NAMED_FIELDS, row, strict=True)) for row in _places(faces)]
            task = name_task(places, "")
            address = media.put(f"sheets/{task['data']['key']}.jpg", picture)
            made.append((-float(faces["score"].mean()), task["data"]["key"], name_task(places, address)))
    return [task for *_, task in sorted(made, key=lambda one: one[:2])]


def _places(faces: pd.DataFrame) -> list[list[Any]]:
    return [list(row) for row in faces[list(NAMED_FIELDS)].astype(object).itertuples(index=False, name=None)]
