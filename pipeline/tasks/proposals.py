"""What a round of labelling asks: frames to box, groups to name, and finds to say no to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from cascades.words import counted
from labeling.errors import LabelingError
from labeling.tasks import clock
from pipeline.errors import InputError
from pipeline.faces.boxed_frames import in_split
from pipeline.params import Params
from pipeline.rows import EpisodeRow
from pipeline.schemas import OK
from pipeline.tables import rows_of
from pipeline.tasks.boxes import box_tasks, frames_to_box
from pipeline.tasks.disagreement import doubts, frames_in_doubt
from pipeline.tasks.known import Known, faces_in
from pipeline.tasks.media import Media
from pipeline.tasks.names import tasks_of_names
from pipeline.tasks.noes import least_scores, read_finds, tasks_of_noes
from pipeline.tasks.push import config
from pipeline.tasks.round_history import LEAST_FACES

NEW: Final = 0.25
"""Share of the frames that are chosen as `label push boxes` does, whatever the detectors say: they show what no
detector has found, and those of validation and test scenes are what is measured on."""
MEASURE: Final = 0.5
"""Share of the frames that validation scenes get while a character has too few boxes there to say what is gained."""
COLUMNS: Final = ["episode_id", "frame", "scene", "why"]
MEASURED: Final = "a validation scene has too few boxes"
NEW_FRAME: Final = "it shows something new"


@dataclass(frozen=True)
class Pages:
    """frames: episode_id, frame, scene, why. sheets: tasks by kind; a kind of which nothing can be asked is not there,
    and `notes` says why."""

    frames: pd.DataFrame
    sheets: dict[str, list[dict[str, Any]]]
    notes: tuple[str, ...]

    def tasks(self, known: Known, params: Params) -> dict[str, list[dict[str, Any]]]:
        """The tasks of each kind, the frames as pictures with what the detectors find in them."""
        boxes = box_tasks(self.frames, known.episodes, Media(params.labelling.media), params)
        return {"boxes": boxes, **self.sheets}


def propose(known: Known, params: Params, count: int) -> Pages:
    """The next pages. count: frames to box."""
    frames = frames_of_round(known, params, count)
    sheets, notes = {}, []
    makers: dict[str, Callable[[Params], list[dict[str, Any]]]] = {"names": tasks_of_names, "noes": tasks_of_noes}
    for kind, make in makers.items():
        try:
            config(kind, params)  # before any work: there may be more characters than keys
            sheets[kind] = make(params)
        except (InputError, LabelingError) as error:
            notes.append(f"no {kind} are asked: {error}")
    return Pages(frames, sheets, tuple(notes))


def frames_of_round(known: Known, params: Params, count: int) -> pd.DataFrame:
    """Frames to box: episode_id, frame, scene, why.

    Frames in doubt are taken from train scenes only: a test of hard frames alone would not be a fair one.
    """
    least = least_scores(params)
    faces = read_finds(known.episodes)
    faces = faces[faces["character"].isin(list(least))]
    measured = frames_to_measure(faces, known, params, round(MEASURE * count)).assign(why=MEASURED)
    found = doubts(faces[in_split(faces, known.scenes, "train")], least, params.faces.every)
    doubtful = frames_in_doubt(found, known.seen, count - max(len(measured), round(NEW * count)))
    chosen = pd.concat([measured[COLUMNS], doubtful[COLUMNS]], ignore_index=True)
    seen = pd.concat([known.seen, chosen[["episode_id", "frame"]]], ignore_index=True)
    left = count - len(chosen)
    fresh = frames_to_box(known.episodes, known.scenes, seen, left, params) if left else chosen.head(0)
    return pd.concat([chosen, fresh.assign(why=NEW_FRAME)[COLUMNS]], ignore_index=True)


def frames_to_measure(faces: pd.DataFrame, known: Known, params: Params, count: int) -> pd.DataFrame:
    """At most `count` frames of validation scenes, if somebody who is found there has too few boxes there.

    faces: as `read_finds` gives them.
    """
    boxed = faces_in(known.boxes, known.scenes, "validation", params)
    found = set(faces.loc[(faces["status"] == OK) & in_split(faces, known.scenes, "validation"), "character"])
    if all(boxed[name] >= LEAST_FACES for name in found):
        return pd.DataFrame(columns=COLUMNS)
    validation = known.scenes[known.scenes["split"] == "validation"].reset_index(drop=True)
    return frames_to_box(known.episodes, validation, known.seen, count, params)


def in_lines(pages: Pages, known: Known) -> Iterator[str]:
    """What would be sent, for people."""
    yield from pages.notes
    yield f"would send {counted(len(pages.frames), 'frames')} to box"
    rates = {row.episode_id: row.rate_num / row.rate_den for row in rows_of(known.episodes, EpisodeRow)}
    for name, frame, _, why in pages.frames.itertuples(index=False, name=None):
        yield f"  {name} at {clock(frame / rates[name])}: {why}"
    for kind, tasks in pages.sheets.items():
        faces = sum(len(task["data"]["faces"]) for task in tasks)
        yield f"would send {counted(len(tasks), 'sheets')} of {kind}, with {counted(faces, 'faces')}"
