"""What networks know of cartoon faces beforehand: `python -m benchmarks.transfer --sample PROJECT --film FOOTAGE`.

Judges held-out scenes by networks that learned from photographs of people (`toonset import-net`, folders in `--nets`),
from ImageNet, from drawn faces, or from nothing. Each gets 10, 50 or 200 labels an emotion, or as many as there are,
from the faces that are not held out. *As it is*: the network answers without having seen a cartoon; answers that are
no emotion of the set are left out of its choice. *Frozen*: only a new last layer is learned, a logistic regression.
ImageNet's network is trained on by the recipe of our ResNets, which is for such weights; a GPU helps (`--device`).
Prints macro F1 and the F1 of each emotion, mean ± standard deviation over seeds. Every finished run is a file in
`--runs`, and what is there is not run again.
"""

import argparse
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.film import EMOTIONS
from benchmarks.papers import digest_of, load_sets, mean_of, parts_of
from pipeline.classifier.imagenet import WIDTH, ImageNetFeatures, pretrained
from pipeline.classifier.inputs import IMAGENET as OF_IMAGENET
from pipeline.classifier.inputs import InputShape, Normalisation, statistics
from pipeline.classifier.metrics import scores
from pipeline.classifier.model import WEIGHTS, Classifier, load_model
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.nets import architecture, build
from pipeline.tables import sha256_of, write_json
from pipeline.training.run import Examples, Run, logits_of
from pipeline.training.start import PACE, SHA256, put
from pipeline.training.start import WEIGHTS as DRAWN
from pipeline.training.start_model import put_model
from pipeline.training.train import device_of, examples

LABELS: Final = (10, 50, 200)
HUMAN: Final = ("face_api", "mini_xception")
IMAGENET: Final = "imagenet"

Answers = np.ndarray[Any, Any]
Split = tuple[Examples, Examples]
"""What labels are drawn from, and what is judged."""


@dataclass(frozen=True)
class Way:
    """One row of the table: a network and what is learned."""

    net: str
    how: str
    """`as it is`, `frozen`, `trained on` (all layers, from its weights) or `scratch` (all layers, random start)."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.net}, {'random start' if self.how == 'scratch' else self.how}"

    @property
    def labels(self) -> tuple[int, ...]:
        """How many an emotion."""
        return (0,) if self.how == "as it is" else LABELS


WAYS: Final = (
    *(Way(net, "as it is") for net in HUMAN),
    Way("toon", "as it is"),
    *(Way(net, "frozen") for net in (*HUMAN, IMAGENET, "toon")),
    *(Way(net, "trained on") for net in (*HUMAN, IMAGENET, "toon")),
    *(Way(net, "scratch") for net in (*HUMAN, "toon")),
)


class Bench:
    """The networks, and the faces of one set as each reads them."""

    def __init__(self, rows: dict[str, pd.DataFrame], nets: Path, folds: int, device: torch.device) -> None:
        self._nets, self.device = nets, device
        if folds:
            self._parts = [(known, judged) for known, _, judged in parts_of(rows, folds)]
        else:
            known = pd.concat([rows["train"], rows["validation"]], ignore_index=True)
            self._parts = [(known, rows["test"])]
        self._splits: dict[str, list[Split]] = {}
        self._features: dict[str, list[tuple[Answers, Answers]]] = {}

    def human(self, net: str) -> Classifier:
        """A network that `toonset import-net` wrote."""
        return load_model(self._nets / net)

    def splits(self, net: str) -> list[Split]:
        """What labels are drawn from, and what is judged, as the network reads them."""
        if net not in self._splits:
            shape = ImageNetFeatures.shape
            if net != IMAGENET:
                known = architecture(net)
                shape = InputShape(known.size, known.channels, known.margin or 0.0)
            both = ([examples(one, EMOTIONS, shape, "train")[0] for one in pair] for pair in self._parts)
            self._splits[net] = [(known, judged) for known, judged in both]
        return self._splits[net]

    def features(self, net: str) -> list[tuple[Answers, Answers]]:
        """What goes into the network's last layer, of both; float32 [N, D]."""
        if net not in self._features:
            ready, normalise = headless(net, self)
            self._features[net] = [
                (ready(known.images, normalise), ready(judged.images, normalise)) for known, judged in self.splits(net)
            ]
        return self._features[net]


def headless(net: str, bench: Bench) -> tuple[Any, Normalisation | None]:
    """The function from pictures to features, and the normalisation that it takes; places are averaged."""
    if net == IMAGENET:
        extractor = ImageNetFeatures()
        return lambda images, _: extractor.features(images.numpy()), None
    made, normalise = (toon_of_drawn(), None) if net == "toon" else (bench.human(net).net, of_human(bench.human(net)))
    made.head = nn.Identity()
    # `toon` makes every picture of one mean and spread itself.
    return lambda images, own: logits_of(made, own or statistics(images.numpy()), images).numpy(), normalise


def of_human(classifier: Classifier) -> Normalisation:
    """What an imported network's pictures are normalised by."""
    return Normalisation(classifier.about.mean, classifier.about.std)


def toon_of_drawn(named: bool = True) -> nn.Module:
    """`toon` with the shipped weights."""
    net = build("toon", len(EMOTIONS), {})
    put(net, EMOTIONS, load_file(DRAWN), named)
    return net


def drawn(known: Examples, labels: int, seed: int) -> list[int]:
    """Rows: up to so many of each emotion, by chance."""
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(1000 + seed)).tolist()
    taken: dict[int, list[int]] = {}
    for row in order:
        taken.setdefault(int(known.targets[row]), []).append(row)
    return sorted(row for own in taken.values() for row in own[:labels])


def answers(way: Way, bench: Bench, part: int, labels: int, seed: int) -> Answers:
    """Indices of emotions of the judged faces of one part."""
    known, judged = bench.splits(way.net)[part]
    if way.how == "as it is":
        return as_it_is(way.net, bench, judged)
    rows = drawn(known, labels, seed)
    if way.how == "frozen":
        before, asked = bench.features(way.net)[part]
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        found: Answers = model.fit(before[rows], known.targets[rows].numpy()).predict(asked)
        return found
    few = Examples(known.images[rows], known.targets[rows])
    with reproducible(seed, 1):
        net, normalise, pace = started(way, bench, few)
        run = Run(net.to(bench.device), normalise, few, None, recipe_of(way.net), seed, len(EMOTIONS), pace)
        for _ in range(run.recipe.epochs):
            run.step()
        return logits_of(net, normalise, judged.images).argmax(dim=1).numpy()


def recipe_of(net: str) -> Any:
    """The network's own."""
    return architecture("resnet18" if net == IMAGENET else net).recipe


def started(way: Way, bench: Bench, few: Examples) -> tuple[nn.Module, Normalisation, float]:
    """The network with its first weights, its normalisation, and the rate of all layers but the last."""
    if way.how == "scratch":
        return build(way.net, len(EMOTIONS), {}), statistics(few.images.numpy()), 1.0
    if way.net == "toon":
        return toon_of_drawn(), statistics(few.images.numpy()), PACE
    if way.net == IMAGENET:
        parts = OrderedDict(features=pretrained(), head=nn.Linear(WIDTH, len(EMOTIONS)))
        return nn.Sequential(parts), OF_IMAGENET, 1.0
    human = bench.human(way.net)
    net = build(way.net, len(EMOTIONS), {})
    put_model(net, EMOTIONS, human)
    return net, of_human(human), PACE


def as_it_is(net: str, bench: Bench, judged: Examples) -> Answers:
    """The network's own answers among the emotions of the set."""
    if net == "toon":
        logits = logits_of(toon_of_drawn(), statistics(judged.images.numpy()), judged.images)
        return logits.argmax(dim=1).numpy()
    human = bench.human(net)
    found = human.predict_fitted(judged.images.numpy())
    chosen: Answers = found[:, [human.emotions.index(emotion) for emotion in EMOTIONS]].argmax(axis=1)
    return chosen


def measure(way: Way, bench: Bench, labels: int, seed: int) -> dict[str, float]:
    """Macro F1 and accuracy over all judged faces, F1 of each emotion, CPU seconds."""
    begun = time.process_time()
    parts = range(len(bench.splits(way.net)))
    guess = np.concatenate([answers(way, bench, part, labels, seed) for part in parts])
    spent = time.process_time() - begun
    actual = np.concatenate([judged.targets.numpy() for _, judged in bench.splits(way.net)])
    figures = scores(actual, guess, EMOTIONS)
    own = {f"f1 {emotion}": found["f1"] for emotion, found in figures["per_class"].items() if found["n"]}
    return {"macro_f1": figures["macro_f1"], "accuracy": figures["accuracy"], **own, "cpu_s": round(spent, 2)}


def path_of(runs: Path, what: list[Any]) -> Path:
    """Where the result of a run is kept; other faces, weights or settings are another run."""
    return runs / f"transfer-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]}.json"


def lines_of(found: dict[tuple[str, int], list[dict[str, float]]]) -> Iterator[str]:
    """The table of one set as Markdown."""
    yield "| network | labels an emotion | seeds | macro F1 | accuracy | CPU s |\n|---|---|---|---|---|---|"
    for (name, labels), results in found.items():
        table = pd.DataFrame(results)
        cells = [name, str(labels), str(len(table)), mean_of(table["macro_f1"]), mean_of(table["accuracy"])]
        yield "| " + " | ".join([*cells, f"{table['cpu_s'].mean():.1f}"]) + " |"


def emotions_of(found: dict[tuple[str, int], list[dict[str, float]]]) -> Iterator[str]:
    """F1 of each emotion that occurs, as Markdown."""
    there = [emotion for emotion in EMOTIONS if all(f"f1 {emotion}" in one for own in found.values() for one in own)]
    yield f"| network | labels an emotion | {' | '.join(there)} |\n|---|---|{'---|' * len(there)}"
    for (name, labels), results in found.items():
        table = pd.DataFrame(results)
        yield "| " + " | ".join([name, str(labels), *(mean_of(table[f"f1 {emotion}"]) for emotion in there)]) + " |"


def main() -> None:
    """Parse the command line, run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=Path, help="a project in which `dvc repro dataset` has run")
    parser.add_argument("--film", type=Path, help="the folder with the film, boxes.csv and scenes.csv")
    parser.add_argument("--nets", type=Path, required=True, help="the folder of the folders face_api and mini_xception")
    parser.add_argument("--runs", type=Path, default=Path("data/cache/transfer"), help="where finished runs are kept")
    parser.add_argument("--folds", type=int, default=0, help="judge by so many folds over scenes that are not held out")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(5)))
    parser.add_argument("--labels", type=int, nargs="*", default=[0, *LABELS])
    parser.add_argument("--how", nargs="*", default=["as it is", "frozen", "trained on", "scratch"])
    parser.add_argument("--only", nargs="*", default=[*HUMAN, IMAGENET, "toon"], help="names of networks")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where whole networks are trained")
    parser.add_argument("--list", action="store_true", help="run nothing")
    options = parser.parse_args()
    pin_instructions()
    keep_freed_memory()
    options.runs.mkdir(parents=True, exist_ok=True)
    device = device_of("auto" if options.list else options.device)
    weights = {net: sha256_of(options.nets / net / WEIGHTS) for net in HUMAN} | {"toon": SHA256}
    for data, rows in load_sets(options.sample, options.film, options.runs).items():
        bench = Bench(rows, options.nets, options.folds, device)
        found: dict[tuple[str, int], list[dict[str, float]]] = {}
        for seed, way in product(options.seeds, WAYS):
            for labels in way.labels:
                chance = way.how != "as it is"
                if (
                    way.net not in options.only
                    or way.how not in options.how
                    or labels not in options.labels
                    or (seed and not chance)
                ):
                    continue
                recipe = repr(recipe_of(way.net)) if way.how in ("trained on", "scratch") else ""
                made = {} if way.net == IMAGENET else architecture(way.net).options
                key = [
                    "by emotion",
                    digest_of(rows),
                    options.folds,
                    way.net,
                    way.how,
                    labels,
                    seed,
                    weights.get(way.net),
                    recipe,
                    made,
                ]
                if options.device != "cpu":
                    key.append(options.device)
                path = path_of(options.runs, key)
                if not path.exists():
                    if options.list:
                        continue
                    write_json(path, measure(way, bench, labels, seed))
                found.setdefault((way.name, labels), []).append(json.loads(path.read_text(encoding="utf-8")))
        print(f"\n{data}: {len(rows['test'])} faces held out, folds: {options.folds}\n")
        print("\n".join(lines_of(found)))
        print("\nF1 of each emotion:\n\n" + "\n".join(emotions_of(found)), flush=True)


if __name__ == "__main__":
    main()
