"""What runs on Linux and macOS. `make lint` does more: mypy reads every use of the standard library as on macOS."""

import ast
import os

import pytest

from pipeline.cli import refuse_windows
from pipeline.processors import usable
from tests.support import ROOT

PACKAGES = ("pipeline", "cascades", "labeling")
ONLY_LINUX = ("/proc/", "/sys/", "/dev/shm")
GUARDED = {"pipeline/video/fetch.py": "fcntl", "pipeline/compute/malloc.py": "ctypes"}
"""The modules that call the system itself: each looks at `sys.platform` first."""


def modules() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.slow
def test_no_module_reads_the_files_that_only_linux_has() -> None:
    for name, tree in modules().items():
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not [text for text in texts if text.startswith(ONLY_LINUX)], name


@pytest.mark.slow
def test_only_guarded_modules_call_the_system() -> None:
    found = {name: imported(tree) & {"fcntl", "ctypes", "resource", "termios"} for name, tree in modules().items()}
    assert {name: used for name, used in found.items() if used} == {name: {used} for name, used in GUARDED.items()}
    for name in GUARDED:
        assert 'sys.platform != "linux"' in (ROOT / name).read_text(encoding="utf-8"), name


def test_as_many_processors_as_may_be_used() -> None:
    allowed = os.sched_getaffinity(0)
    assert usable() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_windows_is_refused_in_one_line() -> None:
    with pytest.raises(SystemExit, match=r"^toonset: Windows is not supported; use Linux, macOS or WSL [^\n]*$"):
        refuse_windows("win32")
    refuse_windows("linux")
    refuse_windows("darwin")
