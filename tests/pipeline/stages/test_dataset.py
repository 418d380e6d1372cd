"""The stage `dataset`: faces from episodes and pictures from elsewhere in one table, without a leak between them."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.card import dataset_card
from pipeline.dataset.leaks import check_leaks
from pipeline.images import encode_jpeg
from pipeline.schemas import DATASET, EPISODES, OK, PICTURES, REJECTED, SPLITS
from pipeline.stages.dataset import as_dataset, with_pictures
from pipeline.tables import to_table
from tests.support.face_pictures import SHAPES, draw_face
from tests.support.worlds import params

EMOTIONS = sorted(SHAPES)
SETTINGS = params(emotions=EMOTIONS, faces_from=[{"id": "web"}])


def drawn(seed: int) -> dict[str, Any]:
    return {"bytes": encode_jpeg(draw_face(EMOTIONS[seed % 7], np.random.default_rng(seed))), "path": f"{seed}.jpg"}


def pictures(*seeds: int, **columns: Any) -> pd.DataFrame:
    rows = []
    for place, seed in enumerate(seeds):
        known = {
            "source": "web", "name": f"joy/{seed}.jpg", "status": OK, "reason": "", "emotion": EMOTIONS[seed % 7],
            "character": "web", "given_split": "", "group": "", "face_id": f"{seed:020x}",
            "sha256": hashlib.sha256(str(seed).encode()).hexdigest(), "margin": 0.0, "x": 0, "y": 0, "w": 96, "h": 96,
            "sharpness": 1.0, "cluster": f"{seed:020x}", "cluster_size": 1, "scene": place,
            "split": SPLITS[place % 3], "license": "MIT", "attribution": "A", "image": drawn(seed),
        }  # fmt: skip
        rows.append(dict.fromkeys(PICTURES.names) | known)
    return pd.DataFrame(rows).assign(**columns)


def faces(*seeds: int) -> pd.DataFrame:
    """Rows of DATASET as episodes give them."""
    rows = as_dataset(pictures(*seeds, source="pilot", character="cat"))
    return rows.assign(split="train", scene=0)


def test_both_kinds_of_faces_stand_in_one_table() -> None:
    whole = with_pictures(faces(1, 2, 3), pictures(11, 12, 13), SETTINGS)
    assert whole["face_id"].is_monotonic_increasing
    assert whole["episode_id"].value_counts().to_dict() == {"pilot": 3, "web": 3}
    table = to_table(whole, DATASET)
    assert table.column("frame").null_count == 0
    assert table.column("time_s").null_count == 6
    check_leaks(table.to_pandas(), SETTINGS.manifest)


def test_a_face_from_an_episode_stands_before_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    given = pictures(11, 2, 13)
    given.loc[1, "split"] = "test"
    whole = with_pictures(faces(1, 2, 3), given, SETTINGS)
    assert sorted(whole["face_id"]) == sorted(f"{seed:020x}" for seed in (1, 2, 3, 11, 13))
    assert whole.loc[whole["face_id"] == f"{2:020x}", "episode_id"].tolist() == ["pilot"]
    assert "left out 1 picture: near-duplicates of a face from an episode" in capsys.readouterr().out


def test_a_picture_that_is_not_used_is_in_no_split_and_keeps_the_places_of_the_others() -> None:
    given = pictures(11, 12, 13)
    given.loc[1, "status"] = REJECTED
    rows = as_dataset(given)
    assert rows["frame"].tolist() == [0, 2]
    assert rows["votes"].tolist() == [f'{{"{EMOTIONS[4]}": 1}}', f'{{"{EMOTIONS[6]}": 1}}']


def test_the_card_says_what_columns_mean_where_there_is_no_episode() -> None:
    whole = with_pictures(faces(1), pictures(11), SETTINGS)
    episodes = to_table([dict.fromkeys(EPISODES.names) | {"episode_id": "pilot"}], EPISODES).to_pandas()
    card = dataset_card(whole, episodes, SETTINGS, SPLITS)
    assert "| web | MIT | A | not an episode: pictures that were given |" in card
    assert "Of faces that came as pictures" in card
    assert "Of faces that came as pictures" not in dataset_card(faces(1), episodes, SETTINGS, SPLITS)
