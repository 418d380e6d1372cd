"""Stages killed at every writing call and at random moments, every kind of input damaged: same bytes, no traceback.

    python -m benchmarks.soak --minutes 30 --folder build/soak      # runs, goes on where it was
    python -m benchmarks.soak --folder build/soak --table           # what it found, as Markdown

A kill ends the process of a stage (or of `dvc repro`, with all that it started) by SIGKILL; the same command is then
run again to its end, and everything that stages write must have the bytes of a run that nobody disturbed. An input is
damaged by `mutations_json` and `mutations_media`; its reader may read it or refuse it with one of our errors. Every
trial is seeded by its number and stands as a line in `results.jsonl`: number n is the same trial on every machine.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import random
import resource
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pipeline.stages
from benchmarks import soak_inputs, soak_show
from benchmarks.soak_cluster import ClusterKills
from benchmarks.soak_kills import Kills, WholeFlow, in_child
from benchmarks.soak_label import LabelKills
from cascades.errors import CascadeError
from labeling.errors import LabelingError
from pipeline.errors import ToonsetError

LONGEST_S: Final = 60.0
MOST_BYTES: Final = 4 << 30
BATCH: Final = 50
"""Damaged inputs of a kind in a turn, which one process reads, one after the other."""


def read_inputs(kind: soak_inputs.Kind, first: int, folder: Path) -> list[dict[str, Any]]:
    """A batch of damaged inputs of a kind, read in a process with MOST_BYTES of memory."""
    results = folder.parent / "batch.jsonl"
    results.unlink(missing_ok=True)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        good = kind.good()
        with results.open("a") as file:
            for number in range(first, first + BATCH):
                file.write(json.dumps(read_one(kind, good, number, folder)) + "\n")
                file.flush()

    ended = in_child(work, folder)
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    if ended.status:
        why = ended.said[-500:]
        lines.append({"kind": kind.name, "how": f"number {first + len(lines)}", "ok": False, "said": why})
    return lines


def read_one(kind: soak_inputs.Kind, good: Any, number: int, folder: Path) -> dict[str, Any]:
    """One damaged input: read, refused, or a fault."""
    damaged, what = kind.damage(good, random.Random(f"{kind.name} {number}"))
    began, before = time.monotonic(), set(folder.parent.iterdir())
    row: dict[str, Any] = {"kind": kind.name, "how": f"number {number}: {what}"[:300], "ok": True, "outcome": "read"}
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            reason = kind.read(damaged, folder)
        row["outcome"] = "refused" if isinstance(reason, str) and reason else "read"
    except (ToonsetError, CascadeError, LabelingError) as refusal:
        row["outcome"] = "refused"
        if len(str(refusal)) > 3000:
            row |= {"ok": False, "said": f"a message of {len(str(refusal))} characters"}
    except Exception:  # noqa: BLE001 - what a person would see as a traceback is what is looked for
        row |= {"ok": False, "said": traceback.format_exc()[-800:]}
    seconds = time.monotonic() - began
    if seconds > LONGEST_S:
        row |= {"ok": False, "said": f"{seconds:.0f} s"}
    outside = {path.name for path in set(folder.parent.iterdir()) - before}
    return row | ({"ok": False, "outside": sorted(outside)} if outside else {})


def trials(folder: Path, first: int, flow: bool, stages: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    """Trials without an end: kills and inputs by turns, from turn `first` on."""
    for stage in Path(pipeline.stages.__file__).parent.glob("*.py"):
        importlib.import_module(f"pipeline.stages.{stage.stem}")  # once here, instead of in each process
    kills = Kills(fresh(folder / "kills"), stages)
    inputs = fresh(folder / "inputs") / "here"
    inputs.mkdir()
    slow = Slow(folder, kills)
    try:
        for turn in itertools.count(first):
            for index in range(len(kills.actions)):
                yield [kills.trial(turn * len(kills.actions) + index) | {"turn": turn}]
            for kind in soak_inputs.KINDS:
                yield [row | {"turn": turn} for row in read_inputs(kind, turn * BATCH, inputs)]
            if flow:
                for row in slow.trials(turn):
                    yield [row | {"turn": turn}]
            yield []  # the end of a turn
    finally:
        slow.close()


class Slow:
    """Trials of what takes longer, by turns; each server starts when it is first needed."""

    def __init__(self, folder: Path, kills: Kills) -> None:
        self.folder, self.kills = folder, kills
        self.flow: WholeFlow | None = None
        self.label: LabelKills | None = None
        self.cluster: ClusterKills | None = None

    def trials(self, turn: int) -> Iterator[dict[str, Any]]:
        """Every other turn of Label Studio, else of `dvc repro` or of a Dask cluster."""
        number = turn // 4
        if turn % 4 == 0:
            self.flow = self.flow or WholeFlow(fresh(self.folder / "flow"))
            yield self.flow.trial(number)
        elif turn % 4 == 2:
            self.cluster = self.cluster or ClusterKills(fresh(self.folder / "cluster"), self.kills)
            yield from map(self.cluster.trial, range(3 * number, 3 * number + 3))
        else:
            done = self.kills.folder / f"before-{len(self.kills.actions) - 1}"
            self.label = self.label or LabelKills(fresh(self.folder / "label"), done)
            yield from self.label.trials(turn // 2)

    def close(self) -> None:
        """End the servers."""
        for server in (self.label, self.cluster):
            if server is not None:
                server.close()


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run(folder: Path, minutes: float, flow: bool, turns: int = 1, stages: Sequence[str] = soak_show.STAGES) -> int:
    """Run trials for so long, but whole turns and at least so many; the number of faults found.

    flow: `dvc repro`, Label Studio and Dask too. stages: the first ones, in their order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results, until, faults = folder / "results.jsonl", time.monotonic() + 60 * minutes, 0
    first = 1 + max((row["turn"] for row in rows_in(results)), default=-1)
    with results.open("a", encoding="utf-8") as file:
        for rows in trials(folder, first, flow, stages):
            for row in rows:
                file.write(json.dumps(row) + "\n")
                if not row["ok"]:
                    faults += 1
                    print(json.dumps(row), flush=True)
            file.flush()
            turns -= not rows
            if time.monotonic() > until and turns <= 0:
                return faults
    return faults


def rows_in(results: Path) -> list[dict[str, Any]]:
    """The trials so far; a last line that a kill cut off is none."""
    rows = []
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else []:
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """What was found, a row for each kind."""
    lines = ["| what | trials | killed | read | refused | faults |", "|---|---|---|---|---|---|"]
    kinds = sorted({row["kind"] for row in rows})
    for kind in [*kinds, "all"]:
        own = [row for row in rows if kind in ("all", row["kind"])]
        killed = sum(row.get("kills", 0) for row in own)
        outcomes = Counter(row.get("outcome") for row in own)
        faults = sum(not row["ok"] for row in own)
        lines.append(
            f"| {kind} | {len(own):,} | {killed:,} | {outcomes['read']:,} | {outcomes['refused']:,} | {faults} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "toonset-soak")
    parser.add_argument(
        "--no-flow", action="store_true", help="Leave out `dvc repro`, Label Studio and Dask, which take longer."
    )
    parser.add_argument("--table", action="store_true", help="Print what was found so far.")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if arguments.table:
        print(table(rows_in(folder / "results.jsonl")))
        return
    faults = run(folder, arguments.minutes, not arguments.no_flow)
    print(table(rows_in(folder / "results.jsonl")))
    raise SystemExit(min(faults, 1))


if __name__ == "__main__":
    main()
