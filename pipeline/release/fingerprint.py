"""What a release knows of each row, so that anybody can tell whether a picture is the same, alike, or another.

image_sha256  sha256 of the encoded picture
image_hash    64-bit perceptual hash of the face, hexadecimal (`pipeline.similarity.alignment`)
image_look    the face in 32×32 gray levels, base64
label_sha256  sha256 of the row's other columns, as JSON
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.schemas import DATASET
from pipeline.similarity.alignment import SIDE, ZOOMS, enlarged, hashes, middle, nearest
from pipeline.similarity.pairs import read_thumbnails

COLUMNS: Final = ["face_id", "split", "image_sha256", "image_hash", "image_look", "label_sha256"]
DISTANCE: Final = 6.0
"""Gray levels by which pictures that look the same differ at most, one laid over the other (`similarity.alignment`).

Other encodes and sizes of a film differ by 0.5 to 5, other drawings of one expression by 6.8 at least
(tests/pipeline/release).
"""


def fingerprints(rows: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of each row of DATASET, in their order."""
    encoded = [image["bytes"] for image in rows["image"]]
    found = looks(encoded, rows["margin"].to_numpy(np.float64))
    return pd.DataFrame(
        {
            "face_id": rows["face_id"].to_numpy(),
            "split": rows["split"].to_numpy(),
            **found,
            "label_sha256": label_sums(rows),
        }
    )[COLUMNS]


def looks(encoded: Sequence[bytes], margins: NDArray[np.float64]) -> dict[str, list[str]]:
    """The columns that say what a picture shows; empty where it does not decode."""
    small, decodes = read_thumbnails(encoded, margins)
    windows = np.ascontiguousarray(middle(enlarged(small, ZOOMS[:1])[0]))
    codes = hashes(windows).tolist() if len(small) else []
    return {
        "image_sha256": [hashlib.sha256(data).hexdigest() for data in encoded],
        "image_hash": [f"{code:016x}" if good else "" for code, good in zip(codes, decodes, strict=True)],
        "image_look": [_look(face) if good else "" for face, good in zip(small, decodes, strict=True)],
    }


def _look(face: Pixels) -> str:
    return base64.b64encode(face.tobytes()).decode("ascii")


def label_sums(rows: pd.DataFrame) -> list[str]:
    """A checksum of everything in a row of DATASET but its picture."""
    names = [name for name in DATASET.names if name != "image"]
    whole = rows[names].astype(object).where(rows[names].notna(), None)
    return [
        hashlib.sha256(json.dumps([_plain(value) for value in row], ensure_ascii=False).encode("utf-8")).hexdigest()
        for row in whole.itertuples(index=False)
    ]


def _plain(value: Any) -> Any:
    """A number or a text as JSON has it, the same whatever type pandas read it as."""
    if isinstance(value, float | np.floating):
        rounded = round(float(value), 6)
        return int(rounded) if rounded.is_integer() else rounded
    return value.item() if isinstance(value, np.generic) else value


def compare(known: dict[str, str], found: dict[str, str]) -> str:
    """`match`, `similar` or `altered`: a picture beside what a release knows of it."""
    if known["image_sha256"] == found["image_sha256"]:
        return "match"
    if not known["image_look"] or not found["image_look"]:
        return "altered"
    one, other = (_thumbnail(row["image_look"]) for row in (known, found))
    if one is None or other is None:
        return "altered"
    return "similar" if np.isfinite(nearest(one, other, DISTANCE)[0]) else "altered"


def _thumbnail(look: str) -> Pixels | None:
    """uint8 [1, SIDE, SIDE], or None where the text is none."""
    try:
        data = base64.b64decode(look, validate=True)
    except ValueError:
        return None
    return np.frombuffer(data, np.uint8).reshape(1, SIDE, SIDE) if len(data) == SIDE * SIDE else None
