"""What a project contains, as a few numbers: printed at the end of `make repro` and at the top of the report."""

import json
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.errors import InputError
from pipeline.names import columns_of
from pipeline.params import load_params
from pipeline.schemas import DATASET, EPISODES, LABELS, MANIFEST, OK, SCENES, SPLITS
from pipeline.tables import is_face, read_rows

METRICS = paths.EVALUATION / "metrics.json"


def headline_figures() -> dict[str, str]:
    """The project's numbers, name → text, in the order of the flow. Raises InputError where a stage has not run."""
    params = load_params()
    episodes = read_rows(paths.EPISODES, EPISODES)
    scenes = read_rows(paths.SCENES, SCENES, ["episode_id", "scene", "split"])
    faces = read_rows(paths.MANIFEST, MANIFEST)
    labels = read_rows(paths.LABELS, LABELS)
    sizes = {split: len(read_rows(paths.split_table(split), DATASET, ["face_id"])) for split in SPLITS}
    ok = episodes[episodes["status"] == OK]
    distinct = faces[faces["status"] == OK]
    duplicates = int((faces["cluster"] != faces["face_id"]).sum())
    tracks = len(faces[is_face(faces)].drop_duplicates(["episode_id", "track"]))
    found = {
        "episodes": f"{len(ok)} ({ok['duration_s'].sum() / 60:.1f} min)" + _rejected(len(episodes) - len(ok)),
        "scenes": f"{len(scenes)}",
        "faces": f"{len(distinct) + duplicates} in {tracks} tracks"
        + _rejected(len(faces) - len(distinct) - duplicates),
        "duplicates": f"{duplicates}, leaving {len(distinct)} distinct faces",
        "labels": f"{int((labels['status'] == OK).sum())} faces" + _rejected(int((labels["status"] != OK).sum())),
        "dataset": ", ".join(f"{count} {split}" for split, count in sizes.items()),
    }
    for character in params.characters:
        found[f"{params.shown(character)} cascade"] = cascade_line(_json(paths.CASCADE_REPORTS / f"{character}.json"))
    found["classifier"] = classifier_line(_json(METRICS))
    return found


def cascade_line(metrics: dict[str, Any]) -> str:
    """Recall of one cascade at its three false-alarm rates, in words."""
    if not metrics["faces"]:
        return "not measured: no box lies in a test scene"
    rates = ", ".join(f"{metrics[f'recall_at_{rate}']:.2f} at {rate}" for rate in ("0.1", "0.3", "1.0"))
    return f"recall {rates} false positives per frame ({metrics['faces']} faces of held-out scenes)"


def classifier_line(metrics: dict[str, Any]) -> str:
    """Accuracy and macro F1 on held-out scenes, in words."""
    if not metrics["n"]:
        return "no labelled faces in held-out scenes to test it on"
    return (
        f"accuracy {metrics['accuracy']:.2f}, macro F1 {metrics['macro_f1']:.2f} on {metrics['n']} faces of held-out "
        f"scenes (always answering the most frequent emotion: {metrics['majority_share']:.2f})"
    )


def summarize() -> str:
    """The headline figures as aligned lines, and where the report is."""
    lines = headline_figures() | {"report": str(paths.INDEX_PAGE)}
    width = max(map(columns_of, lines))
    return "\n".join(f"{' ' * (width - columns_of(name))}{name}  {text}" for name, text in lines.items())


def _rejected(count: int) -> str:
    return f", {count} rejected" if count else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): run `dvc repro` first") from error
    return dict(value)
