"""manifest, labels → the dataset to share: one labelled, distinct face per row, with its crop, by split."""

import pandas as pd

from pipeline import paths
from pipeline.console import say_counts
from pipeline.dataset.card import dataset_card
from pipeline.dataset.leaks import check_no_leak
from pipeline.faces.crops import read_crops
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, EPISODES, IMAGE_FEATURE, LABELS, MANIFEST, OK, SPLITS
from pipeline.tables import read_rows, to_table, write_table, write_text

LABEL_COLUMNS = [
    "emotion", "votes", "annotators", "agreement", "confidence", "consensus", "label_source", "given_by",
]  # fmt: skip
"""Columns that the dataset copies from the labels."""


def main() -> None:
    """Read manifest, labels, episodes and the crops, write data/dataset/."""
    params = load_params()
    episodes = read_rows(paths.EPISODES, EPISODES)
    labels = read_rows(paths.LABELS, LABELS)
    dataset = make_dataset(read_rows(paths.MANIFEST, MANIFEST), labels, episodes, params)
    for split in SPLITS:
        rows = to_table(dataset[dataset["split"] == split], DATASET)
        write_table(paths.split_table(split), rows, features=IMAGE_FEATURE)
    write_text(paths.DATASET / "README.md", dataset_card(dataset, episodes, params, SPLITS))
    counts = {f"in {split}": int((dataset["split"] == split).sum()) for split in SPLITS}
    emotions = {name: int((dataset["emotion"] == name).sum()) for name in params.emotions}
    say_counts("dataset", {"faces": len(dataset), **counts, **emotions})


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
