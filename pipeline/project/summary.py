"""What a project holds, as a few numbers, from the first stage on: for `toonset summary` and for the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import paths
from pipeline.errors import InputError
from pipeline.names import columns_of
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, EPISODES, LABELS, MANIFEST, OK, PICTURES, SCENES, SPLITS
from pipeline.tables import is_face, read_rows

EVALUATION = paths.EVALUATION / "metrics.json"
AGREEMENT = paths.AGREEMENT / "agreement.json"
RATE = "recall_at_0.3"
"""Recall of a cascade at the rate of false positives that the metrics name."""


def headline_figures() -> dict[str, str]:
    """The project's numbers, name → text, in the order of the flow; those of stages that have not run are left out."""
    params = load_params()
    parts: list[tuple[Path, Callable[[Params], dict[str, str]]]] = [
        (paths.EPISODES, _episodes),
        (paths.SCENES, lambda _: {"scenes": f"{len(read_rows(paths.SCENES, SCENES, ['scene']))}"}),
        (paths.CASCADE_REPORTS, _cascades),
        (paths.MANIFEST, _faces),
        (paths.LABELS, _labels),
        (paths.PICTURES, _pictures),
        (paths.split_table(SPLITS[-1]), _dataset),
        (EVALUATION, lambda known: {"classifier": classifier_line(_json(EVALUATION), known)}),
    ]
    found: dict[str, str] = {}
    for path, figures in parts:
        if path.exists():
            found |= figures(params)
    return found


def _episodes(params: Params) -> dict[str, str]:
    episodes = read_rows(paths.EPISODES, EPISODES)
    ok = episodes[episodes["status"] == OK]
    minutes = f"{len(ok)} ({ok['duration_s'].sum() / 60:.1f} min)"
    return {"episodes": minutes + _rejected(len(episodes) - len(ok))}


def _cascades(params: Params) -> dict[str, str]:
    found = {}
    columns = ["character", "status", "face_id", "cluster"]
    finds = read_rows(paths.MANIFEST, MANIFEST, columns) if paths.MANIFEST.exists() else pd.DataFrame(columns=columns)
    for character in params.characters:
        path = paths.CASCADE_REPORTS / f"{character}.json"
        if path.exists():
            found[f"{params.shown(character)} cascade"] = cascade_line(
                _json(path), finds[finds["character"] == character]
            )
    return found


def _faces(params: Params) -> dict[str, str]:
    faces = read_rows(paths.MANIFEST, MANIFEST)
    distinct = int((faces["status"] == OK).sum())
    duplicates = int((faces["cluster"] != faces["face_id"]).sum())
    tracks = len(faces[is_face(faces)].drop_duplicates(["episode_id", "track"]))
    return {
        "faces": f"{distinct + duplicates} in {tracks} tracks" + _rejected(len(faces) - distinct - duplicates),
        "duplicates": f"{duplicates}, leaving {distinct} distinct faces",
    }


def _labels(params: Params) -> dict[str, str]:
    ok = read_rows(paths.LABELS, LABELS, ["status"])["status"] == OK
    return {"labels": f"{int(ok.sum())} faces" + _rejected(int((~ok).sum()))}


def _pictures(params: Params) -> dict[str, str]:
    if not params.faces_from:
        return {}
    status = read_rows(paths.PICTURES, PICTURES, ["status"])["status"]
    return {"pictures": f"{int((status == OK).sum())} used" + _rejected(int((status != OK).sum()))}


def _dataset(params: Params) -> dict[str, str]:
    sizes = {split: len(read_rows(paths.split_table(split), DATASET, ["face_id"])) for split in SPLITS}
    return {"dataset": ", ".join(f"{count} {split}" for split, count in sizes.items())}


def cascade_line(metrics: dict[str, Any], finds: pd.DataFrame) -> str:
    """Recall of one cascade with its interval, its false positives, and how many of its detections were not kept.

    finds: the character's rows of MANIFEST.
    """
    aside = int((~is_face(finds)).sum())
    not_kept = f"; {aside} of {len(finds)} detections not kept" if len(finds) else ""
    if not metrics["faces"]:
        return f"not measured: no box lies in a test scene{not_kept}"
    rates = ", ".join(f"{metrics[f'recall_at_{rate}']:.2f} at {rate}" for rate in ("0.1", "0.3", "1.0"))
    seen = f"{metrics['faces']} faces, {metrics['frames']} complete frames of held-out scenes"
    low, high, false = (metrics[name] for name in ("recall_low", "recall_high", "false_positives_per_frame"))
    wrong = "unknown" if false is None else f"{false:.2f}"
    used = f"recall {metrics['recall']:.2f} ({low:.2f} to {high:.2f}) with {wrong} false positives per frame"
    return f"{used}, at the score chosen on validation scenes ({seen}); at other scores: recall {rates}{not_kept}"


def classifier_line(metrics: dict[str, Any], params: Params) -> str:
    """Accuracy and macro F1 on held-out faces, in words."""
    if not metrics["n"]:
        return "no labelled faces in held-out scenes to test it on"
    tested = "held-out pictures" if params.pictures_alone else "faces of held-out scenes"
    return (
        f"accuracy {metrics['accuracy']:.2f}, macro F1 {metrics['macro_f1']:.2f} on {metrics['n']} {tested} (always "
        f"the commonest emotion: {metrics['majority_share']:.2f})"
    )


def key_metrics(params: Params) -> dict[str, float | int | None]:
    """The eight numbers that experiments are compared by; None where one could not be measured."""
    evaluated = _json(EVALUATION)
    pictures_alone = params.pictures_alone
    alpha = None if pictures_alone else _json(AGREEMENT)["alpha"]["value"]
    characters = () if pictures_alone else params.characters
    cascades = [_json(paths.CASCADE_REPORTS / f"{name}.json") for name in characters]
    recalls = [metrics[RATE] for metrics in cascades if metrics[RATE] is not None]
    return {
        "labelled_faces": sum(len(read_rows(paths.split_table(split), DATASET, ["face_id"])) for split in SPLITS),
        "agreement_alpha": alpha,
        f"lowest_cascade_{RATE}": min(recalls, default=None),
        "test_faces": evaluated["n"],
        **{name: evaluated[name] for name in ("accuracy", "macro_f1", "calibration_error")},
        "random_split_gap_macro_f1": evaluated["random_split_gap_macro_f1"],
    }


def next_step() -> str:
    """What a person does next, by what is there."""
    if load_params().pictures_alone:
        return f"look at {paths.INDEX_PAGE}" if paths.INDEX_PAGE.exists() else "`dvc repro`"
    if not paths.SCENES.exists():
        return "list your episodes in params.yaml, then `dvc repro scenes`"
    if _is_empty(paths.BOXES):
        return (
            "`toonset label serve`, in another terminal `toonset label round`; box faces; `toonset label round` again"
        )
    if not paths.MANIFEST.exists():
        return "`dvc repro tasks`" if not _is_empty(paths.SPLITS) else "`toonset splits`, then `dvc repro tasks`"
    if _is_empty(paths.EMOTIONS):
        return "`toonset label push emotions`; label faces; `toonset label pull`"
    if not paths.INDEX_PAGE.exists():
        return "`dvc repro`"
    return f"look at {paths.INDEX_PAGE}"


def _is_empty(path: Path) -> bool:
    """Whether an annotation file has no row below its first line."""
    return not path.exists() or len(path.read_bytes().strip().splitlines()) < 2


def summarize() -> str:
    """The headline figures as aligned lines, and what to do next."""
    lines = headline_figures() | {"next": next_step()}
    width = max(map(columns_of, lines))
    return "\n".join(f"{name}{' ' * (width - columns_of(name))}  {text}" for name, text in lines.items())


def _rejected(count: int) -> str:
    return f", {count} rejected" if count else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): run `dvc repro` first") from error
    return dict(value)
