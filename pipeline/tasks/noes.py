"""Sheets of finds that the detectors put aside as false: one key says that a sheet has no face.

What people call no face is learned as background by every cascade. A find that they call a face is named, or comes back
in a small group of `toonset label push names`.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from cascades.boxes import intersection_over_union as iou
from labeling.config import SHEET_KEYS
from labeling.tasks import NO
from pipeline import paths
from pipeline.faces.boxed_frames import in_split
from pipeline.faces.cascade_files import load_cascade, trained
from pipeline.faces.everybody import cut_places
from pipeline.faces.tracks import RIVAL
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names, rows_in_force
from pipeline.params import Params
from pipeline.schemas import BOX_NAMES, EPISODES, FACES, REJECTED, SCENES
from pipeline.similarity.looks import group
from pipeline.tables import read_rows
from pipeline.tasks.boxes import APART, OVERLAP
from pipeline.tasks.media import Media
from pipeline.tasks.names import sheet_of

MOST: Final = 4 * len(SHEET_KEYS)
"""Finds that are asked about at a time, the strongest: four full sheets."""
IN_GROUP: Final = 16
"""Finds on a sheet, on average."""
COLUMNS: Final = ["episode_id", "frame", "scene", "track", "character", *BOX_NAMES, "score", "status", "reason"]


def tasks_of_noes(params: Params) -> list[dict[str, Any]]:
    """A task for each sheet of finds that look alike, the strongest first."""
    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    boxes, frames = rows_in_force(
        read_boxes(paths.BOXES, episodes, params.characters), read_looked_at(paths.FRAMES, episodes)
    )
    boxed = pd.concat([table[["episode_id", "frame"]] for table in (boxes, frames)])
    names = read_names(paths.NAMES, episodes, params.characters)
    faces = read_finds(episodes)
    finds = put_aside(faces[in_split(faces, scenes, "train")], least_scores(params), boxed, names).head(MOST)
    finds = cut_places(finds, episodes, scenes, params)
    media = Media(params.labelling.media)
    sheets = []
    for _, own in finds.groupby("character"):  # if they are faces after all, they are of one character, mostly
        groups = group(np.stack(own["look"].tolist()), list(range(len(own))), IN_GROUP, len(SHEET_KEYS))
        sheets += [own.iloc[rows] for rows in groups]
    sheets.sort(key=lambda sheet: -float(sheet["strength"].max()))
    return [sheet_of(sheet, media, NO) for sheet in sheets]


def read_finds(episodes: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what was found in the episodes. An episode whose faces nobody has looked for has no rows."""
    tables = [
        read_rows(paths.face_table(name), FACES, COLUMNS)
        for name in episodes["episode_id"]
        if paths.face_table(name).exists()
    ]
    return pd.concat([FACES.empty_table().to_pandas()[COLUMNS], *tables], ignore_index=True)


def least_scores(params: Params) -> dict[str, float]:
    """From which score on a find of each character's cascade counts."""
    there = [name for name in trained(params.characters) if (paths.CASCADES / f"{name}.xml").exists()]
    return {name: load_cascade(name).min_score for name in there}


def put_aside(
    faces: pd.DataFrame, least: Mapping[str, float], boxed: pd.DataFrame, names: pd.DataFrame
) -> pd.DataFrame:
    """The finds that were put aside, the strongest first: of each track the strongest one; with their `strength`.

    faces: COLUMNS. least: the least score of each cascade. boxed: episode_id, frame: what is in these frames is known.
    names: rows in force; what is near a place that somebody was asked about is not asked again. A find that another
    character's detector claims is left out: it is a face, most likely.
    """
    own = faces[(faces["status"] == REJECTED) & ~faces["reason"].str.endswith(RIVAL).astype(bool)]
    own = own[own["character"].isin(list(least))]
    own = own[~pd.MultiIndex.from_frame(own[["episode_id", "frame"]]).isin(pd.MultiIndex.from_frame(boxed))]
    own = own.assign(strength=own["score"] / own["character"].map(dict(least)).astype(float))
    order = ["strength", "episode_id", "frame", "x", "y"]
    own = own.sort_values(order, ascending=[False, True, True, True, True])
    own = own.drop_duplicates(["episode_id", "track"]).drop_duplicates(["episode_id", "frame", *BOX_NAMES])
    return own[~_asked(own, names)].reset_index(drop=True)


def _asked(finds: pd.DataFrame, names: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Whether somebody was asked about a place that overlaps each find, in a frame that is near."""
    asked = np.zeros(len(finds), np.bool_)
    answers = dict(iter(names.groupby("episode_id")))
    for index, (name, frame, place) in enumerate(
        zip(finds["episode_id"], finds["frame"], finds[BOX_NAMES].to_numpy(np.int64), strict=True)
    ):
        if name in answers:
            own = answers[name]
            near = own[(own["frame"] - frame).abs() < APART][BOX_NAMES].to_numpy(np.int64)
            asked[index] = bool((iou(place[None], near) >= OVERLAP).any())
    return asked
