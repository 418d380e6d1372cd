"""Pictures from elsewhere: near-duplicates leave one, groups stay whole, and given splits stand."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import given_pictures
from pipeline.dataset.given_pictures import beside_episodes, settle_pictures
from pipeline.images import Pixels, shrink
from pipeline.params import Manifest, Splits
from pipeline.schemas import OK, PICTURES, REJECTED

SIDE = 32


def face(seed: int) -> Pixels:
    """A picture unlike those of other seeds: a few large blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (5, 5), np.uint8)
    return shrink(np.kron(blocks, np.ones((16, 16), np.uint8)), SIDE, SIDE)


def rows_of(count: int, **columns: Any) -> tuple[pd.DataFrame, Pixels]:
    rows = pd.DataFrame(
        {
            "source": "faces",
            "name": [f"{number:04d}.png" for number in range(count)],
            "status": OK,
            "reason": "",
            "emotion": [("happy", "sad")[number % 2] for number in range(count)],
            "given_split": "",
            "group": "",
            "sha256": [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)],
            "face_id": [f"{number:020d}" for number in range(count)],
            "sharpness": 1.0,
            "image": [{"bytes": str(number).encode(), "path": ""} for number in range(count)],
        }
    ).assign(**columns)
    small = np.stack([face(seed) for seed in range(count)]) if count else np.empty((0, SIDE, SIDE), np.uint8)
    return rows.reindex(columns=PICTURES.names), small


def settle(rows: pd.DataFrame, small: Pixels) -> pd.DataFrame:
    return settle_pictures(rows, small, Splits(), Manifest())


def test_each_emotion_is_shared_out_as_asked_for() -> None:
    found = settle(*rows_of(200))
    counts = found.groupby(["emotion", "split"]).size()
    assert (found["status"] == OK).all()
    for emotion in ("happy", "sad"):
        assert [counts[emotion, split] for split in ("train", "validation", "test")] == [65, 15, 20]


def test_many_groups_are_dealt_by_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_pictures, "MANY", 100)
    shares = settle(*rows_of(400))["split"].value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.06)
    assert shares["validation"] == pytest.approx(0.15, abs=0.06)


def test_the_sharper_near_duplicate_stands_whatever_its_label() -> None:
    rows, small = rows_of(6, sharpness=[1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    small[0] = np.clip(small[1].astype(int) + 1, 0, 255)
    found = settle(rows, small)
    assert found["status"].tolist() == [REJECTED, OK, OK, OK, OK, OK]
    assert found["reason"][0] == "near-duplicate of 0001.png of faces, which is labelled sad"
    assert found["cluster"][0] == rows["face_id"][1]
    assert found["cluster_size"][1] == 2


def test_the_same_picture_with_two_labels_is_not_used() -> None:
    rows, small = rows_of(6)
    rows.loc[1, "sha256"], small[1] = rows.loc[0, "sha256"], small[0]
    rows.at[1, "image"] = rows.at[0, "image"]
    found = settle(rows, small)
    assert found["status"].tolist() == [REJECTED, REJECTED, OK, OK, OK, OK]
    assert found["reason"][0] == "the same picture is labelled happy and sad"


def test_groups_stay_whole() -> None:
    rows, small = rows_of(60, group=[f"film {number // 5}" for number in range(60)])
    found = settle(rows, small)
    assert (found.groupby("group")["split"].nunique() == 1).all()
    assert (found.groupby("scene")["group"].nunique() == 1).all()
    assert set(found["split"]) == {"train", "validation", "test"}


def test_pictures_linked_by_near_duplicates_stay_together() -> None:
    rows, small = rows_of(41)
    # 0 and 2 are no near-duplicates of each other, but each is one of 1.
    small[1] = face(1)
    small[0], small[2] = (np.clip(small[1].astype(int) + change, 0, 255) for change in (-4, 4))
    found = settle(rows.assign(sharpness=[2.0, 1.0, 2.0] + [1.0] * 38), small)
    assert found["status"].tolist()[:3] == [OK, REJECTED, OK]
    assert found["scene"][0] == found["scene"][2]
    assert found["split"][0] == found["split"][2]


def test_given_splits_stand_and_what_is_lacking_comes_from_train() -> None:
    given = ["train"] * 160 + ["test"] * 40
    found = settle(*rows_of(200, given_split=given))
    assert (found["split"][160:] == "test").all()
    counts = found["split"][:160].value_counts()
    assert set(counts.index) == {"train", "validation"}
    assert counts["validation"] == pytest.approx(160 * 0.15 / 0.8, abs=1)
    whole = settle(*rows_of(9, given_split=["train", "validation", "test"] * 3))
    assert whole["split"].tolist() == ["train", "validation", "test"] * 3


def test_sources_are_shared_out_by_themselves() -> None:
    alone = settle(*rows_of(40))
    rows, small = rows_of(80, source=["faces"] * 40 + ["more"] * 40)
    assert settle(rows, small)["split"][:40].tolist() == alone["split"].tolist()


def test_no_pictures_are_no_fault() -> None:
    assert len(settle(*rows_of(0))) == 0


def test_a_picture_near_a_face_from_an_episode_is_found() -> None:
    faces = np.stack([face(seed) for seed in range(5)])
    shown = np.stack([face(7), np.clip(faces[3].astype(int) + 2, 0, 255).astype(np.uint8), face(9)])
    assert beside_episodes(shown, faces, Manifest()).tolist() == [False, True, False]
