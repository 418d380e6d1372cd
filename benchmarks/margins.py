"""Faces cut close and cut wide: `python -m benchmarks.margins --sample PROJECT --film FOOTAGE`.

The faces of `benchmarks.papers` are cut again with other margins. A network is trained on faces of one margin and
judged on faces of each margin, in scenes that it has not seen. It does so twice: once with every face's margin known,
and once with each taken for 0.25, as toonset did before faces had a known margin. Prints a table for each set:
accuracy, mean ± standard deviation over seeds.
"""

import argparse
import time
from itertools import product
from pathlib import Path
from typing import Final

import pandas as pd

from benchmarks.papers import Task, Variant, load_sets, mean_of, params_of
from pipeline.classifier.scoring import score_classifier
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.images import decode_rgb, encode_jpeg, reframe
from pipeline.training.train import train

OURS: Final = 0.25
"""What the faces of both sets are cut with."""
MARGINS: Final = (0.0, 0.1, OURS)

Results = dict[tuple[bool, float], float]


def recut(rows: pd.DataFrame, margin: float, told: bool) -> pd.DataFrame:
    """The faces with a narrower margin. told: whether the table says so."""
    found = []
    for image, own in zip(rows["image"], rows["margin"], strict=True):
        rgb = decode_rgb(image["bytes"])
        assert rgb is not None, "both sets hold faces that decode"
        found.append(image if margin == own else {"bytes": encode_jpeg(reframe(rgb, own, margin)), "path": None})
    return rows.assign(image=pd.Series(found, index=rows.index, dtype=object), margin=margin if told else OURS)


def accuracies(sets: dict[str, pd.DataFrame], net: str, seed: int, learned: float, cache: Path) -> Results:
    """By whether margins are known and by the margin of the test faces, after training on faces of margin `learned`."""
    params = params_of(Task("", Variant(net, {"net": net}), seed), None)
    found = {}
    for told in (False, True):
        if learned != OURS or not told:  # the same faces, known or not
            known, stopping = (recut(sets[split], learned, told) for split in ("train", "validation"))
            classifier = train(known, stopping, params, cache).classifier
        with reproducible(seed, params.train.threads):
            for margin in MARGINS:
                judged = score_classifier(recut(sets["test"], margin, told), classifier, cache)
                found[told, margin] = float(judged.metrics["accuracy"])
    return found


def table(found: dict[float, list[Results]]) -> str:
    """One set's results as Markdown: a row for what was learned from, a column for what was judged."""
    head = ["trained on", "the margin is", *(f"tested on {margin:g}" for margin in MARGINS)]
    lines = [head, ["---"] * len(head)]
    for learned, told in product(MARGINS, (False, True)):
        cells = [f"margin {learned:g}", "known" if told else "taken for 0.25"]
        lines.append(cells + [mean_of(pd.Series([one[told, margin] for one in found[learned]])) for margin in MARGINS])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Parse the command line, train, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=Path, help="a project in which `dvc repro dataset` has run")
    parser.add_argument("--film", type=Path, help="the folder with the film, boxes.csv and scenes.csv")
    parser.add_argument("--runs", type=Path, default=Path("data/cache/papers"), help="where decoded faces are kept")
    parser.add_argument("--net", default="toon")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    options.runs.mkdir(parents=True, exist_ok=True)
    for name, rows in load_sets(options.sample, options.film, options.runs).items():
        found: dict[float, list[Results]] = {margin: [] for margin in MARGINS}
        for seed, learned in product(range(options.seeds), MARGINS):
            found[learned].append(accuracies(rows, options.net, seed, learned, options.runs))
        sizes = ", ".join(f"{len(own)} {split}" for split, own in rows.items())
        print(f"\n{name}, {options.net}, {options.seeds} seeds: {sizes}\n\n{table(found)}", flush=True)
    print(f"\nCPU minutes: {time.process_time() / 60:.1f}")


if __name__ == "__main__":
    main()
