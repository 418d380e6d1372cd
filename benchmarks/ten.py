"""Ten characters at once: `python -m benchmarks.ten make|train PROJECT`, `… search PROJECT [CASCADES…]`.

make: a project of the drawn show with ten characters and the boxes that three people would have drawn, as far as its
scenes. train: what the stage `cascade` costs from nothing for one character and for all ten, and when nothing or one
box has changed. search: what it costs to find faces in the project's video with one to all of its cascades (and of
those in the folders CASCADES), beside decoding the video. Prints Markdown tables. On a busy machine quote ratios of CPU
seconds, which are those of all processes.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
import yaml

from benchmarks.faces import Spent, timed
from pipeline import paths
from pipeline.faces.cascade_files import CharacterCascade, load_cascade, trained
from pipeline.faces.cut_frames import FOLDER
from pipeline.faces.find import find_faces
from pipeline.faces.runs import in_runs
from pipeline.params import load_params
from pipeline.rows import EpisodeRow
from pipeline.sample import EXPRESSIONS, TEN_CHARACTERS, TEN_EPISODES
from pipeline.sample.annotate import main as annotate
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.video.decode import decode_frames
from pipeline.video.frame import Frame

MOST: Final = 10
"""Cascades that are run at once."""
TOONSET: Final = str(Path(sys.executable).parent / "toonset")


def toonset(*words: str) -> None:
    """Run the command quietly. Raises CalledProcessError if it fails."""
    subprocess.run([TOONSET, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(project: Path) -> None:
    """A project of the show with ten characters, as far as its scenes."""
    toonset("new", str(project))
    os.chdir(project)
    values = yaml.safe_load(paths.PARAMS.read_text())
    values["characters"], values["emotions"] = list(TEN_CHARACTERS), list(EXPRESSIONS)
    values["episodes"] = [{"id": f"sample-{name}", "source": f"sample:{name}"} for name in TEN_EPISODES]
    paths.PARAMS.write_text(yaml.safe_dump(values, sort_keys=False))
    annotate(str(paths.ANNOTATIONS), ten=True)
    for stage in ("download", "scenes"):
        toonset("stage", stage)


def forget() -> None:
    """Delete all cascades and the frames that were cut out."""
    for folder in (paths.CASCADES, paths.CASCADE_REPORTS, paths.CACHE / FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def train(project: Path) -> None:
    """One character from nothing, all from nothing, all again, all after a box of one has moved."""
    os.chdir(project)
    first = load_params().characters[0]
    rows = []

    def say(what: str, *words: str) -> None:
        rows.append((what, timed(lambda: toonset("stage", "cascade", *words))[1]))

    forget()
    say(f"one ({first})", first)
    forget()
    say("all")
    say("all, nothing changed")
    boxes = paths.BOXES.read_text()
    try:
        paths.BOXES.write_text(moved(boxes, first))
        say(f"all, a box of {first} moved")
    finally:
        paths.BOXES.write_text(boxes)
    toonset("stage", "cascade")
    table(rows, rows[0][1], "one")


def moved(boxes: str, character: str) -> str:
    """The annotations with the first box of a character one px to the right."""
    lines = boxes.splitlines(keepends=True)
    at = next(k for k, line in enumerate(lines) if line.split(",")[2] == character)
    cells = lines[at].split(",")
    cells[3] = str(int(cells[3]) + 1)
    return "".join([*lines[:at], ",".join(cells), *lines[at + 1 :]])


def search(project: Path, more: Sequence[Path], every: int) -> None:
    """Faces in every so many-th run of scenes (about 1,000 frames) with 1, 2, 4 … cascades, in one process."""
    os.chdir(project)
    params = load_params()
    cascades = [load_cascade(name) for name in trained(params.characters)]
    for folder in more:
        cascades += [load_cascade(path.stem, folder) for path in sorted(folder.glob("*.xml"))]
    cascades = cascades[:MOST]
    episodes, scenes = read_rows(paths.EPISODES, EPISODES), read_rows(paths.SCENES, SCENES)
    runs: list[tuple[EpisodeRow, pd.DataFrame]] = []
    for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow):
        own = scenes[(scenes["episode_id"] == row.episode_id) & (scenes["status"] == OK)].reset_index(drop=True)
        runs += [(row, run) for run in in_runs(own, row.seekable)]

    def frames(row: EpisodeRow, run: pd.DataFrame) -> Iterator[Frame]:
        first, last = run.iloc[0], run.iloc[-1]
        known = int(first["start_pts"]) if row.seekable else None
        start, stop = int(first["start_frame"]), int(last["stop_frame"])
        return decode_frames(paths.VIDEOS / row.path, start=start, stop=stop, start_pts=known)

    def find(chosen: Sequence[CharacterCascade]) -> None:
        for row, run in runs[::every]:
            find_faces(frames(row, run), row, run, chosen, params.faces)

    # What numba compiles is not counted.
    find_faces(frames(*runs[0]), *runs[0], cascades[:1], params.faces)
    decoding = timed(lambda: [sum(1 for _ in frames(*run)) for run in runs[::every]])[1]
    counts = sorted({count for count in (1, 2, 4, len(cascades)) if count <= len(cascades)})
    spent = [timed(partial(find, cascades[:count]))[1] for count in counts]
    names = [f"{count} of {len(cascades)} cascades" for count in counts]
    total = sum(int(run["frames"].sum()) for _, run in runs[::every])
    table([(f"decoding {total} frames", decoding), *zip(names, spent, strict=True)], decoding, "decoding")


def table(rows: Sequence[tuple[str, Spent]], unit: Spent, name: str) -> None:
    print(f"| what | CPU s | wall s | CPU, × {name} | wall, × {name} |\n|---|---|---|---|---|")
    for what, spent in rows:
        ratios = f"{spent.cpu / unit.cpu:.2f} | {spent.wall / unit.wall:.2f}"
        print(f"| {what} | {spent.cpu:.1f} | {spent.wall:.1f} | {ratios} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("make", "train", "search"))
    parser.add_argument("project", type=Path)
    parser.add_argument("cascades", type=Path, nargs="*")
    parser.add_argument("--every", type=int, default=1, help="search: only each so many-th run of scenes")
    options = parser.parse_args()
    more = [folder.resolve() for folder in options.cascades]
    if options.what == "search":
        search(options.project, more, options.every)
    else:
        {"make": make, "train": train}[options.what](options.project)


if __name__ == "__main__":
    main()
