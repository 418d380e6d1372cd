"""Stage `random_split`: how much better the classifier would look if faces were shared out at random, as is usual.

All labelled faces are dealt to train, validation and test by chance, as many to each as by scene; the same network is
trained in the same way. Faces of one scene then stand on both sides, and what this scores above the split by scene is
memory. Reads `data/dataset/`; writes `reports/random_split/metrics.json`. The model itself is not kept.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.scoring import score_classifier
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.console import say_counts
from pipeline.dataset.files import COLUMNS
from pipeline.dataset.random_split import deal
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import read_rows, write_json
from pipeline.training.train import train


def random_split(rows: pd.DataFrame, params: Params, cache: Path | None = None) -> dict[str, Any]:
    """Figures on the test faces of a random split. rows: of all splits, with a column `split`."""
    dealt = deal(rows, params.train.seed)
    parts = {split: dealt[dealt["split"] == split].reset_index(drop=True) for split in SPLITS}
    trained = train(parts["train"], parts["validation"], params, cache, "random_split")
    with reproducible(params.train.seed, params.train.threads):
        found = score_classifier(parts["test"], trained.classifier, cache)
    known = set(zip(parts["train"]["episode_id"], parts["train"]["scene"], strict=True))
    places = zip(found.predictions["episode_id"], found.predictions["scene"], strict=True)
    seen = [place in known for place in places]
    return found.metrics | {"share_in_training_scenes": round(float(np.mean(seen)), 6) if seen else None}


def main() -> None:
    """Run the stage in the current directory."""
    params = load_params()
    pin_instructions()
    keep_freed_memory()
    tables = [read_rows(paths.split_table(split), DATASET, [*COLUMNS, "split"]) for split in SPLITS]
    rows = pd.concat(tables, ignore_index=True)
    metrics = random_split(rows, params, cache_folder("random_split"))
    write_json(paths.RANDOM_SPLIT, metrics)
    shared = metrics["share_in_training_scenes"]
    say_counts(
        "random_split",
        {
            "test faces": metrics["n"],
            "in training scenes": "unknown" if shared is None else f"{shared:.2f}",
            **{
                name.replace("_", " "): "unknown" if metrics[name] is None else f"{metrics[name]:.3f}"
                for name in ("accuracy", "macro_f1")
            },
        },
    )
