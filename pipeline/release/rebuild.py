"""`toonset rebuild RELEASE --episodes DIR`: the pictures of a release, cut again from one's own copy of the episodes.

For shows whose pictures may not be shared: the release holds the labels, the boxes and what each picture looks like.
An episode is found by its sha256; else by its name (`pilot.mp4`): another encode, whose frames are taken to be the
same.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.console import say_reasons
from pipeline.errors import InputError
from pipeline.images import Pixels, cut_face, encode_jpeg, shrink
from pipeline.release.make import SUMS
from pipeline.rows import DatasetRow
from pipeline.schemas import IMAGE
from pipeline.tables import COMPRESSION, rows_of, sha256_of
from pipeline.video.decode import decode_chosen
from pipeline.video.frame import Frame

VIDEOS: Final = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ogv", ".webm")


def rebuild(release: Path, episodes: Path, out: Path) -> None:
    """Write a copy of the release with pictures. Raises InputError where there is no release, or `out` is not empty."""
    if not (release / SUMS).is_file():
        raise InputError(f"{release} has no {SUMS}: expected a folder that `toonset release` made")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty; name a folder that is empty or not there yet")
    recipe = _recipe(release / "recipe.json")
    tables = {path.name: pq.read_table(path) for path in sorted((release / "data").glob("*.parquet"))}
    columns = ["face_id", "episode_id", "frame", "pts", *"xywh"]
    rows = pd.concat([table.select(columns).to_pandas() for table in tables.values()])
    files, unused = _found(recipe, episodes)
    pictures: dict[str, bytes] = {}
    for episode_id, own in rows.groupby("episode_id"):
        if str(episode_id) not in files:
            unused += [f"no file of {episode_id} in {episodes}"] * len(own)
            continue
        path, scale = files[str(episode_id)]
        pictures |= dict(_cut(own, path, scale, recipe))
    shutil.copytree(release, out, dirs_exist_ok=True)
    for name, table in tables.items():
        images = [
            {"bytes": pictures[identity], "path": f"{identity}.jpg"} if identity in pictures else None
            for identity in table["face_id"].to_pylist()
        ]
        place = table.schema.get_field_index("image")
        whole = table.set_column(place, table.schema.field("image"), pa.array(images, IMAGE))
        pq.write_table(whole, out / "data" / name, compression=COMPRESSION)
    say_reasons("rebuild", "pictures", unused)
    print(f"rebuild: {len(pictures)} of {len(rows)} pictures cut; `toonset verify {out}` says how alike they are")


def _recipe(path: Path) -> dict[str, Any]:
    try:
        value = dict(json.loads(path.read_text(encoding="utf-8")))
        float(value["crop_margin"]), int(value["crop_size"]), list(value["episodes"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a recipe ({error!r}): get the release again") from error
    return value


def _found(recipe: dict[str, Any], folder: Path) -> tuple[dict[str, tuple[Path, tuple[int, int]]], list[str]]:
    """The file of each episode, and the size of its frames as they were."""
    videos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and path.is_file())
    by_content = {sha256_of(path): path for path in videos}
    by_name = {path.stem: path for path in videos}
    files = {}
    for episode in recipe["episodes"]:
        name = str(episode["episode_id"])
        path = by_content.get(episode["sha256"])
        if path is None and (path := by_name.get(name)):
            print(f"rebuild: {path.name} is another file than the one of {name}; its frames are taken to be the same")
        if path is not None:
            files[name] = path, (int(episode["width"]), int(episode["height"]))
    return files, []


def _cut(rows: pd.DataFrame, path: Path, size: tuple[int, int], recipe: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    wanted: dict[int, list[DatasetRow]] = {}
    for row in rows_of(rows, DatasetRow):
        wanted.setdefault(int(row.frame), []).append(row)
    for frame in decode_chosen(path, wanted):
        # A copy of another size is first brought to the released one: boxes then lie where they were drawn.
        known: Frame | Pixels = frame if frame.gray.shape == size[::-1] else shrink(frame.rgb(), *size)
        for row in wanted[frame.index]:
            box = (row.x, row.y, row.w, row.h)
            crop = cut_face(known, box, float(recipe["crop_margin"]), int(recipe["crop_size"]))
            yield row.face_id, encode_jpeg(crop)
