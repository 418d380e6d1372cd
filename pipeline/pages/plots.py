"""Pictures for reports, drawn by matplotlib without a screen: the same numbers give the same bytes."""

import contextlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from numpy.typing import NDArray

from pipeline.images import Pixels, shrink
from pipeline.tables import replacing

DPI: Final = 120
STYLE: Final[Any] = {"font.family": "DejaVu Sans", "font.size": 10.0, "text.color": "#222222"}
"""The font that matplotlib brings with it, so that no machine's own fonts show."""
THUMBNAIL: Final = 96
"""Side of a face in `mistakes`, px."""
COLUMNS: Final = 6


@dataclass(frozen=True)
class Mistake:
    """A test face with a wrong answer."""

    rgb: Pixels
    actual: str
    predicted: str
    probability: float
    character: str


@contextlib.contextmanager
def style() -> Iterator[None]:
    """matplotlib's own defaults and `STYLE`, whatever the user's matplotlibrc says."""
    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)
        yield


def drawn(name: str, identity: str) -> str:
    """The name as matplotlib can draw it with its own font: the id where a character has no glyph there.

    Right-to-left names are among them: matplotlib puts the letters in the order in which they are stored.
    """
    glyphs = get_font(findfont("DejaVu Sans")).get_charmap()
    good = all(ord(one) in glyphs and unicodedata.bidirectional(one) not in ("R", "AL") for one in name)
    return name if good else identity


@style()
def draw_confusion(path: Path, counts: NDArray[np.int64], emotions: Sequence[str]) -> None:
    """The confusion matrix as PNG: each cell shows its count and its share of the row, which colors it.

    counts: [K, K], rows the actual emotion, columns the predicted one.
    """
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    k, n = len(emotions), int(counts.sum())
    figure = new_figure(2.4 + 0.95 * k, 2.0 + 0.8 * k)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(k):
        for column in range(k):
            color = "white" if shares[row, column] > 0.55 else "#222222"
            axes.text(column, row - 0.12, str(counts[row, column]), ha="center", va="center", color=color, size=12)
            share = f"{shares[row, column]:.0%}" if totals[row, 0] else "–"
            axes.text(column, row + 0.22, share, ha="center", va="center", color=color, size=8)
    axes.set_xticks(range(k), emotions, rotation=0 if k <= 6 else 45, ha="center" if k <= 6 else "right")
    axes.set_yticks(range(k), [f"{name}  ({total})" for name, total in zip(emotions, totals[:, 0], strict=True)])
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual (faces)")
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(1, k) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, k) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    right = int(np.trace(counts))
    axes.set_title(f"{right} of {n} test faces right" if n else "no test faces", size=12, pad=10)
    save(figure, path)


@style()
def draw_mistakes(path: Path, mistakes: Sequence[Mistake], total: int) -> None:
    """Misclassified faces as PNG, each with its actual and predicted emotion.

    mistakes: in the order to show them, the most confident first; total: how many there are, shown or not.
    """
    rows = max(1, -(-len(mistakes) // COLUMNS))
    figure = new_figure(1.55 * COLUMNS, 0.75 + 2.1 * rows)
    title = f"{total} test face{'s' * (total != 1)} with a wrong answer" + (
        f", the {len(mistakes)} most confident" if len(mistakes) < total else ""
    )
    figure.suptitle(f"{title} (label → answer)" if total else "no test face has a wrong answer", size=12)
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, mistake in zip(grid.flat, mistakes, strict=False):
        axes.imshow(shrink(mistake.rgb, THUMBNAIL, THUMBNAIL))
        label = f"{mistake.actual}\n→ {mistake.predicted} {mistake.probability:.0%}"
        axes.set_title(label, size=9, pad=4, linespacing=1.3)
        axes.text(
            0.5, -0.06, mistake.character, transform=axes.transAxes, ha="center", va="top", size=7.5, color="#777777"
        )
    save(figure, path)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches; not pyplot's, which keeps a global list of them."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
