"""Stage `train`: labelled faces → a trained emotion classifier and its learning curves.

Reads `data/dataset/{train,validation}.parquet`; writes `models/emotion/` and `reports/train/{curves.csv,metrics.json}`.
An interrupted training continues when the stage is run again.
"""

from typing import Final

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.inputs import UNDECODABLE
from pipeline.classifier.model import save_model
from pipeline.compute.arithmetic import pin_instructions
from pipeline.compute.malloc import keep_freed_memory
from pipeline.console import say_counts
from pipeline.dataset.files import COLUMNS
from pipeline.params import load_params
from pipeline.schemas import DATASET
from pipeline.tables import read_rows, replacing, write_json
from pipeline.training.train import train

CURVES: Final = paths.TRAINING / "curves.csv"
METRICS: Final = paths.TRAINING / "metrics.json"


def main() -> None:
    """Run the stage in the current directory."""
    params = load_params()
    pin_instructions()
    keep_freed_memory()
    rows = {split: read_rows(paths.split_table(split), DATASET, COLUMNS) for split in ("train", "validation")}
    trained = train(rows["train"], rows["validation"], params, cache_folder("train"))
    weights = save_model(paths.CLASSIFIER, trained.classifier)
    with replacing(CURVES) as temporary:
        trained.curves.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    write_json(METRICS, trained.metrics)
    few = [f"{emotion} {n}" for emotion, n in trained.metrics["per_class"].items() if n < 2]
    if few:
        print(f"train: very few examples: {', '.join(few)} training faces", flush=True)
    accuracy = trained.metrics["validation_accuracy"]
    say_counts(
        "train",
        {
            "training faces": trained.metrics["images"],
            "validation faces": trained.metrics["validation_images"],
            f"skipped ({UNDECODABLE})": trained.metrics["skipped"],
            "epochs": trained.metrics["epochs"],
            "network": str(trained.plan),
            "validation accuracy": "unknown" if accuracy is None else f"{accuracy:.3f}",
            "weights sha256": weights[:12],
        },
    )
