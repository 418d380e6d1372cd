"""Where the work runs: processes on this machine, or a Dask cluster if `compute.scheduler` names one.

Both are a `concurrent.futures.Executor`, and `each` treats them alike. Results come in the order of the items. Only a
limited number of tasks is in progress at a time. If a worker dies, only its task is affected, and it is tried again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pipeline.compute.dask_cluster import Cluster
from pipeline.compute.processes import Processes
from pipeline.console import progress
from pipeline.errors import TaskLost
from pipeline.params import Compute
from pipeline.processors import usable

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD: Final = 2
"""Tasks in progress per processor, waiting results included. This limits memory, however many items there are."""
ATTEMPTS: Final = 3
"""Times a task is tried whose worker dies under it; the last time nothing else runs beside it."""


Crew = Processes | Cluster
"""Who does the work: both have `submit`, `wait`, `processors`, `close`, and `death`, which a worker's death raises."""


def cores(compute: Compute) -> int:
    """How many processors one task's own threads may reckon with, all tasks together; on a cluster, one."""
    return 1 if compute.scheduler else compute.workers or usable()


def each(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    compute: Compute,
    *,
    desc: str,
    unit: str,
    lost: Callable[[Item, TaskLost], Result] | None = None,
    total: int | None = None,
    alone: bool = False,
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order, worked on in parallel, with a progress bar.

    function, items: picklable (a module-level function, or `functools.partial` of one). Items are taken one by one as
    workers are free for them; `total` says how many there are where they have no length.
    lost: makes the result of an item whose worker died at every attempt; without it, TaskLost is raised.
    What `function` raises is raised here when its item's turn comes. With `compute.workers` 1 the work runs in this
    very process, where nothing guards against its death.
    alone: a single item is worked on in this very process too: it can use all processors, and show bars of its own.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if total == 0:
        return
    if alone and total == 1:
        yield from map(function, items)
        return
    with progress(desc=desc, unit=unit, total=total) as bar:
        for result in _results(function, items, compute, lost):
            bar.update()
            yield result


def _results(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    compute: Compute,
    lost: Callable[[Item, TaskLost], Result] | None,
) -> Iterator[Result]:
    if compute.workers == 1 and not compute.scheduler:
        yield from map(function, items)
        return
    crew: Crew = Cluster(compute.scheduler) if compute.scheduler else Processes(cores(compute))
    try:
        yield from _in_order(function, iter(items), crew, lost)
    finally:
        crew.close()


@dataclass
class _Task(Generic[Item, Result]):
    """An item and what becomes of it."""

    item: Item
    future: "Future[Result]"


def _in_order(
    function: Callable[[Item], Result],
    items: Iterator[Item],
    crew: Crew,
    lost: Callable[[Item, TaskLost], Result] | None,
) -> Iterator[Result]:
    flying: deque[_Task[Item, Result]] = deque()
    while True:
        most = max(1, AHEAD * crew.processors())
        while len(flying) < most:
            try:
                item = next(items)
            except StopIteration:
                break
            flying.append(_Task(item, crew.submit(function, item)))
        if not flying:
            return
        first = flying[0]
        try:
            result = _outcome(function, flying, crew)
        except TaskLost as error:
            if lost is None:
                raise
            result = lost(first.item, error)
        flying.popleft()
        yield result


def _outcome(function: Callable[[Item], Result], flying: "deque[_Task[Item, Result]]", crew: Crew) -> Result:
    """What the first task gives, tried again where its worker died. Raises TaskLost after ATTEMPTS deaths."""
    first = flying[0]
    for attempt in range(1, ATTEMPTS + 1):
        crew.wait([first.future])
        try:
            return first.future.result()
        except crew.death:
            if attempt == ATTEMPTS:
                break
        if attempt + 1 == ATTEMPTS:
            # Alone, so that it cannot be blamed for what another task did to a worker that both were given to.
            crew.wait([task.future for task in flying])
        first.future = crew.submit(function, first.item)
    raise TaskLost(
        f"the process working on it died {ATTEMPTS} times: out of memory, or a fault in a library that this input "
        "brings out"
    )
