"""SVG text and its rasters: the few shapes the show is painted with.

Every number written is rounded to two decimals (matrices to four), so that the last bit of a sine, which differs
between mathematics libraries and processors, never reaches a pixel. Rotations are written as matrices, likewise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import resvg_py

Point = tuple[float, float]
Image = npt.NDArray[np.uint8]

# Points of a unit circle, for shapes that are cut by a line (eyelids).
CIRCLE: tuple[Point, ...] = tuple(
    (round(math.cos(math.tau * i / 28), 6), round(math.sin(math.tau * i / 28), 6)) for i in range(28)
)


def sin_deg(angle: float) -> float:
    """Sine of an angle in degrees, rounded to six decimals: the same on every machine."""
    return round(math.sin(math.radians(angle)), 6)


def cos_deg(angle: float) -> float:
    """Cosine of an angle in degrees, rounded to six decimals."""
    return round(math.cos(math.radians(angle)), 6)


def num(value: float) -> str:
    """A coordinate as SVG text, two decimals."""
    return f"{value:.2f}"


def paint(fill: str = "none", stroke: str = "", width: float = 0.0, opacity: float = 1.0) -> str:
    """Presentation attributes shared by all shapes; width in user units."""
    text = f'fill="{fill}"'
    if stroke:
        text += f' stroke="{stroke}" stroke-width="{num(width)}" stroke-linecap="round" stroke-linejoin="round"'
    if opacity < 1.0:
        # Not "opacity": that makes the renderer lay out a whole layer for each shape, which is ten times slower.
        text += f' fill-opacity="{num(max(0.0, opacity))}" stroke-opacity="{num(max(0.0, opacity))}"'
    return text


def path(d: str, style: str) -> str:
    """A path from ready path data."""
    return f'<path d="{d}" {style}/>'


def ellipse(x: float, y: float, rx: float, ry: float, style: str) -> str:
    """An ellipse; nothing at all where a radius is zero or negative."""
    if rx <= 0.0 or ry <= 0.0:
        return ""
    return f'<ellipse cx="{num(x)}" cy="{num(y)}" rx="{num(rx)}" ry="{num(ry)}" {style}/>'


def rect(x: float, y: float, w: float, h: float, style: str, radius: float = 0.0) -> str:
    """A rectangle, with rounded corners if radius is positive."""
    corner = f' rx="{num(radius)}"' if radius else ""
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(w)}" height="{num(h)}"{corner} {style}/>'


def polygon(points: Iterable[Point], style: str) -> str:
    """A closed polygon."""
    return path("M" + "L".join(f"{num(x)} {num(y)}" for x, y in points) + "Z", style)


def line(points: Sequence[Point], style: str) -> str:
    """An open polyline."""
    return path("M" + "L".join(f"{num(x)} {num(y)}" for x, y in points), style)


def smooth_data(points: Sequence[Point], closed: bool = True) -> str:
    """Path data of a Catmull–Rom curve through the points (a doubled point makes a corner)."""
    count = len(points)
    parts = [f"M{num(points[0][0])} {num(points[0][1])}"]
    for i in range(count if closed else count - 1):
        if closed:
            before, start, end, after = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        else:
            before, start, end, after = (points[min(max(i + k, 0), count - 1)] for k in (-1, 0, 1, 2))
        if start == end:
            continue
        x1, y1 = start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6
        x2, y2 = end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6
        parts.append(f"C{num(x1)} {num(y1)} {num(x2)} {num(y2)} {num(end[0])} {num(end[1])}")
    return "".join(parts) + ("Z" if closed else "")


def smooth(points: Sequence[Point], style: str, closed: bool = True) -> str:
    """A smooth curve through the points."""
    return path(smooth_data(points, closed), style)


def group(
    inside: str, x: float = 0.0, y: float = 0.0, scale_x: float = 1.0, scale_y: float = 1.0, angle: float = 0.0
) -> str:
    """The shapes scaled, then turned by angle (degrees, clockwise on the screen), then moved to (x, y)."""
    cosine, sine = cos_deg(angle), sin_deg(angle)
    numbers = (cosine * scale_x, sine * scale_x, -sine * scale_y, cosine * scale_y)
    matrix = " ".join(f"{v:.4f}" for v in numbers)
    return f'<g transform="matrix({matrix} {num(x)} {num(y)})">{inside}</g>'


def linear_gradient(name: str, start: Point, end: Point, stops: Sequence[tuple[float, str]]) -> str:
    """A gradient along a line, in user units."""
    inside = "".join(f'<stop offset="{num(at)}" stop-color="{color}"/>' for at, color in stops)
    return (
        f'<linearGradient id="{name}" gradientUnits="userSpaceOnUse" x1="{num(start[0])}" y1="{num(start[1])}"'
        f' x2="{num(end[0])}" y2="{num(end[1])}">{inside}</linearGradient>'
    )


def radial_gradient(name: str, centre: Point, radius: float, stops: Sequence[tuple[float, str]]) -> str:
    """A gradient around a point, in user units."""
    inside = "".join(f'<stop offset="{num(at)}" stop-color="{color}"/>' for at, color in stops)
    return (
        f'<radialGradient id="{name}" gradientUnits="userSpaceOnUse" cx="{num(centre[0])}" cy="{num(centre[1])}"'
        f' r="{num(radius)}">{inside}</radialGradient>'
    )


def rasterise(inside: str, width: int, height: int, left: float = 0.0, top: float = 0.0) -> Image:
    """Draw shapes given in px, seen through a window at (left, top).

    Gives (height, width, 4) uint8: blue, green and red times alpha, then alpha.
    """
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="{num(left)} {num(top)} {width} {height}">{inside}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
    image = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise RuntimeError(f"resvg drew a {width}×{height} picture that OpenCV cannot read")
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGRA)
    elif image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    out = np.asarray(image, dtype=np.uint8)
    out[..., :3] = divide_255(out[..., :3].astype(np.uint16) * out[..., 3:].astype(np.uint16))
    return out


def divide_255(product: npt.NDArray[np.uint16]) -> Image:
    """Exact rounded division by 255 of products of two bytes."""
    product += 128
    product += np.right_shift(product, 8, dtype=np.uint16)
    return np.right_shift(product, 8, dtype=np.uint16).astype(np.uint8)
