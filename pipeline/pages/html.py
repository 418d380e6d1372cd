"""The building blocks of a static report page: sections of paragraphs, tables and pictures, all inside one file."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pandas as pd
from matplotlib.figure import Figure

from pipeline.images import Pixels, encode_jpeg

LONG = 12
"""Rows of a table from which on it is folded behind its first ones."""


@dataclass(frozen=True)
class Tile:
    """A small picture (a JPEG in base64), what stands under it in one or two lines, and what the pointer brings up."""

    picture: str
    lines: Sequence[str] = ()
    hint: str = ""


@dataclass(frozen=True)
class Strip:
    """Tiles side by side under a label."""

    label: str
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Link:
    """Another page beside this one, named in its head."""

    href: str
    text: str


@dataclass(frozen=True)
class Part:
    """A paragraph, a table, strips of tiles or a picture, with its heading."""

    heading: str = ""
    text: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    numeric: Sequence[bool] = ()
    kind: str = ""
    picture: str = ""
    strips: Sequence[Strip] = ()
    items: Sequence[str] = ()

    @property
    def pictures(self) -> int:
        """How many pictures it shows."""
        return bool(self.picture) + sum(len(strip.tiles) for strip in self.strips)


@dataclass(frozen=True)
class Section:
    """A titled run of parts; folded: hidden until somebody asks for it."""

    title: str
    parts: list[Part] = field(default_factory=list)
    folded: bool = False

    @property
    def anchor(self) -> str:
        """The fragment that the page's navigation links to."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def table(frame: pd.DataFrame, heading: str = "", text: str = "") -> Part:
    """A table part; numbers are right-aligned."""
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]
    rows = [list(row) for row in frame.itertuples(index=False)]
    return Part(heading, text, list(frame.columns), rows, numeric)


def photograph(picture: Pixels, heading: str = "", text: str = "") -> Part:
    """A picture part from RGB pixels."""
    return Part(heading, text, kind="image/jpeg", picture=jpeg(picture))


def jpeg(picture: Pixels) -> str:
    """RGB pixels as a JPEG in base64."""
    return base64.b64encode(encode_jpeg(picture)).decode("ascii")


def vector(svg: str, heading: str = "", text: str = "") -> Part:
    """A picture part from an SVG document."""
    return Part(heading, text, kind="image/svg+xml", picture=base64.b64encode(svg.encode()).decode("ascii"))


def drawing(figure: Figure, heading: str = "", text: str = "") -> Part:
    """A picture part from a matplotlib figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Part(heading, text, kind="image/png", picture=base64.b64encode(buffer.getvalue()).decode("ascii"))


def png_file(path: Path, heading: str = "", text: str = "") -> Part:
    """A picture part from a PNG file that another stage made."""
    return Part(heading, text, kind="image/png", picture=base64.b64encode(path.read_bytes()).decode("ascii"))


def elided(text: str, most: int = 15) -> str:
    """A text that fits under a tile: its middle left out, because names that begin alike differ at their ends."""
    return text if len(text) <= most else f"{text[: most // 3]}…{text[-(most - most // 3 - 1) :]}"


def _code(text: str) -> markupsafe.Markup:
    """The text, escaped, with what stands between backticks as code."""
    return markupsafe.Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def render(
    title: str,
    lead: str,
    facts: dict[str, str],
    sections: Sequence[Section],
    *others: Link,
    opening: Sequence[Section] = (),
    made_by: str = "dvc repro",
) -> str:
    """The whole page as HTML; every text is escaped. lead: a sentence under the title; opening: above the facts."""
    source = (resources.files("pipeline.pages") / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["code"] = _code
    template = environment.from_string(source)
    words = {"title": title, "lead": lead, "facts": facts, "long": LONG, "made_by": made_by}
    return template.render(**words, sections=list(sections), others=others, opening=list(opening))
