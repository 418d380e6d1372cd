"""Pictures that are faces already, as their sources give them: an item for each file or row, usable or not.

    folder      emotion/picture, character/emotion/picture; above either a folder for each split, as Keras and
                torchvision read them
    csv         a table with the columns path and emotion, and if there are any character, split and group
    fer2013     fer2013.csv (emotion, pixels, Usage), and icml_face_data.csv, which has the same
    affectnet   training.csv and validation.csv with subDirectory_filePath and expression; or train_set/ and val_set/
                with images/N.jpg and annotations/N_exp.npy
    ferg        character/character_emotion/picture (Aneja et al. 2016)
    parquet     tables with pictures, as Hugging Face `datasets` and `toonset export huggingface` write them
    coco, …     pictures with boxes, each of which is a face (`given_boxes`)

A source is a folder of annotations/pictures/, or a file there. What is looked at lies inside it: links are not
followed, and a path in a table that leads elsewhere is a row that is not used.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from pipeline import paths
from pipeline.errors import InputError
from pipeline.exchange.given_boxes import boxed_faces
from pipeline.exchange.given_files import Given, files_of, require_folder
from pipeline.exchange.npy import read_value
from pipeline.exchange.parquet import labelled_rows
from pipeline.exchange.tables import rows_of_csv
from pipeline.exchange.vocabulary import AFFECTNET, FER2013, NO_EMOTION, split_named
from pipeline.images import encode_png
from pipeline.params import BOX_FORMATS, FacesFrom, PictureFormat

FER_SIDE: Final = 48
"""Side of the pictures of fer2013.csv, px."""
CSV_TABLE: Final = "labels.csv"
AFFECTNET_TABLES: Final = ("training.csv", "validation.csv")


def read_source(entry: FacesFrom, folder: Path = paths.GIVEN_PICTURES) -> Iterator[Given]:
    """The pictures of an entry of `faces_from`, in the order of their names or of their table.

    Raises InputError where there is no such source, or its table cannot be read.
    """
    return READERS[entry.format](source_path(entry, folder), entry)


def source_path(entry: FacesFrom, folder: Path = paths.GIVEN_PICTURES) -> Path:
    """Where a source lies. Raises InputError where there is none."""
    path = folder / (entry.path or entry.id)
    # DVC does not look behind links: what changes there would never be noticed.
    if any(part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(folder) and part != folder):
        raise InputError(f"{path} is a link, and DVC does not look behind links: copy or move the pictures there")
    if not path.exists():
        raise InputError(f"`faces_from` names {entry.id!r}, but there is no {path}: put the pictures there")
    return path


def _folder(path: Path, entry: FacesFrom) -> Iterator[Given]:
    require_folder(path, entry)
    divided = _is_divided(path)
    for name, fault in files_of(path):
        parts = PurePosixPath(name).parts[:-1]
        split = split_named(parts[0]) or "" if divided and parts else ""
        inner = parts[1:] if split else parts
        if not fault and len(inner) not in (1, 2):
            fault = f"lies in {len(inner)} folders; expected emotion/picture or character/emotion/picture"
        label, character = (inner[-1] if inner else ""), (inner[0] if len(inner) == 2 else "")
        yield Given(name, _normal(label), _normal(character), split, picture=path / name, fault=fault)


def _ferg(path: Path, entry: FacesFrom) -> Iterator[Given]:
    require_folder(path, entry)
    for name, fault in files_of(path):
        parts = PurePosixPath(name).parts[:-1]
        named = len(parts) == 2 and parts[1].startswith(f"{parts[0]}_")
        if not fault and not named:
            fault = "expected character/character_emotion/picture, as in FERG-DB"
        label, character = (parts[1].removeprefix(f"{parts[0]}_"), parts[0]) if named else ("", "")
        yield Given(name, label, character, picture=path / name, fault=fault)


def _csv(path: Path, entry: FacesFrom) -> Iterator[Given]:
    require_folder(path, entry)
    for line, row in rows_of_csv(path / (entry.table or CSV_TABLE), ("path", "emotion")):
        place, fault = _inside(path, row["path"])
        split = row.get("split", "")
        if split and split_named(split) is None:
            fault = fault or f"split is {split[:40]!r} in line {line}; expected train, validation or test"
        yield Given(
            row["path"] or f"line {line}",
            row["emotion"],
            row.get("character", ""),
            split_named(split) or "",
            row.get("group", ""),
            place,
            fault,
        )


def _affectnet(path: Path, entry: FacesFrom) -> Iterator[Given]:
    require_folder(path, entry)
    tables = [entry.table] if entry.table else [name for name in AFFECTNET_TABLES if (path / name).exists()]
    parts = [] if tables else affectnet_parts(path)
    if not tables and not parts:
        raise InputError(
            f"{path} has neither {' nor '.join(AFFECTNET_TABLES)} nor a folder with images/ and annotations/; name the "
            "table in `table`"
        )
    for part in parts:
        yield from _affectnet_part(path, part)
    for table in tables:
        split = split_named(Path(table).stem) or ""
        for line, row in rows_of_csv(path / table, ("subDirectory_filePath", "expression")):
            place, fault = _inside(path, row["subDirectory_filePath"])
            label, unusable = _numbered(row["expression"], AFFECTNET, line)
            name = row["subDirectory_filePath"] or f"{table}, line {line}"
            yield Given(name, label, split=split, picture=place, fault=fault or unusable)


def affectnet_parts(path: Path) -> list[Path]:
    """The folders of AffectNet with images/ and annotations/: this one, or train_set/ and val_set/ in it."""
    folders = [path, *sorted(one for one in path.iterdir() if not one.is_symlink())] if path.is_dir() else []
    inner = [(one, [one / "images", one / "annotations"]) for one in folders]
    return [one for one, both in inner if all(part.is_dir() and not part.is_symlink() for part in both)]


def _affectnet_part(path: Path, part: Path) -> Iterator[Given]:
    split = split_named(part.name) or ""
    for name, fault in files_of(part / "images"):
        cell, unreadable = read_value((part / "annotations" / name).with_name(f"{Path(name).stem}_exp.npy"))
        label, unusable = ("", unreadable) if unreadable else _numbered(cell, AFFECTNET)
        place = part / "images" / name
        yield Given(place.relative_to(path).as_posix(), label, split=split, picture=place, fault=fault or unusable)


def _fer2013(path: Path, entry: FacesFrom) -> Iterator[Given]:
    table = path / (entry.table or "fer2013.csv") if path.is_dir() else path
    for line, row in rows_of_csv(table, ("emotion", "pixels")):
        label, fault = _numbered(row["emotion"], FER2013, line)
        usage = row.get("Usage", "")
        levels = row["pixels"].split()
        if not fault and (len(levels) != FER_SIDE**2 or not all(one.isascii() and one.isdigit() for one in levels)):
            fault = f"{len(levels)} values for pixels in line {line}; expected {FER_SIDE**2} whole numbers"
        if not fault and max(map(int, levels)) > 255:
            fault = f"a pixel above 255 in line {line}"
        picture = b"" if fault else encode_png(np.array(levels, dtype=np.uint8).reshape(FER_SIDE, FER_SIDE))
        yield Given(f"{table.name}, line {line}", label, split=split_named(usage) or "", picture=picture, fault=fault)


def _parquet(path: Path, entry: FacesFrom) -> Iterator[Given]:
    """The split is in the names of the files: train-00000-of-00001.parquet."""
    files = [path] if path.is_file() else [path / name for name, _ in files_of(path) if name.endswith(".parquet")]
    if not files:
        raise InputError(f"{path} has no file that ends in .parquet")
    for file in files:
        found = re.split(r"[-_.]", file.name)[0]
        for row in labelled_rows(file):
            name = f"{file.name}, row {row.number}"
            yield Given(name, row.label, row.character, split_named(found) or "", row.group, row.picture, row.fault)


READERS: Final[dict[PictureFormat, Callable[[Path, FacesFrom], Iterator[Given]]]] = {
    **dict.fromkeys(BOX_FORMATS, boxed_faces),
    "affectnet": _affectnet,
    "csv": _csv,
    "fer2013": _fer2013,
    "ferg": _ferg,
    "folder": _folder,
    "parquet": _parquet,
}


def _is_divided(folder: Path) -> bool:
    """Whether the folders of a folder are all named after splits."""
    names = [one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")]
    return bool(names) and all(split_named(name) for name in names)


def _inside(folder: Path, name: str) -> tuple[Path, str]:
    """The place of a file that a table names, and why it may not be looked at."""
    place = folder / name
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or "\0" in name or place.is_absolute() != folder.is_absolute() or name.startswith("/"):
        return folder, f"the path {name[:80]!r} is not one in the source's folder"
    if ".." in parts:
        return folder, f"the path {name[:80]!r} leads out of the source's folder"
    if any(part.is_symlink() for part in (place, *place.parents) if part.is_relative_to(folder) and part != folder):
        return folder, f"{name[:80]} is a link, and DVC does not look behind links: copy the picture there"
    return place, ""


def _numbered(cell: str, words: dict[int, str], line: int | None = None) -> tuple[str, str]:
    """The word for a number of the source's own list, and why it is none."""
    number = int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 4 else -1
    if number in words:
        return words[number], ""
    if number in NO_EMOTION and words is AFFECTNET:
        return NO_EMOTION[number], f"the source says {NO_EMOTION[number]!r}, which is no emotion"
    where = "" if line is None else f" in line {line}"
    return cell[:40], f"the emotion is {cell[:40]!r}{where}; expected 0 to {max(words)}"


def _normal(word: str) -> str:
    return unicodedata.normalize("NFC", word)
