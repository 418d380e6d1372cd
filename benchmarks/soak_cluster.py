"""Stages on a Dask cluster of two worker processes: workers, the scheduler or the stage itself killed on the way."""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks import soak_show
from benchmarks.soak_kills import Ended, Kills, command, differing, in_child

HERE: Final = Path(__file__).resolve().parents[1]
STAGES: Final = ("download", "scenes", "faces")
"""Those whose work is shared out."""
VICTIMS: Final = ("worker", "scheduler", "worker", "stage")
"""Who is killed, by turns."""
WORKERS_IN_A_ROW: Final = 2
"""One more could be the death of one task a third time, which rightly costs its row."""
SCRIPT: Final = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    web = "127.0.0.1:0"
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
                      dashboard_address=web, worker_dashboard_address=web) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


class Cluster:
    """A scheduler and two workers in a process group of their own."""

    def __init__(self, folder: Path) -> None:
        script = folder / "cluster.py"
        script.write_text(SCRIPT)
        settings = {"DASK_TEMPORARY_DIRECTORY": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, script], cwd=folder, env=os.environ | settings | {"PYTHONPATH": str(HERE)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def workers(self) -> list[int]:
        """Their process ids."""
        found = []
        for one in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                found += [one.pid] if any("spawn_main" in word for word in one.cmdline()) else []
        return sorted(found)

    def kill(self) -> None:
        """End all of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class ClusterKills:
    """Trials on a cluster; a killed one is started anew."""

    def __init__(self, folder: Path, kills: Kills) -> None:
        """Run each stage once, undisturbed. kills: has the states before the stages, and what must come out."""
        self.folder, self.kills = folder, kills
        self.cluster = Cluster(folder)
        self.seconds: dict[str, list[float]] = {}
        for stage in STAGES:
            for _ in range(2):  # the first time the workers import what they need
                self._restore(stage)
                began = time.monotonic()
                ended = self._run(stage)
                self.seconds[stage] = [time.monotonic() - began]
            faults = self._faults(stage, ended)
            if faults:
                raise SystemExit(f"undisturbed on a cluster, stage {stage} came out otherwise: {faults}")

    def close(self) -> None:
        """End the cluster."""
        self.cluster.kill()

    def _restore(self, stage: str) -> None:
        self.kills.restore(self._action(stage))
        self._point()

    def _point(self) -> None:
        soak_show.set_params(self.kills.project, {"compute": {"scheduler": self.cluster.address}})

    def _action(self, stage: str) -> int:
        return self.kills.actions.index(["stage", stage])

    def _run(self, stage: str, during: Callable[[int], None] | None = None) -> Ended:
        return in_child(command(["stage", stage]), self.kills.project, during=during)

    def _faults(self, stage: str, ended: Ended) -> dict[str, Any]:
        faults = differing(self.kills.found(), self.kills.expected[self._action(stage)])
        if ended.status or "Traceback" in ended.said:
            faults["said"] = ended.said[-500:]
        return faults

    def trial(self, number: int) -> dict[str, Any]:
        """Kill one of them, or workers one after the other, and see that the stage, run again if need be, is right."""
        stage, victim = STAGES[number % len(STAGES)], VICTIMS[number // len(STAGES) % len(VICTIMS)]
        dice = random.Random(f"cluster {number}")
        self._restore(stage)
        least = statistics.median(self.seconds[stage][-5:])
        moments = sorted(dice.random() * least for _ in range(WORKERS_IN_A_ROW if victim == "worker" else 1))
        killed: list[float] = []
        began = time.monotonic()

        def during(child: int) -> None:
            now = time.monotonic() - began
            if len(killed) < len(moments) and now >= moments[len(killed)] and self._kill(victim, child, dice):
                killed.append(now)

        ended = self._run(stage, during)
        if victim == "worker":
            faults = self._faults(stage, ended)
            self.seconds[stage].append(time.monotonic() - began)
        else:
            faults = {} if "Traceback" not in ended.said else {"said": ended.said[-500:]}
            lines = [line for line in ended.said.splitlines() if line.startswith("toonset: ")]
            if victim == "scheduler" and ended.status and (os.WIFSIGNALED(ended.status) or len(lines) != 1):
                faults = {"said": ended.said[-500:]}
            if self.cluster.process.poll() is not None:
                self.cluster = Cluster(self.folder)
            self._point()
            faults |= self._faults(stage, self._run(stage))
        how = f"{victim} after {', '.join(f'{moment:.2f}' for moment in killed) or 'its end'} s"
        return {
            "kind": f"on Dask, {victim} killed",
            "how": f"{stage}, {how}",
            "kills": len(killed),
            "ok": not faults,
        } | faults

    def _kill(self, victim: str, child: int, dice: random.Random) -> bool:
        if victim == "scheduler":
            self.cluster.kill()
            return True
        if victim == "stage":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            return True
        workers = self.cluster.workers()
        if workers:  # none while both are being replaced
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
        return bool(workers)
