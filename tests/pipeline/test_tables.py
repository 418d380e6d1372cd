"""Tables: exact schemas, the same bytes for the same rows, the old file or the whole new one."""

import json
import os
import random
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.mutations_json import damage
from pipeline import schemas
from pipeline.contents import COUNTS, PATTERNS
from pipeline.errors import InputError
from pipeline.tables import (
    forget_abandoned,
    read_kept_json,
    read_rows,
    read_table,
    replacing,
    table_key,
    to_table,
    write_json,
    write_kept_json,
    write_table,
)

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


FACE = dict.fromkeys(schemas.MANIFEST.names) | {"face_id": "f0", "episode_id": "pilot", "character": "cat"}
EPISODE = dict.fromkeys(schemas.EPISODES.names) | {"episode_id": "pilot", "path": "pilot.mp4", "status": "ok"}
LABEL = dict.fromkeys(schemas.LABELS.names) | {"face_id": "f0", "votes": '{"happy": 2}', "remarks": "{}"}


@pytest.mark.parametrize(
    "value", ["../../x", "/etc/x", "..", ".", "", "a/b", "a\\b", "a\0b", "a\nb", "ab\n", "é", "x" * 300]
)
@pytest.mark.parametrize(
    ("schema", "row", "column"),
    [
        (schemas.MANIFEST, FACE, "face_id"),
        (schemas.MANIFEST, FACE, "cluster"),
        (schemas.MANIFEST, FACE, "episode_id"),
        (schemas.MANIFEST, FACE, "character"),
        (schemas.EPISODES, EPISODE, "path"),
        (schemas.EPISODES, EPISODE, "sha256"),
        (schemas.LABELS, LABEL, "votes"),
    ],
)
def test_what_would_lead_out_of_the_project_is_refused_as_it_is_read(
    tmp_path: Path, schema: pa.Schema, row: dict[str, object], column: str, value: str
) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, to_table([row], schema))
    assert len(read_table(path, schema)) == 1
    write_table(path, to_table([row, row | {column: value}], schema))
    if (column, value) == ("path", "é"):
        assert len(read_table(path, schema)) == 2
        return
    with pytest.raises(InputError, match=rf"t\.parquet: {column} of row 2 is .*, expected ") as caught:
        read_table(path, schema, [column])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "votes", ["[]", "7", '{"happy": "2"}', '{"happy": -1}', '{"happy": NaN}', '{"happy": true}', "[" * 9999]
)
def test_votes_that_are_no_counts_are_refused(tmp_path: Path, votes: str) -> None:
    write_table(tmp_path / "t", to_table([LABEL | {"votes": votes}], schemas.LABELS))
    with pytest.raises(InputError, match=r"votes of row 1 is .* expected a JSON object of counts"):
        read_table(tmp_path / "t", schemas.LABELS)


def test_what_a_person_wrote_in_a_rejected_label_is_kept(tmp_path: Path) -> None:
    row = LABEL | {"episode_id": "../x", "emotion": "so so", "status": "rejected"}
    write_table(tmp_path / "t", to_table([row], schemas.LABELS))
    assert read_table(tmp_path / "t", schemas.LABELS).to_pylist() == [row]


def test_every_text_column_is_checked_or_known_to_be_free_text() -> None:
    free = {"source", "codec", "note", "license", "attribution", "status", "reason", "transition", "consensus"}
    free |= {"label_source", "given_by"}
    free |= {"name", "label", "group", "given_split"}  # as the source of a picture says them; never part of a path
    tables = [value for value in vars(schemas).values() if isinstance(value, pa.Schema)]
    found = {field.name for schema in tables for field in schema if field.type == pa.string()}
    assert found - free == {*PATTERNS, *COUNTS}


def test_a_damaged_table_is_one_line_or_whole(tmp_path: Path) -> None:
    rows = [SCENE | {"scene": scene} for scene in range(50)]
    path = tmp_path / "t.parquet"
    write_table(path, to_table(rows, schemas.SCENES), {"a": "b"})
    content, refused = path.read_bytes(), 0
    for seed in range(300):
        changed, done = damage(content, random.Random(seed))
        path.write_bytes(changed)
        table_key(path)
        said = ""
        try:
            read_rows(path, schemas.SCENES)
        except InputError as error:
            refused, said = refused + 1, str(error)
        assert len(said) < 2000, done
    assert refused > 100


def test_one_damaged_byte_and_a_kept_table_is_no_longer_believed(tmp_path: Path) -> None:
    path, key = tmp_path / "a.parquet", {"made": "from"}
    write_table(path, to_table([SCENE | {"scene": scene} for scene in range(9)], schemas.SCENES), key)
    whole = path.read_bytes()
    assert table_key(path) == key
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert table_key(path) is None, place
    for damaged in (whole[:-1], whole + b"x", b"", b"PAR1"):
        path.write_bytes(damaged)
        assert table_key(path) is None
    path.write_bytes(whole)
    assert table_key(path) == key
    assert read_rows(path, schemas.SCENES)["scene"].tolist() == list(range(9))


def test_one_damaged_byte_and_a_kept_record_is_no_longer_believed(tmp_path: Path) -> None:
    path, value = tmp_path / "a.json", {"starts": [[0, 0, "start"], [24, 24, "cut"]], "é": None}
    write_kept_json(path, value)
    whole = path.read_bytes()
    assert read_kept_json(path) == value
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_kept_json(path) is None, place
    path.unlink()
    assert read_kept_json(path) is None


def test_pictures_are_known_as_pictures_by_hugging_face(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_table(path, schemas.DATASET.empty_table(), features=schemas.IMAGE_FEATURE)
    said = json.loads((pq.read_schema(path).metadata or {})[b"huggingface"])
    assert said == {"info": {"features": {"image": {"_type": "Image"}}}}
    assert read_table(path, schemas.DATASET).num_rows == 0


def test_what_stages_write_is_never_half_in_a_folder_that_others_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("data/faces/a.parquet", "reports/cascades/cat.json"):
        with replacing(Path(place)) as temporary:
            temporary.write_text("half")
            assert list(Path(place).parent.iterdir()) == []
        assert [path.name for path in Path(place).parent.iterdir()] == [Path(place).name]
    left = Path("data/cache/tmp/killed.1.tmp")
    for age, there in ((60, True), (7200, False)):
        left.write_text("half")
        os.utime(left, (time.time() - age, time.time() - age))
        forget_abandoned(left.parent)
        assert left.exists() == there
