"""`toonset import emotions TABLE`: what somebody said of frames, without boxes, appended to annotations/emotions.csv.

A row names a frame and an emotion, such as `Frame_ID,Emotion`. It is of the face that was found in that frame. Where
several were found, it must say whose face it means; a row that no face settles is listed and not used.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline import paths
from pipeline.console import say_counts, say_reasons
from pipeline.errors import InputError
from pipeline.exchange.boxed import BoxedPicture
from pipeline.exchange.import_boxes import (
    EMOTION_FILE,
    Choices,
    Row,
    append_new,
    place_of_picture,
    write_unused,
)
from pipeline.exchange.tables import rows_of_csv
from pipeline.exchange.vocabulary import Meaning, meanings, plain
from pipeline.labels.annotations import EMOTION_COLUMNS
from pipeline.params import Params, load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, FACES, OK
from pipeline.tables import read_rows, rows_of

FRAME: Final = ("frame", "frame_id", "frame id", "frameid")
"""What the column of frame numbers may be called, in any case."""
FACE_COLUMNS: Final = ["frame", "character", "x", "y", "w", "h"]


def import_emotions(path: Path, choices: Choices) -> None:
    """Append the emotions of the faces that the table means. Raises InputError where it is no such table."""
    params = load_params()
    table = _read(path)
    words = _meanings(table, params, choices)
    episodes = {row.episode_id: row for row in rows_of(read_rows(paths.EPISODES, EPISODES), EpisodeRow)}
    faces: dict[str, pd.DataFrame] = {}
    found: list[Row] = []
    unused: list[tuple[str, str]] = []
    for row in table:
        meaning = words[row["emotion"]]
        place, fault = place_of_picture(_picture(row), episodes, choices)
        if meaning.emotion is None or place is None:
            unused.append((_said(row), fault or meaning.rule))
            continue
        episode_id, frame = place[0].episode_id, place[1]
        if episode_id not in faces:
            faces[episode_id] = _faces(episode_id)
        whose = (choices.maps or {}).get(row.get("character", ""), row.get("character", "")) or ""
        face = _face(faces[episode_id], frame, plain(whose), params.labels.frame_tolerance)
        if isinstance(face, str):
            unused.append((_said(row), f"frame {frame} of {episode_id}: {face}"))
            continue
        said = {"emotion": meaning.emotion, "annotator": row.get("annotator", "")}
        found.append({"episode_id": episode_id, **face, **said})
    say_reasons("import emotions", "rows not used", [reason for _, reason in unused])
    write_unused(unused, choices)
    added = append_new(paths.EMOTIONS, EMOTION_COLUMNS, EMOTION_FILE, found)
    counts = {"new emotions": added, "there already": len(found) - added, "not used": len(unused)}
    say_counts("import emotions", counts)


def _read(path: Path) -> list[Row]:
    table = [_named(row) for _, row in rows_of_csv(path, ())]
    there = set(table[0]) if table else set()
    if "emotion" not in there or not there & {"frame", "time_s", "file"}:
        raise InputError(
            f"{path} has the columns {', '.join(sorted(there))[:200] or 'of no row'}; expected emotion, and frame, "
            "time_s or file"
        )
    return table


def _meanings(table: list[Row], params: Params, choices: Choices) -> dict[str, Meaning]:
    """What each word for an emotion means here; it is printed."""
    counts = Counter(row["emotion"] for row in table)
    maps = {word: to for word, to in (choices.maps or {}).items() if word in counts}
    words = meanings(counts, params.emotions, maps)
    for word, count in sorted(counts.items()):
        meaning = words[word]
        became = f"is {meaning.emotion} ({meaning.rule})" if meaning.emotion else f"is not used: {meaning.rule}"
        print(f"import emotions: {count} rows of {word!r}: {became}")
    return words


def _named(row: Mapping[str, str]) -> Row:
    """The cells by our names of the columns."""
    small = {name.strip().lower(): cell for name, cell in row.items()}
    frame = next((small[name] for name in FRAME if name in small), None)
    return small if frame is None else small | {"frame": frame}


def _said(row: Row) -> str:
    return row.get("file") or f"{row.get('episode_id', '')} {row.get('frame') or row.get('time_s', '')}".strip()


def _picture(row: Row) -> BoxedPicture:
    """The row as a picture without boxes: which frame it is of."""
    if row.get("file"):
        return BoxedPicture(row["file"], 0, 0)
    number = row.get("frame", "")
    if number.isascii() and number.isdigit() and len(number) < 10:
        return BoxedPicture(row.get("episode_id", ""), 0, 0, frame=int(number))
    try:
        return BoxedPicture(row.get("episode_id", ""), 0, 0, time_s=float(row.get("time_s", "")))
    except ValueError:
        return BoxedPicture(f"{row.get('episode_id', '')} {number}", 0, 0)


def _faces(episode_id: str) -> pd.DataFrame:
    path = paths.FACES / f"{episode_id}.parquet"
    if not path.is_file():
        raise InputError(f"{path} is not there: find the faces first (`dvc repro faces`), then import the emotions")
    rows = read_rows(path, FACES, [*FACE_COLUMNS, "status"])
    return rows[rows["status"] == OK]


def _face(faces: pd.DataFrame, frame: int, character: str, tolerance: int) -> Row | str:
    """The only face in the nearest frame that has any; or why there is none."""
    own = faces[faces["character"] == character] if character else faces
    far = (own["frame"] - frame).abs()
    near = own[(far <= tolerance) & (far == far.min())] if len(own) else own
    if near["frame"].nunique() > 1:
        near = near[near["frame"] == near["frame"].min()]
    whose = f" of {character}" if character else ""
    if near.empty:
        return f"no face{whose} was found"
    if len(near) > 1:
        return f"{len(near)} faces{whose} were found; say whose in a column `character`"
    return {name: str(near.iloc[0][name]) for name in FACE_COLUMNS}
