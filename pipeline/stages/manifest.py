"""faces → one table of all faces: near-duplicates clustered, a representative chosen, the split assigned.

Nothing is deleted: a near-duplicate stays as a rejected row that names its representative. A face's split is its
scene's split, and a scene's split depends on nothing but the scene. Of near-duplicates only one is used, so none are in
two splits. `pipeline.similarity.clusters` decides which one: episodes that come later in the list change nothing for
earlier ones.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from pipeline import paths
from pipeline.console import progress, say_counts
from pipeline.faces.crops import read_crops
from pipeline.images import Pixels
from pipeline.pages.duplicates import draw_evidence, gather
from pipeline.params import Params, load_params
from pipeline.schemas import FACES, MANIFEST, OK, REJECTED, SCENES
from pipeline.similarity.alignment import SIDE
from pipeline.similarity.clusters import find_clusters, standing
from pipeline.similarity.diverse import select
from pipeline.similarity.pairs import read_thumbnails
from pipeline.similarity.repeats import episodes_showing, repeated
from pipeline.tables import read_rows, read_table, to_table, write_table


def main() -> None:
    """Read data/faces/*.parquet and data/scenes.parquet, write data/manifest.parquet and paths.DUPLICATES_PICTURE."""
    params = load_params()
    faces, thumbnails = read_faces(sorted(paths.FACES.glob("*.parquet")), params.faces.crop_margin)
    manifest = make_manifest(faces, thumbnails, read_rows(paths.SCENES, SCENES), params)
    evidence = gather(faces[faces["status"] == OK], thumbnails, params.manifest)
    draw_evidence(paths.DUPLICATES_PICTURE, evidence, read_crops(evidence.faces), params.manifest)
    write_table(paths.MANIFEST, to_table(manifest, MANIFEST))
    in_use = manifest["status"] == OK
    say_counts(
        "manifest",
        {
            "faces": len(manifest),
            "distinct": int(in_use.sum()),
            "near-duplicates": int((manifest["cluster"] != manifest["face_id"]).sum()),
            "in repeated material": int(manifest["repeated"].sum()),
            "rejected before": int((faces["status"] == REJECTED).sum()),
            **{
                f"in {split}": int((manifest["split"][in_use] == split).sum())
                for split in sorted(set(manifest["split"]))
            },
            "for labelling": int(manifest["selected"].sum()),
        },
    )


def read_faces(paths: list[Path], margin: float) -> tuple[pd.DataFrame, Pixels]:
    """All faces without their crops, and the thumbnails uint8 [N, SIDE, SIDE] of those in use, in row order.

    A face whose crop does not decode is rejected.
    """
    tables = [pd.DataFrame(columns=FACES.names[:-1])]
    thumbnails: list[Pixels] = [np.empty((0, SIDE, SIDE), np.uint8)]
    for path in progress(paths, desc="manifest", unit="episodes"):
        table = read_table(path, FACES)
        faces = table.drop_columns("crop").to_pandas()
        in_use = np.flatnonzero(faces["status"] == OK)
        crops = pc.struct_field(table["crop"].take(in_use), "bytes").to_pylist()
        small, decodes = read_thumbnails([crop or b"" for crop in crops], margin)
        faces.loc[in_use[~decodes], ["status", "reason"]] = [REJECTED, "the crop does not decode"]
        thumbnails.append(small[decodes])
        tables.append(faces)
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True), np.concatenate(thumbnails)


def make_manifest(faces: pd.DataFrame, thumbnails: Pixels, scenes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Rows of MANIFEST for all faces, sorted by episode, frame, character and place.

    faces: rows of FACES. thumbnails: uint8 [N, SIDE, SIDE] of those in use, in row order. scenes: rows of SCENES.
    """
    rows = faces.merge(scenes[["episode_id", "scene", "split"]], on=["episode_id", "scene"], how="left", validate="m:1")
    in_use = rows.index[rows["status"] == OK]
    rows["cluster"], rows["cluster_size"], rows["episodes"] = rows["face_id"], 1, 1
    rows["repeated"] = rows["selected"] = False
    own = rows.loc[in_use]
    settings = params.manifest
    rank = standing(own, params.episodes)
    bits, distance = settings.duplicate_bits, settings.duplicate_distance
    clusters = find_clusters(rank, own["character"], thumbnails, bits, distance)
    stands = clusters.stands_for
    rows.loc[in_use, "cluster"] = own["face_id"].to_numpy()[stands]
    rows.loc[in_use, "cluster_size"] = np.bincount(stands, minlength=len(own))[stands]
    showing = episodes_showing(own["episode_id"], clusters)
    rows.loc[in_use, "episodes"] = showing
    rows.loc[in_use, "repeated"] = repeated(own, showing)
    duplicate = np.flatnonzero(stands != np.arange(len(own)))
    rows.loc[in_use[duplicate], "status"] = REJECTED
    rows.loc[in_use[duplicate], "reason"] = reasons(own.iloc[duplicate], own.iloc[stands[duplicate]])
    distinct = np.flatnonzero(stands == np.arange(len(own)))
    rows.loc[in_use[distinct], "selected"] = select(
        own.iloc[distinct], thumbnails[distinct], rank[distinct], settings.per_character
    )
    return rows.sort_values(["episode_id", "frame", "character", "x", "y", "face_id"], ignore_index=True)


def reasons(duplicates: pd.DataFrame, representatives: pd.DataFrame) -> list[str]:
    """Why each near-duplicate is not used; if its own split differs from its representative's, that too."""
    return [
        f"near-duplicate of {name}" + ("" if split == other else f", which is in {other}, not {split}")
        for name, split, other in zip(
            representatives["face_id"], duplicates["split"], representatives["split"], strict=True
        )
    ]
