"""`toonset export FORMAT OUT`: the project's faces or boxes in a format of others, in a folder of its own."""

from pathlib import Path

import pandas as pd

from pipeline import paths
from pipeline.console import say_counts
from pipeline.errors import InputError
from pipeline.exchange import box_writers, face_writers
from pipeline.exchange.boxed import boxed_pictures, write_frames
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import read_rows, replacing, write_text


def export(form: str, out: Path) -> None:
    """Write an export. Raises InputError where the folder holds anything already, or there is nothing to export."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty; name a folder that is empty or not there yet")
    params = load_params()
    if form in face_writers.WRITERS:
        _faces(form, out, params)
    else:
        _boxes(form, out, params)


def _faces(form: str, out: Path, params: Params) -> None:
    rows = pd.concat([read_rows(paths.split_table(split), DATASET) for split in SPLITS], ignore_index=True)
    if rows.empty:
        raise InputError("the dataset has no face yet: label some faces, then `dvc repro`")
    if form in ("folder", "characters"):
        for split in rows["split"].unique():
            for emotion in params.emotions if form == "folder" else ():
                (out / split / emotion).mkdir(parents=True, exist_ok=True)
    for name, content in face_writers.WRITERS[form](rows, params):
        with replacing(out / name) as temporary:
            temporary.write_bytes(content)
    counts = {f"in {split}": int((rows["split"] == split).sum()) for split in SPLITS}
    say_counts(f"export {form}", {"faces": len(rows), **counts})


def _boxes(form: str, out: Path, params: Params) -> None:
    if params.pictures_alone:
        raise InputError(
            f"{form} is about boxes on frames, and this project has no episodes; its faces can be exported"
        )
    pictures = boxed_pictures(params)
    names = [name for name in params.characters if any(box.name == name for one in pictures for box in one.boxes)]
    write_frames(pictures, [out / box_writers.place_of(form, picture) for picture in pictures])
    for name, content in box_writers.WRITERS[form](pictures, names).items():
        write_text(out / name, content)
    boxes = sum(len(picture.boxes) for picture in pictures)
    say_counts(f"export {form}", {"frames": len(pictures), "boxes": boxes, "characters": len(names)})
