"""`pipeline.dataset.scene_splits`: shares by hash, and the scenes that people hold out."""

from pathlib import Path

import pytest

from pipeline.dataset.scene_splits import held_out_share, read_held_out, scene_split
from pipeline.errors import InputError
from pipeline.params import Splits

FRAMES = {"pilot": 100, "finale": 50, "broken": 0}


def test_shares_are_those_asked_for() -> None:
    splits = Splits(validation=0.15, test=0.2)
    found = [scene_split(f"{episode:064x}", pts, splits) for episode in range(100) for pts in range(0, 50000, 1000)]
    assert found.count("test") / len(found) == pytest.approx(0.2, abs=0.02)
    assert found.count("validation") / len(found) == pytest.approx(0.15, abs=0.02)


def test_a_split_never_changes() -> None:
    """Written down once: another hash would move scenes of datasets that people have published."""
    splits = Splits(validation=0.15, test=0.2, seed=0)
    found = [scene_split("ab" * 32, pts, splits) for pts in range(0, 12000, 1000)]
    assert [pts for pts, split in enumerate(found) if split == "test"] == [5, 8, 10, 11]
    assert {split for split in found if split != "test"} == {"train"}


def test_seed_and_content_decide() -> None:
    splits = Splits(validation=0.3, test=0.3)
    base = [scene_split("ab" * 32, pts, splits) for pts in range(100)]
    assert base == [scene_split("ab" * 32, pts, splits) for pts in range(100)]
    assert base != [scene_split("cd" * 32, pts, splits) for pts in range(100)]
    assert base != [scene_split("ab" * 32, pts, Splits(validation=0.3, test=0.3, seed=1)) for pts in range(100)]


def test_where_people_chose_the_test_scenes_the_rest_keeps_its_proportion() -> None:
    splits = Splits(validation=0.2, test=0.5)
    found = [scene_split("ab" * 32, pts, splits, never_test=True) for pts in range(4000)]
    assert set(found) == {"train", "validation"}
    assert found.count("validation") / len(found) == pytest.approx(0.4, abs=0.03)


def test_extreme_shares() -> None:
    assert {scene_split("ab" * 32, pts, Splits(validation=0, test=0)) for pts in range(200)} == {"train"}
    assert "train" in {scene_split("ab" * 32, pts, Splits(validation=0, test=0.99)) for pts in range(2000)}


def test_held_out_share_counts_frames_once() -> None:
    assert held_out_share(10, 20, [(0, 12), (11, 15), (30, 40)]) == 0.5
    assert held_out_share(10, 20, [(0, 100)]) == 1
    assert held_out_share(10, 20, []) == 0


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "held_out.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_held_out_ranges_become_exclusive(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffepisode_id,start_frame,end_frame\npilot,10,19\n\nfinale , 0,0\npilot,5,5\n")
    assert read_held_out(FRAMES, path) == {"pilot": [(10, 20), (5, 6)], "finale": [(0, 1)]}


def test_no_file_and_empty_files_hold_nothing_out(tmp_path: Path) -> None:
    assert read_held_out(FRAMES, tmp_path / "none.csv") == {}
    for text in ("", "\n\n", "episode_id,start_frame,end_frame\n"):
        assert read_held_out(FRAMES, write(tmp_path, text)) == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pilto,0,5", ["no episode 'pilto'", "Did you mean 'pilot'?"]),
        ("zzz,0,5", ["no episode 'zzz'", "Expected one of broken, finale, pilot"]),
        ("pilot,9,5", ["end_frame 5 comes before start_frame 9"]),
        ("pilot,x,5", ["start_frame is 'x'", "expected a frame number"]),
        ("pilot,-1,5", ["start_frame is '-1'"]),
        ("pilot,1.5,5", ["start_frame is '1.5'"]),
        ("pilot,1,", ["end_frame is ''"]),
        ("pilot,1", ["found 2 values; expected 3"]),
        ("finale,50,60", ["has 50 frames, so at most 49"]),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: list[str]) -> None:
    path = write(tmp_path, f"episode_id,start_frame,end_frame\npilot,0,5\n{line}\n")
    with pytest.raises(InputError) as error:
        read_held_out(FRAMES, path)
    assert "held_out.csv, line 3: " in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_wrong_columns_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: found the columns episode,start,end; .*expected episode_id"):
        read_held_out(FRAMES, write(tmp_path, "episode,start,end\npilot,1,2\n"))
    path = tmp_path / "held_out.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not UTF-8 text: it seems to be UTF-16"):
        read_held_out(FRAMES, path)
