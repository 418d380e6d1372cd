"""`index.html`: a player with a lane for each character, which works from the file system and without a network."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from pipeline.palette import character_colors
from pipeline.tables import rows_of, write_text
from pipeline.watch.emoji import face_of
from pipeline.watch.record import Watched
from pipeline.watch.tables import SegmentRow

COLORS: Final = ("#d64545", "#f2b632", "#9aa5b1", "#4a7fc1", "#9b6bd1", "#3f9b57", "#d97aa8", "#7a5c3e", "#2a9d9d")
"""Of the emotions, in the order of params.yaml."""


def write_page(watched: Watched, source: str, names: Mapping[str, str]) -> None:
    """Write the page. source: the video, relative to the folder. names: what people call characters and emotions."""
    template = (resources.files("pipeline.watch") / "watch.html").read_text(encoding="utf-8")
    # Inside a script element only `</` could end it.
    data = json.dumps(page_data(watched, names), ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
    page = Environment(autoescape=True).from_string(template)
    name = names.get(watched.video.name, watched.video.name)
    write_text(watched.folder / "index.html", page.render(name=name, source=quote(source), data=Markup(data)))


def emotion_colors(emotions: Sequence[str]) -> dict[str, str]:
    """A color for each emotion, the same on every page of the project."""
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(emotions)}


def page_data(watched: Watched, names: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows: characters, emotions and segments."""
    episode = watched.video.episode
    colors = character_colors(watched.characters)
    return {
        "duration": episode["duration_s"],
        "frame": episode["rate_den"] / episode["rate_num"],
        "characters": [
            {"id": name, "name": names.get(name, name), "color": colors[name]} for name in watched.characters
        ],
        "emotions": {
            name: {"name": names.get(name, name), "text": face_of(name).text, "color": color}
            for name, color in emotion_colors(watched.emotions).items()
        },
        "segments": [_segment(row, watched.video.start_s) for row in rows_of(watched.segments(), SegmentRow)],
    }


def _segment(row: SegmentRow, start_s: float) -> dict[str, Any]:
    """A segment in the player's time, which begins with the first frame."""
    return {
        "character": row.character,
        "emotion": row.emotion,
        "start": round(row.start_s - start_s, 3),
        "end": round(row.end_s - start_s, 3),
        "probability": round(float(row.probability), 3),
        "unsure": bool(row.unsure),
    }
