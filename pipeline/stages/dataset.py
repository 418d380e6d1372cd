"""manifest, labels, pictures → the dataset to share: one labelled, distinct face per row, with its crop, by split.

A project without episodes has the faces that came as pictures alone.
"""

import json

import numpy as np
import pandas as pd

from cascades.words import counted
from pipeline import paths
from pipeline.console import say_counts
from pipeline.dataset.card import dataset_card
from pipeline.dataset.given_pictures import beside_episodes
from pipeline.dataset.leaks import check_no_leak
from pipeline.faces.crops import read_crops
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, EPISODES, IMAGE_FEATURE, LABELS, MANIFEST, OK, PICTURES, SPLITS
from pipeline.similarity.pairs import read_thumbnails
from pipeline.tables import read_rows, to_table, write_table, write_text

LABEL_COLUMNS = [
    "emotion", "votes", "annotators", "agreement", "confidence", "consensus", "label_source", "given_by",
]  # fmt: skip
"""Columns that the dataset copies from the labels."""


def main() -> None:
    """Read manifest, labels, episodes and the crops, write data/dataset/."""
    params = load_params()
    episodes = pd.DataFrame(columns=EPISODES.names)
    dataset = pd.DataFrame(columns=DATASET.names)
    if not params.pictures_alone:
        episodes = read_rows(paths.EPISODES, EPISODES)
        labels = read_rows(paths.LABELS, LABELS)
        dataset = make_dataset(read_rows(paths.MANIFEST, MANIFEST), labels, episodes, params)
    if params.faces_from:
        dataset = with_pictures(dataset, read_rows(paths.PICTURES, PICTURES), params)
    for split in SPLITS:
        rows = to_table(dataset[dataset["split"] == split], DATASET)
        write_table(paths.split_table(split), rows, features=IMAGE_FEATURE)
    write_text(paths.DATASET / "README.md", dataset_card(dataset, episodes, params, SPLITS))
    counts = {f"in {split}": int((dataset["split"] == split).sum()) for split in SPLITS}
    emotions = {name: int((dataset["emotion"] == name).sum()) for name in params.emotions}
    say_counts("dataset", {"faces": len(dataset), **counts, **emotions})


def with_pictures(dataset: pd.DataFrame, pictures: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The rows of DATASET and those of the pictures that are used, sorted by face_id.

    pictures: rows of PICTURES. One that is a near-duplicate of a face from an episode is left out. Raises StageError
    if near-duplicates are in different splits.
    """
    rows = as_dataset(pictures)
    faces, shown = (
        read_thumbnails([image["bytes"] for image in own["image"]], own["margin"].to_numpy(np.float64))[0]
        for own in (dataset, rows)
    )
    near = beside_episodes(shown, faces, params.manifest)
    if near.any():
        print(f"dataset: left out {counted(int(near.sum()), 'pictures')}: near-duplicates of a face from an episode")
    found = [part for part in (dataset, rows[~near]) if len(part)] or [dataset]
    whole = pd.concat(found, ignore_index=True).sort_values("face_id", ignore_index=True)
    check_no_leak(whole, [image["bytes"] for image in whole["image"]], params.manifest)
    return whole


def as_dataset(pictures: pd.DataFrame) -> pd.DataFrame:
    """Rows of DATASET for the pictures in use: the source stands for the episode, a picture for its frame.

    A frame is the picture's place in its source, its scene is the group that is in one split as a whole. Time and score
    are not known. What the source says counts as one vote.
    """
    places = pictures.groupby("source").cumcount()
    rows = pictures[pictures["status"] == OK].rename(columns={"source": "episode_id", "sha256": "episode_sha256"})
    frame = places[rows.index].astype(int)
    return rows.assign(
        frame=frame,
        pts=frame,
        track=frame,
        scene=rows["scene"].astype(int),
        time_s=np.nan,
        score=np.nan,
        votes=[json.dumps({emotion: 1}) for emotion in rows["emotion"]],
        annotators=1,
        agreement=1.0,
        confidence=1.0,
        consensus="majority",
        label_source="direct",
        given_by="",
    )[DATASET.names]


def make_dataset(manifest: pd.DataFrame, labels: pd.DataFrame, episodes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Rows of DATASET, sorted by face_id. Raises StageError if near-duplicates are in different splits."""
    named = labels.loc[labels["status"] == OK, ["face_id", *LABEL_COLUMNS]]
    origin = episodes[["episode_id", "sha256", "license", "attribution"]].rename(columns={"sha256": "episode_sha256"})
    rows = manifest[manifest["status"] == OK].merge(named, on="face_id", validate="1:1")
    rows = rows.merge(origin, on="episode_id", validate="m:1").sort_values("face_id", ignore_index=True)
    crops = read_crops(rows)
    images = [{"bytes": crop, "path": f"{face_id}.jpg"} for crop, face_id in zip(crops, rows["face_id"], strict=True)]
    rows["image"] = pd.Series(images, index=rows.index, dtype=object)
    rows["margin"] = params.faces.crop_margin
    check_no_leak(rows, crops, params.manifest)
    return rows
