"""A turn of the soak: kills of every stage and damaged inputs of every kind."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import rows_in, table
from benchmarks.soak_inputs import KINDS
from benchmarks.soak_show import STAGES
from tests.support import ROOT


def soak(folder: Path, settings: str) -> int:
    """How many faults a soak finds, in a process of its own: it forks, and other tests' threads do not survive that."""
    code = f"import pathlib, sys; from benchmarks.soak import run; sys.exit(run(pathlib.Path(sys.argv[1]), {settings}))"
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.returncode


@pytest.mark.slow
def test_a_turn_of_kills_and_damaged_inputs_finds_no_fault_and_the_next_one_goes_on(tmp_path: Path) -> None:
    first = STAGES[:8]  # the others import torch, and take most of the time
    assert soak(tmp_path, f"minutes=0, flow=False, stages={first!r}") == 0
    rows = rows_in(tmp_path / "results.jsonl")
    assert {row["kind"] for row in rows} >= {f"toonset stage {stage.split()[0]}" for stage in first}
    assert {row["kind"] for row in rows} >= {kind.name for kind in KINDS}
    assert sum(row.get("kills", 0) for row in rows) >= 2 * len(first)
    assert soak(tmp_path, "minutes=0, flow=False, stages=['download']") == 0
    both = rows_in(tmp_path / "results.jsonl")
    assert both[: len(rows)] == rows
    assert {row["turn"] for row in both[len(rows) :]} == {1}
    assert f"| all | {len(both):,} |" in table(both)
