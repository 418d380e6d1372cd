"""Fetching the crops of chosen faces from the per-episode face tables."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import paths
from pipeline.errors import StageError
from pipeline.schemas import FACES
from pipeline.tables import read_table


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
