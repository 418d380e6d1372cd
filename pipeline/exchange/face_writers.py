"""The dataset's faces as other programs read them. Each writer gives the files of an export.

folder       SPLIT/EMOTION/FACE.jpg, as torchvision's ImageFolder and Keras' image_dataset_from_directory read it
characters   SPLIT/CHARACTER/EMOTION/FACE.jpg
csv          labels.csv (path, emotion, character, split, group, …) and pictures/
fer2013      fer2013.csv: 48×48 gray pixels and the numbers of that data set
huggingface  data/SPLIT-00000-of-00001.parquet with pictures and class names, README.md
webdataset   SPLIT-000000.tar with KEY.jpg, KEY.cls (the number of the emotion) and KEY.json
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.exchange.vocabulary import FER2013, meanings
from pipeline.images import decode_gray, shrink
from pipeline.params import Params
from pipeline.rows import DatasetRow
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import COMPRESSION, rows_of, to_table

File = tuple[str, bytes]
"""Path in the export, content."""
TABLE: Final = [
    "path", "emotion", "character", "split", "group", "face_id", "episode_id", "frame", "x", "y", "w", "h", "margin",
    "votes", "confidence", "license", "attribution",
]  # fmt: skip
FER_SIDE: Final = 48
FER_USAGE: Final = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}


def ending_of(data: bytes) -> str:
    """The ending of an encoded picture's file."""
    return "png" if data.startswith(b"\x89PNG") else "jpg"


def folder(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """A folder for each emotion, also for those without a face: readers number the emotions by their folders."""
    for row in rows_of(rows, DatasetRow):
        data = row.image["bytes"]
        yield f"{row.split}/{row.emotion}/{row.face_id}.{ending_of(data)}", data


def characters(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """As `folder`, with a folder for each character above the emotions."""
    for row in rows_of(rows, DatasetRow):
        data = row.image["bytes"]
        yield f"{row.split}/{row.character}/{row.emotion}/{row.face_id}.{ending_of(data)}", data


def table(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """What `format: csv` of `faces_from` reads again; a scene is a group."""
    text = io.StringIO()
    lines = csv.DictWriter(text, TABLE, lineterminator="\n")
    lines.writeheader()
    for row in rows_of(rows, DatasetRow):
        data = row.image["bytes"]
        path = f"pictures/{row.face_id}.{ending_of(data)}"
        known = {**row._asdict(), "path": path, "group": f"{row.episode_id} {row.scene}"}
        lines.writerow({name: known[name] for name in TABLE})
        yield path, data
    yield "labels.csv", text.getvalue().encode("utf-8")


def fer2013(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """Emotions that FER2013 has no number for are an InputError: a wrong number would be worse."""
    names = list(FER2013.values())
    words = meanings(rows["emotion"], names, {})
    unknown = sorted(word for word, meaning in words.items() if meaning.emotion is None)
    if unknown:
        raise InputError(f"FER2013 has no number for {', '.join(unknown)}; it knows {', '.join(names)}")
    lines = ["emotion,pixels,Usage"]
    for row in rows_of(rows, DatasetRow):
        gray = decode_gray(row.image["bytes"])
        if gray is None:
            raise InputError(f"the picture of {row.face_id} does not decode: run `dvc repro dataset`")
        pixels = " ".join(map(str, shrink(gray, FER_SIDE, FER_SIDE).ravel().tolist()))
        lines.append(f"{names.index(words[row.emotion].emotion or '')},{pixels},{FER_USAGE[row.split]}")
    yield "fer2013.csv", ("\n".join(lines) + "\n").encode("ascii")


def shown_parquet(rows: pd.DataFrame, emotions: Sequence[str]) -> bytes:
    """Rows of DATASET as Parquet that Hugging Face `datasets` shows with pictures and class names.

    `emotion` is the number of the name there, as a ClassLabel is; pandas and others find the name in `emotion_name`.
    """
    whole = to_table(rows, DATASET)
    place = whole.schema.get_field_index("emotion")
    numbers = pa.array([emotions.index(name) for name in rows["emotion"]], pa.int64())
    shown = whole.set_column(place, "emotion", numbers).append_column("emotion_name", whole["emotion"])
    features: dict[str, Any] = {name: _feature(shown.schema.field(name).type) for name in shown.schema.names}
    features |= {"image": {"_type": "Image"}, "emotion": {"_type": "ClassLabel", "names": list(emotions)}}
    known = {"huggingface": json.dumps({"info": {"features": features}}, sort_keys=True)}
    text = io.BytesIO()
    pq.write_table(shown.replace_schema_metadata(known).combine_chunks(), text, compression=COMPRESSION)
    return text.getvalue()


def _feature(kind: pa.DataType) -> dict[str, str]:
    return {"_type": "Value", "dtype": {"double": "float64", "float": "float32"}.get(str(kind), str(kind))}


def huggingface_files(rows: pd.DataFrame, emotions: Sequence[str]) -> Iterator[File]:
    """The tables, one for each split that has rows: `load_dataset` fails as a whole on an empty one."""
    for split in SPLITS:
        own = rows[rows["split"] == split].reset_index(drop=True)
        if len(own):
            yield f"data/{split}-00000-of-00001.parquet", shown_parquet(own, emotions)


def huggingface(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """The tables and a card of a few lines; `toonset release` makes the whole card."""
    yield from huggingface_files(rows, params.emotions)
    there = [split for split in SPLITS if (rows["split"] == split).any()]
    files = "".join(f"  - {{split: {split}, path: data/{split}-*.parquet}}\n" for split in there)
    yield "README.md", f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n".encode()


def webdataset(rows: pd.DataFrame, params: Params) -> Iterator[File]:
    """One archive for each split, its members in the order of face_id."""
    for split in SPLITS:
        own = rows[rows["split"] == split]
        if own.empty:
            continue
        text = io.BytesIO()
        with tarfile.open(fileobj=text, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for row in rows_of(own, DatasetRow):
                known = {name: getattr(row, name) for name in TABLE if name not in ("path", "group")}
                about = json.dumps(known, ensure_ascii=False, sort_keys=True, default=lambda value: value.item())
                _add(archive, f"{row.face_id}.{ending_of(row.image['bytes'])}", row.image["bytes"])
                _add(archive, f"{row.face_id}.cls", str(params.emotions.index(row.emotion)).encode())
                _add(archive, f"{row.face_id}.json", about.encode("utf-8"))
        yield f"{split}-000000.tar", text.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


WRITERS: Final[dict[str, Callable[[pd.DataFrame, Params], Iterator[File]]]] = {
    "characters": characters,
    "csv": table,
    "fer2013": fer2013,
    "folder": folder,
    "huggingface": huggingface,
    "webdataset": webdataset,
}
