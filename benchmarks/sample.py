"""The sample project compared with its truth: `python -m benchmarks.sample [PROJECT]`, after `dvc repro` in PROJECT.

The project draws the show, so every face in it is known. Prints the results as a Markdown table.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.boundaries import boundary_f1
from cascades.boxes import intersection_over_union as iou
from pipeline import paths
from pipeline.sample import EPISODES, episode_truth
from pipeline.sample.script import OPENING
from pipeline.schemas import LABELS, MANIFEST, OK, SCENES
from pipeline.tables import is_face, read_rows

BOX = ["x", "y", "w", "h"]
POSE = {"yaw": 5.0, "tilt_deg": 3.0, "blend": 0.1, "visible": 0.1}
"""How far two faces of one expression may differ to be the same drawing: head turned and tilted (degrees), strength of
the expression, share that is not covered."""
TOLERANCE = 2
"""Frames that a found boundary may be off."""


def true_expressions(project: Path) -> pd.DataFrame:
    """The manifest's rows with `truth`, the expression of the true face that each overlaps (IoU 0.5), or None.

    The true face's POSE stands beside it. `kept` says whether the row is in use, or a near-duplicate of one that is.
    """
    rows = read_rows(project / paths.MANIFEST, MANIFEST)
    boxes = rows[BOX].to_numpy(np.int64)
    truth = pd.concat([episode_truth(name).faces.assign(episode_id=f"sample-{name}") for name in EPISODES])
    there = dict(iter(truth.groupby(["episode_id", "frame", "character"])))
    found: list[str | None] = []
    poses = np.full((len(rows), len(POSE)), np.nan)
    places = zip(rows["episode_id"], rows["frame"], rows["character"], strict=True)
    for index, place in enumerate(places):
        faces = there.get(place)
        overlap = np.zeros(1) if faces is None else iou(boxes[index : index + 1], faces[BOX].to_numpy())[0]
        best = int(overlap.argmax())
        matches = faces is not None and overlap[best] >= 0.5
        found.append(str(faces["expression"].iloc[best]) if faces is not None and matches else None)
        if faces is not None and matches:
            poses[index] = faces[list(POSE)].iloc[best].to_numpy(float)
    kept = is_face(rows)
    pose = pd.DataFrame(poses, columns=list(POSE), index=rows.index)
    return rows.assign(truth=pd.Series(found, index=rows.index, dtype=object), kept=kept).join(pose)


def figures(project: Path, every: int) -> dict[str, float]:
    """How right the stages are; `every` is `faces.every` of the project."""
    faces = true_expressions(project)
    kept, true = faces[faces["kept"]], faces[faces["kept"] & faces["truth"].notna()]
    groups = true.groupby("cluster")["truth"]
    several = groups.size() > 1
    labels = read_rows(project / paths.LABELS, LABELS)
    used = labels[labels["status"] == OK].merge(faces[["face_id", "truth"]], on="face_id")
    truths = [episode_truth(name).faces for name in EPISODES]
    to_find = sum(int((truth["annotatable"] & (truth["frame"] % every == 0)).sum()) for truth in truths)
    return {
        "scene boundary F1": scene_f1(project),
        "faces kept": len(kept),
        "share of them that show a face of the right character": float(kept["truth"].notna().mean()),
        "share of the right detections that were not kept": float(1 - len(true) / faces["truth"].notna().sum()),
        "recall of faces on the frames looked at": len(true) / to_find,
        "clusters of near-duplicates": int(several.sum()),
        "share of them with one expression": float((groups.nunique()[several] == 1).mean()),
        **same_drawing(true),
        **repeats(kept),
        "faces labelled": len(used),
        "share of labels that are right": float((used["emotion"] == used["truth"]).mean()),
    }


def same_drawing(faces: pd.DataFrame) -> dict[str, float]:
    """How well near-duplicates are the same drawing in truth: same character and expression, and nearly the same POSE.

    faces: rows of `true_expressions` that are true faces. Over all pairs of faces of one character: precision is the
    share of pairs in one cluster that are the same drawing. Recall is the share of same drawings that are in one
    cluster, over all pairs and over pairs of one track: other scenes have other light and other backgrounds, and there
    the same drawing is another picture.
    """
    first, second = np.triu_indices(len(faces), 1)
    expression, character, cluster = (pd.factorize(faces[name])[0] for name in ("truth", "character", "cluster"))
    track = pd.factorize(faces["episode_id"] + " " + faces["track"].astype(str))[0]
    same = (expression[first] == expression[second]) & (character[first] == character[second])
    for name, tolerance in POSE.items():
        values = faces[name].to_numpy(float)
        same &= np.abs(values[first] - values[second]) <= tolerance
    linked = cluster[first] == cluster[second]
    near = same & (track[first] == track[second])
    return {
        "pairs of faces in one cluster": int(linked.sum()),
        "precision: share of them that are the same drawing": float(same[linked].mean()),
        "recall of pairs that are the same drawing": float(linked[same].mean()),
        "recall of them in one track": float(linked[near].mean()),
    }


def repeats(faces: pd.DataFrame) -> dict[str, float]:
    """Whether the faces marked as repeated are those of the opening, which the three episodes have in common."""
    opening, found = faces["frame"].to_numpy() < OPENING, faces["repeated"].to_numpy(bool)
    return {
        "faces of the opening": int(opening.sum()),
        "share of them marked as repeated": float(found[opening].mean()),
        "share of marked faces that are of the opening": float(opening[found].mean()),
    }


def scene_f1(project: Path) -> float:
    """Mean over the episodes of the F1 of found scene boundaries."""
    scenes = read_rows(project / paths.SCENES, SCENES)
    scores = []
    for name in EPISODES:
        truth = episode_truth(name)
        own = scenes.loc[scenes["episode_id"] == f"sample-{name}", "start_frame"]
        starts = [scene.start_frame for scene in truth.scenes if scene.start_frame]
        gradual = [(start, stop - 1) for start, stop in truth.gradual]
        scores.append(boundary_f1([int(frame) for frame in own if frame], starts, gradual, TOLERANCE).f1)
    return float(np.mean(scores))


def main() -> None:
    """Parse the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path, nargs="?", default=Path())
    parser.add_argument("--every", type=int, default=3, help="faces.every of the project")
    options = parser.parse_args()
    print("| what | result |\n|---|---|")
    for name, value in figures(options.project, options.every).items():
        print(f"| {name} | {value if isinstance(value, int) else format(value, '.3f')} |")


if __name__ == "__main__":
    main()
