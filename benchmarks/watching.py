"""What `toonset watch` gets right, end to end: `python -m benchmarks.watching PROJECT [--film FOOTAGE]`.

Run it after `dvc repro` and `toonset watch --episodes` in PROJECT. It holds the answers against what is known: the
sample show's truth, or with --film the annotated faces of the real film. Only scenes of the test split count, which
neither the cascades nor the classifier were trained on. A face that was not found is a wrong answer: this is what a
user gets, not what perfect crops give.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cascades.boxes import intersection_over_union as iou
from pipeline import paths
from pipeline.rows import BoxRow, SceneRow
from pipeline.sample import episode_truth
from pipeline.schemas import BOX_NAMES, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.watch.record import FACES

MATCH = 0.4
"""IoU from which a found face is the annotated one."""


class Known(BoxRow):
    """A face of which the truth is known."""

    episode_id: str
    scene: int
    frame: int
    time_s: float
    character: str
    emotion: str


@dataclass(frozen=True)
class Score:
    """Shares, 0 to 1; `frames` and `segments` are how many were judged."""

    found: float
    frame_accuracy: float
    frame_accuracy_unsmoothed: float
    accuracy_where_sure: float
    share_sure: float
    segment_f1: float
    segment_f1_unsmoothed: float
    frames: int
    segments: int


def score(truth: pd.DataFrame, faces: pd.DataFrame, step_s: float) -> Score:
    """truth: rows of `Known`, of faces in test scenes. faces: watched. step_s: between two looked-at frames, s."""
    emotions = [name for name in faces.columns if name in set(truth["emotion"])]
    alone = faces.assign(alone=np.array(emotions, dtype=object)[faces[emotions].to_numpy().argmax(axis=1)])
    looked_at = truth[truth["frame"].isin(set(faces["frame"]))] if len(faces) else truth
    matched = pd.DataFrame(match(looked_at, alone))
    got = matched["found"].to_numpy(bool)
    right = (matched["answer"] == matched["emotion"]).to_numpy()
    sure = got & ~matched["unsure"].to_numpy(bool)
    smooth, raw = (segment_f1(matched, name, step_s) for name in ("answer", "alone"))
    return Score(
        found=float(got.mean()),
        frame_accuracy=float(right.mean()),
        frame_accuracy_unsmoothed=float((matched["alone"] == matched["emotion"]).mean()),
        accuracy_where_sure=float(right[sure].mean()) if sure.any() else float("nan"),
        share_sure=float(sure.sum() / max(1, got.sum())),
        segment_f1=smooth[0],
        segment_f1_unsmoothed=raw[0],
        frames=len(matched),
        segments=smooth[1],
    )


def match(truth: pd.DataFrame, faces: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Each true face with the answer that was found at its place, or none."""
    there = dict(iter(faces.groupby(["episode_id", "frame", "character"])))
    for row in rows_of(truth, Known):
        own = there.get((row.episode_id, row.frame, row.character))
        best = -1
        if own is not None:
            overlap = iou(np.array([[row.x, row.y, row.w, row.h]]), own[BOX_NAMES].to_numpy(np.int64))[0]
            best = int(overlap.argmax()) if overlap.max() >= MATCH else -1
        answer = own.iloc[best] if own is not None and best >= 0 else None
        yield {
            "episode_id": row.episode_id, "scene": row.scene, "character": row.character, "time_s": row.time_s,
            "emotion": row.emotion, "found": answer is not None,
            "answer": "" if answer is None else answer["emotion"], "alone": "" if answer is None else answer["alone"],
            "unsure": True if answer is None else bool(answer["unsure"]),
        }  # fmt: skip


def segment_f1(matched: pd.DataFrame, answers: str, step_s: float) -> tuple[float, int]:
    """F1 of runs of one emotion at IoU 0.5 in time, and how many true runs there are."""
    hits = found = true = 0
    for _, own in matched.groupby(["episode_id", "scene", "character"]):
        rows = own.sort_values("time_s")
        mine, theirs = (list(runs(rows, name, step_s)) for name in (answers, "emotion"))
        taken: set[int] = set()
        for emotion, start, end in mine:
            for i, (other, begin, stop) in enumerate(theirs):
                shared = min(end, stop) - max(start, begin)
                if i not in taken and emotion == other and shared >= 0.5 * (max(end, stop) - min(start, begin)):
                    taken.add(i)
                    break
        hits, found, true = hits + len(taken), found + len(mine), true + len(theirs)
    return 2 * hits / max(1, found + true), true


def runs(rows: pd.DataFrame, name: str, step_s: float) -> Iterator[tuple[str, float, float]]:
    """Runs of one value: value, start, end, s. Frames further apart than twice the step are two runs."""
    times, values = rows["time_s"].to_numpy(np.float64), rows[name].astype(str).tolist()
    begin = 0
    for i in range(1, len(values) + 1):
        if i < len(values) and values[i] == values[begin] and times[i] - times[i - 1] <= 2 * step_s:
            continue
        if values[begin]:
            yield values[begin], float(times[begin]), float(times[i - 1]) + step_s
        begin = i


def truth_of_sample(scenes: pd.DataFrame) -> pd.DataFrame:
    """The annotatable faces of the sample episodes' test scenes."""
    parts = []
    for name in scenes["episode_id"].unique():
        faces = episode_truth(name.removeprefix("sample-")).faces
        faces = faces[faces["annotatable"]].assign(episode_id=name).rename(columns={"expression": "emotion"})
        parts.append(faces)
    return in_test_scenes(pd.concat(parts, ignore_index=True), scenes)


def truth_of_film(footage: Path, scenes: pd.DataFrame) -> pd.DataFrame:
    """The annotated faces of the film's test scenes."""
    boxes = pd.read_csv(footage / "boxes.csv").query("episode_id == @EPISODE")
    return in_test_scenes(boxes.reset_index(drop=True), scenes)


def in_test_scenes(faces: pd.DataFrame, scenes: pd.DataFrame) -> pd.DataFrame:
    """The faces of scenes of the test split, with `scene` and `time_s` (24 frames per second)."""
    test = scenes[scenes["split"] == "test"]
    parts = []
    for row in rows_of(test, SceneRow):
        inside = faces["frame"].between(row.start_frame, row.stop_frame - 1)
        parts.append(faces[(faces["episode_id"] == row.episode_id) & inside].assign(scene=row.scene))
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found.assign(time_s=found["frame"] / 24)


def watched_faces(project: Path) -> pd.DataFrame:
    """All watched faces of a project."""
    return pd.concat([pd.read_parquet(path) for path in sorted(project.glob(f"watch/*/{FACES}"))], ignore_index=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--film", type=Path, help="folder of the real film and its annotations")
    options = parser.parse_args()
    scenes = read_rows(options.project / paths.SCENES, SCENES)
    truth = truth_of_film(options.film, scenes) if options.film else truth_of_sample(scenes)
    faces = watched_faces(options.project)
    found = score(truth, faces, step_s=float(np.median(np.diff(np.unique(faces["time_s"])))))
    print("| what | result |\n|---|---|")
    for name, value in vars(found).items():
        print(f"| {name.replace('_', ' ')} | {value if isinstance(value, int) else f'{value:.3f}'} |")


if __name__ == "__main__":
    main()
