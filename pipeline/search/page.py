"""The page of results: the faces that were asked about, and under each the faces like it."""

import base64
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from labeling.tasks import clock
from pipeline.faces.crops import read_crops
from pipeline.images import shrink
from pipeline.pages.html import jpeg
from pipeline.palette import character_colors
from pipeline.search.hits import Answer, Hit
from pipeline.tables import write_text
from pipeline.watch.emoji import face_of

SIDE = 192
"""px, largest side of the picture that was asked about, on the page."""


def write_page(
    path: Path, picture: Path, answers: Sequence[Answer], said: str, characters: Sequence[str], names: Mapping[str, str]
) -> None:
    """Write the page. said: which faces were wanted; names: what people call characters and emotions."""
    template = (resources.files("pipeline.search") / "search.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined).from_string(template)
    crops = crops_of([hit for answer in answers for hit in answer.hits])
    colors = character_colors(characters)
    shown = [
        {
            "picture": _small(answer),
            "character": names.get(answer.asked.character or "", answer.asked.character or ""),
            "text": face_of(answer.emotion).text,
            "emotion": names.get(answer.emotion, answer.emotion),
            "unsure": answer.unsure,
            "percent": round(100 * answer.probability),
            "hits": [_tile(hit, crops, colors, names) for hit in answer.hits],
        }
        for answer in answers
    ]
    write_text(path, page.render(picture=picture.name, said=said, answers=shown) + "\n")


def crops_of(hits: Sequence[Hit]) -> dict[str, bytes]:
    """The encoded crop of each face that was found, by its id."""
    faces = pd.DataFrame([hit.face for hit in hits], columns=["episode_id", "face_id"]).drop_duplicates()
    return dict(zip(faces["face_id"], read_crops(faces), strict=True))


def _small(answer: Answer) -> str:
    height, width = answer.asked.pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return jpeg(shrink(answer.asked.pixels, max(1, round(width * scale)), max(1, round(height * scale))))


def _tile(hit: Hit, crops: Mapping[str, bytes], colors: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    face = hit.face
    return {
        "picture": base64.b64encode(crops[face["face_id"]]).decode("ascii"),
        "likeness": round(100 * max(0.0, hit.likeness)),
        "character": names.get(face["character"], face["character"]),
        "color": colors.get(face["character"], "#667080"),
        "text": face_of(face["emotion"]).text,
        "emotion": names.get(face["emotion"], face["emotion"]),
        "unsure": face["unsure"],
        "by_people": face["label"] != "",
        "percent": round(100 * face["probability"]),
        "episode": face["episode_id"],
        "time": clock(hit.moment_s),
        "others": face["cluster_size"] - 1,
        "video": hit.video,
        "watch": hit.watch,
    }
