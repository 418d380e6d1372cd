"""Tables: exact schemas, the same bytes for the same rows, the old file or the whole new one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import schemas
from pipeline.errors import InputError
from pipeline.tables import read_rows, read_table, replacing, table_key, to_table, write_json, write_table

SCENE = {
    "episode_id": "pilot",
    "scene": 0,
    "start_frame": 0,
    "stop_frame": 24,
    "start_pts": 0,
    "start_s": 0.0,
    "frames": 24,
    "transition": "start",
    "split": "train",
    "status": "ok",
    "reason": "",
}


def test_a_table_comes_back_as_it_went_in_and_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = [SCENE, SCENE | {"scene": 1, "start_frame": 24, "stop_frame": 30}]
    for name in ("a", "b"):
        write_table(tmp_path / name, to_table(rows, schemas.SCENES))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_rows(tmp_path / "a", schemas.SCENES).to_dict("records") == rows


def test_the_same_rows_put_together_from_other_parts_give_the_same_bytes(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    whole = pa.table({"crop": [dice.bytes(3000 + row % 500) for row in range(2500)]})
    parts = pa.concat_tables([whole.slice(first, 537) for first in range(0, 2500, 537)])
    for name, table in (("whole", whole), ("parts", parts)):
        write_table(tmp_path / name, table)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()


def test_pandas_rows_take_the_schemas_order_and_types(tmp_path: Path) -> None:
    frame = pd.DataFrame([SCENE])[sorted(SCENE)].assign(extra=1)
    table = to_table(frame, schemas.SCENES)
    assert table.schema.equals(schemas.SCENES)
    assert table.schema.field("start_frame").type == pa.int32()


def test_every_column_says_what_it_is() -> None:
    tables = [value for value in vars(schemas).values() if isinstance(value, pa.Schema)]
    assert len(tables) >= 6
    for schema in tables:
        for field in schema:
            assert (field.metadata or {}).get(b"doc"), field.name


def test_the_key_of_a_table_is_read_back_and_a_broken_table_has_none(tmp_path: Path) -> None:
    path = tmp_path / "scenes.parquet"
    assert table_key(path) is None
    write_table(path, to_table([SCENE], schemas.SCENES), key={"sha256": "abc"})
    assert table_key(path) == {"sha256": "abc"}
    path.write_bytes(path.read_bytes()[:-9])
    assert table_key(path) is None


def test_a_table_of_another_version_or_no_table_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "scenes.parquet"
    pq.write_table(pa.table({"episode": ["pilot"]}), path)
    with pytest.raises(InputError, match="another version"):
        read_table(path, schemas.SCENES)
    path.write_text("no table")
    with pytest.raises(InputError, match="dvc repro"):
        read_table(path, schemas.SCENES)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012 - the write is what fails half-way
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
