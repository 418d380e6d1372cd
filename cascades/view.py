"""A picture that shows how a cascade works: its features, and where in an image its windows fall out.

`survivors` runs the first stage alone, then the first two, and so on: what is left after each is what OpenCV would have
left there too.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cascades.detector import Detector, Windows
from cascades.features import HaarFeatures
from cascades.model import Cascade
from cascades.pyramid import grid, layout, scales, stripes

WIDTH: Final = 960  # px of the page
EDGE: Final = 16
TILE: Final = 104
ROWS, COLUMNS = 4, 8  # stages and features drawn
CELL: Final = 6  # px of the page that a window's middle colors
BARS: Final = 150
INK, PAPER, BAR, FOUND = "#202124", "#ffffff", "#4c78a8", "#00b050"
PLANE_NAMES: Final = ("gray", "blue", "red")  # Cb says how blue a pixel is, Cr how red
COLD, HOT = np.array([255, 236, 160]), np.array([200, 0, 30])


@dataclass(frozen=True, eq=False)
class Survivors:
    """Windows of an image: how many there are, and those left after each stage, with what a stage left first."""

    looked_at: int
    after: tuple[Windows, ...]

    @property
    def counts(self) -> list[int]:
        return [len(windows.boxes) for windows in self.after]


def survivors(
    cascade: Cascade, gray: NDArray[np.uint8], chroma: NDArray[np.uint8], scale_factor: float = 1.1
) -> Survivors:
    """Windows of an image after each stage; gray uint8[H, W], chroma uint8[2, H, W] for cascades that look at color."""
    size = (gray.shape[1], gray.shape[0])
    levels = [layout(size, scale) for scale in scales(size, cascade.window, scale_factor)]
    count = 0
    for level in levels:
        columns, rows = grid(level, cascade.window, stripes(levels[0], cascade.window))
        count += columns * rows
    parts = [replace(cascade, stages=cascade.stages[: n + 1]) for n in range(len(cascade.stages))]
    return Survivors(
        count, tuple(Detector([p], scale_factor=scale_factor).windows(gray, chroma=chroma)[0] for p in parts)
    )


def draw_view(cascade: Cascade, rgb: NDArray[np.uint8], gray: NDArray[np.uint8], found: Survivors) -> Image.Image:
    """The page: the image with its windows, the windows left after each stage, and the first features."""
    scale = (WIDTH - 2 * EDGE) / rgb.shape[1]
    shown = Image.fromarray(rgb).resize((WIDTH - 2 * EDGE, max(round(rgb.shape[0] * scale), 1)))
    stages = min(ROWS, len(cascade.stages))
    features = 40 + stages * (TILE + 28)
    page = Image.new("RGB", (WIDTH, shown.height + BARS + features + 6 * EDGE + 40), PAPER)
    draw = ImageDraw.Draw(page)
    page.paste(_where(shown, found, scale), (EDGE, EDGE))
    y = EDGE + shown.height + 8
    deepest = "no window passed every stage" if not found.counts[-1] else f"{found.counts[-1]:,} passed every stage"
    text = f"Red: windows around here came far. Green: {deepest} of {len(cascade.stages)}."
    draw.text((EDGE, y), text, INK, _font(14))
    y += 32
    _bars(draw, y, found)
    y += BARS + 2 * EDGE
    _features(page, y, cascade, _example(gray, found, cascade.window))
    return page


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _where(shown: Image.Image, found: Survivors, scale: float) -> Image.Image:
    """The image with the middles of windows, redder the more stages they passed, and boxes around those that passed."""
    pixels = np.asarray(shown).astype(np.float64) * 0.6 + 255 * 0.4
    count = len(found.after)
    reached = np.zeros((shown.height // CELL + 1, shown.width // CELL + 1), np.int64)
    for number, windows in enumerate(found.after, 1):
        middle = (windows.boxes[:, :2] + windows.boxes[:, 2:] / 2) * scale / CELL
        reached[middle[:, 1].astype(np.int64), middle[:, 0].astype(np.int64)] = number
    large = reached.repeat(CELL, axis=0).repeat(CELL, axis=1)[: shown.height, : shown.width, None]
    share = large / count
    color = COLD + (HOT - COLD) * share
    seen = large >= max(2, count // 3)  # nearly everything passes the first stages
    page = Image.fromarray(np.where(seen, color, pixels).astype(np.uint8))
    draw = ImageDraw.Draw(page)
    for x, y, w, h in (found.after[-1].boxes * scale).tolist():
        draw.rectangle((x, y, x + w, y + h), outline=FOUND, width=2)
    return page


def _bars(draw: ImageDraw.ImageDraw, top: int, found: Survivors) -> None:
    """The windows left after each stage, on a logarithmic scale."""
    draw.text((EDGE, top), f"Windows left after each stage, of {found.looked_at:,} (each line: ten times more)", INK,
              _font(14))  # fmt: skip
    counts = [found.looked_at, *found.counts]
    most = np.log10(max(found.looked_at, 10)) + 0.3
    width = (WIDTH - 2 * EDGE) / len(counts)
    bottom = top + BARS
    for power in range(int(most) + 1):
        y = bottom - 16 - (BARS - 56) * power / most
        draw.line((EDGE, y, WIDTH - EDGE, y), "#e0e0e0")
    for number, count in enumerate(counts):
        x = EDGE + number * width
        height = (BARS - 56) * (np.log10(count) + 0.3) / most if count else 0
        draw.rectangle((x + 2, bottom - 16 - height, x + width - 3, bottom - 16), BAR)
        draw.text((x + width / 2, bottom - 18 - height), _short(count), INK, _font(11), anchor="mb")
        draw.text((x + width / 2, bottom - 12), str(number) if number else "all", INK, _font(11), anchor="mt")


def _short(count: int) -> str:
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k" if count >= 1e4 else str(count)


def _example(gray: NDArray[np.uint8], found: Survivors, window: tuple[int, int]) -> Image.Image:
    """The window that came furthest and was surest, at the size of a tile: the features are drawn over it."""
    for windows in reversed(found.after):
        if len(windows.boxes):
            x, y, w, h = windows.boxes[int(np.argmax(windows.margins))].tolist()
            cut = Image.fromarray(gray[y : y + h, x : x + w])
            break
    else:
        cut = Image.new("L", window, 128)
    longer = max(window)
    return cut.resize((TILE * window[0] // longer, TILE * window[1] // longer)).convert("RGB")


def _features(page: Image.Image, top: int, cascade: Cascade, example: Image.Image) -> None:
    """The first features of the first stages, over the window that came furthest."""
    draw = ImageDraw.Draw(page)
    light = "What lies under white minus what lies under black" if isinstance(cascade.features, HaarFeatures) else (
        "Eight blocks are compared with the one in their middle")  # fmt: skip
    draw.text((EDGE, top), f"First features, over the window that came furthest. {light}.", INK, _font(14))
    top += 28
    for number, stage in enumerate(cascade.stages[:ROWS]):
        more = f", the first {COLUMNS}" if len(stage.trees) > COLUMNS else ""
        draw.text((EDGE, top), f"Stage {number + 1} of {len(cascade.stages)}: {len(stage.trees)} trees{more}", INK,
                  _font(12))  # fmt: skip
        for column, tree in enumerate(stage.trees[:COLUMNS]):
            tile = _feature(example, cascade, int(tree.feature[0]))
            page.paste(tile, (EDGE + column * (TILE + 12), top + 18))
        top += TILE + 28


def _feature(example: Image.Image, cascade: Cascade, index: int) -> Image.Image:
    tile = example.copy()
    scale = tile.width / cascade.window[0]
    draw = ImageDraw.Draw(tile, "RGBA")
    features = cascade.features
    if not isinstance(features, HaarFeatures):
        x, y, w, h = features.rects[index].tolist()
        for row in range(3):
            for column in range(3):
                left, top = (x + column * w) * scale, (y + row * h) * scale
                fill = (0, 0, 0, 150) if row == column == 1 else (255, 255, 255, 90)
                draw.rectangle((left, top, left + w * scale, top + h * scale), fill, (0, 0, 0, 255))
        return tile
    for (x, y, w, h), weight in zip(features.rects[index].tolist(), features.weights[index].tolist(), strict=True):
        if weight == 0:
            continue
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        if features.tilted[index]:  # turned by 45°: w to the right and down, h to the left and down
            corners = [(x, y), (x + w, y + w), (x + w - h, y + w + h), (x - h, y + h)]
        fill = (255, 255, 255, 210) if weight > 0 else (0, 0, 0, 190)
        draw.polygon([(px * scale, py * scale) for px, py in corners], fill, (90, 90, 90, 255))
    if features.plane[index]:
        name = PLANE_NAMES[int(features.plane[index])]
        draw.text((3, 2), name, "#d62728", _font(13), stroke_width=2, stroke_fill=PAPER)
    return tile
