"""A source's pictures as rows of PICTURES: decoded, measured, their words made those of params.yaml.

A JPEG or PNG that every reader shows alike is kept byte for byte. What is larger than LARGEST, turned by its EXIF data,
transparent or of another format is encoded anew. A box in a larger picture is cut as faces of episodes are.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from cascades.errors import PictureError
from cascades.pictures import MOST_BYTES, decode_picture
from pipeline.console import progress
from pipeline.contents import face_hash
from pipeline.exchange.given import read_source
from pipeline.exchange.given_files import Given
from pipeline.exchange.vocabulary import Meaning, character_of, meanings
from pipeline.images import (
    Pixels,
    Rectangle,
    cut,
    cut_face,
    decode_rgb,
    encode_jpeg,
    inside,
    sharpness,
    shrink,
    to_gray,
)
from pipeline.params import BOX_FORMATS, Faces, FacesFrom, Params
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
    people: dict[str, str]
    """What each character that the source names became."""


def read_pictures(entry: FacesFrom, params: Params) -> Source:
    """All pictures of a source. Raises InputError as `read_source` and `meanings` do."""
    found = [_without_emotion(one, entry, params) for one in read_source(entry)]
    counts = Counter(one.label for one in found if not one.fault)
    words = meanings(counts, params.emotions, entry.map)
    people = {one.character: character_of(one.character, entry) for one in found if one.character and not one.fault}
    usable_ones = [_placed(one, words, entry) for one in found]
    rows = list(_rows(usable_ones, words, entry, params.faces))
    return Source(entry, rows, words, counts, {word: name or "left out by `map`" for word, name in people.items()})


def describe(source: Source) -> Iterator[str]:
    """What each label of the source became, a line for each."""
    for label, count in sorted(source.counts.items()):
        meaning = source.words[label]
        became = f"is {meaning.emotion} ({meaning.rule})" if meaning.emotion else f"is not used: {meaning.rule}"
        yield f"{source.entry.id}: {count} pictures labelled {label!r}: {became}"
    if source.entry.format in BOX_FORMATS:
        for word, name in sorted(source.people.items()):
            yield f"{source.entry.id}: boxes of the character {word!r}: {name}"


def _without_emotion(one: Given, entry: FacesFrom, params: Params) -> Given:
    """With a fault where the word of a box is a character of params.yaml, so that nothing is said of an emotion."""
    if one.fault or one.box is None or one.character:
        return one
    name = character_of(one.label, entry)
    if name not in params.characters or name in params.emotions:
        return one
    return replace(one, fault=f"a box of {name}, without an emotion")


def _placed(one: Given, words: dict[str, Meaning], entry: FacesFrom) -> Given:
    """The picture with its character's id, and a fault where its words mean nothing here."""
    if one.fault:
        return one
    if words[one.label].emotion is None:
        return replace(one, fault=words[one.label].rule)
    character = character_of(one.character, entry)
    if character is None:
        return replace(one, fault=f"{one.character[:40]!r} is left out by `map`")
    if not character:
        return replace(one, fault=f"{one.character[:40]!r} has no letter of an id: name the character in `map`")
    return replace(one, character=character)


def _rows(
    pictures: Iterable[Given], words: dict[str, Meaning], entry: FacesFrom, crops: Faces
) -> Iterator[dict[str, Any]]:
    """A row for each picture or box, a few hundred pictures in memory at a time."""
    waiting = iter(progress(pictures, desc=f"pictures of {entry.id}", unit="pictures"))
    with ThreadPoolExecutor(usable()) as pool:
        while some := list(islice(waiting, AT_ONCE)):
            # The boxes of one picture stand together: it is read once.
            by_picture = [list(own) for _, own in groupby(some, key=lambda one: (one.picture, bool(one.fault)))]
            for rows in pool.map(lambda own: list(_of_picture(own, words, entry, crops)), by_picture):
                yield from rows


def _of_picture(
    own: Sequence[Given], words: dict[str, Meaning], entry: FacesFrom, crops: Faces
) -> Iterator[dict[str, Any]]:
    """The rows of one picture: itself, or the boxes in it; or of what has a fault."""
    margin = entry.margin if entry.margin is not None else crops.crop_margin if own[0].box else 0.0
    read: tuple[bytes, Pixels] | str = own[0].fault or _read(own[0].picture)
    for one in own:
        base = {
            "source": entry.id, "name": one.name, "label": one.label, "given_split": one.split, "group": one.group,
            "margin": margin, "license": entry.license, "attribution": entry.attribution,
        }  # fmt: skip
        try:
            if isinstance(read, str):
                raise PictureError(one.fault or read)
            data, rgb = read
            (kept, face), box = _seen(data, rgb, one.box, margin, crops.crop_size)
        except PictureError as error:
            yield base | {"status": REJECTED, "reason": str(error)}
            continue
        sha256 = hashlib.sha256(data).hexdigest()
        yield base | {
            "status": OK, "reason": "", "emotion": words[one.label].emotion, "character": one.character,
            "face_id": face_hash(sha256, 0, one.character, box), "sha256": sha256,
            **dict(zip("xywh", box, strict=True)), "sharpness": sharpness(to_gray(face)),
            "image": {"bytes": kept, "path": one.name},
        }  # fmt: skip


def _read(picture: Path | bytes) -> tuple[bytes, Pixels] | str:
    """A picture's content and its pixels; or why it cannot be used."""
    try:
        data = _content(picture)
        return data, decode_picture(data)
    except PictureError as error:
        return str(error)


def _seen(
    data: bytes, rgb: Pixels, box: Rectangle | None, margin: float, size: int
) -> tuple[tuple[bytes, Pixels], Rectangle]:
    """The picture as the table holds it, the face in it, and the face's place in the picture as it came or is kept.

    box: the face in a picture that shows more; None where the picture is the face and what is around it. size: px, the
    largest side of a crop. Raises PictureError where a face is too small.
    """
    height, width = rgb.shape[:2]
    x, y, w, h = inside(box, width, height) if box else (0, 0, width, height)
    if min(w, h) < SMALLEST:
        found = f"{width}×{height} px" if box is None else f"a box of which {max(0, w)}×{max(0, h)} px are inside"
        raise PictureError(f"{found}; expected at least {SMALLEST}×{SMALLEST}")
    if box is not None:
        return (encode_jpeg(cut_face(rgb, box, margin, size)), cut(rgb, (x, y, w, h))), box
    kept, rgb = _kept(data, rgb)
    box = _face(rgb, margin)
    return (kept, cut(rgb, box)), box


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
