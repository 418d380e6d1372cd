"""An animator's reference sheet: the faces that were found, large, each with who it is, what it feels and where it is.

The faces are cut anew from the episodes, larger and with more around them than the project's crops. A face whose
episode is not there is shown as its crop.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from labeling.tasks import clock
from pipeline import paths
from pipeline.faces.crops import recut
from pipeline.images import Pixels, decode_rgb, shrink
from pipeline.pages.plots import drawn
from pipeline.params import Params
from pipeline.schemas import EPISODES, SCENES
from pipeline.search.hits import Answer, Hit
from pipeline.search.page import crops_of
from pipeline.tables import read_rows, replacing

SIDE: Final = 256
"""px, side of a face on the sheet."""
MARGIN: Final = 0.5
"""Around a face, as a share of the longer side of its box."""
COLUMNS: Final = 6
GAP: Final = 14
TEXT: Final = 17
"""px, height of the letters."""
CAPTION: Final = 2 * TEXT + 14
INK, SOFT = (34, 38, 44), (95, 104, 119)


def write_sheet(path: Path, answers: Sequence[Answer], params: Params) -> None:
    """Write the sheet as PNG: for each face that was asked about, it and those like it.

    Raises StageError where it cannot be written.
    """
    hits = [hit for answer in answers for hit in answer.hits]
    faces = large_faces(hits, params)
    cells: list[list[tuple[Pixels, str, str]]] = []
    for answer in answers:
        asked = [(answer.asked.pixels, "asked about", answer.asked.character or "")]
        cells.append(asked + [(faces[hit.face["face_id"]], *_caption(hit, params.names)) for hit in answer.hits])
    with replacing(path) as temporary:
        _draw(cells).save(temporary, format="PNG")


def large_faces(hits: Sequence[Hit], params: Params) -> dict[str, Pixels]:
    """The faces, RGB, by their id: cut from the episodes where these are there, else the project's crops."""
    crops = crops_of(hits)
    if paths.EPISODES.exists() and paths.SCENES.exists():
        settings = params.faces.model_copy(update={"crop_size": SIDE, "crop_margin": MARGIN})
        rows = pd.DataFrame([hit.face for hit in hits]).drop_duplicates("face_id")
        episodes = read_rows(paths.EPISODES, EPISODES)
        there = [name for name, path in zip(episodes["episode_id"], episodes["path"], strict=True)
                 if (paths.VIDEOS / str(path)).is_file()]  # fmt: skip
        rows = rows[rows["episode_id"].isin(there)]
        crops |= recut(rows, episodes, read_rows(paths.SCENES, SCENES), settings)
    decoded = {identity: decode_rgb(crop) for identity, crop in crops.items()}
    return {identity: picture for identity, picture in decoded.items() if picture is not None}


def _caption(hit: Hit, names: Mapping[str, str]) -> tuple[str, str]:
    face = hit.face
    # A name that the font has no letters for is drawn as its id.
    character, emotion = (drawn(names.get(face[one], face[one]), face[one]) for one in ("character", "emotion"))
    return f"{character}, {emotion}{'?' if face['unsure'] else ''}", f"{face['episode_id']} {clock(hit.moment_s)}"


def _draw(cells: Sequence[Sequence[tuple[Pixels, str, str]]]) -> Image.Image:
    """Rows of faces with two lines under each; every face that was asked about begins a row."""
    rows = [own[start : start + COLUMNS] for own in cells for start in range(0, len(own), COLUMNS)]
    columns = max(len(row) for row in rows)
    size = (columns * (SIDE + GAP) + GAP, len(rows) * (SIDE + CAPTION + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), TEXT)
    for down, row in enumerate(rows):
        for across, (picture, first, second) in enumerate(row):
            left, top = GAP + across * (SIDE + GAP), GAP + down * (SIDE + CAPTION + GAP)
            face = _fitted(picture)
            sheet.paste(Image.fromarray(face), (left + (SIDE - face.shape[1]) // 2, top + SIDE - face.shape[0]))
            draw.text((left, top + SIDE + 4), _short(first, font), fill=INK, font=font)
            draw.text((left, top + SIDE + 4 + TEXT + 4), _short(second, font), fill=SOFT, font=font)
    return sheet


def _fitted(picture: Pixels) -> Pixels:
    """A picture whose longer side has SIDE px."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if scale <= 1:
        return shrink(picture, *size)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _short(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text, its end left out where it is wider than a face."""
    if font.getlength(text) <= SIDE:
        return text
    while text and font.getlength(f"{text}…") > SIDE:
        text = text[:-1]
    return f"{text}…"
