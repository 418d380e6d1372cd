"""Sending tasks to a Label Studio server: which server, and which tasks it should have.

Our own server's account lies in `.labelstudio/`; another one's address and token come from LABEL_STUDIO_URL and
LABEL_STUDIO_API_KEY. A token is never written to anything that git, dvc or a log sees.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from labeling.answers import NO_EMOTION
from labeling.config import Kind, box_config, emotion_config, name_config, sheet_config
from labeling.local_server import LocalServer, running_version
from labeling.push import Pushed, ensure_project, push
from labeling.server import Server
from pipeline import paths
from pipeline.console import progress, say_counts
from pipeline.errors import InputError, SetupError
from pipeline.faces.crops import read_crops
from pipeline.labels.annotations import read_boxes, read_emotions, read_looked_at
from pipeline.params import Params, load_params
from pipeline.schemas import EPISODES, LABELS, MANIFEST, OK, SCENES
from pipeline.tables import read_rows, write_json, write_text
from pipeline.tasks.boxes import box_tasks, frames_to_box
from pipeline.tasks.emotions import guess, make_tasks, spoken_of
from pipeline.tasks.media import MEDIA, Media
from pipeline.tasks.names import tasks_of_names
from pipeline.tasks.noes import tasks_of_noes
from pipeline.tasks.review import out_of_fold_probabilities, review_queue
from pipeline.tasks.sheets import sheet_tasks

KINDS = tuple(kind.value for kind in Kind)
ORDER: Final = {
    "boxes": "the most useful frames come first",
    "emotions": "the most useful faces come first",
    "sheets": "the weakest finds come first",
    "review": "the most doubtful labels come first",
    "names": "the surest groups come first",
    "noes": "the strongest finds come first",
}
"""In which order the tasks of a kind are asked."""
CONFIDENT = 0.9
"""Probability from which on a guessed emotion is worth confirming on a sheet."""
URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"


@dataclass(frozen=True)
class Target:
    """A server to push to and pull from. own: the one that `toonset label serve` started here."""

    server: Server
    own: bool


def configured() -> Target | None:
    """The server that the environment names, else our own if it is running, else None.

    Raises SetupError where the environment names half of one.
    """
    url, token = os.environ.get(URL, ""), os.environ.get(TOKEN, "")
    if bool(url) != bool(token):
        there, lacking = (URL, TOKEN) if url else (TOKEN, URL)
        raise SetupError(f"{there} is set but {lacking} is not; set both, or neither for the server of `label serve`")
    if url:
        return Target(Server(url, token), False)
    account = LocalServer(paths.LABEL_STUDIO, paths.TASKS).credentials()
    if account is None or running_version(account.url) is None:
        return None
    return Target(Server(account.url, account.token), True)


def required() -> Target:
    """The configured server. Raises SetupError where there is none."""
    target = configured()
    if target is None:
        raise SetupError(
            f"no Label Studio server is running or configured. Start one with `toonset label serve` in another "
            f"terminal, or set {URL} and {TOKEN}"
        )
    return target


def title(kind: str, params: Params) -> str:
    """What the project of a kind is called on the server."""
    return f"{params.labelling.project or Path.cwd().name}: {kind}"


def config(kind: str, params: Params) -> str:
    """The filled label config of a kind."""
    if kind == "boxes":
        return box_config(paths.LABELING_CONFIGS / "boxes.xml", params.characters, params.names)
    if kind == "sheets":
        return sheet_config(paths.LABELING_CONFIGS / "sheets.xml")
    if kind in ("names", "noes"):
        return name_config(paths.LABELING_CONFIGS / "names.xml", params.characters, params.names)
    return emotion_config(paths.LABELING_CONFIGS / "emotions.xml", [*params.emotions, *NO_EMOTION], params.names)


def send(target: Target, kind: str, tasks: Sequence[dict[str, Any]], params: Params) -> Pushed:
    """Make the project of a kind hold these tasks. Episodes that this project does not have are somebody else's."""
    name = title(kind, params)
    known = set(read_rows(paths.EPISODES, EPISODES, ["episode_id"])["episode_id"])

    def ours(data: dict[str, Any]) -> bool:
        return all(place.get("episode_id") in known for place in data.get("faces") or [data])

    shared = round(100 * params.labelling.shared) if kind == "emotions" else 0
    settings: dict[str, Any] = {"sampling": "Sequential sampling"}
    settings |= {"maximum_annotations": 2 if shared else 1, "overlap_cohort_percentage": shared or 100}
    project, note = ensure_project(target.server, name, kind, config(kind, params), **settings)
    if target.own and params.labelling.media == "local":
        MEDIA.mkdir(parents=True, exist_ok=True)  # the server refuses one that is not there, as before the first task
        target.server.serve_folder(project, str(MEDIA.resolve()))
    elif params.labelling.media == "local":
        note = note or (
            f"labelling.media is local, so pictures are shown only if {target.server.url} serves this very folder; "
            "otherwise set it to inline or to a prefix"
        )
    elif params.labelling.media != "inline":
        note = note or f"pictures are expected at {params.labelling.media}: copy {MEDIA} there"
    with progress(desc=f"push {kind}", unit="tasks", total=len(tasks)) as bar:
        counts = push(target.server, project, tasks, ours, bar.update)
    return Pushed(name, counts, note, f"{target.server.url}/projects/{project.id}/data")


def push_kind(kind: str) -> None:
    """`toonset label push KIND`."""
    makers: dict[str, Callable[[Params], list[dict[str, Any]]]] = {
        "boxes": tasks_of_boxes,
        "emotions": tasks_of_emotions,
        "sheets": tasks_of_sheets,
        "review": tasks_of_review,
        "names": tasks_of_names,
        "noes": tasks_of_noes,
    }
    params = load_params()
    target = configured()
    deliver(f"label push {kind}", target, kind, makers[kind](params), params)


def deliver(command: str, target: Target | None, kind: str, tasks: Sequence[dict[str, Any]], params: Params) -> None:
    """Send the tasks of a kind, or write them to a file where there is no server, and say so."""
    if target is None:
        write_json(paths.TASKS / f"{kind}.json", tasks)
        write_text(paths.TASKS / f"{kind}.xml", config(kind, params))
        say_counts(command, {"tasks": len(tasks)})
        print(
            f"no Label Studio server is running or configured: the tasks are in {paths.TASKS / kind}.json. Start "
            f"`toonset label serve` and run this again, or import the file into a project with the labelling interface "
            f"{kind}.xml"
        )
        return
    report(command, kind, send(target, kind, tasks, params))


def report(command: str, kind: str, pushed: Pushed) -> None:
    """The last lines of a push: how it went, and where to press what."""
    if pushed.note:
        print(f"{command}: {pushed.note}")
    say_counts(command, pushed.counts)
    print(f'{command}: open {pushed.address} and press "Label All Tasks"; {ORDER[kind]}: you can stop at any time')


def tasks_of_boxes(params: Params) -> list[dict[str, Any]]:
    """Frames to box, with what the cascades there are find in them."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    scenes = read_rows(paths.SCENES, SCENES)
    boxes = read_boxes(paths.BOXES, episodes, params.characters)
    seen = pd.concat([table[["episode_id", "frame"]] for table in (boxes, read_looked_at(paths.FRAMES, episodes))])
    frames = frames_to_box(episodes, scenes, seen, params.labelling.box_frames, params)
    return box_tasks(frames, episodes, Media(params.labelling.media), params)


def tasks_of_emotions(params: Params) -> list[dict[str, Any]]:
    """What the tasks stage made, with its pictures, which are made again where they are missing."""
    try:
        tasks: list[dict[str, Any]] = json.loads(paths.EMOTION_TASKS.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{paths.EMOTION_TASKS} cannot be read ({error}): `dvc repro tasks` makes it") from error
    manifest = read_rows(paths.MANIFEST, MANIFEST).set_index("face_id", drop=False)
    keys = [task["data"]["key"] for task in tasks]
    if not set(keys) <= set(manifest.index):
        raise InputError(
            f"{paths.EMOTION_TASKS} names faces that data/manifest.parquet does not have: run `dvc repro tasks`"
        )
    return make_tasks(manifest.loc[keys].reset_index(drop=True), params)


def tasks_of_sheets(params: Params) -> list[dict[str, Any]]:
    """Distinct faces on contact sheets.

    First the faces that nobody has looked at, by the character of their cascade. Then the faces that were looked at, if
    the model named in params is sure of their emotion.
    """
    manifest = read_rows(paths.MANIFEST, MANIFEST)
    episodes = read_rows(paths.EPISODES, EPISODES)
    annotations = read_emotions(paths.EMOTIONS, episodes, params.characters, params.emotions)
    distinct = manifest[manifest["status"] == OK]
    looked_at = distinct["face_id"].isin(spoken_of(manifest, annotations, params, votes_only=False))
    labelled = distinct["face_id"].isin(spoken_of(manifest, annotations, params))
    media = Media(params.labelling.media)
    unseen = distinct[~looked_at]
    tasks = sheet_tasks(unseen, unseen["character"].tolist(), "character", media, params)
    seen = distinct[looked_at & ~labelled]
    guesses = [one.emotion if one and one.score >= CONFIDENT else None for one in guess(seen, params)]
    sure = np.array([one is not None for one in guesses], bool)
    claims = [one for one in guesses if one is not None]
    return tasks + sheet_tasks(seen[sure], claims, "emotion", media, params)


def tasks_of_review(params: Params) -> list[dict[str, Any]]:
    """The labels that are most likely wrong, with the reason: different votes, or a model that gives another answer."""
    manifest = read_rows(paths.MANIFEST, MANIFEST)
    labels = read_rows(paths.LABELS, LABELS)
    labels = labels[~labels["given_by"].fillna("").str.contains("review")]
    faces = manifest[manifest["face_id"].isin(labels["face_id"])].reset_index(drop=True)
    crops = read_crops(faces)
    told = out_of_fold_probabilities(labels, faces, crops, params.faces.crop_margin, params.emotions)
    queue = review_queue(labels, told, params.names).head(params.labelling.review)
    chosen = faces.set_index("face_id", drop=False).loc[queue["face_id"]].reset_index(drop=True)
    return make_tasks(chosen, params, queue["why"].tolist())
