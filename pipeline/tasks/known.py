"""What a round of labelling starts from: the show, and what people have said of it."""

from dataclasses import dataclass

import pandas as pd

from pipeline import paths
from pipeline.faces.boxed_frames import in_split
from pipeline.labels.annotations import BOX_COLUMNS, read_boxes, read_looked_at, read_names, rows_in_force
from pipeline.labels.people_files import read_table_file
from pipeline.params import Params
from pipeline.schemas import BOX_NAMES, EPISODES, OK, SCENES, Split
from pipeline.tables import read_rows

FRAME = ["episode_id", "frame"]


@dataclass(frozen=True)
class Known:
    """What is known of a show: rows of EPISODES and SCENES, and what people said, the rows in force."""

    episodes: pd.DataFrame
    scenes: pd.DataFrame
    boxes: pd.DataFrame
    frames: pd.DataFrame
    names: pd.DataFrame

    @property
    def seen(self) -> pd.DataFrame:
        """episode_id, frame of what was boxed or looked at."""
        return pd.concat([table[["episode_id", "frame"]] for table in (self.boxes, self.frames)], ignore_index=True)


def read_known(params: Params) -> Known:
    """Read the tables of `Known`."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    boxes, frames = rows_in_force(
        read_boxes(paths.BOXES, episodes, params.characters), read_looked_at(paths.FRAMES, episodes)
    )
    names = read_names(paths.NAMES, episodes, params.characters)
    return Known(episodes, read_rows(paths.SCENES, SCENES), boxes, frames, names)


def learned_faces(known: Known, params: Params) -> dict[str, tuple[int, int]]:
    """Drawn and named faces of each character in train scenes."""
    boxed = pd.MultiIndex.from_frame(known.seen)
    named = known.names[~pd.MultiIndex.from_frame(known.names[FRAME]).isin(boxed)]
    drawn_of, named_of = (faces_in(rows, known.scenes, "train", params) for rows in (known.boxes, named))
    return {name: (drawn_of[name], named_of[name]) for name in params.characters}


def faces_in(rows: pd.DataFrame, scenes: pd.DataFrame, split: Split, params: Params) -> dict[str, int]:
    """How many of the rows (boxes or named faces) are of each character, in scenes of a split."""
    own = rows.loc[(rows["status"] == OK) & in_split(rows, scenes, split), "character"].value_counts()
    return {name: int(own.get(name, 0)) for name in params.characters}


def answers(known: Known) -> int:
    """Pages that people have answered in train scenes: frames, and sheets of names.

    A page that was answered again, to take something back or by somebody else, is one page.
    """
    frames = known.seen.drop_duplicates()
    faces = read_table_file(paths.NAMES, BOX_COLUMNS).records() if paths.NAMES.exists() else []
    sheets: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for row in faces:
        act = row.get("annotator", ""), row.get("annotated_at", "")
        sheets.setdefault(act, set()).add(tuple(row[name] for name in (*FRAME, *BOX_NAMES)))
    return int(in_split(frames, known.scenes, "train").sum()) + len(set(map(frozenset, sheets.values())))
