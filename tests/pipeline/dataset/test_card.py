"""The dataset's README: names and ids, and nothing that Markdown or HTML would take for more than text."""

import pandas as pd
import yaml

from pipeline.dataset.card import dataset_card
from pipeline.schemas import DATASET, EPISODES, SPLITS
from pipeline.tables import to_table
from tests.support.worlds import params


def rows(schema: object, **columns: object) -> pd.DataFrame:
    known = dict.fromkeys(schema.names) | columns  # type: ignore[attr-defined]
    return to_table([known], schema).to_pandas()


def test_the_card_shows_names_beside_the_ids_that_stand_in_the_tables() -> None:
    dataset = rows(DATASET, episode_id="e", character="cat", emotion="happy", split="train")
    episodes = rows(EPISODES, episode_id="e", license="MIT", attribution="A", sha256="0" * 64)
    plain = dataset_card(dataset, episodes, params(), SPLITS)
    assert "# Emotions of cartoon faces: cat\n" in plain
    assert "| happy | 1 | 0 | 0 |" in plain
    named = dataset_card(dataset, episodes, params(names={"cat": "孫悟空", "happy": "嬉<b>し*い"}), SPLITS)
    assert "# Emotions of cartoon faces: 孫悟空 (`cat`)\n" in named
    assert r"| 嬉&lt;b&gt;し\*い (`happy`) | 1 | 0 | 0 |" in named
    assert "| sad | 0 | 0 | 0 |" in named


def test_the_card_names_no_split_without_rows() -> None:
    dataset = rows(DATASET, episode_id="e", character="cat", emotion="happy", split="train")
    card = dataset_card(dataset, rows(EPISODES, episode_id="e"), params(), SPLITS)
    head = yaml.safe_load(card.split("---")[1])
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "train.parquet"}]
