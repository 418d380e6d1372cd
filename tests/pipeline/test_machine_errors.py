"""No room, no right, no memory: what the libraries really raise becomes one line that says what to do."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch

from pipeline.errors import machine_errors, of_the_machine
from tests.support import ROOT

TOO_MUCH = 1 << 50
"""Bytes that no machine has."""


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: np.empty(TOO_MUCH, np.uint8),
        lambda: torch.empty(TOO_MUCH, dtype=torch.uint8),
        lambda: cv2.resize(np.zeros((9, 9), np.uint8), (1 << 30, 1 << 20)),
        lambda: pa.allocate_buffer(TOO_MUCH),
        lambda: bytearray(TOO_MUCH),
    ],
    ids=["numpy", "torch", "cv2", "pyarrow", "python"],
)
def test_too_little_memory_is_one_line(allocate: Callable[[], object]) -> None:
    with pytest.raises(machine_errors()) as raised:
        allocate()
    said = of_the_machine(raised.value)
    assert said is not None
    assert said.startswith("there is not enough memory (")
    assert "\n" not in said
    assert len(said) < 500


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EFBIG, "make room"),
        (errno.EROFS, "permissions"),
        (errno.EACCES, "permissions"),
    ],
)
def test_no_room_and_no_right_are_one_line(number: int, advice: str) -> None:
    said = of_the_machine(OSError(number, os.strerror(number), "data/x.parquet"))
    assert said is not None
    assert said.startswith(f"data/x.parquet: {os.strerror(number)}: ")
    assert advice in said


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    assert of_the_machine(RuntimeError("dictionary changed size during iteration")) is None


@pytest.mark.slow
def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data").write_text("a file where a folder should be")
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "stage", "download"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert done.stderr.startswith("toonset: data")
