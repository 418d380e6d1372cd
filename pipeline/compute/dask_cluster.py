"""A Dask cluster as the place where work runs: `compute.scheduler: tcp://host:8786`.

Workers read and write the project's files themselves, so they must see the project's directory, under the same path,
on a file system that all machines share; every task checks that before it begins.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pipeline.caches import cache_folder
from pipeline.errors import SetupError, StageError
from pipeline.version import VERSION

Item = TypeVar("Item")
Result = TypeVar("Result")

CONNECT_S: Final = 15
"""Seconds until a scheduler that does not answer counts as not there."""
WATCH_S: Final = 2
"""Seconds between looks at whether the scheduler is still there."""


LOGGERS: Final = ("distributed", "distributed.client", "tornado.application")
"""Dask prints tracebacks when a connection breaks; what went wrong is said in our own line."""


class Cluster:
    """The workers of a Dask scheduler. A task whose workers die again and again raises `death`."""

    def __init__(self, address: str) -> None:
        """Connect. Raises SetupError if dask is not installed or no scheduler answers."""
        try:
            from distributed import Client, KilledWorker
        except ImportError as error:
            raise SetupError(
                f"compute.scheduler is {address}, which needs dask, which is not installed: `pip install distributed` "
                "here, and wherever the scheduler and the workers run, the same version"
            ) from error
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SetupError(
                f"compute.scheduler is {address}, but no Dask scheduler answers there ({error}): start one with "
                f"`dask scheduler --host {address.split('://')[1].rsplit(':', 1)[0]}`, or set compute.scheduler to null"
            ) from error
        self._address = address
        self.death: type[Exception] = KilledWorker
        folder = cache_folder("cluster")
        for stale in folder.iterdir():
            stale.unlink()
        self._connection = self._client.scheduler_comm
        self._token = folder / uuid.uuid4().hex
        self._token.touch()
        if not self.processors():
            print(f"{address} has no worker yet; `dask worker {address} --nthreads 1` starts one", flush=True)

    def processors(self) -> int:
        """How many tasks the workers there are now run at once."""
        self._check()
        try:
            return int(sum(self._client.nthreads().values()))
        except OSError as error:  # it went between the two lines
            raise self._gone() from error

    def submit(self, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
        """Run `function(item)` in the project's directory on the next worker that is free."""
        self._check()
        there = InProject(function, str(Path.cwd()), str(self._token), VERSION)
        here: Future[Result] = Future()
        self._client.loop.add_callback(_hand_on, self._client.submit(there, item, pure=False), here)
        return here

    def wait(self, futures: "Sequence[Future[Any]]") -> None:
        """Return when all of them are done."""
        # A future may never end when the connection breaks while its result is fetched.
        while wait(futures, timeout=WATCH_S).not_done:
            self._check()
        if any(future.cancelled() for future in futures):
            raise self._gone()

    def _check(self) -> None:
        """Raise StageError unless the connection is the one that the work was given to."""
        if self._client.status != "running" or self._client.scheduler_comm is not self._connection:
            raise self._gone()

    def _gone(self) -> StageError:
        return StageError(
            f"the connection to the scheduler at {self._address} was lost: see that it and its workers run, then run "
            "this again; what was finished is kept"
        )

    def close(self) -> None:
        """Take back what has not begun and leave the cluster; the workers are not ours to end."""
        self._token.unlink(missing_ok=True)
        self._client.close()


async def _hand_on(there: Any, here: "Future[Any]") -> None:
    """Wait for a future of dask and give what comes of it to one of the standard library.

    Dask's own executor does the same, but waits for ever if a worker dies while its result is fetched.
    """
    try:
        result = await there
    except (asyncio.CancelledError, CancelledError):
        here.cancel()
        here.set_running_or_notify_cancel()  # wakes whoever waits
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        here.set_exception(error)
    else:
        here.set_result(result)


@dataclass(frozen=True)
class InProject(Generic[Item, Result]):
    """A function that runs in the directory of a project, as the version of toonset that sent it."""

    function: Callable[[Item], Result]
    folder: str
    token: str
    version: str

    def __call__(self, item: Item) -> Result:
        """`function(item)`. Raises SetupError on a machine that does not share the project."""
        here = f"a worker on {os.uname().nodename}"
        if not (Path(self.folder) / self.token).exists():
            raise SetupError(
                f"{here} does not see the project's directory {self.folder}: every worker needs it under the same "
                "path, on a file system that all machines share (docs/scaling.md)"
            )
        if self.version != VERSION:
            raise SetupError(
                f"{here} runs toonset {VERSION}, this is {self.version}: install the same one everywhere, then "
                "restart the workers"
            )
        os.chdir(self.folder)  # each time: the one that this worker is in may have been deleted and made anew
        return self.function(item)
