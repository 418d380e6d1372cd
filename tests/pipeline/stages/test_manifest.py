"""The manifest: duplicates put aside but kept, the sharpest stands for them, the split is the scene's."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.leaks import check_no_leak
from pipeline.dataset.scene_splits import scene_split
from pipeline.errors import StageError
from pipeline.images import encode_jpeg
from pipeline.params import Episode, Manifest, Params, Splits
from pipeline.schemas import FACES
from pipeline.similarity.clusters import listed
from pipeline.similarity.pairs import unmoved_pairs
from pipeline.stages.manifest import make_manifest, read_faces
from pipeline.tables import to_table, write_table
from tests.support.trembling import drawing, seen

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


def gray(*levels: int) -> np.ndarray:
    return np.array([np.full((32, 32), level) for level in levels], np.uint8).reshape(-1, 32, 32)


def test_the_sharpest_of_near_duplicates_stands_for_them_across_scenes() -> None:
    faces = pd.DataFrame(
        [face("a"), face("b", scene=1, frame=9, sharpness=2.0), face("c", frame=2), face("d", character="mouse")]
        + [face("e", status="rejected", reason="a track of 1"), face("f", scene=1, frame=10)]
    )
    rows = make_manifest(faces, gray(100, 103, 200, 100, 104), SCENES, PARAMS).set_index("face_id")
    why = "near-duplicate of b, which is in test, not train"
    assert rows.loc["a", ["status", "reason", "cluster", "split"]].tolist() == ["rejected", why, "b", "train"]
    assert rows.loc["b", ["status", "cluster_size", "split"]].tolist() == ["ok", 3, "test"]
    assert rows.loc["c", ["status", "cluster_size", "split"]].tolist() == ["ok", 1, "train"]
    assert rows.loc["d", "status"] == "ok"
    assert rows.loc["e", ["status", "reason", "cluster"]].tolist() == ["rejected", "a track of 1", "e"]
    assert rows.loc["f", ["status", "reason", "cluster"]].tolist() == ["rejected", "near-duplicate of b", "b"]
    selected = {"a": False, "b": True, "c": True, "d": True, "e": False, "f": False}
    assert rows["selected"].to_dict() == selected


def test_the_episode_listed_first_stands_for_later_ones_however_sharp() -> None:
    faces = pd.DataFrame([face("a", episode_id="e"), face("b", episode_id="d", sharpness=9.0)])
    scenes = pd.DataFrame({"episode_id": ["e", "d"], "scene": [0, 0], "split": ["train", "test"]})
    listed = tuple(Episode(id=name, source="x") for name in ("e", "d"))
    for episodes, stands in ((listed, "a"), (listed[::-1], "b"), ((), "b")):
        rows = make_manifest(faces, gray(100, 103), scenes, PARAMS.model_copy(update={"episodes": episodes}))
        assert set(rows["cluster"]) == {stands}
        assert rows.set_index("face_id")["split"].to_dict() == {"a": "train", "b": "test"}


def test_an_episode_of_a_folder_is_listed_where_the_folder_is() -> None:
    entries = [Episode(id=name, source="x") for name in ("show", "show-two", "pilot")]
    names = ["pilot", "show", "show-e1", "show-two-e1", "show-two", "elsewhere"]
    assert [listed(name, entries) for name in names] == [2, 0, 0, 1, 1, 3]


def test_what_two_episodes_share_is_marked_by_its_tracks() -> None:
    opening = [face(f"{episode}{i}", episode_id=episode, frame=i) for episode in "de" for i in range(3)]
    own = [face("d9", episode_id="d", frame=50, track=1), face("e9", episode_id="e", frame=60, track=1)]
    own += [face(f"e{i}", episode_id="e", frame=i, track=2) for i in range(4, 7)]
    scenes = pd.DataFrame({"episode_id": ["d", "e"], "scene": [0, 0], "split": ["train", "test"]})
    # Alike by chance: one face of three of a track of e's own, e4, is near one of d's opening.
    levels = [10, 30, 50, 12, 31, 70, 100, 150, 52, 200, 240]
    rows = make_manifest(pd.DataFrame(opening + own), gray(*levels), scenes, PARAMS).set_index("face_id")
    assert rows["episodes"].to_dict() == dict.fromkeys(rows.index, 1) | dict.fromkeys(
        ["d0", "d1", "d2", "e0", "e1", "e4"], 2
    )
    # e2 was drawn over, but belongs to a track of which the rest is shared.
    assert set(rows.index[rows["repeated"]]) == {"d0", "d1", "d2", "e0", "e1", "e2"}
    assert rows.loc["e0", "reason"] == "near-duplicate of d0, which is in train, not test"


def test_the_order_in_which_faces_come_does_not_matter() -> None:
    rng = np.random.default_rng(11)
    few = PARAMS.model_copy(update={"manifest": PARAMS.manifest.model_copy(update={"per_character": 5})})
    scenes = pd.DataFrame([{"episode_id": name, "scene": s, "split": "train"} for name in "de" for s in range(4)])
    parts = [world(rng, name) for name in "de"]
    faces = pd.concat([rows for rows, _ in parts], ignore_index=True)
    thumbnails = np.concatenate([levels for _, levels in parts])
    order = rng.permutation(len(faces))
    rows = make_manifest(faces, thumbnails, scenes, few)
    again = make_manifest(faces.iloc[order].reset_index(drop=True), thumbnails[order], scenes, few)
    pd.testing.assert_frame_equal(rows, again)
    assert rows["selected"].sum() == 10


def world(rng: np.random.Generator, episode: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Faces of an episode whose levels (2 apart at least, 5 are near) collide with those of every other episode."""
    count = int(rng.integers(1, 30))
    rows = [
        face(
            f"{episode}-{i}",
            episode_id=episode,
            frame=i,
            scene=int(rng.integers(4)),
            track=int(rng.integers(6)),
            character=str(rng.choice(["cat", "mouse"])),
            sharpness=float(rng.integers(1, 6)),
        )
        for i in range(count)
    ]
    return pd.DataFrame(rows), gray(*(2 * rng.integers(0, 127, count)))


@pytest.mark.parametrize("seed", range(25))
def test_adding_episodes_never_moves_a_face_to_another_split(seed: int) -> None:
    """At the end of the list they change no row; anywhere, no face moves and no near pair is divided."""
    rng = np.random.default_rng(seed)
    names = [str(name) for name in rng.permutation(["a", "b", "c", "d", "e", "f"])]
    worlds = {name: world(rng, name) for name in names}
    shares = Splits(validation=0.3, test=0.3)
    places = [(name, scene, scene_split(name * 64, scene, shares)) for name in "abcdef" for scene in range(4)]
    scenes = pd.DataFrame(places, columns=["episode_id", "scene", "split"])

    def manifest(episodes: list[str]) -> pd.DataFrame:
        params = PARAMS.model_copy(update={"episodes": tuple(Episode(id=name, source="x") for name in episodes)})
        faces = pd.concat([worlds[name][0] for name in sorted(episodes)], ignore_index=True)
        thumbnails = np.concatenate([worlds[name][1] for name in sorted(episodes)])
        rows = make_manifest(faces, thumbnails, scenes, params)
        levels = pd.Series(thumbnails[:, 0, 0].astype(int), index=faces["face_id"])
        used = rows[rows["status"] == "ok"].assign(level=lambda own: own["face_id"].map(levels))
        for _, own in used.groupby("character"):
            apart = np.abs(np.subtract.outer(own["level"].to_numpy(), own["level"].to_numpy()))
            assert (apart[~np.eye(len(own), dtype=bool)] > 5).all()
        return rows.set_index("face_id")

    decided = ["split", "status", "reason", "cluster"]
    before = manifest(names[:2])
    for count in (3, 4, 6):
        appended = manifest(names[:count]).loc[before.index]
        assert appended[decided].equals(before[decided])
        before = manifest(names[:count])
    inserted = manifest([names[5], *names[:5]])
    assert inserted["split"].sort_index().equals(before["split"].sort_index())
    assert (before["status"] != "ok").any()


def test_no_faces_at_all() -> None:
    empty = pd.DataFrame([face("a")]).head(0)
    assert make_manifest(empty, gray(), SCENES, PARAMS).empty


def test_a_crop_that_does_not_decode_is_rejected(tmp_path: Path) -> None:
    empty = dict.fromkeys(FACES.names)
    good = {"bytes": encode_jpeg(np.full((48, 48, 3), 90, np.uint8)), "path": "a.jpg"}
    crops = {"a": good, "b": {"bytes": b"no picture", "path": "b.jpg"}, "c": None}
    rows = [empty | face(name, crop=crop) for name, crop in crops.items()]
    rows[2] |= {"status": "rejected", "reason": "a track of 1"}
    write_table(tmp_path / "e.parquet", to_table(rows, FACES))
    faces, thumbnails = read_faces([tmp_path / "e.parquet"], 0.25)
    assert faces["reason"].tolist() == ["", "the crop does not decode", "a track of 1"]
    assert faces["status"].tolist() == ["ok", "rejected", "rejected"]
    assert np.unique(thumbnails).tolist() == [90]
    assert thumbnails.shape == (1, 32, 32)


def test_a_drawing_that_another_scene_shows_a_little_moved_is_a_near_duplicate() -> None:
    """As it is, it is no near-duplicate: the boxes differ by some pixels and 4 % of size."""
    shown = [seen(drawing(3)), seen(drawing(3), right=2, down=-1, size=1.04), seen(drawing(4))]
    faces = pd.DataFrame([face("a", sharpness=2.0), face("b", scene=1), face("c", frame=2)])
    params = PARAMS.model_copy(update={"manifest": Manifest()})
    small = np.array(shown, np.uint8)
    assert unmoved_pairs(small, 64, Manifest().duplicate_distance).empty
    rows = make_manifest(faces, small, SCENES, params).set_index("face_id")
    assert rows["cluster"].to_dict() == {"a": "a", "b": "a", "c": "c"}
    assert rows.loc["b", "reason"] == "near-duplicate of a, which is in train, not test"


def test_what_is_repeated_a_little_moved_is_repeated() -> None:
    """Each episode shows the drawing twice, the two alike as they are; across episodes only laid over each other."""
    still, moved = seen(drawing(3)), seen(drawing(3), right=2, down=-1, size=1.04)
    shown = np.array([still, still ^ 1, moved, moved ^ 1, seen(drawing(4))], np.uint8)
    faces = pd.DataFrame(
        [face(name, episode_id=name[0], frame=i, track=int(name == "e9")) for i, name in enumerate(["d0", "d1", "e0"])]
        + [face("e1", episode_id="e", frame=3), face("e9", episode_id="e", frame=9, track=1)]
    )
    scenes = pd.DataFrame({"episode_id": ["d", "e"], "scene": [0, 0], "split": ["train", "test"]})
    params = PARAMS.model_copy(update={"manifest": Manifest()})
    rows = make_manifest(faces, shown, scenes, params).set_index("face_id")
    assert rows["episodes"].to_dict() == {"d0": 2, "d1": 2, "e0": 2, "e1": 2, "e9": 1}
    assert rows.index[rows["repeated"]].tolist() == ["d0", "d1", "e0", "e1"]


def test_near_duplicates_in_two_splits_stop_the_dataset() -> None:
    crops = [encode_jpeg(np.full((48, 48, 3), level, np.uint8)) for level in (100, 102, 200)]
    rows = pd.DataFrame(
        {"split": ["train", "test", "test"], "character": "cat", "margin": 0.25, "face_id": list("abc")}
    )
    with pytest.raises(StageError, match=r"1 pair .* a \(train\) and b \(test\)"):
        check_no_leak(rows, crops, PARAMS.manifest)
    check_no_leak(rows.assign(split="train"), crops, PARAMS.manifest)
