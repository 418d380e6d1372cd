"""Settings of the C library's memory allocator, where its defaults cost more time than the computation.

A training step takes some tens of megabytes for the outputs of its layers and frees them. glibc returns blocks of this
size to the system at once, and the system clears every page again for the next step. hill2017 spent two fifths of its
time on that (`python -m benchmarks.training_speed`).
"""

import ctypes
import sys
from typing import Final

TRIM_THRESHOLD: Final = -1
"""glibc's `M_TRIM_THRESHOLD`: free bytes at the end of the heap above which they are returned."""
MMAP_THRESHOLD: Final = -3
"""glibc's `M_MMAP_THRESHOLD`: bytes from which a block is mapped on its own, and returned when it is freed."""


def keep_freed_memory(trim: int = 1 << 30, mapped: int = 32 << 20) -> bool:
    """Let this process keep up to `trim` bytes that it has freed, and take blocks up to `mapped` bytes from them.

    mapped: 32 MiB is the most that glibc takes. False where the C library is not glibc; nothing is changed then.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(TRIM_THRESHOLD, trim) and mallopt(MMAP_THRESHOLD, mapped))
