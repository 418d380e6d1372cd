"""Contact sheets for Label Studio: up to 24 similar faces that are claimed to be one character or one emotion.

A wrong face is easy to see among similar right ones. So similar faces are put together, and the sheets with the weakest
detections come first.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from labeling.config import SHEET_KEYS
from labeling.tasks import sheet_task
from pipeline.faces.crops import read_crops
from pipeline.images import Pixels, decode_rgb, encode_jpeg, shrink
from pipeline.params import Params
from pipeline.rows import ManifestRow
from pipeline.similarity.alignment import SIDE
from pipeline.similarity.pairs import read_thumbnails
from pipeline.tables import rows_of
from pipeline.tasks.media import QUALITY, Media

COLUMNS = 8
"""Three rows of eight: with the keys above it, a whole sheet is seen at once on a laptop."""
CELL = 168
"""px, side of a face on a sheet."""
BAR = 30
"""px, height of the bar with the key below each face."""
GAP = 6


def sheet_tasks(faces: pd.DataFrame, claims: Sequence[str], kind: str, media: Media, params: Params) -> list[Any]:
    """A task for each sheet, the sheets with the weakest detections first.

    faces: rows of MANIFEST; claims: the claimed character or emotion of each; kind: "character" or "emotion"; margin:
    the crops'.
    """
    crops = read_crops(faces)
    thumbnails, decodes = read_thumbnails(crops, params.faces.crop_margin)
    faces = faces[decodes].assign(claim=[claim for claim, good in zip(claims, decodes, strict=True) if good])
    crops = [crop for crop, good in zip(crops, decodes, strict=True) if good]
    made = []
    for claim in sorted(set(faces["claim"])):
        places = np.flatnonzero(faces["claim"] == claim)
        for part in alike(thumbnails[places].reshape(len(places), SIDE * SIDE).astype(np.float64), len(SHEET_KEYS)):
            group = places[part]
            own = faces.iloc[group]
            picture = encode_jpeg(draw_sheet([crops[i] for i in group]), QUALITY)
            name = hashlib.sha256(picture).hexdigest()[:32]
            shown = [dict(row._asdict()) for row in rows_of(own, ManifestRow)]
            task = sheet_task(claim, kind, shown, media.put(f"sheets/{name}.jpg", picture), params.shown(claim))
            made.append((float(own["track_score"].mean()), task["data"]["key"], task))
    return [task for *_, task in sorted(made, key=lambda one: one[:2])]


def alike(pixels: NDArray[np.float64], most: int) -> list[NDArray[np.int64]]:
    """Rows of pixels float64 [N, P] in groups of at most `most` that look alike, as even in size as can be.

    Halved along the first principal component until small enough, as a k-d tree of principal axes does.
    """

    def split(rows: NDArray[np.int64], parts: int) -> list[NDArray[np.int64]]:
        if parts <= 1:
            return [rows]
        axis = PCA(1, svd_solver="arpack", random_state=0).fit_transform(pixels[rows])[:, 0]
        order = rows[np.argsort(axis, kind="stable")]
        left = parts // 2
        cut = len(rows) * left // parts
        return split(order[:cut], left) + split(order[cut:], parts - left)

    return split(np.arange(len(pixels)), -(-len(pixels) // most)) if len(pixels) else []


def draw_sheet(crops: Sequence[bytes]) -> Pixels:
    """The faces in rows, each over the key that says it is wrong: RGB uint8 [H, W, 3]."""
    rows = -(-len(crops) // COLUMNS)
    sheet = np.full((rows * (CELL + BAR + GAP) + GAP, COLUMNS * (CELL + GAP) + GAP, 3), 255, np.uint8)
    for place, (crop, key) in enumerate(zip(crops, SHEET_KEYS, strict=False)):
        row, column = divmod(place, COLUMNS)
        top, left = GAP + row * (CELL + BAR + GAP), GAP + column * (CELL + GAP)
        face = decode_rgb(crop)
        if face is not None:
            sheet[top : top + CELL, left : left + CELL] = shrink(face, CELL, CELL)
        bar = np.ascontiguousarray(sheet[top + CELL : top + CELL + BAR, left : left + CELL])
        bar[:] = (38, 50, 56)
        (width, height), _ = cv2.getTextSize(key, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2)
        origin = ((CELL - width) // 2, (BAR + height) // 2)
        cv2.putText(bar, key, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
        sheet[top + CELL : top + CELL + BAR, left : left + CELL] = bar
    return sheet
