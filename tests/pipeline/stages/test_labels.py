"""The labels stage as a pure function: labels, pairs and report agree with each other; the report's page says it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.pages.agreement import agreement_section
from pipeline.stages.labels import Labelled, make_labels
from pipeline.tables import write_json
from tests.support.worlds import params

BOX = {"x": 0, "y": 0, "w": 40, "h": 40}


def said(frame: int, emotion: str, annotator: str, **more: Any) -> dict[str, Any]:
    row = {"episode_id": "pilot", "frame": frame, "character": "cat", **BOX, "emotion": emotion, "annotator": annotator}
    how = {"given_by": "", "suggested": "", "guess": ""}
    return {"line": 2, **row, **how, "status": "ok", "reason": "", **more}


def made(rows: list[dict[str, Any]], **labels: Any) -> Labelled:
    """Labels of ten faces, 10 frames apart, of which the last is a near-duplicate of the first."""
    manifest = pd.DataFrame([{"face_id": f"f{i}", "episode_id": "pilot", "frame": 10 * i, **BOX} for i in range(10)])
    manifest = manifest.assign(character="cat", status="ok", cluster=manifest["face_id"])
    manifest.loc[9, ["status", "cluster"]] = ["rejected", "f0"]
    columns = list(said(0, "", ""))
    return make_labels(pd.DataFrame(rows, columns=columns), manifest, params(labels=labels))


def page(tmp_path: Path, result: Labelled) -> dict[str, Any]:
    """The section's parts by heading."""
    write_json(tmp_path / "agreement.json", result.report)
    result.pairs.to_csv(tmp_path / "confusion.csv", index=False)
    return {part.heading: part for part in agreement_section(folder=tmp_path).parts}


def test_two_annotators_are_measured_and_shown(tmp_path: Path) -> None:
    rows = [said(10 * i, "happy" if i % 2 else "sad", "anna") for i in range(8)]
    rows += [said(10 * i, "happy" if i % 2 else "sad", "ben") for i in range(1, 8)] + [said(0, "happy", "ben")]
    result = made(rows)
    assert result.report["observed"] == 7 / 8
    assert len(result.pairs) == 16
    assert result.labels["reason"].tolist() == ["a tie: happy 1, sad 1"] + [""] * 7
    parts = page(tmp_path, result)
    assert "8 of 8 faces were judged by several of the 2 annotators" in parts["Between annotators"].text
    assert "equal in 88 % of the cases" in parts["Between annotators"].text
    assert [row[0] for row in parts["By answer"].rows] == ["happy", "sad"]
    assert parts["By pair"].rows == [["anna & ben", "0.75", 8]]
    assert [row[1:] for row in parts["Answers of one annotator by answers of another"].rows] == [[8, 1], [1, 6]]


@pytest.mark.parametrize("method", ["majority", "dawid-skene"])
@pytest.mark.parametrize(
    ("rows", "said_on_the_page"),
    [
        ([], "Nobody has labelled a face yet."),
        ([said(0, "happy", "anna"), said(10, "sad", "anna")], "all answers are by anna"),
        ([said(0, "happy", "anna"), said(10, "sad", "ben")], "No face was judged by two"),
        ([said(0, "happy", "anna"), said(0, "happy", "ben")], "that two people judged have the same answer"),
    ],
)
def test_too_little_is_a_sentence(
    tmp_path: Path, rows: list[dict[str, Any]], said_on_the_page: str, method: str
) -> None:
    result = made(rows, consensus=method)
    assert said_on_the_page in page(tmp_path, result)["Between annotators"].text
    assert (result.labels["status"] == "ok").sum() == len({row["frame"] for row in rows})
    assert json.loads((tmp_path / "agreement.json").read_text())["alpha"]["value"] is None


@pytest.mark.slow
def test_the_pull_of_guesses_is_in_the_report(tmp_path: Path) -> None:
    few = made([said(0, "happy", "anna", guess="happy", suggested="happy", given_by="task")])
    text = page(tmp_path, few)["Does seeing a guess bias the answers?"].text
    assert text.startswith(
        "Too few answers to measure a bias: 1 where the guess was shown and 0 where the guess was hidden"
    )
    people = [f"p{i:02d}" for i in range(40)]
    shown = [said(0, "happy", who, guess="happy", suggested="happy") for who in people]
    withheld = [said(10, "sad" if i % 2 else "happy", who, guess="happy") for i, who in enumerate(people)]
    text = page(tmp_path, made(shown + withheld))["Does seeing a guess bias the answers?"].text
    assert "the share of answers equal to the guess changes by +0.50" in text
    assert "100 % of 40 answers equal the guess where it was shown (0.91 to 1.00)" in text
    assert "50 % of 40 answers equal the guess where it was hidden" in text


def test_the_method_is_the_one_that_params_name() -> None:
    rows = [said(0, "happy", "anna")]
    for method in ("majority", "dawid-skene"):
        assert made(rows, consensus=method).labels["consensus"].tolist() == [method]
