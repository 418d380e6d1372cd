"""How the first page begins: who is in the show, what the dataset shows, what is wrong and what to do next."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from pipeline.faces.crops import read_crops
from pipeline.images import decode_rgb, shrink
from pipeline.pages.html import Part, Section, Strip, Tile, jpeg
from pipeline.params import Params
from pipeline.schemas import OK
from pipeline.similarity.diverse import diverse
from pipeline.similarity.pairs import read_thumbnails

ACROSS: Final = 10
"""Faces in a strip."""
TILE: Final = 90
"""Side of a face, px."""
LOOKED_AT: Final = 256
"""Faces of a character that its strip is chosen from, by face_id, which is a hash."""


def overview(manifest: pd.DataFrame, dataset: pd.DataFrame, advice: Sequence[str], params: Params) -> list[Section]:
    """The sections above the numbers. manifest: rows of MANIFEST; dataset: of DATASET; advice: sentences."""
    return [
        Section("Who is in it", [Part("", "", strips=characters(manifest, params))]),
        *dataset_overview(dataset, advice, params),
    ]


def dataset_overview(dataset: pd.DataFrame, advice: Sequence[str], params: Params) -> list[Section]:
    """The part of them that needs no episodes."""
    return [
        Section("What the dataset shows", [Part("", "", strips=emotions(dataset, params))]),
        Section("What to do next", [Part("", "" if advice else "Nothing stands out.", items=list(advice))]),
    ]


def characters(manifest: pd.DataFrame, params: Params) -> list[Strip]:
    """Faces of each character, as unlike each other as can be."""
    strips = []
    for character in params.characters:
        own = manifest[(manifest["status"] == OK) & (manifest["character"] == character)]
        # The surer half: what looks least like the others there is a face, and not a false alarm.
        surest = own[own["track_score"] >= own["track_score"].median()]
        sample = surest.sort_values("face_id").head(LOOKED_AT).reset_index(drop=True)
        if sample.empty:
            strips.append(Strip(f"{params.shown(character)}: no faces yet", []))
            continue
        crops = read_crops(sample)
        thumbnails, _ = read_thumbnails(crops, params.faces.crop_margin)
        chosen = diverse(sample, thumbnails, np.arange(len(sample)), ACROSS)
        tiles = [tile for tile in (face(crops[row]) for row in np.sort(chosen)) if tile]
        strips.append(Strip(f"{params.shown(character)}: {len(own)} distinct faces", tiles))
    return strips


def emotions(dataset: pd.DataFrame, params: Params) -> list[Strip]:
    """Labelled faces of each emotion in one strip; each emotion is named under its faces."""
    if dataset.empty:
        return [Strip("No face has a label yet.", [])]
    each = max(1, ACROSS // len(params.emotions))
    tiles: list[Tile] = []
    for emotion in params.emotions:
        own = dataset[dataset["emotion"] == emotion].sort_values("face_id")
        faces = (face(image["bytes"] or b"", params.shown(emotion)) for image in own["image"].head(each))
        tiles += [tile for tile in faces if tile]
    return [Strip(f"{len(dataset)} labelled, distinct faces", tiles)]


def face(encoded: bytes, *lines: str) -> Tile | None:
    """A tile of a crop; None where it does not decode."""
    rgb = decode_rgb(encoded)
    return None if rgb is None else Tile(jpeg(shrink(rgb, TILE, TILE)), lines)
