"""faces → one table of all faces: near-duplicates clustered, a representative chosen, the split assigned.

Nothing is deleted: a near-duplicate stays as a rejected row that names its representative.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.console import progress, say_counts
from pipeline.duplicates import SIDE, clusters, near_pairs, thumbnail
from pipeline.images import Pixels, decode_rgb
from pipeline.params import Manifest, Params, load_params
from pipeline.schemas import FACES, MANIFEST, OK, REJECTED, SCENES
from pipeline.tables import read_frame, to_table, write_table

FACES_FOLDER = Path("data/faces")
OUTPUT = Path("data/manifest.parquet")


def main() -> None:
    """Read data/faces/*.parquet and data/scenes.parquet, write data/manifest.parquet."""
    params = load_params()
    faces, thumbnails = read_faces(sorted(FACES_FOLDER.glob("*.parquet")), params.faces.crop_margin)
    manifest = make_manifest(faces, thumbnails, read_frame(Path("data/scenes.parquet"), SCENES), params)
    write_table(OUTPUT, to_table(manifest, MANIFEST))
    in_use = manifest["status"] == OK
    say_counts(
        "manifest",
        {
            "faces": len(manifest),
            "distinct": int(in_use.sum()),
            "near-duplicates": int((manifest["cluster"] != manifest["face_id"]).sum()),
            "rejected before": int((faces["status"] == REJECTED).sum()),
            **{
                f"in {split}": int((manifest["split"][in_use] == split).sum())
                for split in sorted(set(manifest["split"]))
            },
            "for labelling": int(manifest["selected"].sum()),
        },
    )


def read_faces(paths: list[Path], margin: float) -> tuple[pd.DataFrame, Pixels]:
    """All faces without their crops, and the thumbnails uint8 [N, SIDE, SIDE] of those in use, in row order."""
    tables = []
    thumbnails: list[Pixels] = []
    for path in progress(paths, desc="manifest", unit="episodes"):
        faces = read_frame(path, FACES)
        for crop in faces["crop"][faces["status"] == OK]:
            image = decode_rgb(crop["bytes"])
            thumbnails.append(np.zeros((SIDE, SIDE), np.uint8) if image is None else thumbnail(image, margin))
        tables.append(faces.drop(columns="crop"))
    together = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=FACES.names[:-1])
    return together, np.array(thumbnails, dtype=np.uint8).reshape(-1, SIDE, SIDE)


def make_manifest(faces: pd.DataFrame, thumbnails: Pixels, scenes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Rows of MANIFEST for all faces, sorted by episode, frame, character and place."""
    rows = faces.merge(scenes[["episode_id", "scene", "split"]], on=["episode_id", "scene"], how="left", validate="m:1")
    in_use = rows.index[rows["status"] == OK]
    rows["cluster"], rows["cluster_size"] = rows["face_id"], 1
    representative, size = represent(rows.loc[in_use], thumbnails, params.manifest)
    rows.loc[in_use, "cluster"] = representative
    rows.loc[in_use, "cluster_size"] = size
    duplicate = rows["cluster"] != rows["face_id"]
    rows.loc[duplicate, "status"] = REJECTED
    rows.loc[duplicate, "reason"] = "near-duplicate of " + rows.loc[duplicate, "cluster"]
    rows["selected"] = select(rows, params.manifest.per_character)
    return rows.sort_values(["episode_id", "frame", "character", "x", "y", "face_id"], ignore_index=True)


def represent(faces: pd.DataFrame, thumbnails: Pixels, params: Manifest) -> tuple[list[str], list[int]]:
    """For each face, the face_id of its cluster's sharpest member and the cluster's size."""
    pairs = near_pairs(thumbnails, params.duplicate_bits, params.duplicate_distance)
    characters = faces["character"].to_numpy()
    pairs = pairs[characters[pairs["first"]] == characters[pairs["second"]]]
    grouped = pd.DataFrame(
        {
            "cluster": clusters(len(faces), pairs),
            "sharpness": faces["sharpness"].to_numpy(),
            "face_id": faces["face_id"].to_numpy(),
        }
    )
    best = grouped.sort_values(["sharpness", "face_id"], ascending=[False, True]).groupby("cluster")["face_id"].first()
    sizes = grouped.groupby("cluster").size()
    return list(grouped["cluster"].map(best)), list(grouped["cluster"].map(sizes))


def select(rows: pd.DataFrame, per_character: int) -> pd.Series:
    """Which faces are offered for labelling: of each character at most `per_character` (0: all), spread over tracks.

    One face of every track comes first (the sharpest), then a second of each, and so on.
    """
    offered = rows[rows["status"] == OK].sort_values(["sharpness", "face_id"], ascending=[False, True])
    turn = offered.groupby(["episode_id", "track"]).cumcount()
    order = offered.assign(turn=turn).sort_values(["turn", "face_id"])
    if per_character:
        order = order[order.groupby("character").cumcount() < per_character]
    return pd.Series(rows.index.isin(order.index), index=rows.index)
