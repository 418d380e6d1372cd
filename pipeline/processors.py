"""How many processors this process may use. Linux tells; elsewhere the machine's number stands in for it."""

import os


def usable() -> int:
    """Processors that this process may run on: those it is bound to (`taskset`, a batch system), else the machine's."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
