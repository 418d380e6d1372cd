"""Floating-point arithmetic that repeats: the same instructions in the same order on every run, as far as torch allows.

Sums of floats depend on their order, and torch's libraries choose the order by the processor they find (AVX2, AVX-512,
…) and by the number of threads. So training pins both: AVX2, which x86-64 processors have had since 2013, and
`train.threads`. On one machine the same data and parameters then give the same bytes, however many cores it has. On
another machine with AVX2 the same instructions run, so the bytes are likely to be the same, but that is not promised:
oneDNN also looks at cache sizes. Without AVX2 they differ.

Measured with hill2017 on an AVX-512 processor (torch 2.13): not pinned, AVX-512 and AVX2 give different weights, and so
do 1 and 2 threads; pinned, 1, 2 and 4 threads give the same ones (3 and 8 do not), at about a sixth more time.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.utils.deterministic

INSTRUCTIONS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops: sums, softmax, pooling, the optimiser
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # dense layers on a GPU, which torch refuses to call deterministic without it
    "MKL_CBWR": "COMPATIBLE",  # dense layers; the only branch MKL promises on processors that are not Intel's
}


def pin_instructions() -> str:
    """Hold torch's libraries to `INSTRUCTIONS` where the environment says nothing else; return what torch will use.

    They read the environment at the first computation: call this before any, at the start of a process's `main`.
    """
    for variable, value in INSTRUCTIONS.items():
        os.environ.setdefault(variable, value)
    return torch.backends.cpu.get_cpu_capability()


_memory: Any = torch.utils.deterministic  # a module with a property, which type checkers do not see


@contextlib.contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Inside: deterministic algorithms only, `threads` threads, torch's generator seeded. After: all as it was."""
    deterministic, threads_before = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    filling = _memory.fill_uninitialized_memory
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # The same as use_deterministic_algorithms, which loads torch's compiler first: 1.7 s at every start.
        torch.set_deterministic_debug_mode("error")
        # Finds reads of memory nobody wrote, which is a bug hunter's tool: a seventh of the training time here.
        _memory.fill_uninitialized_memory = False
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_deterministic_debug_mode(deterministic)
            _memory.fill_uninitialized_memory = filling
            torch.set_num_threads(threads_before)
