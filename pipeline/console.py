"""Output of a running stage: a progress bar with a rate, and one line of counts at the end."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from multiprocessing import parent_process
from threading import RLock
from typing import Any

from tqdm import tqdm

from cascades.words import noun

# Only one process draws. The lock that tqdm makes by itself is shared between processes: workers would leave it behind,
# and Python would warn of it.
tqdm.set_lock(RLock())


def progress(iterable: Iterable[Any] | None = None, *, desc: str, unit: str, total: int | None = None) -> "tqdm[Any]":
    """A tqdm bar; in a log file, where each redraw is a line, it redraws every ten seconds only.

    None in a process that works for another one, which shows how many such tasks are done.
    """
    interval = 0.2 if sys.stderr.isatty() else 10.0
    hidden = parent_process() is not None
    unit = f" {unit}"
    return tqdm(iterable, desc=desc, unit=unit, total=total, mininterval=interval, dynamic_ncols=True, disable=hidden)


def say_counts(stage: str, counts: Mapping[str, int | float | str]) -> None:
    """The stage's last line: `stage: 3 episodes, 3 ok, 0 rejected`."""
    cells = [
        f"{value} {noun(value, name)}" if isinstance(value, int) else f"{name} {value}"
        for name, value in counts.items()
    ]
    print(f"{stage}: {', '.join(cells)}", flush=True)


def say_reasons(stage: str, what: str, reasons: Iterable[str], most: int = 8) -> None:
    """Why rows were not used, a line for each reason, the commonest first: `stage: 53 boxes: 'chip' is not …`.

    what: the rows, in the plural. Reasons that differ in their numbers only are one; the first of them is shown.
    """
    kinds: dict[str, list[str]] = {}
    for reason in reasons:
        kinds.setdefault(re.sub(r"\d+", "#", reason), []).append(reason)
    counts = Counter({kind: len(found) for kind, found in kinds.items()})
    for kind, count in counts.most_common(most):
        first = kinds[kind][0]
        example = "such as: " if set(kinds[kind]) != {first} else ""
        print(f"{stage}: {count} {noun(count, what)}: {example}{first}", flush=True)
    if len(counts) > most:
        rest = counts.total() - sum(n for _, n in counts.most_common(most))
        print(f"{stage}: {rest} {noun(rest, what)}: other reasons")
