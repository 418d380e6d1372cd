"""The annotations shipped with the sample: few, human, mostly right, and agreeing with the truth."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from pipeline.sample import CHARACTERS, EPISODES, EXPRESSIONS, episode_truth
from pipeline.sample.annotate import main, sample_annotations


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return sample_annotations()


@pytest.fixture(scope="module")
def tables(texts: dict[str, str]) -> dict[str, pd.DataFrame]:
    return {name.removesuffix(".csv"): pd.read_csv(io.StringIO(text)) for name, text in texts.items()}


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    faces = [episode_truth(name).faces.assign(episode_id=f"sample-{name}") for name in EPISODES]
    return pd.concat(faces, ignore_index=True)


def iou(rows: pd.DataFrame) -> pd.Series:
    """Overlap of boxes x, y, w, h with true boxes x_t, y_t, w_t, h_t."""
    left, top = rows[["x", "x_t"]].max(axis=1), rows[["y", "y_t"]].max(axis=1)
    right = pd.concat([rows.x + rows.w, rows.x_t + rows.w_t], axis=1).min(axis=1)
    bottom = pd.concat([rows.y + rows.h, rows.y_t + rows.h_t], axis=1).min(axis=1)
    both = (right - left).clip(lower=0) * (bottom - top).clip(lower=0)
    return both / (rows.w * rows.h + rows.w_t * rows.h_t - both)


def with_truth(rows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    key = ["episode_id", "frame", "character"]
    return rows.merge(truth, on=key, suffixes=("", "_t"), how="left", validate="many_to_one")


@pytest.mark.slow
def test_the_same_every_time_in_order_and_with_plain_line_ends(texts: dict[str, str], tmp_path: Path) -> None:
    assert sample_annotations() == texts
    main(str(tmp_path))
    for name, text in texts.items():
        assert (tmp_path / name).read_bytes() == text.encode()
        assert "\r" not in text
    assert texts["boxes.csv"].startswith("episode_id,frame,character,x,y,w,h,annotator\n")
    assert texts["frames.csv"].startswith("episode_id,frame,complete,annotator\n")
    assert texts["emotions.csv"].startswith(
        "episode_id,frame,character,x,y,w,h,emotion,annotator,annotated_at,lead_time_s\n"
    )
    for text in texts.values():
        keys = [(row[0], int(row[1])) for row in (line.split(",") for line in text.splitlines()[1:])]
        assert keys == sorted(keys)


def test_boxes_are_as_many_and_as_good_as_a_hand_draws(tables: dict[str, pd.DataFrame], truth: pd.DataFrame) -> None:
    boxes = with_truth(tables["boxes"], truth)
    for character in CHARACTERS:
        assert 135 <= (boxes.character == character).sum() <= 170
    overlap = iou(boxes)
    assert 0.8 < overlap.mean() < 0.9
    assert overlap.min() > 0.5
    assert boxes.annotatable.all()
    assert (boxes.h < 55).sum() > 20
    assert (boxes.h > 120).sum() > 20


def test_a_frame_is_complete_when_all_its_faces_are_boxed(tables: dict[str, pd.DataFrame], truth: pd.DataFrame) -> None:
    key = ["episode_id", "frame"]
    frames = tables["frames"]
    assert not frames.duplicated(key).any()
    there = truth.groupby(key).annotatable.agg(["size", "sum"]).reset_index()
    boxed = tables["boxes"].groupby(key).size().rename("boxes").reset_index()
    rows = frames.merge(there, on=key, how="left").merge(boxed, on=key, how="left").fillna(0)
    assert (rows["boxes"] == rows["sum"]).all()
    assert (rows.complete == (rows["size"] == rows["sum"]).astype(int)).all()
    assert (rows.complete == 0).any()
    assert (rows[rows["size"] == 0].groupby("episode_id").size() == 60).all()
    assert len(boxed) == (rows["boxes"] > 0).sum()


def test_emotions_are_sparse_and_five_percent_wrong(tables: dict[str, pd.DataFrame], truth: pd.DataFrame) -> None:
    labels = with_truth(tables["emotions"], truth)
    key = ["episode_id", "character", "frame"]
    assert not labels.duplicated([*key, "annotator"]).any()
    assert set(labels.emotion) == set(EXPRESSIONS)
    assert 0.03 < (labels.emotion != labels.expression).mean() < 0.07
    assert iou(labels).mean() > 0.9
    assert (labels.frame % 3 == 0).all()
    assert labels.lead_time_s.between(1, 6).all()
    per_face = labels.groupby(key).size()
    assert 420 <= len(per_face) <= 480
    assert 0.25 < (per_face > 1).mean() < 0.42
    frames = per_face.reset_index().sort_values(key)
    assert frames.groupby(["episode_id", "character"]).frame.diff().min() >= 6
    assert set(labels.annotator) == {"anna", "ben", "chloe"}
    for _, mine in labels.groupby("annotator", sort=False):
        order = ["garden", "kitchen", "harbour"]
        mine = mine.assign(k=mine.episode_id.str.removeprefix("sample-").map(order.index))
        assert mine.sort_values(["k", "frame", "character"]).annotated_at.is_monotonic_increasing
