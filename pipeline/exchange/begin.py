"""`toonset new --faces`: a project whose faces all come as pictures, ready for `dvc repro`.

Its flow is the usual one less the stages that need episodes.
"""

import io
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from pipeline import paths
from pipeline.errors import InputError
from pipeline.exchange.given import AFFECTNET_TABLES, CSV_TABLE, affectnet_parts, read_source
from pipeline.exchange.given_files import Given
from pipeline.exchange.vocabulary import MOST_LABELS, plain
from pipeline.params import FacesFrom, PictureFormat
from pipeline.project.new import add_to_git, fill_project, run_dvc

STAGES: Final = ("pictures", "dataset", "train", "random_split", "evaluate", "report")
"""The stages that work without episodes."""
BOXES_LOOK_LIKE: Final[Mapping[PictureFormat, str]] = {
    "yolo": "data.yaml",
    "voc": "Annotations/*.xml",
    "cvat": "annotations.xml",
    "coco": "annotations/*.json",
}
"""By which files a folder of pictures with boxes is told."""


def read_maps(entries: Iterable[str]) -> dict[str, str | None]:
    """`WORD=NAME` as a mapping; nothing behind the equals sign leaves the word out."""
    found: dict[str, str | None] = {}
    for entry in entries:
        word, sign, name = entry.partition("=")
        if not sign or not word:
            raise InputError(f"--map {entry!r}; expected WORD=NAME, such as joy=happy")
        found[word] = name or None
    return found


def begin_with_pictures(
    directory: Path, pictures: Path, form: PictureFormat | None, maps: Mapping[str, str | None]
) -> None:
    """Make the project, copy the pictures into it, and say what was found.

    Raises InputError where the directory is not empty, or the pictures are not what their format says.
    """
    pictures = pictures.resolve()
    if not pictures.exists():
        raise InputError(f"there is no {pictures}; expected a folder of pictures, or fer2013.csv")
    form = form or _looks_like(pictures)
    identity = plain(pictures.stem if pictures.is_file() else pictures.name) or "pictures"
    entry = FacesFrom(id=identity, format=form, path=pictures.name, map=dict(maps))
    found = list(read_source(entry, pictures.parent))
    emotions, characters = _names(found, maps, entry)
    directory = fill_project(directory)
    place = directory / paths.GIVEN_PICTURES / identity
    if pictures.is_dir():
        shutil.copytree(pictures, place, symlinks=True)
    else:
        place = place.with_suffix(pictures.suffix)
        shutil.copyfile(pictures, place)
    _write_params(directory / paths.PARAMS, entry, place.name, emotions, characters)
    write_short_flow(directory / paths.FLOW)
    run_dvc(["add", "--quiet", str(place.relative_to(directory))], directory)
    add_to_git(directory)
    usable = sum(not one.fault for one in found)
    print(
        f"{directory} is a project now, with {usable} pictures of {len(found)} files or rows in {pictures} ({form}).\n"
        f"  emotions: {', '.join(emotions)}\n"
        f"  characters: {', '.join(characters)}\n"
        "Next there: `dvc repro` makes the dataset, trains a network, tests it, and writes reports/index.html.\n"
        "Before you share anything, write the licence and the credit of the pictures into `faces_from` of params.yaml."
    )


def _looks_like(pictures: Path) -> PictureFormat:
    if pictures.is_file():
        return "parquet" if pictures.suffix == ".parquet" else "fer2013"
    if (pictures / "fer2013.csv").exists():
        return "fer2013"
    if any((pictures / name).exists() for name in AFFECTNET_TABLES) or affectnet_parts(pictures):
        return "affectnet"
    for form, pattern in BOXES_LOOK_LIKE.items():
        if any(pictures.glob(pattern)):
            return form
    if any(pictures.rglob("*.parquet")):
        return "parquet"
    return "csv" if (pictures / CSV_TABLE).exists() else "folder"


def _names(found: list[Given], maps: Mapping[str, str | None], entry: FacesFrom) -> tuple[list[str], list[str]]:
    """The emotions and the characters of the project, as ids."""
    usable = [one for one in found if not one.fault]
    labels = list(dict.fromkeys(one.label for one in usable))
    if len(labels) > MOST_LABELS:
        raise InputError(
            f"{len(labels):,} different labels (such as {labels[0][:40]!r}); expected the names of at most 20 emotions"
        )
    unusable = next((f" The first that cannot be used: {one.name[:80]}: {one.fault}" for one in found if one.fault), "")
    emotions = sorted({plain(maps.get(label, label) or "") for label in labels} - {""})
    if not 2 <= len(emotions) <= 20:
        named = f" ({', '.join(emotions[:5])}, …)" if emotions else ""
        raise InputError(
            f"found {len(usable)} pictures with {len(emotions)} emotions{named}; expected 2 to 20 emotions: a folder "
            f"for each, with its pictures.{unusable}"
        )
    characters = {plain(maps.get(one.character, one.character) or "") for one in usable if one.character}
    return emotions, sorted(characters - {""}) or [entry.id]


def _write_params(path: Path, entry: FacesFrom, name: str, emotions: list[str], characters: list[str]) -> None:
    """The template's params.yaml with these values; its comments stay."""
    text = path.read_text(encoding="utf-8")
    source = [f"id: {entry.id}", f"format: {entry.format}", "license: unknown", 'attribution: ""']
    source += [f"path: {name}"] if name != entry.id else []
    source += [f"map: {json.dumps(entry.map, ensure_ascii=False)}"] if entry.map else []
    for old, new in (
        ("characters: [hero]", f"characters: [{', '.join(characters)}]"),
        ("emotions: [angry, happy, neutral, sad, surprised]", f"emotions: [{', '.join(emotions)}]"),
        ("faces_from: []", f"faces_from: [{{{', '.join(source)}}}]"),
    ):
        assert old in text, f"the template says {old}"
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def write_short_flow(path: Path) -> None:
    """Leave in a project's dvc.yaml only what works without episodes."""
    yaml = YAML()
    yaml.width = 120
    flow: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"))
    made = {out for name, stage in flow["stages"].items() if name not in STAGES for out in _outs(stage)}
    for name in list(flow["stages"]):
        if name not in STAGES:
            del flow["stages"][name]
            continue
        stage = flow["stages"][name]
        stage["deps"] = [dep for dep in stage["deps"] if not _is_made(dep, made)]
    text = io.StringIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(flow, text)
    path.write_text(text.getvalue(), encoding="utf-8")


def _outs(stage: Mapping[str, Any]) -> list[str]:
    listed = [*stage.get("outs", ()), *stage.get("plots", ()), *stage.get("metrics", ())]
    return [next(iter(one)) if isinstance(one, dict) else one for one in listed]


def _is_made(dep: str, made: set[str]) -> bool:
    """Whether an input is, holds or stands in something that another stage makes; or is about scenes."""
    return dep == str(paths.SPLITS) or any(
        dep == out or out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in made
    )
