"""Boxed pictures that are of no episode, for the training of cascades: those of `faces_from` whose format has boxes.

They are only learned from: which pictures are of one scene is not known, so nothing could be measured on them fairly.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline import paths
from pipeline.errors import nearest
from pipeline.exchange.boxed import Box, identity
from pipeline.exchange.given import source_path
from pipeline.exchange.given_boxes import BoxedFile, boxed_files, said_of
from pipeline.exchange.vocabulary import character_of, meanings
from pipeline.images import Rectangle
from pipeline.params import BOX_FORMATS, FacesFrom, Params

HELD_OUT: Final = ("validation", "test")
Unused = tuple[str, str]
"""A picture with its source, and why it is not used."""


@dataclass
class TrainingPicture:
    """A picture and the faces of one character in it, x, y, w, h px."""

    source: str
    place: Path
    boxes: list[Rectangle] = field(default_factory=list)
    complete: bool = True
    """Whether every face in it is boxed, so that all else in it is background."""


def training_pictures(
    character: str, params: Params, episodes: Collection[str], folder: Path = paths.GIVEN_PICTURES
) -> tuple[list[TrainingPicture], list[Unused]]:
    """The pictures to learn a character from, in the order of params.yaml and of their files; and what is not used.

    episodes: the ids of all episodes. A frame of one is left out, for it may lie in a scene for tests. Raises
    InputError as `read_source` does.
    """
    found: dict[Path, TrainingPicture] = {}
    unused: list[Unused] = []
    for entry in params.faces_from:
        if entry.format not in BOX_FORMATS:
            continue
        for one in boxed_files(source_path(entry, folder), entry):
            name = f"{entry.id}: {one.name}"
            unused += [(name, fault) for fault in one.faults]
            reason = _not_for_training(one, episodes)
            if one.place == Path():
                continue  # its fault says why
            if reason:
                unused.append((name, reason))
                continue
            picture = found.setdefault(one.place, TrainingPicture(entry.id, one.place))
            picture.complete &= not one.faults
            for box, place in one.boxes:
                whose = whose_face(box, entry, params)
                if whose == character:
                    picture.boxes.append(place)
                elif whose not in params.characters and nearest(whose, params.characters):
                    picture.complete = False  # perhaps a slip of the pen: there may be a face where nothing is boxed
    return list(found.values()), unused


def whose_face(box: Box, entry: FacesFrom, params: Params) -> str:
    """The id of the character of a box; empty where `map` leaves it out.

    A class that is no emotion of params.yaml is a character's name; a face of which only the emotion is said is of the
    source's `character`.
    """
    label, character = said_of(box)
    if not character and meanings([label], params.emotions, _emotions_of(entry, params))[label].emotion is None:
        character = label
    return character_of(character, entry) or ""


def _emotions_of(entry: FacesFrom, params: Params) -> dict[str, str | None]:
    """The words of `map` that lead to emotions."""
    return {word: name for word, name in entry.map.items() if name in params.emotions}


def _not_for_training(one: BoxedFile, episodes: Collection[str]) -> str:
    if one.split in HELD_OUT:
        return f"its source has it for {one.split}"
    episode, frame = identity(one.name)
    if frame >= 0 and episode in episodes:
        return f"seems to be frame {frame} of {episode}: `toonset import` reads boxes on frames"
    return ""
