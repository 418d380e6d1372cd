"""Which faces people are asked about, and the tasks that ask."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labeling.answers import NO_VOTE
from labeling.tasks import Guess, emotion_task
from pipeline import paths
from pipeline.classifier.model import load_model
from pipeline.faces.crops import read_crops
from pipeline.images import decode_rgb
from pipeline.labels.consensus import faces_to_label, match
from pipeline.params import Params
from pipeline.rows import ManifestRow
from pipeline.schemas import EPISODES
from pipeline.tables import read_rows, rows_of
from pipeline.tasks.media import Media, face_pictures
from pipeline.tasks.order import labelling_order
from pipeline.tasks.quick_model import NO_LABEL, describe, fit_quick


def spoken_of(
    manifest: pd.DataFrame, annotations: pd.DataFrame, params: Params, *, votes_only: bool = True
) -> set[str]:
    """The representatives (face_id) of all faces that somebody has judged, directly or through a near-duplicate.

    votes_only: leave out faces of which a sheet says something else than their emotion.
    """
    faces = faces_to_label(manifest)
    if votes_only:
        annotations = annotations[~annotations["emotion"].isin(NO_VOTE)]
    found = match(annotations, faces, params.labels)
    return set(faces["cluster"][faces["face_id"].isin(found.dropna())])


def order_by_gain(manifest: pd.DataFrame, annotations: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The selected faces that have no answer yet, those first whose label will teach a model most (`order`).

    The order comes from a quick model that learned from the answers so far, never from this run's network: the flow has
    no circle.
    """
    faces = manifest[manifest["selected"]].reset_index(drop=True)
    labelled = faces["face_id"].isin(spoken_of(manifest, annotations, params)).to_numpy()
    if labelled.all():
        return faces[~labelled]
    said = _answers(manifest, annotations, params)
    index = {name: number for number, name in enumerate(params.emotions)}
    targets = np.array([index.get(said.get(name, ""), NO_LABEL) for name in faces["face_id"]], np.int64)
    looks = describe(read_crops(faces), params.faces.crop_margin)
    model = fit_quick(looks, targets, len(params.emotions))
    order = labelling_order(faces, looks, labelled, None if model is None else model.predict(looks))
    return faces.iloc[order].reset_index(drop=True)


def _answers(manifest: pd.DataFrame, annotations: pd.DataFrame, params: Params) -> dict[str, str]:
    """The commonest answer so far by representative's face_id, of equals the first in the alphabet."""
    faces = faces_to_label(manifest)
    found = match(annotations, faces, params.labels).map(faces.set_index("face_id")["cluster"].to_dict())
    votes = annotations["emotion"].groupby(found).agg(lambda given: sorted(given.mode())[0])
    return {str(name): str(emotion) for name, emotion in votes.items()}


def make_tasks(faces: pd.DataFrame, params: Params, why: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A task per face, in their order, with the guess of the model that params.yaml names, if it names one.

    why: for each face, what a reviewer should know about it.
    """
    if faces.empty:
        return []
    episodes = read_rows(paths.EPISODES, EPISODES)
    pictures = face_pictures(faces, episodes, Media(params.labelling.media), params.compute)
    guesses = guess(faces, params)
    return [
        emotion_task(dict(face._asdict()), image, scene_image, one, note, params.shown(face.character))
        for face, (image, scene_image), one, note in zip(
            rows_of(faces, ManifestRow), pictures, guesses, why or [""] * len(faces), strict=True
        )
    ]


def guess(faces: pd.DataFrame, params: Params) -> list[Guess | None]:
    """The model's guess for each face; None if no model is named or the crop does not decode."""
    if params.labelling.model is None:
        return [None] * len(faces)
    folder = Path(params.labelling.model)
    model = load_model(folder)
    version = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12]
    pictures = [decode_rgb(crop) for crop in read_crops(faces)]
    decoded = [picture for picture in pictures if picture is not None]
    rows: Iterator[Any] = iter(model.predict(decoded, params.faces.crop_margin) if decoded else ())
    guesses: list[Guess | None] = []
    for face_id, picture in zip(faces["face_id"], pictures, strict=True):
        if picture is None:
            guesses.append(None)
            continue
        row = next(rows)
        shown = not is_blind(face_id, params.labelling.blind_share)
        guesses.append(Guess(model.emotions[int(row.argmax())], float(row.max()), version, shown))
    return guesses


def is_blind(face_id: str, share: float) -> bool:
    """Whether the guess for a face is hidden. It depends on the face's id alone, so every push hides the same ones."""
    return int(hashlib.sha256(f"blind {face_id}".encode()).hexdigest()[:8], 16) < share * 2**32
