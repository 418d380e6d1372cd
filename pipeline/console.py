"""What a person sees while a stage runs: a progress bar with a rate, and one line of counts at its end."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm


def progress(iterable: Iterable[Any] | None = None, *, desc: str, unit: str, total: int | None = None) -> "tqdm[Any]":
    """A tqdm bar; in a log file, where each redraw is a line, it redraws every ten seconds only."""
    interval = 0.2 if sys.stderr.isatty() else 10.0
    return tqdm(iterable, desc=desc, unit=f" {unit}", total=total, mininterval=interval, dynamic_ncols=True)


def say_counts(stage: str, counts: Mapping[str, int | float | str]) -> None:
    """The stage's last line: `stage: 3 episodes, 3 ok, 0 rejected`."""
    cells = [f"{value} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in counts.items()]
    print(f"{stage}: {', '.join(cells)}", flush=True)
