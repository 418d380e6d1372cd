"""Faces by many artists, drawn for `benchmarks.pretrain`: which parts show which emotion, and how faces are varied.

`drawn_expressions.csv` says which variants of a style's parts may show an emotion; a face takes one of each part.
`drawn_styles.csv` names the artists and licences, and where the face's box is in a style's picture: its middle and its
side, as shares of the picture. Avatars are drawn by DiceBear (`avatars.mjs`), emoji come as SVG in Iconify's packages,
animals from `benchmarks.drawn_creatures`. Nothing of the npm packages is kept here but their names and versions.
"""

import csv
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from benchmarks.drawn_creatures import EXPRESSIONS, creature

HERE: Final = Path(__file__).parent
EMOTIONS: Final = tuple(sorted(EXPRESSIONS))
PACKAGES: Final = (
    "@dicebear/core@9.4.3",
    "@dicebear/collection@9.4.3",
    "@iconify-json/emojione@1.2.3",
    "@iconify-json/fluent-emoji-flat@1.2.6",
    "@iconify-json/noto@1.2.9",
    "@iconify-json/noto-v1@1.2.5",
    "@iconify-json/streamline-emojis@1.2.4",
    "@iconify-json/twemoji@1.2.5",
)
"""From npm."""
SHARES: Final = {"dicebear": 0.62, "emoji": 0.2, "toonset": 0.18}
"""Of the faces, by the source of their style."""
REGION: Final = 1.9
"""Side of what is rasterised, in sides of the face's box."""
RASTER: Final = 144
"""px, its side."""
SIZE: Final = 92
"""px, side of a finished picture: the input of `toon`."""
SHOWN: Final = 1.5
"""Side of a finished picture in sides of the face's box: a margin of 0.25."""
RARE: Final = {"accessories": 10, "beard": 10, "facialHair": 10, "glasses": 10, "mustache": 10, "mask": 0, "hat": 10}
"""Per cent of avatars that have what may hide a part of the face."""

Raster = NDArray[np.uint8]
"""RGBA, [RASTER, RASTER, 4]."""
Pixels = NDArray[np.uint8]
Picture = NDArray[np.float64]
"""RGB, 0 to 255, [SIZE, SIZE, 3]."""


@dataclass(frozen=True)
class Style:
    """One artist's faces."""

    name: str
    source: str
    x: float
    y: float
    side: float
    parts: dict[str, dict[str, list[str]]]
    """By emotion and part: the variants that may show it."""


@dataclass(frozen=True)
class Face:
    """One drawing."""

    style: str
    emotion: str
    options: dict[str, str]
    """Variant by part."""
    seed: int


def read_styles(folder: Path = HERE) -> dict[str, Style]:
    """The styles by name; an emotion is a style's where each of its parts has variants for it.

    Raises ValueError where the tables name an unknown emotion or style.
    """
    table: dict[str, dict[str, dict[str, list[str]]]] = {}
    for row in _rows(folder / "drawn_expressions.csv"):
        if row["emotion"] not in EMOTIONS:
            raise ValueError(f"drawn_expressions.csv: no emotion {row['emotion']!r}; there are {', '.join(EMOTIONS)}")
        table.setdefault(row["style"], {}).setdefault(row["emotion"], {})[row["part"]] = row["variants"].split()
    table["creatures"] = {emotion: {} for emotion in EMOTIONS}
    styles = {}
    for row in _rows(folder / "drawn_styles.csv"):
        own = table.pop(row["style"])
        most = max(len(parts) for parts in own.values())
        whole = {emotion: parts for emotion, parts in own.items() if len(parts) == most}
        x, y, side = (float(row[name]) for name in ("x", "y", "side"))
        styles[row["style"]] = Style(row["style"], row["source"], x, y, side, whole)
    if table:
        raise ValueError(f"drawn_expressions.csv: styles that drawn_styles.csv does not have: {', '.join(table)}")
    return styles


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def choose(styles: dict[str, Style], count: int, seed: int) -> list[Face]:
    """`count` faces by chance: sources by `SHARES`, then every style and every emotion of it equally often."""
    dice = Random(seed)
    sources = {one: [style for style in styles.values() if style.source == one] for one in SHARES}
    faces = []
    for source, share in SHARES.items():
        for number in range(round(count * share)):
            style = sources[source][number % len(sources[source])]
            emotions = sorted(style.parts)
            emotion = emotions[number // len(sources[source]) % len(emotions)]
            options = {part: dice.choice(variants) for part, variants in style.parts[emotion].items()}
            faces.append(Face(style.name, emotion, options, dice.randrange(10**9)))
    return faces


def svgs_of(faces: list[Face], styles: dict[str, Style], packages: Path) -> list[str]:
    """The drawings as SVG. packages: the folder into which `PACKAGES` were installed."""
    avatars = [one for one in faces if styles[one.style].source == "dicebear"]
    drawn = dict(zip(map(id, avatars), _avatars(avatars, packages), strict=True))
    icons: dict[str, Any] = {}
    found = []
    for face in faces:
        source = styles[face.style].source
        if source == "dicebear":
            found.append(drawn[id(face)])
        elif source == "emoji":
            if face.style not in icons:
                path = packages / "node_modules/@iconify-json" / face.style / "icons.json"
                icons[face.style] = json.loads(path.read_text(encoding="utf-8"))
            found.append(_icon(icons[face.style], face.options["icon"]))
        else:
            inside = creature(face.emotion, Random(face.seed))
            found.append(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-100 -100 200 200">{inside}</svg>')
    return found


def _icon(icons: dict[str, Any], name: str) -> str:
    icon = icons["icons"][name]
    width, height = (icon.get(one) or icons.get(one) or 16 for one in ("width", "height"))
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="0 0 {width} {height}">{icon["body"]}</svg>'


def _avatars(faces: list[Face], packages: Path) -> list[str]:
    script = packages / "avatars.mjs"  # beside node_modules, where node looks for packages
    script.write_text((HERE / "avatars.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    lines = []
    for face in faces:
        chance = {f"{name}Probability": percent for name, percent in RARE.items()}
        options = {part: [variant] for part, variant in face.options.items()}
        whole = {"seed": str(face.seed), "backgroundColor": ["transparent"]} | chance | options
        lines.append(json.dumps({"style": face.style, "options": whole}))
    done = subprocess.run(
        ["node", script.name], cwd=packages, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def rasterise(svg: str, style: Style) -> Raster:
    """The face's box of a drawing with what lies around it, straight alpha."""
    head, box = re.search(r"<svg[^>]*>", svg), re.search(r'viewBox="([^"]*)"', svg)
    if head is None or box is None:
        raise ValueError(f"{style.name}: a drawing without a viewBox")
    left, top, width, height = map(float, box[1].split())
    side = style.side * REGION * width
    x, y = left + style.x * width - side / 2, top + style.y * height - side / 2
    tag = re.sub(r'\s(width|height|viewBox|shape-rendering)="[^"]*"', "", head[0])
    tag = tag.replace(
        "<svg", f'<svg width="{RASTER}" height="{RASTER}" viewBox="{x:.4f} {y:.4f} {side:.4f} {side:.4f}"'
    )
    png = resvg_py.svg_to_bytes(svg_string=tag + svg[head.end() :], skip_system_fonts=True)
    image = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape[2] != 4:
        raise ValueError(f"{style.name}: a drawing that cannot be rasterised")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)


def vary(raster: Raster, dice: np.random.Generator) -> Pixels:
    """One picture of a face, RGB uint8 [SIZE, SIZE, 3]: other colors and lines, turned, on a background, compressed."""
    return varied(raster, dice)[0]


def varied(raster: Raster, dice: np.random.Generator) -> tuple[Pixels, NDArray[np.float64]]:
    """The picture of `vary`, and how much of each pixel the drawing covers, float64 [SIZE, SIZE], 0 to 1."""
    rgb, alpha = np.ascontiguousarray(raster[..., :3]), raster[..., 3]
    rgb[alpha == 0] = 255
    rgb = _recolored(rgb, dice)
    if dice.random() < 0.4:
        kernel = np.ones((int(dice.integers(2, 4)),) * 2, np.uint8)
        thick = dice.random() < 0.65
        lines = cv2.erode(rgb, kernel) if thick else cv2.dilate(rgb, np.ones((2, 2), np.uint8))
        rgb = np.asarray(lines, dtype=np.uint8)
    move = _move(dice)
    small = cv2.warpAffine(rgb, move, (SIZE, SIZE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(alpha, move, (SIZE, SIZE), flags=cv2.INTER_AREA)[..., None] / 255.0
    picture: Picture = np.asarray(small * cover + _background(dice) * (1 - cover), dtype=np.float64)
    if dice.random() < 0.12:
        picture = _covered(picture, dice)
    if dice.random() < 0.4:
        slope = _plane(dice)
        picture = picture * (1 + dice.uniform(0.1, 0.4) * slope[..., None])
    if dice.random() < 0.4:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.3, 1.1)), dtype=np.float64)
    picture = picture + dice.uniform(0, 5) * dice.standard_normal((SIZE, SIZE, 1))
    done: Pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if dice.random() < 0.6:
        _, data = cv2.imencode(".jpg", done, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(30, 96))])
        done = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return done, np.asarray(cover[..., 0], dtype=np.float64)


def _recolored(rgb: Pixels, dice: np.random.Generator) -> Pixels:
    kind = dice.random()
    if kind < 0.12:
        return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if kind < 0.62:
        hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + int(dice.integers(180))) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * dice.uniform(0.3, 1.4), 0, 255)
        rgb = np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), dtype=np.uint8)
    # White faces of line drawings get a skin: light colors are multiplied by one.
    tint = dice.uniform(0.45, 1, 3) if dice.random() < 0.6 else np.full(3, dice.uniform(0.6, 1))
    return np.asarray(rgb * tint, dtype=np.uint8)


def _move(dice: np.random.Generator) -> NDArray[np.float64]:
    """From the raster to the picture: turned, zoomed, stretched, sheared, shifted."""
    angle = np.deg2rad(dice.normal(0, 9))
    zoom = SIZE / RASTER * REGION / SHOWN * np.exp(dice.normal(0, 0.13))
    stretch, shear = np.exp(dice.normal(0, 0.06)), dice.normal(0, 0.06)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = zoom * turn @ np.array([[stretch, shear], [0, 1 / stretch]])
    middle = SIZE / 2 + dice.normal(0, 0.04, 2) * SIZE / SHOWN
    return np.column_stack([matrix, middle - matrix @ np.full(2, RASTER / 2)])


def _plane(dice: np.random.Generator) -> NDArray[np.float64]:
    """A slope across the picture, −1 to 1, in a direction by chance."""
    angle = dice.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    return np.asarray((np.cos(angle) * x + np.sin(angle) * y) / np.sqrt(2))


def _background(dice: np.random.Generator) -> Picture:
    """A flat color, a gradient, or soft patches."""
    one, other = dice.uniform(0, 255, (2, 3))
    kind = dice.random()
    if kind < 0.3:
        return np.broadcast_to(one, (SIZE, SIZE, 3))
    share = (_plane(dice) + 1) / 2
    if kind > 0.6:
        coarse = dice.uniform(0, 1, (int(dice.integers(2, 12)),) * 2)
        way = cv2.INTER_NEAREST if dice.random() < 0.4 else cv2.INTER_CUBIC
        share = np.clip(cv2.resize(coarse, (SIZE, SIZE), interpolation=way), 0, 1)
    return np.asarray(one * share[..., None] + other * (1 - share[..., None]))


def _covered(picture: Picture, dice: np.random.Generator) -> Picture:
    """Something in front of a part of the face."""
    place = tuple(int(one) for one in dice.integers(10, SIZE - 10, 2))
    axes = tuple(int(one) for one in dice.integers(6, 20, 2))
    color = tuple(float(one) for one in dice.uniform(0, 255, 3))
    front = np.ascontiguousarray(picture)
    cv2.ellipse(front, place, axes, float(dice.uniform(0, 180)), 0, 360, color, -1)
    return front
