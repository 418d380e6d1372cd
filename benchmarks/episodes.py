"""Sixty-four episodes, then one more: `python -m benchmarks.episodes PROJECT [--directory DIR]`.

PROJECT is the sample project after `dvc repro`. Cuts short episodes out of its three, makes a project of them with its
cascades, and runs download, scenes, faces and manifest with 1 episode alone, with 64 others, with the one beside them,
and with nothing new. Prints a Markdown table of what each stage cost. A clip overlaps its neighbours in the episode it
comes from, so it has more near-duplicates in other episodes than a show would.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.film import environment
from pipeline.project.new import make_project
from pipeline.sample.render import write_video

STAGES = ("download", "scenes", "faces", "manifest")
MANY = 64
SECONDS = 12
RATE = 24
"""Frames per second of the sample show."""
ALONE, ADDED = "1", f"{MANY} done, the 1 new"
SLACK_S = 10
"""Seconds that one new episode may cost beside 64 done, over what it costs alone."""

MEASURED = """
import json, re, resource, sys
from pathlib import Path
from pipeline.cli import main
name, report = sys.argv[1:]
sys.argv = ["toonset", "stage", name]
try:
    main()
finally:
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
    cpu = [one.ru_utime + one.ru_stime for one in (own, others)]
    Path(report).write_text(json.dumps({"cpu": sum(cpu), "main_kb": peak, "worker_kb": others.ru_maxrss}))
"""
"""`toonset stage NAME`, and what it took. The system counts what a process had when it started its worker as the
worker's too, so the largest worker's peak is an upper bound."""


@dataclass(frozen=True)
class Cost:
    """What one stage took: seconds, CPU seconds of all its processes, peaks in MB of the main and largest other one."""

    wall: float
    cpu: float
    main: float
    worker: float


def clips(project: Path, folder: Path, count: int) -> list[Path]:
    """`count` clips of SECONDS out of the project's episodes, evenly spread, each beginning at a place of its own."""
    episodes = sorted((project / "data/episodes").glob("*.mp4"))
    if not episodes:
        raise SystemExit(f"{project} has no episodes: run `dvc repro` in the sample project first")
    length = SECONDS * RATE
    paths = []
    for number in range(count):
        source = episodes[number % len(episodes)]
        last, steps = count_frames(source) - length, (count - 1) // len(episodes)
        start = last * (number // len(episodes)) // max(steps, 1)
        paths.append(clip(source, folder / f"clip-{number:02}.mp4", start, start + length))
    return paths


def count_frames(path: Path) -> int:
    """Frames of a video, by its packets."""
    with av.open(str(path)) as container:
        return sum(packet.pts is not None for packet in container.demux(video=0))


def clip(source: Path, target: Path, start: int, stop: int) -> Path:
    """Frames `start` to before `stop` of an episode of the sample show, encoded anew."""

    def pictures() -> Iterator[NDArray[np.uint8]]:
        with av.open(str(source)) as container:
            container.seek(start, stream=container.streams.video[0])
            for frame in container.decode(video=0):
                if frame.pts is not None and start <= frame.pts < stop:  # in the show, a frame's pts is its number
                    yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                elif frame.pts is not None and frame.pts >= stop:
                    return

    write_video(pictures(), target)
    return target


def write_params(directory: Path, project: Path, episodes: list[Path]) -> None:
    """The project's settings, and these episodes."""
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    made_for = {"license": "MIT", "attribution": "The Cat and the Mouse, drawn by toonset"}
    params["episodes"] = [{"id": path.stem, "source": str(path), **made_for} for path in episodes]
    (directory / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def run_stage(name: str, directory: Path, report: Path) -> tuple[Cost, str]:
    """Run a stage in `directory`; what it took and the last line it printed."""
    command = [sys.executable, "-P", "-c", MEASURED, name, str(report)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=directory, env=environment(), capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"`toonset stage {name}` failed in {directory}: {done.stdout}{done.stderr}")
    found = json.loads(report.read_text(encoding="utf-8"))
    return Cost(wall, found["cpu"], found["main_kb"] / 1024, found["worker_kb"] / 1024), done.stdout.splitlines()[-1]


def run(project: Path, directory: Path) -> dict[tuple[str, str], Cost]:
    """Make the project beside its clips in `directory` and run every case; costs by (case, stage)."""
    sources, made = directory / "clips", directory / "project"
    sources.mkdir(parents=True)
    paths = clips(project, sources, MANY + 1)
    make_project(made)
    shutil.copytree(project / "models/cascades", made / "models/cascades")
    costs: dict[tuple[str, str], Cost] = {}
    new, all_but_new = paths[MANY:], paths[:MANY]
    # Once without counting, so that what numba compiles at first use is there.
    cases = {"warm": new, ALONE: new, f"{MANY}": all_but_new, ADDED: paths, "nothing new": paths}
    for case, episodes in cases.items():
        write_params(made, project, episodes)
        for stage in STAGES:
            costs[case, stage], said = run_stage(stage, made, directory / "report.json")
            print(f"{case}: {said}", file=sys.stderr, flush=True)
        if episodes is new:
            shutil.rmtree(made / "data")
    return {key: cost for key, cost in costs.items() if key[0] != "warm"}


def as_markdown(costs: dict[tuple[str, str], Cost]) -> str:
    """The table that goes into docs/benchmarks.md, and what one new episode costs beside what it costs alone."""
    lines = [
        "| episodes | stage | wall s | CPU s | main process, MB | largest worker, MB |",
        "|---|---|---|---|---|---|",
    ]
    sums: dict[str, Cost] = {}
    for (case, stage), cost in costs.items():
        lines.append(row(case, f"`{stage}`", cost))
        old = sums.get(case, Cost(0, 0, 0, 0))
        most = (max(old.main, cost.main), max(old.worker, cost.worker))
        sums[case] = Cost(old.wall + cost.wall, old.cpu + cost.cpu, *most)
    lines += [row(case, "all four", cost) for case, cost in sums.items()]
    one, new = sums[ALONE], sums[ADDED]
    over = f"{new.wall - one.wall:.1f} s ({new.cpu - one.cpu:.1f} CPU s) more than alone; at most {SLACK_S} s wanted"
    return "\n".join([*lines, "", f"One new episode beside {MANY} done: {over}."])


def row(case: str, stage: str, cost: Cost) -> str:
    """A row of the table."""
    worker = f"{cost.worker:.0f}" if cost.worker > 1 else "–"
    return f"| {case} | {stage} | {cost.wall:.1f} | {cost.cpu:.1f} | {cost.main:.0f} | {worker} |"


def main() -> None:
    """Parse the command line, run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path, help="the sample project, after `dvc repro`")
    parser.add_argument("--directory", type=Path, help="where to work; it is kept (default: temporary)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.directory or Path(temporary) / "episodes").resolve()
        load = os.getloadavg()[0]
        costs = run(options.project.resolve(), directory)
    print(f"{os.cpu_count()} cores, {platform.machine()}, load {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    print(as_markdown(costs))


if __name__ == "__main__":
    main()
