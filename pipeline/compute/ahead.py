"""One thread that prepares the next items while the last ones are used: decoding beside searching."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the items in order, taking up to `most` of them in advance in a thread of its own.

    What the iteration raises is raised here. An item that is None ends it.
    """
    rest = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        flying: deque[Future[Item | None]] = deque()
        try:
            flying += (thread.submit(next, rest, None) for _ in range(max(1, most)))
            while (item := flying.popleft().result()) is not None:
                flying.append(thread.submit(next, rest, None))
                yield item
        finally:
            for waiting in flying:
                waiting.cancel()
