"""Frames that people looked at, cut out of an episode's video once, without loss, and kept for whoever needs them next.

One file per episode in the cache: the pixels of one frame after the other, then a JSON index, then the index's length
(8 bytes, little-endian). Several processes can read it at once, and none holds all of it in memory. Frames that are
asked for later are decoded then, and added.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from pipeline.caches import cache_folder
from pipeline.images import Pixels, fit_chroma, fit_height
from pipeline.rows import EpisodeRow
from pipeline.tables import replacing
from pipeline.video import container
from pipeline.video.decode import decode_chosen

FOLDER: Final = "looked-at"
CODE_VERSION: Final = "1"
"""Raise it when the same video would give other pixels."""
LENGTH: Final = 8


@dataclass(frozen=True)
class CutFrame:
    """A frame, shrunk: gray uint8 [H, W], chroma uint8 [2, h, w]; scale: px of it per px of the source."""

    index: int
    gray: Pixels
    chroma: Pixels
    scale: float


@dataclass(frozen=True)
class _Kept:
    """The frames of a file: place → shapes and scale; `pixels` is their bytes, which are read only when looked at."""

    entries: Mapping[int, tuple[int, tuple[int, ...], tuple[int, ...], float]]
    pixels: Pixels

    def frame(self, index: int) -> CutFrame:
        offset, gray, chroma, scale = self.entries[index]
        size = int(np.prod(gray))
        flat = self.pixels[offset : offset + size + int(np.prod(chroma))]
        return CutFrame(index, flat[:size].reshape(gray), flat[size:].reshape(chroma), scale)


NOTHING: Final = _Kept({}, np.zeros(0, np.uint8))


def cut_frames(
    video: Path, episode: EpisodeRow, frames: Collection[int], known: Mapping[int, int], max_height: int,
    threads: int = 1,
) -> Iterator[CutFrame]:  # fmt: skip
    """The frames of these indices, in order, at most `max_height` px high; only those that nobody kept are decoded.

    known: as `decode_chosen` takes it. Frames that the video has not are left out. Raises InputError as it does.
    """
    key = {
        "episode": episode.sha256,
        "max_height": max_height,
        "code": f"{CODE_VERSION} {container.VERSION}",
    }
    path = cache_folder(FOLDER) / f"{episode.episode_id}.frames"
    kept = _read(path, key)
    missing = sorted(set(frames) - set(kept.entries))
    if missing:
        _add(path, key, kept, _decoded(video, missing, known, max_height, threads))
        kept = _read(path, key)
    for index in sorted(set(frames) & set(kept.entries)):
        yield kept.frame(index)


def _decoded(
    video: Path, frames: Collection[int], known: Mapping[int, int], max_height: int, threads: int
) -> Iterator[CutFrame]:
    for frame in decode_chosen(video, frames, known, threads):
        gray, scale = fit_height(frame.gray, max_height)
        yield CutFrame(frame.index, gray, fit_chroma(frame.chroma, gray), scale)


def _add(path: Path, key: dict[str, Any], kept: _Kept, more: Iterator[CutFrame]) -> None:
    """Write what is kept and more frames, in a new file that takes the old one's place when it is whole."""
    digest, entries = hashlib.sha256(), []
    with replacing(path) as temporary, temporary.open("wb") as file:
        for frame in _both(kept, more):
            entries.append((frame.index, file.tell(), frame.gray.shape, frame.chroma.shape, frame.scale))
            for plane in (frame.gray, frame.chroma):
                pixels = np.ascontiguousarray(plane)
                file.write(pixels)
                digest.update(pixels)
        index = json.dumps({"key": key, "frames": entries, "sha256": digest.hexdigest()}).encode()
        file.write(index)
        file.write(len(index).to_bytes(LENGTH, "little"))


def _both(kept: _Kept, more: Iterator[CutFrame]) -> Iterator[CutFrame]:
    for index in kept.entries:
        yield kept.frame(index)
    yield from more


def _read(path: Path, key: dict[str, Any]) -> _Kept:
    """What a file holds; nothing where it is missing or damaged, or holds frames of another video or size."""
    try:
        with path.open("rb") as file:
            index, size = _index(file)
    except (FileNotFoundError, ValueError):
        return NOTHING
    if index.get("key") != key or not size:
        return NOTHING
    # Copy on write: arrays that cannot be written to are another type for numba, which would compile everything anew.
    pixels = np.asarray(np.memmap(path, np.uint8, "c", shape=(size,)))
    if hashlib.sha256(pixels).hexdigest() != index["sha256"]:
        return NOTHING
    entries = {
        int(frame): (int(offset), tuple(gray), tuple(chroma), float(scale))
        for frame, offset, gray, chroma, scale in index["frames"]
    }
    return _Kept(entries, pixels)


def _index(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """The index and the number of bytes before it. Raises ValueError where the file does not end in one."""
    end = file.seek(0, 2)
    if end < LENGTH:
        raise ValueError("too short")
    file.seek(end - LENGTH)
    start = end - LENGTH - int.from_bytes(file.read(LENGTH), "little")
    if start < 0:
        raise ValueError("no index")
    file.seek(start)
    index = json.loads(file.read(end - LENGTH - start))
    if not isinstance(index, dict):
        raise ValueError("no index")
    return index, start
