"""Sharing out the levels of a pyramid among threads: as many as the picture is worth, the caller's own among them."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

PIXELS_EACH = 250_000
"""Pixels of a pyramid, all levels together, that make a further thread worth its start: docs/benchmarks.md, Threads."""


class Workers:
    """Threads for one job list at a time or several. Safe to use from several threads at once.

    threads  at most so many work on one list, the caller included
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor: Executor | None = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def results(self, work: Callable[[Job], Result], jobs: Sequence[Job], pixels: int) -> list[Result]:
        """What the work gives for each job, in the jobs' order; pixels: of the whole pyramid."""
        count = min(threads_for(pixels, self.threads), len(jobs))
        if self._executor is None or count < 2:
            return [work(job) for job in jobs]
        waiting, found = deque(enumerate(jobs)), {}

        def take() -> None:
            """Work on what waits, until nothing does: large levels come first, so all are done at about one time."""
            while True:
                try:
                    number, job = waiting.popleft()
                except IndexError:
                    return
                found[number] = work(job)

        helpers = [self._executor.submit(take) for _ in range(count - 1)]
        take()
        for helper in helpers:
            if not helper.cancel():  # it has begun
                helper.result()
        return [found[number] for number in range(len(jobs))]


def threads_for(pixels: int, most: int) -> int:
    """How many threads a pyramid of so many pixels is worth."""
    return max(1, min(most, pixels // PIXELS_EACH))
