"""`toonset splits`: what is written down never changes, and each character gets its shares."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import paths
from pipeline.dataset.record_splits import record_splits, stratify
from pipeline.dataset.scene_splits import read_recorded, recorded_split, scene_split
from pipeline.errors import InputError
from pipeline.params import Splits
from pipeline.schemas import EPISODES, LABELS, MANIFEST, SCENES, SPLITS
from pipeline.tables import to_table, write_table

SHARES = Splits(validation=0.2, test=0.3)
FRAMES = 100


def faces_by_scene(rng: np.random.Generator, scenes: int) -> pd.DataFrame:
    """A lead in most scenes, a second in half of them, one who is rarely there."""
    there = rng.random((scenes, 3)) < [0.8, 0.5, 0.08]
    return pd.DataFrame(there * rng.integers(1, 40, (scenes, 3)), columns=["lead", "second", "rare"])


def worst_share(faces: pd.DataFrame, split: pd.Series) -> float:
    """How far the share of a split among a character's faces is from the wanted one, at worst."""
    wanted = pd.Series({"train": 0.5, "validation": 0.2, "test": 0.3})
    shares = faces.groupby(split).sum().reindex(wanted.index, fill_value=0) / faces.sum()
    return float(shares.sub(wanted, axis=0).abs().to_numpy().max())


@pytest.mark.parametrize("seed", range(8))
def test_each_character_gets_its_shares(seed: int) -> None:
    faces = faces_by_scene(np.random.default_rng(seed), 150)
    hashed = pd.Series([scene_split(f"{seed:064x}", row, SHARES) for row in range(150)])
    found = stratify(faces, hashed, pd.Series(False, index=faces.index), SHARES)
    assert worst_share(faces, found) <= 0.05
    assert worst_share(faces, found) < worst_share(faces, hashed)


def test_what_is_fixed_stays_and_the_rest_makes_up_for_it() -> None:
    faces = faces_by_scene(np.random.default_rng(1), 200)
    split = pd.Series(["train"] * 200)
    fixed = pd.Series([row < 80 for row in range(200)])
    found = stratify(faces, split, fixed, SHARES)
    assert set(found[:80]) == {"train"}
    assert worst_share(faces, found) <= 0.05


def test_scenes_without_faces_keep_what_they_have() -> None:
    faces = pd.DataFrame({"lead": [0, 0, 5]})
    split = pd.Series(["test", "validation", "test"])
    assert stratify(faces, split, pd.Series([False] * 3), SHARES).tolist() == ["test", "validation", "train"]
    assert stratify(faces[[]], split, pd.Series([False] * 3), SHARES).tolist() == split.tolist()


def write_project(episodes: dict[str, int], seed: int) -> None:
    """Params, scenes and manifest in this directory: what a run that found `episodes` (their scenes) left."""
    Path("params.yaml").write_text(
        yaml.safe_dump(
            {"toonset": "0.1", "episodes": [], "characters": ["lead"], "emotions": ["happy", "sad"]}
            | {"splits": SHARES.model_dump()}
        )
    )
    recorded = read_recorded()
    scenes: list[dict[str, Any]] = []
    faces: list[dict[str, Any]] = []
    for episode, count in episodes.items():
        rng = np.random.default_rng([seed, *episode.encode()])
        for scene, row in faces_by_scene(rng, count).iterrows():
            start, stop = int(str(scene)) * FRAMES, int(str(scene)) * FRAMES + FRAMES
            place = {"episode_id": episode, "scene": scene, "status": "ok"}
            known = recorded_split(start, stop, recorded.get(episode, []))
            split = known or scene_split(episode * 64, start, SHARES)
            scenes.append(place | {"start_frame": start, "stop_frame": stop, "split": split})
            # What a cascade finds changes with every training; what is written down must not.
            faces += [place | {"character": name} for name, n in row.items() for _ in range(n + rng.integers(3))]
    write_table(Path("data/scenes.parquet"), to_table(scenes, SCENES))
    write_table(Path("data/manifest.parquet"), to_table(faces, MANIFEST))


@pytest.mark.parametrize("seed", range(5))
def test_episodes_that_come_and_go_never_move_a_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(seed)
    seen: dict[tuple[str, int], str] = {}
    text = ""
    for turn in range(6):
        names = sorted(rng.choice(list("abcdef"), size=int(rng.integers(1, 5)), replace=False).tolist())
        write_project({name: 10 + ord(name) % 7 for name in names}, seed=turn)
        record_splits()
        assert paths.SPLITS.read_text().startswith(text)
        text = paths.SPLITS.read_text()
        recorded = read_recorded()
        for name in names:
            for scene in range(10 + ord(name) % 7):
                split = recorded_split(scene * FRAMES, scene * FRAMES + FRAMES, recorded[name])
                assert split is not None
                assert seen.setdefault((name, scene), split) == split
    assert set(seen.values()) == set(SPLITS)
    record_splits()
    assert paths.SPLITS.read_text() == text


def test_a_second_run_finds_what_was_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project({"a": 60, "b": 30}, seed=0)
    record_splits()
    write_project({"a": 60, "b": 30}, seed=0)
    before = paths.SPLITS.read_bytes()
    record_splits()
    assert paths.SPLITS.read_bytes() == before


def test_lines_that_are_there_already_keep_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project({"a": 10}, seed=0)
    before = b"\xef\xbb\xbfepisode_id,start_frame,end_frame,split\r\n\r\nold, 0 ,9,test\r\n"
    paths.SPLITS.parent.mkdir()
    paths.SPLITS.write_bytes(before)
    paths.SPLITS.chmod(0o664)
    record_splits()
    after = paths.SPLITS.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == after.count(b"\n") == 3 + 10
    assert paths.SPLITS.stat().st_mode & 0o777 == 0o664


def test_what_people_have_already_can_be_written_down_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project({"a": 60}, seed=0)
    record_splits(keep=True)
    kept = [line.split(",")[3] for line in paths.SPLITS.read_text().splitlines()[1:]]
    assert kept == [scene_split("a" * 64, scene * FRAMES, SHARES) for scene in range(60)]
    paths.SPLITS.unlink()
    record_splits()
    assert [line.split(",")[3] for line in paths.SPLITS.read_text().splitlines()[1:]] != kept


def test_a_test_scene_that_people_chose_is_written_down_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("annotations").mkdir()
    Path("annotations/held_out.csv").write_text("episode_id,start_frame,end_frame\na,0,199\n")
    write_project({"a": 10, "b": 10}, seed=0)
    record_splits()
    lines = paths.SPLITS.read_text().splitlines()
    own = [line.split(",")[3] for line in lines if line.startswith("a,")]
    assert own == [scene_split("a" * 64, scene * FRAMES, SHARES) for scene in range(10)]
    assert "splits: 20 scenes, 20 recorded now, 0 recorded before" in capsys.readouterr().out


def test_right_after_the_first_boxes_the_boxed_scenes_are_shared_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project({"a": 60}, seed=0)
    paths.MANIFEST.unlink()
    known = {"episode_id": "a", "status": "ok", "reason": "", "frames": 6000, "width": 100, "height": 100}
    write_table(paths.EPISODES, to_table([dict.fromkeys(EPISODES.names) | known], EPISODES))
    paths.ANNOTATIONS.mkdir()
    header = "episode_id,frame,character,x,y,w,h\n"
    paths.BOXES.write_text(header)
    with pytest.raises(InputError, match="nobody knows who is in which scene"):
        record_splits()
    boxed = range(0, 40, 2)
    paths.BOXES.write_text(header + "".join(f"a,{scene * FRAMES + 99},lead,1,1,9,9\n" for scene in boxed))
    record_splits()
    lines = [line.split(",") for line in paths.SPLITS.read_text().splitlines()[1:]]
    assert [int(start) // FRAMES for _, start, _, _ in lines] == list(boxed)
    assert [sum(line[3] == split for line in lines) for split in SPLITS] == [10, 4, 6]
    assert "lead, boxes: 50% train, 20% validation, 30% test" in capsys.readouterr().out


def test_labelled_emotions_are_shared_out_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project({"a": 60}, seed=0)
    base = {"episode_id": "a", "status": "ok", "character": "lead", "frame": 0}
    faces = [base | {"face_id": f"{scene:03}", "scene": scene} for scene in range(60)]
    write_table(paths.MANIFEST, to_table([dict.fromkeys(MANIFEST.names) | face for face in faces], MANIFEST))
    sad = {int(scene) for scene in np.random.default_rng(3).choice(60, 10, replace=False)}
    labels = [
        {"face_id": f"{scene:03}", "emotion": "sad" if scene in sad else "happy", "status": "ok", "frame": 0}
        for scene in range(60)
    ]
    write_table(paths.LABELS, to_table([dict.fromkeys(LABELS.names) | label for label in labels], LABELS))
    record_splits()
    said = capsys.readouterr().out
    assert "faces labelled sad: 50% train, 20% validation, 30% test" in said
    assert "faces labelled happy: 50% train, 20% validation, 30% test" in said
    assert "it is best to run `toonset splits` right after the first boxes" in said


def test_scenes_are_found_again_by_their_frames() -> None:
    recorded = [(0, 50, "test"), (50, 90, "train")]
    assert recorded_split(0, 52, recorded) == "test"
    assert recorded_split(48, 90, recorded) == "train"
    assert recorded_split(25, 75, recorded) == "train"
    assert recorded_split(80, 120, recorded) is None
    assert recorded_split(0, 50, []) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,0,9,tets", "split is 'tets'; expected train, validation, test.*Did you mean 'test'"),
        ("a,0,9", "found 3 values; expected 4"),
        ("a,9,0,test", "end_frame 0 comes before start_frame 9"),
        ("a,x,9,test", "start_frame is 'x'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "splits.csv"
    path.write_text(f"episode_id,start_frame,end_frame,split\na,0,9,test\n{text}\n")
    with pytest.raises(InputError, match=f"splits.csv, line 3: .*{said}"):
        read_recorded(path)
