"""annotations/pictures/ → one table of the faces that came as pictures: labels in our words, near-duplicates, splits.

Every picture is a row; what is not used says why. A project without `faces_from` has an empty table.
"""

from typing import Final

import pandas as pd

from pipeline import paths
from pipeline.console import say_counts, say_reasons
from pipeline.dataset.given_pictures import settle_pictures
from pipeline.exchange.pictures import describe, read_pictures
from pipeline.params import Params, load_params
from pipeline.schemas import OK, PICTURES, REJECTED, SPLITS
from pipeline.similarity.pairs import read_thumbnails
from pipeline.tables import to_table, write_table

NEAR: Final = r"^(near-duplicate) of .*"


def main() -> None:
    """Read annotations/pictures/, write data/pictures.parquet."""
    params = load_params()
    rows = make_pictures(params)
    write_table(paths.PICTURES, to_table(rows, PICTURES))
    unused = rows[rows["status"] == REJECTED]
    # Of which picture it is one stands in the table; here each would be a reason of its own.
    say_reasons("pictures", "pictures", unused["reason"].str.replace(NEAR, r"\1 of another picture", regex=True))
    used = rows[rows["status"] == OK]
    counts = {f"in {split}": int((used["split"] == split).sum()) for split in SPLITS}
    say_counts("pictures", {"pictures": len(rows), "used": len(used), "not used": len(unused), **counts})


def make_pictures(params: Params) -> pd.DataFrame:
    """Rows of PICTURES of all sources, in the order of params.yaml and of their names."""
    if not params.faces_from:
        return pd.DataFrame(columns=PICTURES.names)
    rows = []
    for entry in params.faces_from:
        source = read_pictures(entry, params)
        for line in describe(source):
            print(f"pictures: {line}", flush=True)
        rows += source.rows
    found = pd.DataFrame(rows, columns=PICTURES.names)
    used = found[found["status"] == OK]
    small, decodes = read_thumbnails([image["bytes"] for image in used["image"]], used["margin"].to_numpy(float))
    assert decodes.all(), "every picture that is kept decodes"
    return settle_pictures(found, small, params.splits, params.manifest)
