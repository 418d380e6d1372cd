"""docs/leaderboard.md from benchmarks/results/: `python -m benchmarks.leaderboard`.

Every file there was written by `toonset benchmark` and is called DATASET-NAME.json. NAME is that of the benchmark; of
`toonset benchmark project` it is a name that says what was trained.
"""

import argparse
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.errors import InputError, ToonsetError
from pipeline.tables import write_text
from pipeline.training.benchmark_results import Result, interval, read_result, spread
from pipeline.training.protocols import OWN

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
PAGE: Final = ROOT / "docs" / "leaderboard.md"
SETS: Final = {
    "sample": "The sample show, which toonset draws: `make repro` in a checkout of toonset makes these faces.",
    "film": (
        "Big Buck Bunny (© 2008 Blender Foundation, CC BY 3.0), four characters. `python -m benchmarks.film FOOTAGE "
        "--directory DIR` makes these faces in DIR. FOOTAGE is a folder with the film (big_buck_bunny_720p.mp4, sha256 "
        "`1ac566a71d307d9aae04b4d5d8fab5ce8faafa31a90209c69ef8d04f12c91293`) and its tables of boxes, frames, "
        "shots and transitions. These tables are not part of the repository: without them you can label the film "
        "yourself, but your faces have another sha256 and need another name. The faces here were made on 26 November "
        "2026, before commit 44e3261. They were not made again with the faster detector that came after it. No face of "
        "the test scenes is labelled `sad`, and two of the others are."
    ),
}
"""How other people get a set of faces."""
LEAD: Final = """\
# Leaderboard

*For people who compare networks for the emotions of cartoon faces.*

`python -m benchmarks.leaderboard` makes this page from the files in `benchmarks/results/`. Each row is one run of
`toonset benchmark NAME`, which trains the same network on two splits of the same faces, with the same seeds:

- **by scene**: the test faces are from scenes that were not used for training. This is what counts, and the rows are in
  its order. For the interval of macro F1 whole scenes are drawn again: with few test scenes it is wide.
- **at random**: as many test faces, but dealt out by chance, as most papers do. Frames of one scene look alike, so the
  test faces have neighbors among the training faces.
- **gap**: how much more the random split gives. It is what the network remembers of scenes that it has seen.

All figures are means ± standard deviations over the seeds. CPU seconds are for one training; "+ GPU" means that a GPU
did most of the work, so they do not compare. A difference that is smaller than the spread or the interval proves
nothing. The published networks are described in [Emotion networks](models.md); where a paper leaves something open, the
network's file says what we chose.
"""
ADD: Final = """\
## Add a result

1. Make the faces of one of the sets above, or a set of your own (a [show](../README.md) or
   [pictures that are faces already](exchange.md)). The command in step 2 prints
   the sha256 of the faces: it must be that of the set.
2. Run `toonset benchmark NAME --seeds 5` in the project, with toonset installed from a git checkout without changes.
   A network of your own is a file in `pipeline/nets/`. Other settings of a network are run with
   `toonset benchmark project`, which takes the section `train` of `params.yaml`.
3. Copy `reports/benchmark/NAME.json` to `benchmarks/results/DATASET-NAME.json` and do not change it.
4. Run `python -m benchmarks.leaderboard` and send both files as a pull request.

A test checks every file: it must name the sha256 of the faces, the rule of the split, the commit, the seeds and the
machine. This page must be what the files give. Anybody can run a row again: on the same machine the same commit gives
the same figures. (On a GPU no row was run twice; a CPU and a GPU give other figures from the same seed.) Choose
settings by folds over training scenes (`python -m benchmarks.papers --folds 5`), never by the test faces.
"""


def read_results(folder: Path = RESULTS) -> dict[str, Result]:
    """All results by file name without `.json`. Raises InputError naming the file that cannot stand here, and why."""
    found = {path.stem: read_result(path) for path in sorted(folder.glob("*.json"))}
    names: dict[str, str] = {}
    for stem, result in found.items():
        where = folder / f"{stem}.json"
        wanted = f"{result.faces.name}-{result.benchmark}"
        if stem != wanted and not (result.benchmark == OWN and stem.startswith(f"{result.faces.name}-")):
            raise InputError(f"{where} holds a run of {result.benchmark} on {result.faces.name}: call it {wanted}.json")
        if result.code.commit is None or result.code.changed:
            raise InputError(
                f"{where} names no commit whose code ran: run `toonset benchmark` from a git checkout without changes"
            )
        if names.setdefault(result.faces.name, result.faces.sha256) != result.faces.sha256:
            raise InputError(
                f"{where} has other faces (sha256 {result.faces.sha256[:12]}…) than the files before it call "
                f"{result.faces.name!r} ({names[result.faces.name][:12]}…): give them another name with --name"
            )
    return found


def page(results: Mapping[str, Result]) -> str:
    """The whole page."""
    sets = sorted({result.faces.name for result in results.values()}, key=lambda name: (name not in SETS, name))
    parts = [LEAD]
    for name in sets:
        own = {stem: result for stem, result in results.items() if result.faces.name == name}
        parts.append("\n".join(section(name, own)) + "\n")
    return "\n".join([*parts, ADD])


def section(name: str, results: Mapping[str, Result]) -> Iterator[str]:
    """One set of faces: what it is, and its rows, the best by scene first."""
    first = next(iter(results.values()))
    faces = first.faces
    yield f"## {name}\n"
    about = (
        f"{SETS.get(name, '')} {faces.train} faces to train on, {faces.validation} to tune on, {faces.test} to test on "
        f"(from {faces.scenes} scenes or groups), split {first.split}. Emotions: {', '.join(faces.emotions)}. The "
        f"sha256 of the faces is `{faces.sha256}`."
    )
    yield textwrap.fill(about, 120, break_on_hyphens=False) + "\n"
    titles = (
        "network",
        "parameters",
        "seeds",
        "by scene: macro F1",
        "95 % interval",
        "accuracy",
        "at random: accuracy",
    )
    yield f"| {' | '.join(titles)} | gap | CPU s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for stem, result in sorted(results.items(), key=lambda item: (-_mean(item[1]), item[0])):
        yield row(stem.removeprefix(f"{name}-"), result)
    yield "\n| network | commit | processor, torch |\n|---|---|---|"
    for stem, result in sorted(results.items()):
        machine = result.machine
        where = f"{machine.processor}, {machine.instructions}, {machine.device}, torch {machine.torch}"
        yield f"| {stem.removeprefix(f'{name}-')} | `{(result.code.commit or '')[:12]}` | {where} |"


def row(name: str, result: Result) -> str:
    """One network's line."""
    accuracies = [[run.accuracy for run in runs] for runs in (result.by_scene, result.at_random)]
    cells = [
        name,
        f"{result.parameters:,}",
        str(len(result.seeds)),
        spread([run.macro_f1 for run in result.by_scene]),
        interval(result),
        spread(accuracies[0]),
        spread(accuracies[1]),
        spread(result.gaps("accuracy"), "+"),
        f"{np.mean([run.cpu_s for run in result.by_scene]):.0f}{'' if result.machine.device == 'cpu' else ' + GPU'}",
    ]
    return "| " + " | ".join(cells) + " |"


def _mean(result: Result) -> float:
    return float(np.mean([run.macro_f1 for run in result.by_scene]))


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    try:
        results = read_results()
    except ToonsetError as error:
        raise SystemExit(f"leaderboard: {error}") from error
    write_text(PAGE, page(results))
    print(f"leaderboard: {len(results)} results in {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
