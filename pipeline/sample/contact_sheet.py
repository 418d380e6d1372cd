"""Sheets of pictures for people to look at: frames of each episode, and crops of each expression at true size.

`python -m pipeline.sample.contact_sheet DIR` writes PNG files into DIR.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import cv2
import numpy as np

from pipeline.sample.cast import CHARACTERS, TEN_CHARACTERS
from pipeline.sample.expressions import EXPRESSIONS
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH
from pipeline.sample.render import Painter
from pipeline.sample.script import EPISODES, TEN_EPISODES
from pipeline.sample.svg import Image
from pipeline.sample.truth import Face, episode_truth

COLUMNS = 6
CROPS = 12  # of each expression and character
CELL = 150  # px


def frame_sheet(painter: Painter) -> Image:
    """Two frames of every scene, half size."""
    pictures: list[Image] = []
    for shot in painter.plan:
        for share in (3, 7):
            picture = painter.frame(shot, shot.length * share // 10)
            half = cv2.resize(picture, (FRAME_WIDTH // 2, FRAME_HEIGHT // 2), interpolation=cv2.INTER_AREA)
            pictures.append(half.astype(np.uint8, copy=False))
    return _grid(pictures, COLUMNS)


def expression_sheet(painters: dict[str, Painter], character: str) -> Image:
    """One row for each of EXPRESSIONS, faces at true size with a margin, chosen by chance."""
    rng = Random(f"sheet {character}")
    choice = []
    for name in painters:
        faces = episode_truth(name).faces
        rows = faces[(faces.character == character) & faces.annotatable & (faces.h < CELL - 40) & (faces.blend > 0.6)]
        choice += [(name, Face(*row)) for row in rows.itertuples(index=False, name=None)]
    pictures = []
    for expression in EXPRESSIONS:
        for name, face in rng.sample([c for c in choice if c[1].expression == expression], CROPS):
            shot = next(s for s in painters[name].plan if s.start <= face.frame < s.stop)
            pictures.append(_crop(painters[name].frame(shot, face.frame - shot.start), face))
    return _grid(pictures, CROPS)


def _crop(picture: Image, face: Face) -> Image:
    margin = CELL
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=128)
    x, y = face.x + face.w // 2 + margin - CELL // 2, face.y + face.h // 2 + margin - CELL // 2
    return padded[y : y + CELL, x : x + CELL]


def _grid(pictures: Sequence[Image], columns: int) -> Image:
    blank = np.full_like(pictures[0], 255)
    filled = [*pictures, *[blank] * (-len(pictures) % columns)]
    return np.vstack([np.hstack(filled[k : k + columns]) for k in range(0, len(filled), columns)])


def main(folder: str) -> None:
    """Write the sheets into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    painters = {name: Painter(name) for name in (*EPISODES, *TEN_EPISODES)}
    sheets = {f"frames-{name}": frame_sheet(painter) for name, painter in painters.items()}
    sheets |= {
        f"expressions-{character}": expression_sheet({name: painters[name] for name in names}, character)
        for names, characters in ((EPISODES, CHARACTERS), (TEN_EPISODES, TEN_CHARACTERS))
        for character in characters
    }
    for name, sheet in sheets.items():
        cv2.imwrite(str(Path(folder) / f"{name}.png"), sheet)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m pipeline.sample.contact_sheet DIR")
    main(sys.argv[1])
