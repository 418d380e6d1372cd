"""`toonset stats`: the statistics of watched videos as CSV files and a page."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment
from markupsafe import Markup

from cascades.words import counted
from pipeline.errors import InputError
from pipeline.palette import character_colors
from pipeline.params import load_params
from pipeline.tables import read_rows, write_text
from pipeline.watch.emoji import face_of
from pipeline.watch.page import emotion_colors
from pipeline.watch.record import FACES, SEGMENTS_FILE
from pipeline.watch.stats import (
    LEVEL,
    Confusions,
    Trial,
    arcs_of,
    changes_of,
    most,
    shares_of,
    together_of,
    try_correction,
)
from pipeline.watch.tables import ANSWER, FOUND, SEGMENTS, watched_schema
from pipeline.watch.video import TAKEN


def stats(watched: Path, predictions: Path) -> None:
    """Write `stats/` beside the watched videos; predictions: held-out faces with `actual` and `predicted`."""
    names = load_params().names
    folders = sorted(path.parent for path in watched.glob(f"*/{FACES}"))
    if not folders:
        raise InputError(f"no watched video in {watched}: run `toonset watch` first")
    emotions = emotions_of(folders[0] / FACES)
    faces = pd.concat([_faces(folder / FACES, emotions) for folder in folders], ignore_index=True)
    segments = pd.concat([read_rows(folder / SEGMENTS_FILE, SEGMENTS) for folder in folders], ignore_index=True)
    alone = faces.assign(emotion=np.array(emotions, dtype=object)[faces[list(emotions)].to_numpy().argmax(axis=1)])
    known = _predictions(predictions)
    confusions, trial = Confusions.of(known, emotions), try_correction(known, emotions)
    tables = {
        "shares": shares_of(alone, confusions, amount=trial.amount),
        "by_episode": _by_episode(alone, confusions, trial.amount),
        "changes": changes_of(segments),
        "together": together_of(faces),
        "arcs": arcs_of(faces),
    }
    out = watched / TAKEN
    for name, table in tables.items():
        write_text(out / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    write_text(out / "index.html", _page(tables, faces, emotions, names, trial))
    for emotion in emotions:
        print(f"stats: most {names.get(emotion, emotion)}: {most(tables['shares'], emotion)}")
    print(f"stats: {said_of(trial)}")
    judged = int(confusions.counts.sum())
    print(f"stats: {counted(len(folders), 'videos')}, {counted(judged, 'held-out faces')}; {out}/index.html")


def emotions_of(path: Path) -> tuple[str, ...]:
    """The emotions of a table of watched faces: its columns that every such table does not have."""
    try:
        names = pq.read_schema(path).names
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet ({error}): watch the video again") from error
    return tuple(name for name in names if name not in {field.name for field in (*FOUND, *ANSWER)})


def _faces(path: Path, emotions: tuple[str, ...]) -> pd.DataFrame:
    """The table with `seconds`: how long the frame stands for, which is the usual step between looked-at frames."""
    found = emotions_of(path)
    if found != emotions:
        raise InputError(
            f"{path} has the emotions {', '.join(found)}, but others have {', '.join(emotions)}: watch all videos with "
            "the same classifier"
        )
    faces = read_rows(path, watched_schema(emotions))
    steps = np.diff(np.unique(faces["time_s"].to_numpy()))
    return faces.assign(seconds=float(np.median(steps)) if len(steps) else 0.0)


def said_of(trial: Trial) -> str:
    """Whether shares are corrected, and why, in words."""
    counted, half, whole = (f"{100 * wrong:.1f} %" for wrong in trial.wrong)
    figures = (
        f"on held-out scenes, counting puts {counted} of the time on a wrong emotion, correcting by half {half}, "
        f"correcting fully {whole}"
    )
    if not trial.amount:
        return f"shares are counted and not corrected for what the classifier confuses, since this is best: {figures}"
    how = "" if trial.amount == 1 else " by half"
    return f"shares are corrected{how} for what the classifier confuses, since this is best: {figures}"


def _predictions(path: Path) -> pd.DataFrame:
    columns = ["episode_id", "scene", "character", "actual", "predicted"]
    try:
        return pd.read_csv(path, usecols=columns, keep_default_na=False)
    except FileNotFoundError as error:
        raise InputError(f"{path} is not made yet: `dvc repro evaluate` makes it") from error
    except ValueError as error:
        raise InputError(f"{path} has not the columns {', '.join(columns)} ({error})") from error


def _by_episode(faces: pd.DataFrame, confusions: Confusions, amount: float) -> pd.DataFrame:
    parts = [
        shares_of(own, confusions, amount=amount).assign(episode_id=name) for name, own in faces.groupby("episode_id")
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["episode_id", *(column for column in table if column != "episode_id")]]


def _page(
    tables: Mapping[str, pd.DataFrame],
    faces: pd.DataFrame,
    emotions: tuple[str, ...],
    names: Mapping[str, str],
    trial: Trial,
) -> str:
    characters = sorted(faces["character"].unique())
    colors = character_colors(characters)
    on_screen = faces.drop_duplicates(["episode_id", "frame", "character"]).groupby("character")["seconds"].sum()
    data: dict[str, Any] = {name: table.to_dict("records") for name, table in tables.items()}
    data["characters"] = [
        {"id": name, "name": names.get(name, name), "color": colors[name], "seconds": round(float(on_screen[name]), 1)}
        for name in characters
    ]
    data["emotions"] = [
        {
            "id": name,
            "name": names.get(name, name),
            "text": face_of(name).text,
            "color": color,
            "most": most(tables["shares"], name),
        }
        for name, color in emotion_colors(emotions).items()
    ]
    data["level"] = round(100 * LEVEL)
    data["corrected"] = said_of(trial).capitalize() + "."
    template = (resources.files("pipeline.watch") / "stats.html").read_text(encoding="utf-8")
    text = json.dumps(data, ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
    return Environment(autoescape=True).from_string(template).render(data=Markup(text)) + "\n"
