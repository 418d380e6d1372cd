"""Freed memory is kept (with glibc, on Linux): counted as page faults, which the system counts for us."""

import subprocess
import sys

FAULTS = """
import resource, sys
import numpy as np
from pipeline.compute.malloc import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def step():
    blocks = [np.ones(1 << 20) for _ in range(3)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    found = subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True)
    return int(found.stdout)


def test_blocks_that_are_freed_are_used_again_without_the_system():
    # Three blocks of 8 MB, twenty times over, are about 120,000 pages of 4 kB.
    assert faults("leave") > 10_000
    assert faults("keep") < 1_000
