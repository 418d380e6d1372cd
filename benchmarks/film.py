"""The whole flow on a real film: `python -m benchmarks.film FOOTAGE [--seconds N] [--directory DIR]`.

Makes a project with `toonset new`, points it at Big Buck Bunny and its annotations, runs `dvc repro` to the end and
prints what came out as a Markdown table. FOOTAGE is a folder with the film, boxes.csv, frames.csv, scenes.csv and
transitions.csv. The shots that scenes.csv holds out are the test split: nothing is trained or tuned on them.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av
import pandas as pd
import yaml

from benchmarks.boundaries import boundary_f1
from pipeline import paths
from pipeline.project.new import make_project
from pipeline.schemas import SCENES
from pipeline.tables import read_rows

FILM = "big_buck_bunny_720p.mp4"
EPISODE = "bbb"
LEAST_BOXES = 30
"""A character with fewer boxes in the part of the film that is looked at has no cascade."""
EMOTIONS = ["angry", "happy", "neutral", "sad", "surprised"]
BOUNDARY_TOLERANCE = 2
"""Frames that a found boundary may be off."""


@dataclass(frozen=True)
class Outcome:
    """What the run gave: numbers for tests, and the table for people."""

    boundary_f1: float
    seconds: dict[str, float]
    cascades: dict[str, dict[str, float]]
    summary: str

    def as_markdown(self) -> str:
        """The table that goes into docs/benchmarks.md."""
        machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        rows = [("machine", machine), ("scene boundary F1", f"{self.boundary_f1:.3f} (±{BOUNDARY_TOLERANCE} frames)")]
        rows += [tuple(re.split(r"\s{2,}", line.strip(), maxsplit=1)) for line in self.summary.splitlines()]  # type: ignore[misc]
        rows += [("seconds in all", f"{sum(self.seconds.values()):.0f}")]
        rows += [(f"seconds, {stage}", f"{spent:.1f}") for stage, spent in self.seconds.items()]
        return "\n".join(["| what | result |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def run(footage: Path, directory: Path, seconds: float | None = None) -> Outcome:
    """Make the project in `directory`, run it, and gather what came out."""
    film = footage / FILM
    if seconds is not None:
        film = cut(film, directory.with_name(f"{directory.name}-film.mp4"), seconds)
    make_project(directory)
    characters = write_project(directory, film, footage)
    spent = repro(directory)
    scenes = read_rows(directory / paths.SCENES, SCENES)
    cascades = {
        character: json.loads((directory / f"reports/cascades/{character}.json").read_text())
        for character in characters
    }
    command = ["toonset", "summary"]
    summary = subprocess.run(command, cwd=directory, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    return Outcome(scene_f1(scenes, footage), spent, cascades, summary.stdout)


def environment() -> dict[str, str]:
    """The environment with the commands that are installed beside this Python first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def cut(film: Path, target: Path, seconds: float) -> Path:
    """The first `seconds` of the film's picture, packets copied, up to the next keyframe."""
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or (packet.is_keyframe and packet.pts * packet.time_base >= seconds):
                break
            packet.stream = copy
            output.mux(packet)
    return target


def write_project(directory: Path, film: Path, footage: Path) -> list[str]:
    """Parameters and annotations of the film; the characters it has enough boxes of."""
    frames = count_frames(film)

    def of_film(name: str, frame: str = "frame") -> pd.DataFrame:
        rows = pd.read_csv(footage / name)
        return rows[(rows["episode_id"] == EPISODE) & (rows[frame] < frames)]

    boxes = of_film("boxes.csv").assign(annotator="footage")
    counts = boxes["character"].value_counts()
    characters = sorted(counts.index[counts >= LEAST_BOXES])
    shots = of_film("scenes.csv", "start_frame").query("held_out == 1")
    inside = [((shots["start_frame"] <= frame) & (frame <= shots["end_frame"])).any() for frame in boxes["frame"]]
    params = yaml.safe_load((directory / "params.yaml").read_text(encoding="utf-8"))
    source = {"license": "CC-BY-3.0", "attribution": "© 2008 Blender Foundation, www.bigbuckbunny.org"}
    params |= {
        "episodes": [{"id": EPISODE, "source": str(film), **source}],
        "characters": characters,
        "emotions": EMOTIONS,
    }
    (directory / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    place = ["episode_id", "frame", "character", "x", "y", "w", "h"]
    for name, rows in {
        "boxes": boxes[[*place, "annotator"]],
        "frames": of_film("frames.csv").assign(annotator="footage"),
        "emotions": boxes[[*place, "emotion", "annotator"]].assign(annotated_at="", lead_time_s=""),
        # In a part of the film without a held-out face, scenes are held out by hash, as in any project.
        "held_out": shots.loc[[any(inside)] * len(shots), ["episode_id", "start_frame", "end_frame"]],
    }.items():
        rows.to_csv(directory / "annotations" / f"{name}.csv", index=False, lineterminator="\n")
    return characters


def count_frames(film: Path) -> int:
    """Packets in the picture's stream: one a frame."""
    with av.open(str(film)) as container:
        return sum(packet.pts is not None for packet in container.demux(video=0))


def repro(directory: Path) -> dict[str, float]:
    """Run `dvc repro`, passing its output on; seconds spent per stage, its start-up and saving included."""
    began, stage, spent = time.monotonic(), "start", dict[str, float]()
    command = [sys.executable, "-m", "dvc", "repro"]
    with subprocess.Popen(command, cwd=directory, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if named := re.match(r"Running stage '([^']+)'", line):
                spent[stage] = time.monotonic() - began
                began, stage = time.monotonic(), named[1]
    spent[stage] = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"`dvc repro` failed in {directory}; what it printed stands above")
    return spent


def scene_f1(scenes: pd.DataFrame, footage: Path) -> float:
    """F1 of the found boundaries against the given ones; one inside a gradual transition is right."""
    last = int(scenes["stop_frame"].max())
    truth = pd.read_csv(footage / "scenes.csv").query(f"episode_id == '{EPISODE}' and 0 < start_frame < {last}")
    gradual = pd.read_csv(footage / "transitions.csv").query(f"episode_id == '{EPISODE}' and first_frame < {last}")
    found = [int(frame) for frame in scenes["start_frame"] if frame > 0]
    ranges = [(int(a), int(b)) for a, b in zip(gradual["first_frame"], gradual["last_frame"], strict=True)]
    return float(boundary_f1(found, truth["start_frame"].tolist(), ranges, BOUNDARY_TOLERANCE).f1)


def main() -> None:
    """Parse the command line, run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--seconds", type=float, help="only the first SECONDS of the film")
    parser.add_argument("--directory", type=Path, help="where to make the project; it is kept (default: temporary)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary) / "film"
        outcome = run(options.footage.resolve(), directory.resolve(), options.seconds)
    print("\n" + outcome.as_markdown())


if __name__ == "__main__":
    main()
