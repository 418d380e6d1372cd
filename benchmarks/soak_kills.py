"""Stages and whole flows that `benchmarks.soak` kills, and what must be there when they have been run again."""

import contextlib
import importlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks import soak_show
from pipeline.project.locks import mend_lock

LONGEST_S: Final = 300.0
"""A command that runs longer is killed, and its trial is a fault."""
WRITING: Final = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.copyfile"}
"""Audit events of calls that change a file system; `open` is one when it is for writing."""
IN_A_ROW: Final = 3
"""Kills of a trial: the second and the third find what the one before them left."""

Bytes = dict[str, bytes]


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


@dataclass(frozen=True)
class Ended:
    """How a process ended: its wait status, what it printed, the s of CPU time that it used."""

    status: int
    said: str
    cpu_s: float

    @property
    def killed(self) -> bool:
        return os.WIFSIGNALED(self.status)


def in_child(
    work: Callable[[], Any],
    folder: Path,
    *,
    kill_after: float | None = None,
    during: Callable[[int], None] | None = None,
) -> Ended:
    """Run `work` in a forked process in `folder`, in a group of its own.

    kill_after: s of CPU time until the whole group is killed. Wall-clock time would miss on a busy machine.
    during: called with the process's id again and again while it runs.
    """
    said = folder.parent / "said.txt"
    child = os.fork()
    if child == 0:
        _be_child(work, folder, said)
    until, watched = time.monotonic() + LONGEST_S, psutil.Process(child)
    while True:
        gone, status, used = os.wait4(child, os.WNOHANG)
        if gone:
            break
        if during is not None:
            during(child)
        spent = watched.cpu_times()
        if time.monotonic() > until or (kill_after is not None and spent.user + spent.system >= kill_after):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            _, status, used = os.wait4(child, 0)
            break
        time.sleep(0.003)
    return Ended(status, said.read_text(errors="replace"), used.ru_utime + used.ru_stime)


def wait(running: "subprocess.Popen[Any]", kill_after: float | None) -> float:
    """Wait for a process that leads a group; the s of CPU time that it and all it started used, as far as was seen.

    kill_after: s of CPU time until the whole group is killed.
    """
    until, spent = time.monotonic() + 4 * LONGEST_S, 0.0
    while running.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            spent = max(spent, _spent(psutil.Process(running.pid)))
        if time.monotonic() > until or (kill_after is not None and spent >= kill_after):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        time.sleep(0.02)
    return spent


def _spent(process: psutil.Process) -> float:
    """The s of CPU time of a process and its children, of those that have ended too."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _be_child(work: Callable[[], Any], folder: Path, said: Path) -> None:
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


def command(words: Sequence[str], killer: Killer | None = None) -> Callable[[], Any]:
    """`toonset WORDS` in this process, with a hook that kills it."""

    def run() -> None:
        from pipeline import cli

        if killer is not None:
            sys.addaudithook(killer)
        sys.argv = ["toonset", *words]
        cli.main()

    return run


def made(folder: Path) -> Bytes:
    """All that stages have written, by path; the cache is none of it, dvc.lock is."""
    files = [path for top in ("data", "models", "reports") for path in (folder / top).rglob("*") if path.is_file()]
    files += [folder / "dvc.lock"] if (folder / "dvc.lock").exists() else []
    own = [path for path in files if "cache" not in path.parts and path.name != ".gitignore"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(own)}


def differing(found: Bytes, expected: Bytes) -> dict[str, Any]:
    """A row's entry for files that are not as they should be: the first of their names, or nothing."""
    names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    return {"differing": names[:5]} if names else {}


class Kills:
    """Trials that kill: each stage from the state that the stages before it leave."""

    def __init__(self, folder: Path, stages: Sequence[str]) -> None:
        """Run the first stages twice, undisturbed, keeping the state before each; the second time they are measured."""
        self.folder = folder
        self.project = folder / "project"
        self.actions: list[list[str]] = [["stage", *words.split()] for words in stages]
        self.actions.append(["cascade", "train", *soak_show.TRAIN])
        self.expected: list[Bytes] = []
        self.calls: list[int] = []
        self.seconds: list[list[float]] = []
        soak_show.build(self.project)
        for number, words in enumerate(self.actions):
            self.keep(number)
            self._undisturbed(words)  # the first time numba compiles, and what is imported is imported here from now on
            self.restore(number)
            calls, seconds = self._undisturbed(words)
            self.calls.append(calls)
            self.seconds.append([seconds])
            self.expected.append(self.found())

    def _undisturbed(self, words: list[str]) -> tuple[int, float]:
        """How many writing calls a command makes, and the s of CPU time that it takes."""
        killer, noted = Killer(), self.folder / "noted.txt"

        def work() -> None:
            with contextlib.suppress(SystemExit):
                command(words, killer)()
            calls = killer.calls
            noted.write_text("\n".join([str(calls), *sys.modules]))

        ended = in_child(work, self.project)
        if ended.status or "toonset: " in ended.said or "Traceback" in ended.said:
            raise SystemExit(f"the undisturbed `toonset {' '.join(words)}` failed:\n{ended.said[-2000:]}")
        calls, *modules = noted.read_text().splitlines()
        for name in modules:
            if name not in sys.modules and name != "__mp_main__":
                with contextlib.suppress(ImportError):  # a name that only its package knows
                    importlib.import_module(name)
        return int(calls), ended.cpu_s

    def found(self) -> Bytes:
        """All that the commands have written so far."""
        trained = {
            name: (self.project / name).read_bytes() for name in soak_show.TRAINED if (self.project / name).exists()
        }
        return made(self.project) | trained

    def keep(self, number: int) -> None:
        """Keep the project as it is now as the state before this action."""
        kept = self.folder / f"before-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.project, kept, symlinks=True)

    def restore(self, number: int) -> None:
        """Put the project into the state before this action."""
        shutil.rmtree(self.project)
        shutil.copytree(self.folder / f"before-{number}", self.project, symlinks=True)

    def trial(self, number: int) -> dict[str, Any]:
        """Kill some times in a row, run to the end, compare.

        By turns at a writing call, each in turn, and at a random moment.
        """
        action, turn = number % len(self.actions), number // len(self.actions)
        words, dice = self.actions[action], random.Random(f"kill {number}")
        self.restore(action)
        before = set(self.folder.iterdir())
        kills, how = 0, []
        for index in range(IN_A_ROW):
            if (turn + index) % 2 == 0:
                at = 1 + (turn * IN_A_ROW + index) // 2 % self.calls[action]
                how.append(f"at writing call {at}")
                ended = in_child(command(words, Killer(at)), self.project)
            else:
                after = dice.random() * statistics.median(self.seconds[action][-5:])
                how.append(f"after {after:.2f} s")
                ended = in_child(command(words), self.project, kill_after=after)
            kills += ended.killed
        ended = in_child(command(words), self.project)
        self.seconds[action].append(ended.cpu_s)
        differs = differing(self.found(), self.expected[action])
        outside = sorted(path.name for path in set(self.folder.iterdir()) - before)
        return {
            "kind": f"toonset {' '.join(words[:2])}",
            "how": ", ".join(how),
            "kills": kills,
            "ok": not differs and not outside and "Traceback" not in ended.said and ended.status == 0,
            **differs,
            **({} if not outside else {"outside": outside[:5]}),
            **({} if ended.status == 0 else {"said": ended.said[-500:]}),
        }


class WholeFlow:
    """Trials that kill `dvc repro` with all that it started."""

    TARGETS: Final = (("scenes",), ("scenes",), ("manifest", "labels"), ())
    """What is asked for, by turns; the last one is everything."""

    def __init__(self, folder: Path) -> None:
        """Run the flow once, undisturbed, a target after the other."""
        self.project, self.start = folder / "project", folder / "start"
        soak_show.build(self.project, with_dvc=True)
        shutil.rmtree(self.start, ignore_errors=True)
        shutil.copytree(self.project, self.start, symlinks=True)
        self.expected: dict[tuple[str, ...], Bytes] = {}
        self.seconds: dict[tuple[str, ...], float] = {}
        spent = 0.0
        for target in dict.fromkeys(self.TARGETS):
            ended = self._repro(target, None)
            if ended.status:
                raise SystemExit(f"the undisturbed `dvc repro` failed:\n{ended.said[-2000:]}")
            spent += ended.cpu_s
            self.seconds[target] = spent
            self.expected[target] = made(self.project)

    def _repro(self, target: tuple[str, ...], kill_after: float | None) -> Ended:
        """`dvc repro`, its exit status in place of a wait status; `kill_after` as for `wait`."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        said = self.project.parent / "said.txt"
        with said.open("w") as file, subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", *target], cwd=self.project, env=os.environ | {"PATH": path},
            stdout=file, stderr=file, start_new_session=True,
        ) as running:  # fmt: skip
            cpu_s = wait(running, kill_after)
        return Ended(running.returncode, said.read_text(errors="replace"), cpu_s)

    def trial(self, number: int) -> dict[str, Any]:
        """Kill some times in a row from where the last kill left it, then run to the end and compare."""
        dice, target = random.Random(f"repro {number}"), self.TARGETS[number % len(self.TARGETS)]
        shutil.rmtree(self.project)
        shutil.copytree(self.start, self.project, symlinks=True)
        mended, kills, how = 0, 0, []
        for _ in range(IN_A_ROW):
            moment = dice.random() * self.seconds[target]
            how.append(f"{moment:.1f}")
            kills += self._repro(target, moment).status == -signal.SIGKILL
            mended += "deleted" in mend_lock(self.project)
        ended = self._repro(target, None)
        differs = differing(made(self.project), self.expected[target])
        return {
            "kind": " ".join(["dvc repro", *target]), "how": f"after {', '.join(how)} s", "kills": kills,
            "mended": mended, "ok": ended.status == 0 and not differs and "Traceback" not in ended.said, **differs,
            **({} if ended.status == 0 else {"said": ended.said[-800:]}),
        }  # fmt: skip
