"""The trainer of another checkout against this one, in turn: `python -m benchmarks.training_time OTHER [--threads N]`.

Trains the stated configuration on the film with the package `cascades` of each of the two, every one in a process of
its own that has compiled its code before. Prints CPU seconds, seconds of the clock, and whether the XML is the same.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.footage import CHARACTERS, SIZE, STATED, load, training_images
from cascades import train

HERE = Path(__file__).resolve().parents[1]


def work(character: str, threads: int) -> None:
    """Train once for every line read; print CPU seconds, seconds and the hash of the XML."""
    images = training_images(load("bbb", "big_buck_bunny_720p.mp4", SIZE), character)
    params = replace(STATED, threads=threads)
    train(images, replace(params, stages=2))  # compiles
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        cascade = train(images, params).cascade
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        with tempfile.TemporaryDirectory() as folder:
            cascade.save(Path(folder) / "x.xml")
            digest = hashlib.sha256((Path(folder) / "x.xml").read_bytes()).hexdigest()
        print(cpu, wall, digest, flush=True)


def worker(root: Path, character: str, threads: int) -> subprocess.Popen[str]:
    """A process with the package `cascades` of a checkout; benchmarks are taken from this one."""
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); import cascades; sys.path[0] = {str(HERE)!r}; "
        f"import benchmarks.training_time as b; b.work({character!r}, {threads})"
    )
    command = [sys.executable, "-P", "-c", code]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        sys.exit(f"the trainer in {root} could not be started")
    return process


def once(process: subprocess.Popen[str]) -> tuple[tuple[float, float], str]:
    """One training: CPU seconds and seconds, hash."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    cpu, wall, digest = process.stdout.readline().split()
    return (float(cpu), float(wall)), digest


def main() -> None:
    """Parse the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="a checkout of this repository")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--characters", nargs="+", choices=CHARACTERS, default=list(CHARACTERS))
    options = parser.parse_args()
    if not (options.other / "cascades" / "training.py").is_file():
        parser.error(f"{options.other} holds no cascades/training.py, expected a checkout of this repository")
    print("| character | CPU s, other | CPU s, this | ratio | seconds, other | seconds, this | ratio | same XML |")
    print("|---|---|---|---|---|---|---|---|")
    for character in options.characters:
        pair = [worker(root, character, options.threads) for root in (options.other.resolve(), HERE)]
        runs = [[once(process) for process in pair] for _ in range(options.rounds)]
        for process in pair:
            process.communicate()
        times = np.array([[spent for spent, _ in both] for both in runs])
        (cpu, wall), (new_cpu, new_wall) = np.median(times, axis=0).tolist()
        same = "yes" if len({digest for both in runs for _, digest in both}) == 1 else "NO"
        cells = f"{cpu:.2f} | {new_cpu:.2f} | {new_cpu / cpu:.2f} | {wall:.2f} | {new_wall:.2f} | {new_wall / wall:.2f}"
        print(f"| {character} | {cells} | {same} |", flush=True)


if __name__ == "__main__":
    main()
