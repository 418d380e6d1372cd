"""The manifest: duplicates put aside but kept, the sharpest stands for them, the split is the scene's."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import StageError
from pipeline.images import encode_jpeg
from pipeline.params import Manifest, Params
from pipeline.stages.dataset import check_no_leak
from pipeline.stages.manifest import make_manifest, select

PARAMS = Params(
    toonset="0.1",
    episodes=(),
    characters=("cat", "mouse"),
    emotions=("happy", "sad"),
    manifest=Manifest(duplicate_bits=64, duplicate_distance=5.0),
)
SCENES = pd.DataFrame({"episode_id": ["e", "e"], "scene": [0, 1], "split": ["train", "test"]})


def face(face_id: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"face_id": face_id, "episode_id": "e", "frame": 0, "scene": 0, "track": 0, "x": 0, "y": 0}
    return row | {"character": "cat", "sharpness": 1.0, "status": "ok", "reason": ""} | more


def grey(*levels: int) -> np.ndarray:
    return np.array([np.full((32, 32), level) for level in levels], np.uint8).reshape(-1, 32, 32)


def test_the_sharpest_of_near_duplicates_stands_for_them_across_scenes() -> None:
    faces = pd.DataFrame(
        [face("a"), face("b", scene=1, frame=9, sharpness=2.0), face("c", frame=2), face("d", character="mouse")]
        + [face("e", status="rejected", reason="a track of 1")]
    )
    rows = make_manifest(faces, grey(100, 103, 200, 100), SCENES, PARAMS).set_index("face_id")
    assert rows.loc["a", ["status", "reason", "cluster"]].tolist() == ["rejected", "near-duplicate of b", "b"]
    assert rows.loc["b", ["status", "cluster_size", "split"]].tolist() == ["ok", 2, "test"]
    assert rows.loc["c", ["status", "cluster_size", "split"]].tolist() == ["ok", 1, "train"]
    assert rows.loc["d", "status"] == "ok"
    assert rows.loc["e", ["status", "reason", "cluster"]].tolist() == ["rejected", "a track of 1", "e"]
    assert rows["selected"].to_dict() == {"a": False, "b": True, "c": True, "d": True, "e": False}


def test_selection_takes_turns_over_tracks_and_characters() -> None:
    rows = pd.DataFrame(
        [face(f"a{i}", track=0, sharpness=9 - i, cluster="") for i in range(5)]
        + [face("b0", track=1, cluster=""), face("m0", track=2, character="mouse", cluster="")]
    )
    assert set(rows["face_id"][select(rows, 2)]) == {"a0", "b0", "m0"}
    assert set(rows["face_id"][select(rows, 3)]) == {"a0", "a1", "b0", "m0"}
    assert select(rows, 0).all()


def test_no_faces_at_all() -> None:
    empty = pd.DataFrame([face("a")]).head(0)
    assert make_manifest(empty, grey(), SCENES, PARAMS).empty


def test_near_duplicates_in_two_splits_stop_the_dataset() -> None:
    crops = [encode_jpeg(np.full((48, 48, 3), level, np.uint8)) for level in (100, 102, 200)]
    rows = pd.DataFrame({"split": ["train", "test", "test"], "character": ["cat"] * 3, "face_id": ["a", "b", "c"]})
    with pytest.raises(StageError, match=r"1 pairs.* a \(train\) and b \(test\)"):
        check_no_leak(rows, crops, PARAMS.manifest, 0.25)
    check_no_leak(rows.assign(split="train"), crops, PARAMS.manifest, 0.25)
