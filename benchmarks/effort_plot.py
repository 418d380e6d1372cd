"""docs/effort.png from the runs of `benchmarks.effort`: `python -m benchmarks.effort_plot`. Prints their means too, ±
the standard deviation over the seeds.

A panel for each show: average precision at IoU 0.3 against the annotator's minutes, a dot for each run, lines through
the means.
"""

from pathlib import Path
from typing import Final

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.effort import RUNS
from pipeline.pages.plots import new_figure, save, style

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "effort.png"
TITLES: Final = {"film": "film, 4 characters", "drawn": "excerpts, 3 characters", "ten": "drawn show, 10 characters"}
DRAWN, NEW, FIRST = "boxes only", "named groups, corrections", "the same, more boxes first"
COLORS: Final = {DRAWN: "#b35806", NEW: "#1f6fb2", FIRST: "#35978f"}


def read() -> pd.DataFrame:
    """The runs, with the `line` of the plot on which each lies."""
    runs = pd.read_csv(RUNS)
    return runs.assign(line=runs["way"].map({"new": NEW, "boxes-first": FIRST}).fillna(DRAWN))


def means(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each point: means over the seeds, and the standard deviation of what is measured."""
    points = runs.groupby(["show", "line", "way", "after"], sort=False)
    table = points.agg(
        seeds=("seed", "size"),
        minutes=("minutes", "mean"),
        boxes=("boxes", "mean"),
        named=("named", "mean"),
        corrected=("corrected", "mean"),
        ap=("ap", "mean"),
        ap_sd=("ap", "std"),
        strict=("ap_strict", "mean"),
        recall=("recall", "mean"),
        recall_sd=("recall", "std"),
    )
    return table.reset_index().sort_values(["show", "line", "minutes"], ignore_index=True)


def panel(axes: Axes, show: str, runs: pd.DataFrame, points: pd.DataFrame) -> None:
    for line, color in COLORS.items():
        own, middle = runs[runs["line"] == line], points[points["line"] == line]
        axes.plot(own["minutes"], own["ap"], "o", color=color, alpha=0.35, markersize=4, markeredgewidth=0)
        axes.plot(middle["minutes"], middle["ap"], "o-", color=color, label=line, markersize=6)
    axes.set_title(TITLES[show], size=10)
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("minutes of the annotator")
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


@style()
def draw(runs: pd.DataFrame, path: Path) -> None:
    """The picture as PNG."""
    points = means(runs)
    shows = [show for show in TITLES if show in set(runs["show"])]
    figure = new_figure(3.3 * len(shows), 3.5)
    for axes, show in zip(figure.subplots(1, len(shows), squeeze=False)[0], shows, strict=True):
        panel(axes, show, runs[runs["show"] == show], points[points["show"] == show])
    first = figure.axes[0]
    first.set_ylabel("average precision (IoU 0.3)")
    first.legend(loc="lower right", frameon=False, fontsize=9)
    save(figure, path)


def main() -> None:
    runs = read()
    draw(runs, PICTURE)
    print("| show | way | seeds | minutes | boxes drawn | faces named | frames corrected | AP, IoU 0.3 | AP, IoU 0.5 | "
          "recall at 0.1 |\n|" + "---|" * 10)  # fmt: skip
    for row in means(runs).to_dict("records"):
        cells = [row["show"], f"{row['way']}, {row['after']}", row["seeds"], f"{row['minutes']:.1f}"]
        cells += [f"{row[name]:.0f}" for name in ("boxes", "named", "corrected")]
        cells += [f"{row['ap']:.3f} ± {row['ap_sd']:.3f}", f"{row['strict']:.3f}"]
        print("| " + " | ".join(map(str, [*cells, f"{row['recall']:.3f} ± {row['recall_sd']:.3f}"])) + " |")


if __name__ == "__main__":
    main()
