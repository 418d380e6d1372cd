"""Exports with one value replaced: read, or left out with one line; what was there stays, what is new reads again."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutations_json import mutate, to_text
from labeling.errors import LabelingError
from labeling.exports import box_rows
from labeling.tasks import Drawn, box_task, emotion_task, sheet_task
from pipeline import paths
from pipeline.errors import ToonsetError
from pipeline.labels.people_files import read_table_file
from pipeline.tasks.pull import BOX_FILE, EMOTION_FILE, FRAME_FILE, import_file

FILES = {paths.BOXES: BOX_FILE, paths.FRAMES: FRAME_FILE, paths.EMOTIONS: EMOTION_FILE}
FACE = {"face_id": "f00", "episode_id": "pilot", "frame": 12, "character": "cat", "x": 1, "y": 2, "w": 30, "h": 40}
FRAME = {"episode_id": "pilot", "frame": 12, "time_s": 0.5, "width": 640, "height": 360}
ACT = {"was_cancelled": False, "updated_at": "2026-01-02T03:04:05Z", "lead_time": 1.2, "completed_by": {"id": 3}}


def export(kind: str) -> list[dict[str, Any]]:
    """Two annotated tasks of a kind."""
    if kind == "boxes":
        task = box_task(FRAME, "c.jpg", [Drawn("cat", 10, 20, 64, 36, 1.5), Drawn("mouse", 300, 20, 64, 36, 1.5)], "v")
        result = task["predictions"][0]["result"]
    else:
        sheet = kind == "sheets"
        task = (
            sheet_task("cat", "character", [FACE] * 3, "d") if sheet else emotion_task(FACE | {"time_s": 1}, "a", "b")
        )
        name, choice = ("wrong", "2") if sheet else ("emotion", "sad")
        result = [{"from_name": name, "to_name": "x", "type": "choices", "value": {"choices": [choice]}}]
    tasks = [{"id": n, "data": task["data"], "annotations": [{"id": n, "result": result, **ACT}]} for n in (1, 2)]
    return json.loads(json.dumps(tasks))  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["boxes", "emotions", "sheets"])
def test_a_mutated_export_is_read_or_refused_in_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.ANNOTATIONS.mkdir()
    for path, columns in FILES.items():
        path.write_text(",".join(columns) + "\n")
    file, read = tmp_path / "export.json", 0
    for seed in range(250):
        document, done = mutate(export(kind), random.Random(seed))
        file.write_text(to_text(document))
        before = {path: path.read_bytes() for path in FILES}
        said = ""
        try:
            import_file(file)
            read += 1
        except (LabelingError, ToonsetError) as error:
            said = str(error)
        unchanged = {path: path.read_bytes() for path in FILES} == before
        assert not said or (unchanged and "\n" not in said and len(said) < 1000), done
        for path, columns in FILES.items():
            assert path.read_bytes().startswith(before[path]), done
            read_table_file(path, columns)
        assert max(map(len, capsys.readouterr().out.splitlines()), default=0) < 1000, done
    assert 200 < read < 250
    # What toonset keeps for itself is in data/cache: here, the lock of annotations/.
    left = {path.name for path in tmp_path.rglob("*") if path.is_file() and "cache" not in path.parts}
    assert left == {"boxes.csv", "emotions.csv", "export.json", "frames.csv"}


def test_no_shape_vanishes_from_a_frame_that_counts_as_complete() -> None:
    whole = 0
    for seed in range(500):
        document, done = mutate(export("boxes")[:1], random.Random(seed))
        try:
            acts = box_rows(document, say=lambda line: None)
        except LabelingError:
            continue
        for frame, boxes in acts:
            drawn = [one for one in document[0]["annotations"][0]["result"] if one.get("from_name") == "box"]
            whole += frame["complete"] == "1"
            assert frame["complete"] == "0" or len(boxes) == len(drawn), done
    assert whole > 100
