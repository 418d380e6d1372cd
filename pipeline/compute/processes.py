"""A pool of processes on this machine in which the death of a process affects one task only.

The standard library's pool breaks as a whole if one of its processes dies. Here every slot is such a pool with one
process. A broken one is replaced, and the tasks in the other slots continue.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class Processes(Executor):
    """An executor of `slots` processes; a task whose process dies raises BrokenProcessPool, and no other task does."""

    death: type[Exception] = BrokenProcessPool

    def __init__(self, slots: int) -> None:
        # spawn, not fork: forking a process in which numba or OpenCV has started threads can hang.
        self._context = multiprocessing.get_context("spawn")
        self._slots = slots
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="slot")
        # The last one used first: its process is there already.
        self._pools: LifoQueue[ProcessPoolExecutor] = LifoQueue()
        self._watched, self._lifeline = self._context.Pipe(duplex=False)
        for _ in range(slots):
            self._pools.put(self._pool())

    def processors(self) -> int:
        """How many tasks run at once."""
        return self._slots

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> "Future[Result]":
        """Run `fn(*args, **kwargs)` in the next process that is free."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def wait(self, futures: "Sequence[Future[Any]]") -> None:
        """Return when all of them are done."""
        wait(futures)

    def close(self) -> None:
        """End every process, whatever it is doing."""
        self._lifeline.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        while not self._pools.empty():
            self._pools.get().shutdown()
        self._watched.close()

    def _pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=(self._watched,))

    def _run(self, fn: Callable[..., Result], args: Any, kwargs: Any) -> Result:
        pool = self._pools.get()
        try:
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = self._pool()
            raise
        finally:
            self._pools.put(pool)


def _begin(lifeline: Connection) -> None:
    """Make this process end with the one that started it, even if that one is killed."""
    # At Ctrl-C every process gets the signal; one of them tells the user.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()  # nothing is ever sent: it ends when the other end is closed or its process is gone
    except (EOFError, OSError):
        os._exit(1)
