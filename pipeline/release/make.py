"""`toonset release VERSION`: the dataset as a folder that explains itself and can be checked by anybody.

data/SPLIT-00000-of-00001.parquet   the rows, as Hugging Face `datasets` shows them; no file for an empty split
boxes.parquet                       where each face is in its frame, in one column, as Croissant has boxes
rows.csv                            what each picture is (`fingerprint`), for `toonset verify`
README.md, DATASHEET.md, CITATION.cff, LICENSES.md, CHANGELOG.md, croissant.json
cascades/, emotion/                 the detectors and the classifier, where there are any
recipe.json                         how the pictures were cut, for `toonset rebuild`
SHA256SUMS                          checksums of all of them, as `sha256sum --check` reads them
"""

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import paths
from pipeline.console import say_counts
from pipeline.dataset.card import dataset_card
from pipeline.errors import InputError
from pipeline.exchange.face_writers import huggingface_files
from pipeline.params import Params, load_params
from pipeline.release.croissant import RELEASED_BOXES, croissant
from pipeline.release.fingerprint import COLUMNS, fingerprints
from pipeline.release.texts import datasheet, front_matter, licenses_of
from pipeline.release.versions import Change, changes, latest, read_version, require_growth
from pipeline.schemas import DATASET, EPISODES, SPLITS
from pipeline.tables import COMPRESSION, read_rows, sha256_of, to_table, write_json, write_table, write_text

SUMS: Final = "SHA256SUMS"
ROWS: Final = "rows.csv"
BOXES: Final = "boxes.parquet"
UNKNOWN: Final = ("unknown", "")


@dataclass(frozen=True)
class Choices:
    """What goes into a release."""

    only_license: str | None = None
    include_unknown: bool = False
    pictures: bool = True


def make_release(version: str, choices: Choices, folder: Path = paths.RELEASES) -> Path:
    """Write release/VERSION/. Raises InputError where it is there, no row is left, or the version says too little."""
    own = read_version(version)
    out = folder / version
    if out.exists():
        raise InputError(f"{out} is there already: a release never changes; choose a higher version")
    params = load_params()
    everything = _rows()
    rows = _chosen(everything, choices)
    known = fingerprints(rows)
    before = latest(folder, own)
    change = changes(_known(folder / before), known) if before else Change(added=len(rows))
    require_growth(version, before, change)
    temporary = folder / f".{version}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        texts = {"CHANGELOG.md": _history(folder, before, version, change)}
        # The models learned from all rows, and the reports are about them all: a part of the rows goes without.
        if len(rows) == len(everything):
            _copy_models(temporary)
        elif paths.CLASSIFIER.is_dir():
            print("release: the detectors and the classifier are left out: they were trained on all rows")
        texts["DATASHEET.md"] = datasheet(rows, params, version, reports=len(rows) == len(everything))
        _write(temporary, version, rows, known, params, choices, texts)
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    say_counts("release", {"rows": len(rows), **{f"in {name}": int((rows["split"] == name).sum()) for name in SPLITS}})
    print(f"release: {out}: {change if before is None else f'since {before}: {change}'}")
    print(f"release: sha256 of {SUMS}: {sha256_of(out / SUMS)}; publish it beside the release")
    return out


def _rows() -> pd.DataFrame:
    rows = pd.concat([read_rows(paths.split_table(split), DATASET) for split in SPLITS], ignore_index=True)
    return rows.sort_values("face_id", ignore_index=True)


def _chosen(rows: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    """The rows whose licence allows it, in the words of the command; what is left out is named."""
    unknown = rows["license"].str.strip().isin(UNKNOWN)
    kept = rows["license"] == choices.only_license if choices.only_license else ~unknown | choices.include_unknown
    for (source, license_name), own in rows[~kept].groupby(["episode_id", "license"]):
        print(f"release: {len(own)} rows of {source} are left out: their licence is {license_name or 'unknown'}")
    if not kept.any():
        raise InputError(
            "no row is left to release: write the licences of the episodes and the pictures into params.yaml and run "
            "`dvc repro`, or say --include-unknown"
        )
    return rows[kept].reset_index(drop=True)


def _known(release: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(release / ROWS, dtype=str, keep_default_na=False)[COLUMNS]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{release / ROWS} cannot be read ({error}): is {release} a whole release?") from error


def _history(folder: Path, before: str | None, version: str, change: Change) -> str:
    entry = f"## {version}\n\n- {change}.\n" if before else f"## {version}\n\n- The first release.\n"
    older = (folder / before / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n\n")[2] if before else ""
    return f"# Changes\n\n{entry}" + (f"\n{older}" if older else "")


def _write(
    out: Path,
    version: str,
    rows: pd.DataFrame,
    known: pd.DataFrame,
    params: Params,
    choices: Choices,
    texts: dict[str, str],
) -> None:
    files = {}
    for name, content in huggingface_files(rows, params.emotions):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
        if not choices.pictures:
            without_pictures(out / name)
        files[name.partition("/")[2].partition("-")[0]] = (name, sha256_of(out / name))
    known.to_csv(out / ROWS, index=False, lineterminator="\n")
    episodes = pd.DataFrame(columns=EPISODES.names) if params.pictures_alone else read_rows(paths.EPISODES, EPISODES)
    card = dataset_card(rows, episodes, params, SPLITS)
    write_text(out / "README.md", front_matter(rows, list(files)) + card.partition("---\n")[2].partition("---\n")[2])
    for name, text in {**texts, "LICENSES.md": licenses_of(rows)}.items():
        write_text(out / name, text)
    title = f"Emotions of cartoon faces: {', '.join(sorted(rows['character'].unique()))}"
    write_text(out / "CITATION.cff", _citation(title, version, rows))
    write_json(out / "recipe.json", _recipe(rows, params, episodes) | {"pictures": choices.pictures})
    about = {
        "name": "".join(letter if letter.isalnum() else "-" for letter in title.lower()),
        "description": f"{len(rows)} faces of cartoon characters with the emotions that people gave them.",
        "version": version,
        "license": sorted(rows["license"].unique()),
        "url": "https://example.org/unpublished",
        "creator": [{"@type": "sc:Organization", "name": name} for name in _credits(rows)],
        **_date(),
        "citeAs": f"{title}, version {version}",
        "isLiveDataset": False,
    }
    write_table(out / BOXES, _boxes(rows))
    boxes = (BOXES, sha256_of(out / BOXES))
    write_json(out / "croissant.json", croissant(about, files, boxes, params.emotions, pictures=choices.pictures))
    write_sums(out)


def _boxes(rows: pd.DataFrame) -> pa.Table:
    places = [" ".join(map(str, box)) for box in rows[list("xywh")].astype(int).itertuples(index=False)]
    return to_table(rows.assign(bbox=places), RELEASED_BOXES)


def _copy_models(out: Path) -> None:
    for source, name in ((paths.CASCADES, "cascades"), (paths.CLASSIFIER, "emotion")):
        if source.is_dir():
            shutil.copytree(source, out / name)


def without_pictures(path: Path) -> None:
    """Put null in the place of every picture of a table."""
    table = pq.read_table(path)
    place = table.schema.get_field_index("image")
    empty = pa.nulls(len(table), table.schema.field("image").type)
    pq.write_table(table.set_column(place, table.schema.field("image"), empty), path, compression=COMPRESSION)


def _date() -> dict[str, str]:
    """The day of the last commit: the same project gives the same release."""
    try:
        done = subprocess.run(["git", "log", "-1", "--format=%cs"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"datePublished": done.stdout.strip()} if done.stdout.strip() else {}


def _credits(rows: pd.DataFrame) -> list[str]:
    return sorted({name.strip() for name in rows["attribution"] if name.strip()}) or ["not said"]


def _citation(title: str, version: str, rows: pd.DataFrame) -> str:
    authors = "".join(f"  - name: {json.dumps(name, ensure_ascii=False)}\n" for name in _credits(rows))
    return (
        f"cff-version: 1.2.0\nmessage: Please cite this dataset with these data.\ntype: dataset\n"
        f"title: {json.dumps(title, ensure_ascii=False)}\nversion: {version}\nauthors:\n{authors}"
    )


def _recipe(rows: pd.DataFrame, params: Params, episodes: pd.DataFrame) -> dict[str, Any]:
    """How `pipeline.images.cut_face` made the pictures, and from which files."""
    used = episodes[episodes["episode_id"].isin(rows["episode_id"])]
    listed = used[["episode_id", "sha256", "width", "height", "frames"]].to_dict("records")
    sizes = {"crop_margin": params.faces.crop_margin, "crop_size": params.faces.crop_size}
    return {**sizes, "jpeg_quality": 95, "episodes": listed}


def write_sums(out: Path) -> None:
    """Checksums of every file of a release."""
    lines = [f"{sha256_of(out / name)}  {name}\n" for name in listed_files(out)]
    write_text(out / SUMS, "".join(lines))


def listed_files(out: Path) -> list[str]:
    """The files of a release but its checksums, sorted."""
    names: Iterable[Path] = (path for path in out.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(name for name in (path.relative_to(out).as_posix() for path in names) if name != SUMS)
