"""How the first page begins: faces of each character, labelled faces of each emotion, advice that fits the tables."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import paths
from pipeline.faces.cascade_files import save_untrained
from pipeline.images import encode_jpeg
from pipeline.pages.advice import advice
from pipeline.pages.overview import overview
from pipeline.project.summary import key_metrics, next_step, summarize
from pipeline.schemas import DATASET, EPISODES, FACES, LABELS, MANIFEST, OK, REJECTED, SPLITS
from pipeline.tables import to_table, write_json, write_table
from tests.support import ROOT
from tests.support.worlds import params

PARAMS = params(characters=["cat", "mouse"], names={"cat": "孫悟空", "happy": "嬉しい"})
LEVELS = {"a": 30, "b": 90, "c": 150, "d": 210}
"""Gray level of each face's crop."""


def picture(name: str) -> dict[str, object]:
    return {"bytes": encode_jpeg(np.full((16, 16, 3), LEVELS[name], np.uint8)), "path": "x.jpg"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four faces of the cat, two of them labelled; the mouse has no cascade. Manifest and dataset."""
    monkeypatch.chdir(tmp_path)
    base = {"episode_id": "e", "status": OK, "reason": ""}
    episodes = [base, base | {"episode_id": "f", "status": REJECTED, "reason": "404"}]
    write_table(paths.EPISODES, to_table([dict.fromkeys(EPISODES.names) | row for row in episodes], EPISODES))
    places = {"frame": 0, "scene": 0, "track": 0, "x": 0, "y": 0, "w": 16, "h": 16, "character": "cat"}
    faces = [base | places | {"face_id": name, "crop": picture(name)} for name in LEVELS]
    write_table(paths.face_table("e"), to_table([dict.fromkeys(FACES.names) | face for face in faces], FACES))
    rows = [
        dict.fromkeys(MANIFEST.names) | base | places
        | {"face_id": name, "cluster": name, "track_score": 2.0, "selected": True} for name in LEVELS
    ]  # fmt: skip
    write_table(paths.MANIFEST, to_table(rows, MANIFEST))
    labels = [
        {"face_id": "a", **base},
        {"face_id": "b", **base},
        {**base, "status": REJECTED, "reason": "a tie: x 1, y 1"},
    ]
    write_table(paths.LABELS, to_table([dict.fromkeys(LABELS.names) | label for label in labels], LABELS))
    for split in SPLITS:
        named = [("a", "happy"), ("b", "sad")] if split == "train" else []
        own = [
            dict.fromkeys(DATASET.names) | {"face_id": name, "emotion": emotion, "image": picture(name)}
            for name, emotion in named
        ]
        write_table(paths.split_table(split), to_table(own, DATASET))
    save_untrained("mouse", "no boxes")
    used = {"frames": 9, "recall": 0.5, "recall_low": 0.15, "recall_high": 0.85, "false_positives_per_frame": 0.25}
    figures = {"faces": 4, **used, **{f"recall_at_{rate}": 0.5 for rate in ("0.1", "0.3", "1.0")}}
    write_json(paths.CASCADE_REPORTS / "cat.json", figures)
    write_json(paths.CASCADE_REPORTS / "mouse.json", dict.fromkeys(figures) | {"faces": 0})
    write_json(paths.AGREEMENT / "agreement.json", {"alpha": {"value": 0.5}})
    names = ("accuracy", "macro_f1", "calibration_error", "random_split_gap_macro_f1", "majority_share")
    write_json(paths.EVALUATION / "metrics.json", {"n": 7, **dict.fromkeys(names, 0.25)})
    return to_table(rows, MANIFEST).to_pandas(), to_table(
        [
            dict.fromkeys(DATASET.names) | {"face_id": n, "emotion": e, "image": picture(n)}
            for n, e in (("a", "happy"), ("b", "sad"))
        ],
        DATASET,
    ).to_pandas()


def test_the_page_begins_with_people(project: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    who, shows, todo = overview(*project, ["do it"], PARAMS)
    assert [(strip.label, len(strip.tiles)) for strip in who.parts[0].strips] == [
        ("孫悟空: 4 distinct faces", 4),
        ("mouse: no faces yet", 0),
    ]
    assert [tile.lines for tile in shows.parts[0].strips[0].tiles] == [("嬉しい",), ("sad",)]
    assert todo.parts[0].items == ["do it"]


def test_advice_names_what_is_wrong_and_what_to_do(project: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    said = "\n".join(advice(PARAMS))
    for part in (
        "Episode f is not used: 404",
        "The cascade of 孫悟空 is measured on 4 faces",
        "mouse has no cascade yet, so none of its faces are in the dataset: no boxes",
        "Few training faces: 嬉しい (1), sad (1).",
        "Too few test faces to judge: 嬉しい (0), sad (0).",
        "1 annotation without effect (1: a tie)",
        "Annotators agree too little (alpha 0.50)",
        "2 distinct faces have no label yet",
        "`toonset splits`",
    ):
        assert part in said


def test_experiments_are_compared_by_eight_numbers(project: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = key_metrics(PARAMS)
    assert len(found) == 8
    assert found["lowest_cascade_recall_at_0.3"] == 0.5
    assert (found["labelled_faces"], found["agreement_alpha"], found["test_faces"]) == (2, 0.5, 7)


def test_the_summary_says_what_there_is_and_what_comes_next(
    project: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.PARAMS.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    shown = summarize()
    assert re.search("^labels +2 faces, 1 rejected$", shown, re.MULTILINE)
    assert re.search("^mouse cascade +not measured", shown, re.MULTILINE)
    assert "recall 0.50 (0.15 to 0.85) with 0.25 false positives per frame, at the score chosen on validation" in shown
    assert "\nscenes " not in shown  # that stage has not run
    new = tmp_path / "new"
    new.mkdir()
    monkeypatch.chdir(new)
    paths.PARAMS.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert summarize() == "next  list your episodes in params.yaml, then `dvc repro scenes`"
    for path, step in (
        (paths.SCENES, "label round"),
        (paths.BOXES, "`dvc repro tasks`"),
        (paths.MANIFEST, "label push emotions"),
        (paths.EMOTIONS, "`dvc repro`"),
        (paths.INDEX_PAGE, "look at reports/index.html"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("head\nrow\n")
        assert step in next_step()
