"""Kept kernels do not outlive the code that they were compiled from."""

import os
import subprocess
import sys
from pathlib import Path

KERNEL = """from numba import njit

from kernels.part import part

@njit(cache=True)
def whole(x):
    return 10 * part(x)
"""
PART = """from numba import njit

@njit(cache=True)
def part(x):
    return x + {}
"""
START = """from pathlib import Path

from cascades.stale import forget_stale_kernels

if {}:
    forget_stale_kernels(Path(__file__).parent)
"""


def answer(folder: Path) -> int:
    code = "from kernels.whole import whole; print(whole(1))"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def make(package: Path, part: int, guarded: bool) -> None:
    for name, text in {"__init__": START.format(guarded), "part": PART.format(part)}.items():
        (package / f"{name}.py").write_text(text)


def test_a_kernel_is_compiled_again_when_a_function_of_another_file_has_changed(tmp_path: Path) -> None:
    package = tmp_path / "kernels"
    package.mkdir()
    (package / "whole.py").write_text(KERNEL)
    make(package, 1, guarded=False)
    assert answer(tmp_path) == 20
    make(package, 100, guarded=False)
    assert answer(tmp_path) == 20, "numba sees such changes by itself now: cascades.stale is not needed"
    make(package, 100, guarded=True)
    assert answer(tmp_path) == 1010
    kept = {path: path.stat().st_mtime_ns for path in package.glob("__pycache__/*.nbi")}
    assert kept
    assert answer(tmp_path) == 1010
    assert kept == {path: path.stat().st_mtime_ns for path in package.glob("__pycache__/*.nbi")}
