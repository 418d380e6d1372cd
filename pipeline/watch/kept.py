"""What is kept of watched videos in `data/cache/watch`, so that a watching that was killed goes on where it was.

A video has a folder, named after its content and all that decides what is seen in it. In it there is a table for each
run of scenes, and what one pass over the whole video found.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from pipeline.caches import cache_folder
from pipeline.params import Scenes
from pipeline.tables import read_kept_json, read_rows, table_key, to_table, write_kept_json, write_table
from pipeline.video import changes, container

FOLDER: Final = "watch"
"""In the cache."""
MOST_BYTES: Final = 200 * 2**20
"""Size of all videos' folders; beyond it, those that were used longest ago are deleted. Ten minutes of film with four
characters take 1 MB."""
VIDEO: Final = "video.json"


class Kept:
    """The folder of one video. seen_by: a hash of all that decides what is seen, `Viewer.key`."""

    def __init__(self, sha256: str, seen_by: str) -> None:
        self._folder = cache_folder(FOLDER) / f"{sha256[:24]}-{seen_by[:24]}"
        self._folder.mkdir(exist_ok=True)
        self._folder.touch()
        forget_oldest(self._folder.parent, MOST_BYTES, self._folder)

    def __contains__(self, run: tuple[int, pd.DataFrame]) -> bool:
        """Whether the rows of a run of scenes, (its number, its rows of SCENES), are kept."""
        number, scenes = run
        return table_key(self._path(number)) == _key(_bounds(scenes))

    def bounds(self, number: int) -> list[list[int]]:
        """First frame and the one after the last of each scene of a run that is kept; of no other run any."""
        found: list[list[int]] = json.loads((table_key(self._path(number)) or _key([]))["scenes"])
        return found

    def read(self, number: int, schema: pa.Schema) -> pd.DataFrame:
        """The rows of a run."""
        return read_rows(self._path(number), schema)

    def write(self, number: int, scenes: pd.DataFrame, rows: pd.DataFrame, schema: pa.Schema) -> None:
        """Keep the rows of a run of scenes."""
        write_table(self._path(number), to_table(rows, schema), _key(_bounds(scenes)))

    def video(self, scenes: Scenes) -> dict[str, Any] | None:
        """What `write_video` kept with the same parameters of scenes; None where there is nothing."""
        found = read_kept_json(self._folder / VIDEO)
        return found["video"] if found is not None and found["made_by"] == _made_by(scenes) else None

    def write_video(self, scenes: Scenes, video: dict[str, Any]) -> None:
        """Keep what one pass found."""
        write_kept_json(self._folder / VIDEO, {"made_by": _made_by(scenes), "video": video})

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.parquet"


def forget_oldest(root: Path, most_bytes: int, using: Path) -> None:
    """Delete the folders in `root` that were used longest ago until the others, `using` always, have so many bytes."""
    folders = sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
    total = sum(sizes.values())
    for folder in folders:
        if total > most_bytes and folder != using:
            shutil.rmtree(folder)
            total -= sizes[folder]


def _bounds(scenes: pd.DataFrame) -> list[list[int]]:
    bounds: list[list[int]] = scenes[["start_frame", "stop_frame"]].to_numpy().tolist()
    return bounds


def _key(bounds: list[list[int]]) -> dict[str, str]:
    return {"scenes": json.dumps(bounds)}


def _made_by(scenes: Scenes) -> str:
    return hashlib.sha256(f"{changes.VERSION} {container.VERSION} {scenes.model_dump_json()}".encode()).hexdigest()
