"""What people drew under `box`: upright rectangles in px of the frame, and shapes that are none, with the reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labeling.fields import finite, shown

EDGES = ("x", "y", "width", "height")
RECTANGLES = ("rectanglelabels", "rectangle")
FARTHEST = 10_000
"""Per cent of the picture from which on an edge is a mistake."""


@dataclass(frozen=True)
class Shape:
    """A shape: whose face, and its box (x, y, w, h in px, as text); or why it is not usable."""

    label: str = ""
    box: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def read_shapes(results: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> list[Shape]:
    """The shapes of an annotation, in their order. size: width and height of the frame, px."""
    return [_read(result, size) for result in results]


def _read(result: Mapping[str, Any], size: tuple[int, int]) -> Shape:
    value, kind = result.get("value"), result.get("type", RECTANGLES[0])
    if not isinstance(value, dict):
        return Shape(problem=f"has the value {shown(value)}")
    if kind not in RECTANGLES:
        return Shape(problem=f"is no rectangle but {shown(kind)}")
    wrong = [name for name in EDGES if not _per_cent(value.get(name))]
    if wrong:
        return Shape(problem=f"has {wrong[0]} {shown(value.get(wrong[0]))}, expected a number")
    turned = value.get("rotation") or 0
    if not finite(turned):
        return Shape(problem=f"has rotation {shown(turned)}, expected a number")
    if result.get("image_rotation") not in (None, 0):
        return Shape(problem=f"was drawn on a picture turned by {shown(result['image_rotation'])} degrees")
    labels = value.get("rectanglelabels")
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str) or not labels[0].strip():
        found = "no name" if labels in ([], None) else f"the name {shown(labels)}"
        return Shape(problem=f"has {found}, expected one character")
    return Shape(labels[0], upright([value[name] for name in EDGES], float(turned), size))


def upright(edges: Sequence[float], turned: float, size: tuple[int, int]) -> dict[str, str]:
    """The upright box around a rectangle, px, as text.

    edges: x, y, width, height in per cent of the picture. turned: degrees, clockwise around the corner x, y. size:
    width and height of the picture, px.
    """
    width, height = size
    x, y = edges[0] * width / 100, edges[1] * height / 100
    w, h = edges[2] * width / 100, edges[3] * height / 100
    cos, sin = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    across = [0.0, w * cos, w * cos - h * sin, -h * sin]
    down = [0.0, w * sin, w * sin + h * cos, h * cos]
    left, right = round(x + min(across)), round(x + max(across))
    top, bottom = round(y + min(down)), round(y + max(down))
    return {"x": str(left), "y": str(top), "w": str(right - left), "h": str(bottom - top)}


def _per_cent(value: Any) -> bool:
    return finite(value) and abs(value) <= FARTHEST
