"""Stage `evaluate`: the trained classifier on the held-out scenes, as numbers, tables, pictures and a page.

Reads `models/emotion/`, `data/dataset/` and the random split's figures; writes `reports/evaluate/`: `metrics.json`,
`breakdown.json` (by emotion, character and episode, with intervals), `predictions.csv` (a row per face; DVC's confusion
template takes `actual` and `predicted`), `confusion.png`, `mistakes.png`; and `reports/model.html`. Fails where faces
that are alike stand in two splits.
"""

import json
from typing import Any, Final

import pandas as pd

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.inputs import UNDECODABLE
from pipeline.classifier.model import load_model
from pipeline.classifier.scoring import score_classifier
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.console import say_counts
from pipeline.dataset.files import COLUMNS
from pipeline.dataset.leaks import check_leaks, decodable, look_alikes
from pipeline.errors import InputError
from pipeline.images import decode_rgb
from pipeline.pages.classifier import few_faces, headline_figures, model_sections
from pipeline.pages.html import Link, render
from pipeline.pages.plots import Mistake, draw_confusion, draw_mistakes, drawn
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, SPLITS
from pipeline.tables import read_rows, replacing, write_json, write_text

SHOWN: Final = 24
"""Mistakes shown at most."""


def mistakes(rows: pd.DataFrame, predictions: pd.DataFrame, params: Params) -> tuple[list[Mistake], int]:
    """The misclassified faces that the classifier was surest of, surest first, and how many there are in all."""
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    surest = wrong.sort_values(["probability", "face_id"], ascending=[False, True]).head(SHOWN)
    images = dict(zip(rows["face_id"], rows["image"], strict=True))
    shown = []
    for face in surest.to_dict("records"):
        rgb = decode_rgb(images[face["face_id"]]["bytes"])
        if rgb is not None:
            actual, predicted, character = (
                drawn(params.shown(face[name]), face[name]) for name in ("actual", "predicted", "character")
            )
            shown.append(Mistake(rgb, actual, predicted, face["probability"], character))
    return shown, len(wrong)


def main() -> None:
    """Run the stage in the current directory."""
    pin_instructions()
    keep_freed_memory()
    params = load_params()
    classifier = load_model(paths.CLASSIFIER)
    columns = [*COLUMNS, "split"]
    tables = {split: read_rows(paths.split_table(split), DATASET, columns) for split in SPLITS}
    everything = pd.concat(tables.values(), ignore_index=True)
    check_leaks(everything, params.manifest)
    alike = look_alikes(*decodable(everything), params.manifest)
    rows, random_split = tables["test"], read_random_split()
    with reproducible(classifier.about.seed, classifier.about.threads):
        result = score_classifier(rows, classifier, cache_folder("train"))
    with replacing(paths.EVALUATION / "predictions.csv") as temporary:
        result.predictions.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")
    emotions = [drawn(params.shown(name), name) for name in classifier.emotions]
    draw_confusion(paths.EVALUATION / "confusion.png", result.confusion, emotions)
    draw_mistakes(paths.EVALUATION / "mistakes.png", *mistakes(rows, result.predictions, params))
    with reproducible(classifier.about.seed, classifier.about.threads):
        sections = model_sections(result, rows, classifier, random_split, params)
    title = f"toonset: emotions of {', '.join(map(params.shown, params.characters))}"
    lead = "How reliable the classifier is, where it errs, and what it looks at."
    write_text(
        paths.CLASSIFIER_PAGE,
        render(
            title,
            lead,
            headline_figures(result, classifier),
            sections,
            Link("index.html", "The overview"),
            Link("dataset.html", "The pictures"),
        ),
    )
    gap = {
        name: None if None in (result.metrics[name], random_split[name]) else random_split[name] - result.metrics[name]
        for name in ("accuracy", "macro_f1")
    }
    rounded = {name: value if value is None else round(value, 6) for name, value in gap.items()}
    # What `dvc exp show` makes columns of stays short; the rest stands beside it.
    whole = result.metrics | {f"random_split_gap_{name}": value for name, value in rounded.items()}
    whole |= {"look_alikes_in_train": alike}
    write_json(
        paths.EVALUATION / "metrics.json", {name: value for name, value in whole.items() if not isinstance(value, dict)}
    )
    write_json(
        paths.EVALUATION / "breakdown.json", {name: value for name, value in whole.items() if isinstance(value, dict)}
    )
    print(f"evaluate: {alike_line(alike)}")
    if said := few_faces(result.metrics, params):
        print(f"evaluate: {said}")
    names = ("accuracy", "macro_f1", "weighted_f1", "majority_share", "calibration_error")
    figures = {name: result.metrics[name] for name in names}
    say_counts(
        "evaluate",
        {
            "test faces": result.metrics["n"],
            f"skipped ({UNDECODABLE})": result.metrics["skipped"],
            **{name.replace("_", " "): "unknown" if v is None else f"{v:.3f}" for name, v in figures.items()},
        },
    )


def alike_line(alike: dict[str, float | None]) -> str:
    """How many test faces look like a training face, in words."""
    if None in alike.values():
        return "no test faces to compare with training faces"
    shares = ", ".join(f"{share:.3f} within {level}" for level, share in alike.items())
    return f"share of test faces with a look-alike in train: {shares} gray levels"


def read_random_split() -> dict[str, Any]:
    """The figures of the stage `random_split`."""
    try:
        return dict(json.loads(paths.RANDOM_SPLIT.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{paths.RANDOM_SPLIT} cannot be read ({error}): run `dvc repro random_split`") from error
