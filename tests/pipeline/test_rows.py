"""The row types say of every table what its schema says."""

from typing import get_type_hints

import pyarrow as pa
import pytest

from pipeline import rows, schemas
from pipeline.video.changes import Change

PYTHON = {
    pa.string(): str,
    pa.int8(): int,
    pa.int32(): int,
    pa.int64(): int,
    pa.float32(): float,
    pa.float64(): float,
    pa.bool_(): bool,
    schemas.IMAGE: rows.Image,
}
ROW_TYPES = {
    "EPISODES": rows.EpisodeRow,
    "SCENES": rows.SceneRow,
    "CHANGES": Change,
    "FACES": rows.FaceRow,
    "MANIFEST": rows.ManifestRow,
    "LABELS": rows.LabelRow,
    "PICTURES": rows.PictureRow,
    "DATASET": rows.DatasetRow,
}


@pytest.mark.parametrize("table", ROW_TYPES)
def test_a_row_type_has_the_columns_of_its_schema(table: str) -> None:
    schema: pa.Schema = getattr(schemas, table)
    assert get_type_hints(ROW_TYPES[table]) == {field.name: PYTHON[field.type] for field in schema}


def test_every_schema_has_its_row_type() -> None:
    assert {name for name, value in vars(schemas).items() if isinstance(value, pa.Schema)} == set(ROW_TYPES)
