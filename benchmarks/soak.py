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
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import soak_inputs, soak_show
from cascades.errors import CascadeError
from labeling.errors import LabelingError
from pipeline import stages
from pipeline.errors import ToonsetError
from pipeline.project.locks import mend_lock

LONGEST_S: Final = 60.0
MOST_BYTES: Final = 4 << 30
BATCH: Final = 200
"""Damaged inputs that one process reads, one after the other."""
WRITING: Final = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.copyfile"}
"""Audit events of calls that change a file system; `open` is one when it is for writing."""

Say = Callable[[dict[str, Any]], None]


@dataclass
class Killer:
    """Kills this process at its n-th writing call; without a number it only counts."""

    at: int | None = None
    calls: int = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook. What a writing call would do is not done."""
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & (os.O_WRONLY | os.O_RDWR):
                return
        elif event not in WRITING:
            return
        self.calls += 1
        if self.at is not None and self.calls >= self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], Any], folder: Path, *, kill_after: float | None = None) -> tuple[int, str]:
    """Run `work` in a forked process in `folder`, in a group of its own: its wait status and what it printed.

    kill_after: s until the whole group is killed.
    """
    said = folder.parent / "said.txt"
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        status = 1
        try:
            status = int(work() or 0)
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        except BaseException:  # noqa: BLE001 - the parent reads it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    until = time.monotonic() + (LONGEST_S * 5 if kill_after is None else kill_after)
    while True:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            break
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            break
        time.sleep(0.002)
    return status, said.read_text(errors="replace")


def command(words: list[str], killer: Killer | None = None) -> Callable[[], Any]:
    """`toonset WORDS` in this process, with a hook that kills it."""

    def run() -> None:
        from pipeline import cli

        if killer is not None:
            sys.addaudithook(killer)
        sys.argv = ["toonset", *words]
        cli.main()

    return run


def made(folder: Path) -> dict[str, bytes]:
    """All that stages have written, by path; the cache is none of it, dvc.lock is."""
    files = [path for top in ("data", "models", "reports") for path in (folder / top).rglob("*") if path.is_file()]
    files += [folder / "dvc.lock"] if (folder / "dvc.lock").exists() else []
    own = [path for path in files if "cache" not in path.parts and path.name != ".gitignore"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(own)}


class Kills:
    """Trials that kill: each stage from the state that the stages before it leave."""

    def __init__(self, folder: Path) -> None:
        """Run the flow once, undisturbed, keeping the state before each stage."""
        self.folder = folder
        self.project = folder / "project"
        self.actions: list[list[str]] = [["stage", *words.split()] for words in soak_show.STAGES]
        self.actions.append(["cascade", "train", *soak_show.TRAIN])
        self.expected: list[dict[str, bytes]] = []
        self.calls: list[int] = []
        self.seconds: list[float] = []
        soak_show.build(self.project)
        for number, words in enumerate(self.actions):
            self._keep(number)
            killer, counted = Killer(), folder / "calls.txt"

            def work(words: list[str] = words, killer: Killer = killer, counted: Path = counted) -> None:
                with contextlib.suppress(SystemExit):
                    command(words, killer)()
                calls = killer.calls
                counted.write_text(str(calls))

            began = time.monotonic()
            status, said = in_child(work, self.project)
            if status or "toonset: " in said or "Traceback" in said:
                raise SystemExit(f"the undisturbed `toonset {' '.join(words)}` failed:\n{said[-2000:]}")
            self.seconds.append(time.monotonic() - began)
            self.calls.append(int(counted.read_text()))
            self.expected.append(self._found())

    def _found(self) -> dict[str, bytes]:
        trained = {
            name: (self.project / name).read_bytes() for name in soak_show.TRAINED if (self.project / name).exists()
        }
        return made(self.project) | trained

    def _keep(self, number: int) -> None:
        kept = self.folder / f"before-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.project, kept, symlinks=True)

    def _restore(self, number: int) -> None:
        shutil.rmtree(self.project)
        shutil.copytree(self.folder / f"before-{number}", self.project, symlinks=True)

    def trial(self, number: int) -> dict[str, Any]:
        """Kill once, run again, compare. Even trials kill at a writing call, each in turn, odd ones after a while."""
        action = number % len(self.actions)
        turn, words = number // len(self.actions), self.actions[action]
        dice = random.Random(f"kill {number}")
        self._restore(action)
        before = set(self.folder.iterdir())
        if turn % 2 == 0:
            at = 1 + (turn // 2) % self.calls[action]
            how = f"at writing call {at}"
            status, _ = in_child(command(words, Killer(at)), self.project)
        else:
            after = dice.random() * self.seconds[action]
            how = f"after {after:.3f} s"
            status, _ = in_child(command(words), self.project, kill_after=after)
        killed = os.WIFSIGNALED(status)
        status, said = in_child(command(words), self.project)
        found, expected = self._found(), self.expected[action]
        differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        outside = sorted(path.name for path in set(self.folder.iterdir()) - before)
        return {
            "kind": f"toonset {' '.join(words[:2])}",
            "how": how,
            "killed": killed,
            "ok": not differing and not outside and "Traceback" not in said and status == 0,
            **({} if not differing else {"differing": differing[:5]}),
            **({} if not outside else {"outside": outside[:5]}),
            **({} if status == 0 else {"said": said[-500:]}),
        }


class WholeFlow:
    """Trials that kill `dvc repro` with all that it started."""

    def __init__(self, folder: Path) -> None:
        """Run the flow once, undisturbed."""
        self.project, self.start = folder / "project", folder / "start"
        soak_show.build(self.project, with_dvc=True)
        shutil.rmtree(self.start, ignore_errors=True)
        shutil.copytree(self.project, self.start, symlinks=True)
        began = time.monotonic()
        done = self._repro(None)
        if done:
            raise SystemExit("the undisturbed `dvc repro` failed")
        self.seconds = time.monotonic() - began
        self.expected = made(self.project)

    def _repro(self, kill_after: float | None) -> int:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", "--quiet"], cwd=self.project, env=os.environ | {"PATH": path},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as running:  # fmt: skip
            try:
                return running.wait(kill_after)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                return running.wait()

    def trial(self, number: int) -> dict[str, Any]:
        """Kill up to three times in a row from where the last kill left it, then run to the end and compare."""
        dice = random.Random(f"repro {number}")
        shutil.rmtree(self.project)
        shutil.copytree(self.start, self.project, symlinks=True)
        mended, moments = 0, [dice.random() * self.seconds for _ in range(3)]
        for moment in moments:
            self._repro(moment)
            mended += "deleted" in mend_lock(self.project)
        status = self._repro(None)
        found = made(self.project)
        differing = sorted(name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name))
        return {
            "kind": "dvc repro", "how": f"after {', '.join(f'{moment:.1f}' for moment in moments)} s", "killed": True,
            "kills": len(moments), "mended": mended, "ok": status == 0 and not differing,
            **({} if not differing else {"differing": differing[:5]}),
        }  # fmt: skip


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

    status, said = in_child(work, folder)
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    if status:
        lines.append({"kind": kind.name, "how": f"number {first + len(lines)}", "ok": False, "said": said[-500:]})
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


def trials(folder: Path, done: Counter[str], flow: bool) -> Iterator[list[dict[str, Any]]]:
    """Trials without an end: kills and inputs by turns, each kind going on where `done` says it was."""
    for stage in Path(stages.__file__).parent.glob("*.py"):
        importlib.import_module(f"pipeline.stages.{stage.stem}")  # once here, instead of in each process
    kills, whole = Kills(fresh(folder / "kills")), None
    inputs = fresh(folder / "inputs") / "here"
    inputs.mkdir()
    turn = done["turns"]
    while True:
        yield [kills.trial(turn * 10 + index) | {"turn": turn} for index in range(10)]
        for kind in soak_inputs.KINDS:
            yield [row | {"turn": turn} for row in read_inputs(kind, turn * BATCH, inputs)]
        if flow and turn % 20 == 0:
            whole = whole or WholeFlow(fresh(folder / "flow"))
            yield [whole.trial(turn) | {"turn": turn}]
        yield []  # the end of a turn
        turn += 1


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run(folder: Path, minutes: float, flow: bool, turns: int = 1) -> int:
    """Run trials for so long, but whole turns and at least so many; the number of faults found."""
    folder.mkdir(parents=True, exist_ok=True)
    results, until, faults = folder / "results.jsonl", time.monotonic() + 60 * minutes, 0
    done = Counter({"turns": 1 + max((row["turn"] for row in rows_in(results)), default=-1)})
    with results.open("a", encoding="utf-8") as file:
        for rows in trials(folder, done, flow):
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
        killed = sum(row.get("kills", 1) for row in own if row.get("killed"))
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
    parser.add_argument("--no-flow", action="store_true", help="Leave out `dvc repro`, whose trials take minutes each.")
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
