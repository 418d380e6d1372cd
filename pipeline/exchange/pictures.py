"""A source's pictures as rows of PICTURES: decoded, measured, their words made those of params.yaml.

A JPEG or PNG that every reader shows alike is kept byte for byte. What is larger than LARGEST, turned by its EXIF data,
transparent or of another format is encoded anew.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from cascades.errors import PictureError
from cascades.pictures import MOST_BYTES, decode_picture
from pipeline.console import progress
from pipeline.contents import face_hash
from pipeline.exchange.given import Given, read_source
from pipeline.exchange.vocabulary import Meaning, meanings, plain
from pipeline.images import Pixels, decode_rgb, encode_jpeg, sharpness, shrink, to_gray
from pipeline.params import FacesFrom
from pipeline.processors import usable
from pipeline.schemas import OK, REJECTED

LARGEST: Final = 512
"""px, the longer side of a picture as it is kept; networks read at most 224."""
SMALLEST: Final = 8
"""px, the shorter side of a picture that can show a face."""
ALIKE: Final = 8
"""Gray levels that two decoders of JPEG may differ in."""
AT_ONCE: Final = 256
"""Pictures held as pixels at a time."""
KEPT_AS_THEY_ARE: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Source:
    """What was read of an entry of `faces_from`."""

    entry: FacesFrom
    rows: Rows
    """Rows of PICTURES without what is found by comparing them: cluster, cluster_size, scene, split."""
    words: dict[str, Meaning]
    counts: Counter[str]
    """Pictures by label."""


def read_pictures(entry: FacesFrom, emotions: Sequence[str]) -> Source:
    """All pictures of a source. Raises InputError as `read_source` and `meanings` do."""
    found = list(read_source(entry))
    counts = Counter(one.label for one in found if not one.fault)
    words = meanings(counts, emotions, entry.map)
    usable_ones = [_placed(one, words, entry) for one in found]
    rows = list(_rows(usable_ones, words, entry))
    return Source(entry, rows, words, counts)


def describe(source: Source) -> Iterator[str]:
    """What each label of the source became, a line for each."""
    for label, count in sorted(source.counts.items()):
        meaning = source.words[label]
        became = f"is {meaning.emotion} ({meaning.rule})" if meaning.emotion else f"is not used: {meaning.rule}"
        yield f"{source.entry.id}: {count} pictures labelled {label!r}: {became}"


def _placed(one: Given, words: dict[str, Meaning], entry: FacesFrom) -> Given:
    """The picture with its character's id, and a fault where its words mean nothing here."""
    if one.fault:
        return one
    if words[one.label].emotion is None:
        return replace(one, fault=words[one.label].rule)
    named = entry.map.get(one.character, one.character) if one.character else entry.character or entry.id
    if named is None:
        return replace(one, fault=f"{one.character[:40]!r} is left out by `map`")
    character = plain(named)
    if not character:
        return replace(one, fault=f"{one.character[:40]!r} has no letter of an id: name the character in `map`")
    return replace(one, character=character)


def _rows(pictures: Iterable[Given], words: dict[str, Meaning], entry: FacesFrom) -> Iterator[dict[str, Any]]:
    """A row for each picture, a few hundred pictures in memory at a time."""
    waiting = iter(progress(pictures, desc=f"pictures of {entry.id}", unit="pictures"))
    with ThreadPoolExecutor(usable()) as pool:
        while some := list(islice(waiting, AT_ONCE)):
            yield from pool.map(lambda one: _row(one, words, entry), some)


def _row(one: Given, words: dict[str, Meaning], entry: FacesFrom) -> dict[str, Any]:
    base = {
        "source": entry.id, "name": one.name, "label": one.label, "given_split": one.split, "group": one.group,
        "margin": entry.margin, "license": entry.license, "attribution": entry.attribution,
    }  # fmt: skip
    if one.fault:
        return base | {"status": REJECTED, "reason": one.fault}
    try:
        data = _content(one.picture)
        rgb = decode_picture(data)
        if min(rgb.shape[:2]) < SMALLEST:
            raise PictureError(f"{rgb.shape[1]}×{rgb.shape[0]} px; expected at least {SMALLEST}×{SMALLEST}")
    except PictureError as error:
        return base | {"status": REJECTED, "reason": str(error)}
    kept, rgb = _kept(data, rgb)
    sha256, box = hashlib.sha256(data).hexdigest(), _face(rgb, entry.margin)
    x, y, w, h = box
    return base | {
        "status": OK, "reason": "", "emotion": words[one.label].emotion, "character": one.character,
        "face_id": face_hash(sha256, 0, one.character, box), "sha256": sha256,
        "x": x, "y": y, "w": w, "h": h, "sharpness": sharpness(to_gray(rgb[y : y + h, x : x + w])),
        "image": {"bytes": kept, "path": one.name},
    }  # fmt: skip


def _content(picture: Path | bytes) -> bytes:
    if isinstance(picture, bytes):
        return picture
    try:
        if not picture.is_file():
            raise PictureError("there is no such file")
        with picture.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error


def _kept(data: bytes, rgb: Pixels) -> tuple[bytes, Pixels]:
    """The picture as the table holds it: encoded, and its pixels."""
    height, width = rgb.shape[:2]
    if max(height, width) <= LARGEST and data.startswith(KEPT_AS_THEY_ARE):
        read = decode_rgb(data)
        if read is not None and read.shape == rgb.shape and np.abs(read.astype(np.int16) - rgb).max() <= ALIKE:
            return data, read
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        rgb = shrink(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    kept = encode_jpeg(rgb)
    read = decode_rgb(kept)
    assert read is not None, "what was just encoded decodes"
    return kept, read


def _face(rgb: Pixels, margin: float) -> tuple[int, int, int, int]:
    """The face's box in the picture (x, y, w, h px): all of it but the margin on each side."""
    height, width = rgb.shape[:2]
    edge = round(max(height, width) * margin / (1 + 2 * margin))
    x, y = min(edge, (width - 1) // 2), min(edge, (height - 1) // 2)
    return x, y, width - 2 * x, height - 2 * y
