"""All faces of a project in use, with their features and what they feel, ready to be compared.

Near-duplicates are not in it: the manifest keeps one face of each cluster. The features of an episode's faces are kept
in data/cache/search, under a hash of the network and of the faces' table, so they are computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.features import Extractor
from pipeline.classifier.inputs import decode
from pipeline.console import progress
from pipeline.errors import InputError
from pipeline.faces.crops import read_crops
from pipeline.schemas import BOX_NAMES, LABELS, MANIFEST, OK
from pipeline.tables import read_rows, sha256_of, table_key, write_table

VERSION: Final = "1"
"""Raise it when the same faces would give other features."""
AT_ONCE: Final = 2048
"""Crops in memory."""
COLUMNS: Final = (
    "face_id", "episode_id", "frame", "pts", "time_s", "character", "scene", "track", *BOX_NAMES, "split",
    "cluster_size",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Index:
    """Faces and their directions.

    faces: a row for each, with COLUMNS. directions: float32 [N, D], each of length 1: a face's features less the mean
    of all. mean: float32 [D]. Two faces are as alike as the cosine between their directions.
    """

    faces: pd.DataFrame
    directions: NDArray[np.float32]
    mean: NDArray[np.float32]

    @staticmethod
    def of(faces: pd.DataFrame, features: NDArray[np.float32]) -> "Index":
        """From the features of the faces, float32 [N, D]."""
        mean = features.mean(axis=0) if len(features) else np.zeros(features.shape[1], np.float32)
        return Index(faces.reset_index(drop=True), directions(features, mean), mean)

    def likeness(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How alike a face with these features [D] is to each face: float32 [N], −1 to 1."""
        alike: NDArray[np.float32] = self.directions @ directions(features[None], self.mean)[0]
        return alike

    def best(
        self, features: NDArray[np.float32], allowed: NDArray[np.bool_], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows of the `count` most alike faces among those that are allowed, bool [N], and how alike they are.

        Of equally alike faces the earlier one comes first.
        """
        alike = self.likeness(features)
        rows = np.flatnonzero(allowed)
        if len(rows) > count:  # no need to sort all of them
            least = np.partition(alike[rows], len(rows) - count)[len(rows) - count]
            rows = rows[alike[rows] >= least]
        rows = rows[np.argsort(-alike[rows], kind="stable")][:count]
        return rows, alike[rows]


def directions(features: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features [N, D] less a mean [D], each row of length 1; a row that equals the mean is zeros."""
    moved = features - mean
    length = np.sqrt((moved * moved).sum(axis=1, keepdims=True))
    return np.asarray(moved / np.where(length > 0, length, 1), dtype=np.float32)


def faces_in_use() -> pd.DataFrame:
    """The project's faces with COLUMNS and `label`: the emotion that people gave them, empty where they gave none.

    Raises InputError where there is none.
    """
    rows = read_rows(paths.MANIFEST, MANIFEST, [*COLUMNS, "status"])
    rows = rows[rows["status"] == OK].drop(columns="status").reset_index(drop=True)
    if not len(rows):
        raise InputError(f"{paths.MANIFEST} has no face in use: there is nothing to search; see `toonset summary`")
    labels = read_rows(paths.LABELS, LABELS, ["face_id", "emotion", "status"]) if paths.LABELS.exists() else None
    known = {} if labels is None else labels[labels["status"] == OK].set_index("face_id")["emotion"].to_dict()
    return rows.assign(label=[known.get(identity) or "" for identity in rows["face_id"]])


def features_of_faces(faces: pd.DataFrame, extractor: Extractor, margin: float) -> NDArray[np.float32]:
    """Features, float32 [N, D], of the faces (episode_id, face_id), those kept from an earlier run if they are theirs.

    margin: of the project's crops. A crop that does not decode has features that are all zero.
    """
    found = np.zeros((len(faces), extractor.width), dtype=np.float32)
    network = extractor.key()
    for episode_id in faces["episode_id"].unique():
        places = np.flatnonzero(faces["episode_id"] == episode_id)
        table = paths.face_table(str(episode_id))
        if not table.is_file():
            raise InputError(f"{table} does not exist yet: run `dvc repro faces`, or `dvc pull`")
        own = faces.iloc[places]
        key = {"version": VERSION, "network": network, "faces": sha256_of(table), "margin": repr(margin)}
        path = cache_folder("search") / f"{episode_id}-{network[:16]}.parquet"
        found[places] = _kept(path, key, list(own["face_id"]), extractor.width)
        missing = np.flatnonzero(~found[places].any(axis=1))
        if not len(missing):
            continue
        for start in progress(range(0, len(missing), AT_ONCE), desc=f"search {episode_id}", unit="parts"):
            rows: NDArray[np.int64] = places[missing[start : start + AT_ONCE]]
            crops = read_crops(faces.iloc[rows])
            images, sound = decode(crops, [margin] * len(crops), extractor.shape)
            found[rows[sound]] = extractor.features(images)
        _keep(path, key, list(own["face_id"]), found[places])
    return found


def _kept(path: Path, key: dict[str, str], face_ids: Sequence[str], width: int) -> NDArray[np.float32]:
    """The features that a file made under this key holds of these faces; zeros of the others."""
    found = np.zeros((len(face_ids), width), dtype=np.float32)
    if table_key(path) != key:
        return found
    table = pq.read_table(path)
    places = {identity: row for row, identity in enumerate(table["face_id"].to_pylist())}
    values = np.asarray(pc.list_flatten(table["features"]), dtype=np.float32).reshape(-1, width)
    for row, identity in enumerate(face_ids):
        if identity in places:
            found[row] = values[places[identity]]
    return found


def _keep(path: Path, key: dict[str, str], face_ids: Sequence[str], features: NDArray[np.float32]) -> None:
    values = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), features.shape[1])
    write_table(path, pa.table({"face_id": pa.array(face_ids, pa.string()), "features": values}), key)
