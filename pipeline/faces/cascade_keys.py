"""What a character's cascade was made from, so that it is not trained again while that is the same.

There are two keys: one of all that training reads (frames of train and validation scenes with the character's boxes,
and the settings), and one of all that its figures come from (frames of test scenes too). A box of somebody else in a
frame that was looked at before changes neither. A frame that was not looked at before is new background for everybody
and changes both.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.params import Params
from pipeline.rows import EpisodeRow
from pipeline.schemas import OK
from pipeline.tables import read_kept_json, rows_of, sha256_of, write_kept_json
from pipeline.video import container

CODE_VERSION: Final = "1"
"""Raise it when the same input would give another cascade or other figures."""


@dataclass(frozen=True)
class Keys:
    """sha256 of what the cascade is learned from, and of what its figures come from."""

    learned: str
    measured: str


def keys_of(
    seen: pd.DataFrame, pictures: list[Any], episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params
) -> Keys:
    """The keys of a character's cascade. seen: its frames, as `with_named` gives them. pictures: what JSON takes of
    boxed pictures of no episode."""
    rows = list(_placed(seen, episodes, scenes))
    settings = {
        "code": f"{CODE_VERSION} {container.VERSION}",
        "cascade": params.cascade.model_dump(),
        "scale_factor": params.faces.scale_factor,
        "pictures": pictures,
    }
    learned = _digest([settings, *[row for row in rows if row[0] != "test"]])
    return Keys(learned, _digest([learned, *[row for row in rows if row[0] == "test"]]))


def _placed(seen: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame) -> Iterable[list[Any]]:
    """Split, episode's content, scene and annotations of each frame."""
    wanted = seen.groupby("episode_id")
    for episode in rows_of(episodes[episodes["status"] == OK], EpisodeRow):
        if episode.episode_id not in wanted.groups:
            continue
        own = wanted.get_group(episode.episode_id)
        cuts = scenes[scenes["episode_id"] == episode.episode_id]
        scene = np.searchsorted(cuts["start_frame"].to_numpy(), own["frame"].to_numpy(), side="right") - 1
        splits = cuts["split"].to_numpy()[scene].astype(str).tolist()
        columns = [own[name].tolist() for name in ("frame", "complete", "boxes", "nobody")]
        for row in zip(splits, scene.tolist(), *columns, strict=True):
            yield [row[0], episode.episode_id, episode.sha256, *row[1:]]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def outputs(character: str) -> list[Path]:
    """All files of a character's cascade, but the one with its keys and the list of unused boxes."""
    return [
        paths.CASCADES / f"{character}.xml",
        paths.CASCADES / f"{character}.json",
        paths.CASCADE_REPORTS / f"{character}.json",
        curve_file(character),
    ]


def curve_file(character: str) -> Path:
    """The table of recall by false positives per frame."""
    return paths.CASCADE_REPORTS / "curves" / f"{character}.csv"


def keys_file(character: str) -> Path:
    """What the character's files were made from."""
    return paths.CASCADE_REPORTS / "keys" / f"{character}.json"


def keep(character: str, keys: Keys, unlearned: list[dict[str, Any]]) -> None:
    """Say what the files of a character were made from. unlearned: the boxes that training did not use."""
    files = {str(path): sha256_of(path) for path in outputs(character)}
    value = {"learned": keys.learned, "measured": keys.measured, "files": files, "unlearned": unlearned}
    write_kept_json(keys_file(character), value)


def kept(character: str) -> tuple[Keys, list[dict[str, Any]]] | None:
    """What `keep` was told; None where a file is missing, or is not as it was written."""
    found = read_kept_json(keys_file(character))
    if found is None:
        return None
    for path in outputs(character):
        if not path.is_file() or found["files"].get(str(path)) != sha256_of(path):
            return None
    return Keys(found["learned"], found["measured"]), list(found["unlearned"])
