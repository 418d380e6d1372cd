"""Get every episode of params.yaml, check that all its frames decode, and keep it under its own name.

`data/episodes/` holds, for each episode, the video and a small JSON record: where it came from and what is in it. If
source and content still agree with the record, nothing is fetched or decoded again. Content (sha256) decides, never a
file's time. On the way it measures what the stage `scenes` needs of the frames, so that they are decoded once for both.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.compute.each import each
from pipeline.console import say_counts
from pipeline.errors import InputError, ParamsError, StageError, TaskLost
from pipeline.params import Params, load_params
from pipeline.sample import DRAWING
from pipeline.schemas import EPISODES, OK, REJECTED
from pipeline.tables import read_kept_json, sha256_of, to_table, write_kept_json, write_table
from pipeline.video import changes
from pipeline.video.fetch import check_samples, fetch
from pipeline.video.probe import Reading, VideoInfo
from pipeline.video.sources import MISSING, Item, expand, local

RECORD: Final = 3
"""Version of the records and of what `probe` finds: grows when either changes, so that old ones are made again."""

FIELDS: Final = {"record", "source", "drawing", "path", "sha256", "bytes", "video"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """A file that was looked at: its content and what a decode found."""

    sha256: str
    bytes: int
    video: VideoInfo


def main() -> None:
    """Run the stage in the project directory."""
    params = load_params()
    if not params.episodes:
        raise ParamsError(
            "params.yaml: `episodes` is empty: list at least one, such as `- {id: pilot, source: videos/pilot.mp4}`"
        )
    rows = download(params, paths.VIDEOS, cache_folder("incoming"), cache_folder("scenes"))
    write_table(paths.EPISODES, to_table(rows, EPISODES))
    counts = {status: sum(row["status"] == status for row in rows) for status in (OK, REJECTED)}
    frames = sum(row["frames"] for row in rows if row["status"] == OK)
    for row in rows:
        if row["status"] == REJECTED:
            # Where it was looked for is said here and not kept: the table holds no path of this machine.
            where = f"{local(row['source']).absolute()}: " if row["reason"].startswith(MISSING) else ""
            print(f"download: {row['episode_id']} rejected: {where}{row['reason']}", flush=True)
        elif row["note"]:
            print(f"download: {row['episode_id']}: {row['note']}", flush=True)
    say_counts("download", {"episodes": len(rows), **counts, "frames": frames})
    if not counts[OK]:
        raise StageError("none of the episodes can be used (the reasons are above and in data/episodes.parquet)")


def download(params: Params, folder: Path, incoming: Path, cache: Path) -> list[Row]:
    """Bring `folder` to hold exactly the episodes of `params`; their rows of EPISODES, sorted by id.

    `incoming` is where files arrive; what is broken off there is continued by the next run. `cache` is where the stage
    `scenes` finds the changes of their frames.
    """
    items = expand(params.episodes, folder)
    check_samples(items)
    _clear(folder, incoming, items)
    rows = {item.id: rejected_row(item, item.problem) for item in items if item.problem}
    wanted = [item for item in items if not item.problem]
    known = _known(wanted, folder)
    for item in wanted:
        if item.id in known:
            rows[item.id] = _row(item, known[item.id])
        else:
            _forget(folder, item.id)
    look = partial(check, cache=cache)
    rows |= _take(params, [item for item in wanted if item.id not in known], folder, incoming, look)
    return _without_twins([rows[item.id] for item in items])


def _take(
    params: Params, items: Sequence[Item], folder: Path, incoming: Path, look: Callable[[Path], Checked]
) -> dict[str, Row]:
    """Fetch the items one after the other, `look` at all at once; their rows by id."""
    rows: dict[str, Row] = {}
    files: dict[str, Path] = {}
    resumed = {item.id for item in items if any(_arrival(incoming, item).glob("*"))}
    for item in items:
        try:
            files[item.id] = fetch(item, _arrival(incoming, item), params.download)
        except InputError as error:
            rows[item.id] = rejected_row(item, str(error))
    here = [item for item in items if item.id in files]
    checks = each(look, [files[item.id] for item in here], params.compute, desc="decode", unit="episode", lost=_lost)
    for item, checked in zip(here, checks, strict=True):
        path, problem = files[item.id], _problem(item, checked)
        if problem and item.id in resumed:
            # What an earlier run left may have been the fault: once more from the first byte.
            shutil.rmtree(_arrival(incoming, item))
            try:
                path = fetch(item, _arrival(incoming, item), params.download)
                checked = look(path)
                problem = _problem(item, checked)
            except InputError as error:
                problem = str(error)
        rows[item.id] = rejected_row(item, problem, checked) if problem else _keep(item, checked, path, folder)
        shutil.rmtree(_arrival(incoming, item))
    return rows


def check(path: Path, cache: Path) -> Checked:
    """Hash and decode the whole file; keep in `cache` how much its frames differ, if it is sound."""
    sha256, reading, measured = sha256_of(path), Reading(path), changes.Changes()
    measured.measure(reading)
    if not reading.info.problem:
        changes.keep(cache / changes.kept_name(sha256), measured)
    return Checked(sha256, path.stat().st_size, reading.info)


def _lost(path: Path, lost: TaskLost) -> Checked:
    """The result for a file whose decoding killed the process each time."""
    return Checked(sha256_of(path), path.stat().st_size, VideoInfo(problem=str(lost)))


def _problem(item: Item, checked: Checked) -> str:
    """Why what was fetched cannot be used, or an empty string."""
    if item.sha256 is not None and checked.sha256 != item.sha256:
        also = f"; besides, {checked.video.problem}" if checked.video.problem else ""
        return (
            f"its sha256 is {checked.sha256}, params.yaml expects {item.sha256}: the source has changed or the "
            f"transfer failed; get the right file, or correct `sha256`{also}"
        )
    return checked.video.problem


def _keep(item: Item, checked: Checked, path: Path, folder: Path) -> Row:
    """Move a sound file to its place. The record goes first, so that no video of ours is ever without one."""
    name = f"{item.id}{path.suffix}"
    write_kept_json(folder / f"{item.id}.json", _record(item, checked, name))
    path.replace(folder / name)
    return _row(item, {"path": name, "checked": checked})


def _record(item: Item, checked: Checked, name: str) -> dict[str, Any]:
    video = {key: str(value) if isinstance(value, Fraction) else value for key, value in asdict(checked.video).items()}
    return {
        "record": RECORD,
        "source": item.source,
        # The sample show is drawn by this very code: another version may draw it otherwise.
        "drawing": DRAWING if item.kind == "sample" else None,
        "path": name,
        "sha256": checked.sha256,
        "bytes": checked.bytes,
        "video": video,
    }


def _known(items: Sequence[Item], folder: Path) -> dict[str, Mapping[str, Any]]:
    """What the records say of the items whose source and content are as recorded, by id."""
    records = {item.id: record for item in items if (record := _read_record(folder, item)) is not None}
    pairs = [(item, folder / records[item.id]["path"]) for item in items if item.id in records]
    paths = {path for _, path in pairs} | {local(item.source) for item, _ in pairs if item.kind == "file"}
    with ThreadPoolExecutor() as pool:
        ordered = sorted(paths)
        hashes = dict(zip(ordered, pool.map(_sha256_or_none, ordered), strict=True))
    known: dict[str, Mapping[str, Any]] = {}
    for item, path in pairs:
        record = records[item.id]
        origin = hashes[local(item.source)] if item.kind == "file" else record["sha256"]
        expected = item.sha256 or record["sha256"]
        if hashes[path] == origin == record["sha256"] == expected:
            known[item.id] = {"path": record["path"], "checked": _checked(record)}
    return known


def _sha256_or_none(path: Path) -> str | None:
    """The sha256 of a file, or None where it is missing or cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def _read_record(folder: Path, item: Item) -> dict[str, Any] | None:
    """The item's record if there is one, undamaged, written by this version, for this source."""
    record = read_kept_json(folder / f"{item.id}.json")
    if record is None or set(record) != FIELDS or record["record"] != RECORD or record["source"] != item.source:
        return None
    own_name = record["path"] == f"{item.id}{Path(record['path']).suffix}"
    if not own_name or set(record["video"]) != set(VideoInfo.__dataclass_fields__):
        return None
    if item.kind == "sample" and record["drawing"] != DRAWING:
        return None
    return record


def _checked(record: Mapping[str, Any]) -> Checked:
    fractions = {key: Fraction(record["video"][key]) for key in ("rate", "time_base")}
    return Checked(record["sha256"], record["bytes"], VideoInfo(**{**record["video"], **fractions}))


def _arrival(incoming: Path, item: Item) -> Path:
    """Where an item's file arrives: its own folder, another one when its source is another."""
    return incoming / f"{item.id}-{hashlib.sha256(item.source.encode()).hexdigest()[:8]}"


def _clear(folder: Path, incoming: Path, items: Iterable[Item]) -> None:
    """Delete the files of episodes that are no longer listed. Files without a record are not ours and stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for half_written in sorted(folder.glob(".*.tmp")):
        half_written.unlink()
    ids = {item.id for item in items}
    for record in sorted(folder.glob("*.json")):
        if record.stem not in ids:
            _forget(folder, record.stem)
    arrivals = {_arrival(incoming, item) for item in items}
    for path in sorted(set(incoming.iterdir()) - arrivals):
        shutil.rmtree(path)


def _forget(folder: Path, episode_id: str) -> None:
    """Delete an episode's record and the video that it names."""
    record = folder / f"{episode_id}.json"
    try:
        name = json.loads(record.read_text(encoding="utf-8"))["path"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        name = ""
    # What else a damaged record may name is not ours to delete.
    if (
        isinstance(name, str)
        and name == f"{episode_id}{Path(name).suffix}"
        and name != record.name
        and "\0" not in name
    ):
        (folder / name).unlink(missing_ok=True)
    record.unlink()


def _row(item: Item, kept: Mapping[str, Any]) -> Row:
    checked: Checked = kept["checked"]
    return {
        **rejected_row(item, "", checked),
        "status": OK,
        "path": kept["path"],
    }


def rejected_row(item: Item, reason: str, checked: Checked | None = None) -> Row:
    """A row without a file; what is known of a file that was fetched and found wanting stands in it."""
    row: Row = dict.fromkeys(EPISODES.names)
    row |= {"episode_id": item.id, "status": REJECTED, "reason": reason, "source": item.source}
    row |= {"license": item.license, "attribution": item.attribution}
    if checked is None:
        return row
    video = checked.video
    row |= {"sha256": checked.sha256, "bytes": checked.bytes}
    if video.frames:
        row |= {"codec": video.codec, "width": video.width, "height": video.height, "frames": video.frames}
        row |= {"rate_num": video.rate.numerator, "rate_den": video.rate.denominator}
        row |= {"time_base_num": video.time_base.numerator, "time_base_den": video.time_base.denominator}
        row |= {"variable_rate": video.variable_rate, "duration_s": video.duration_s}
        row |= {"seekable": video.seekable, "note": video.note}
    return row


def _without_twins(rows: Sequence[Row]) -> list[Row]:
    """Reject every episode that has the same file as another one: otherwise its faces would be there twice."""
    first: dict[str, str] = {}
    for row in rows:
        if row["status"] == OK and first.setdefault(row["sha256"], row["episode_id"]) != row["episode_id"]:
            same = f"it is the same file as episode {first[row['sha256']]!r} (sha256 {row['sha256'][:12]}…)"
            row |= {"status": REJECTED, "reason": f"{same}; remove one of the two"}
    return list(rows)
