"""Where the work runs: a pool of processes on this machine, one task per item, results in the order of the items."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from pipeline.console import progress
from pipeline.params import Compute

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores(compute: Compute) -> int:
    """How many processors the work may use."""
    return compute.workers or os.cpu_count() or 1


def each(
    function: Callable[[Item], Result], items: Sequence[Item], compute: Compute, *, desc: str, unit: str
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order, worked on in parallel, with a progress bar.

    `function` and the items must be picklable (a module-level function, or `functools.partial` of one).
    """
    workers = min(cores(compute), len(items))
    if workers <= 1:
        yield from map(function, progress(items, desc=desc, unit=unit))
        return
    # spawn, not fork: forking a process in which numba or OpenCV has started threads can hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from progress(pool.map(function, items), desc=desc, unit=unit, total=len(items))
