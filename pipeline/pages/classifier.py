"""The sections of reports/model.html: how reliable the classifier is, where it errs, what it looks at."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.classifier.calibration import reliability
from pipeline.classifier.explain import activation_maximisation, convolutions, enlarged, grad_cam, overlay
from pipeline.classifier.metrics import LEAST, too_few
from pipeline.classifier.model import Classifier
from pipeline.classifier.scoring import Evaluation, PredictionRow
from pipeline.images import Pixels, decode_rgb, reframe, shrink
from pipeline.pages.html import Part, Section, Strip, Tile, drawing, jpeg, photograph, png_file, table
from pipeline.pages.sheets import contact_sheet, figure
from pipeline.params import Params
from pipeline.tables import rows_of

TILE: Final = 90
"""Side of a face, px."""
SHOWN: Final = 60
"""Misclassified faces shown at most."""
ACROSS: Final = 10
FILTERS: Final = 16
LAYERS: Final = 12
"""Convolutions shown at most, spread over the network."""
CONFUSION: Final = "Rows are the labels that people gave, columns are the network's answers."
FIGURES: Final = {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}


def model_sections(
    found: Evaluation, rows: pd.DataFrame, classifier: Classifier, random_split: dict[str, Any], params: Params
) -> list[Section]:
    """All sections. rows: the test rows, with `image`; random_split: metrics of the stage of that name."""
    images = dict(zip(rows["face_id"], rows["image"], strict=True))
    faces = {identity: _face(images[identity]["bytes"]) for identity in found.predictions["face_id"]}
    margins = dict(zip(rows["face_id"], rows["margin"], strict=True))
    seen = {name: reframe(face, margins[name], classifier.about.margin) for name, face in faces.items()}
    return [
        Section("Figures", figures(found.metrics, random_split, params)),
        Section("Confusion", [png_file(paths.EVALUATION / "confusion.png", text=CONFUSION)]),
        Section("Probabilities", [calibration_part(found, classifier)]),
        Section("Mistakes", mistakes(found, faces, params)),
        Section("Where it looks", looks(found, seen, classifier, params)),
        Section("What its filters respond to", filters(classifier), folded=True),
    ]


def headline_figures(found: Evaluation, classifier: Classifier) -> dict[str, str]:
    """The head of the page."""
    about, metrics = classifier.about, found.metrics
    said = about.params
    parameters = sum(weight.numel() for weight in classifier.net.parameters())
    began = said.get("start") or said.get("pretrained")
    return {
        "network": f"{about.net}, {parameters:,} parameters, reads {about.size}×{about.size} px",
        "training": f"{f'from {began}, ' if began else ''}{said.get('optimizer')} {said.get('learning_rate')}, "
        f"epoch {about.epoch}, seed {about.seed}, {sum(about.images.values())} faces",
        "tested on": f"{metrics['n']} faces of {metrics['scenes']} scenes it was not trained on",
        "accuracy": _with_interval(metrics, "accuracy"),
        "macro F1": _with_interval(metrics, "macro_f1"),
    }


def figures(metrics: dict[str, Any], random_split: dict[str, Any], params: Params) -> list[Part]:
    """Scene split beside random split, then by emotion, character and episode."""
    rows = [[name, _with_interval(metrics, key), _with_interval(random_split, key)] for key, name in FIGURES.items()]
    rows.append(["test faces", str(metrics["n"]), str(random_split["n"])])
    shared = random_split.get("share_in_training_scenes")
    if shared is not None:
        rows.append(["of these, in scenes with training faces", "0 %", f"{100 * shared:.0f} %"])
    gap = Part(
        "Held-out scenes compared with a random split",
        "The same network, trained in the same way on as many faces. In a random split, faces of one scene are in the "
        "training set and in the test set. The difference to the held-out scenes is what the network remembers of "
        "scenes that it has seen. In brackets: 95 % bootstrap intervals, resampled by scene.",
        ["", "held-out scenes", "random split"],
        rows,
        [False, False, False],
    )
    classes = pd.DataFrame(
        [[params.shown(name), *(_number(own[key]) for key in ("precision", "recall", "f1")), own["n"]]
         for name, own in metrics["per_class"].items()],
        columns=["emotion", "precision", "recall", "F1", "faces"],
    )  # fmt: skip
    return [
        gap,
        table(classes, "By emotion", few_faces(metrics, params)),
        *(_groups(metrics, what, params) for what in ("character", "episode")),
    ]


def few_faces(metrics: dict[str, Any], params: Params) -> str:
    """Which emotions have too few test faces to be judged, in words; empty where all have enough."""
    few = too_few(metrics["per_class"])
    if not few:
        return ""
    named = ", ".join(f"{params.shown(emotion)} ({n})" for emotion, n in few.items())
    return (
        f"Too few test faces to be judged, fewer than {LEAST}: {named}. Macro F1 counts every emotion alike, so its "
        "interval is narrower than what is really known."
    )


def _groups(metrics: dict[str, Any], what: str, params: Params) -> Part:
    rows = [
        [
            params.shown(name) if what == "character" else name,
            _number(own["accuracy"]),
            _number(own["macro_f1"]),
            own["n"],
        ]
        for name, own in metrics[f"per_{what}"].items()
    ]
    return table(pd.DataFrame(rows, columns=[what, "accuracy", "macro F1", "faces"]), f"By {what}")


def calibration_part(found: Evaluation, classifier: Classifier) -> Part:
    """The reliability diagram."""
    bins = reliability(found.probabilities, found.actual)
    plot = figure(4.6, 3.6)
    axes = plot.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    axes.plot([one.confidence for one in bins], [one.accuracy for one in bins], marker="o", color="#2f6fde")
    for one in bins:
        axes.annotate(str(one.n), (one.confidence, one.accuracy), textcoords="offset points", xytext=(5, -10), size=7)
    axes.set(xlabel="probability of the answer", ylabel="share of answers that are right", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    error = found.metrics["calibration_error"]
    text = (
        f"Expected calibration error {_number(error)} on held-out scenes. Logits are divided by a temperature of "
        f"{classifier.about.temperature:g}, which was fitted on validation scenes. Numbers in the plot count faces."
    )
    return drawing(plot, "Is an answer with probability 0.8 right in 80 % of the cases?", text)


def mistakes(found: Evaluation, faces: dict[str, Pixels], params: Params) -> list[Part]:
    """Misclassified faces, the most confident answers first."""
    wrong = found.predictions[found.predictions["actual"] != found.predictions["predicted"]]
    surest = wrong.sort_values(["probability", "face_id"], ascending=[False, True]).head(SHOWN)
    if surest.empty:
        return [Part("", "None.")]
    tiles = [
        _tile(
            faces[face.face_id],
            [f"{params.shown(face.actual)} →", f"{params.shown(face.predicted)} {face.probability:.0%}"],
            _hint(face, params),
        )
        for face in rows_of(surest, PredictionRow)
    ]
    text = f"{len(wrong)} of {len(found.predictions)} faces, " + (
        f"the {SHOWN} most confident" if len(wrong) > SHOWN else "the most confident first"
    )
    return [
        Part(
            "",
            f"{text}. Under each face: label → answer. In some of these the label may be wrong.",
            strips=[Strip("", tiles)],
        )
    ]


def looks(found: Evaluation, faces: dict[str, Pixels], classifier: Classifier, params: Params) -> list[Part]:
    """Grad-CAM for the answer given, a strip per emotion answered. faces: by face_id, as the network sees them."""
    strips = []
    for index, emotion in enumerate(classifier.emotions):
        own = found.predictions[found.predictions["predicted"] == emotion]
        shown = own.sort_values("face_id").head(ACROSS)
        if shown.empty:
            continue
        places = found.predictions.index.get_indexer(shown.index)
        heat = grad_cam(classifier, found.images[places], np.full(len(places), index, dtype=np.int64))
        tiles = [
            _tile(overlay(_square(faces[face.face_id]), heat[i]), [_verdict(face, params)], _hint(face, params))
            for i, face in enumerate(rows_of(shown, PredictionRow))
        ]
        strips.append(Strip(f"answered {params.shown(emotion)}", tiles))
    text = "Bright and red areas contributed most to the answer (Grad-CAM on the last layer with a spatial grid)."
    return [Part("", text, strips=strips)] if strips else [Part("", "No faces.")]


def filters(classifier: Classifier) -> list[Part]:
    """A sheet per convolution: what each of its first filters responds to most."""
    layers = convolutions(classifier.net)
    shown = _spread(list(layers), LAYERS)
    some = "" if len(shown) == len(layers) else f" {len(shown)} of {len(layers)} convolutions are shown."
    parts = [
        Part(
            "",
            f"Each picture makes one filter respond strongly; it was found by gradient ascent. Shown are the first "
            f"{FILTERS} filters of each convolution larger than 1×1.{some}",
        )
    ]
    for name in shown:
        pictures = [enlarged(one, 96) for one in activation_maximisation(classifier, layers[name], FILTERS)]
        parts.append(
            photograph(contact_sheet(pictures, columns=8, side=96), f"{name}: {layers[name].out_channels} filters")
        )
    return parts


def _spread(names: Sequence[str], most: int) -> list[str]:
    if len(names) <= most:
        return list(names)
    return [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]


def _face(data: bytes) -> Pixels:
    rgb = decode_rgb(data)
    assert rgb is not None, "predictions are of faces that decode"
    return rgb


def _square(face: Pixels) -> Pixels:
    return shrink(face, TILE, TILE)


def _tile(face: Pixels, lines: Sequence[str], hint: str) -> Tile:
    return Tile(jpeg(_square(face)), lines, hint)


def _verdict(face: PredictionRow, params: Params) -> str:
    return "right" if face.actual == face.predicted else f"label: {params.shown(face.actual)}"


def _hint(face: PredictionRow, params: Params) -> str:
    character, actual, predicted = map(params.shown, (face.character, face.actual, face.predicted))
    return f"{character}, {face.episode_id}, scene {face.scene}: {actual} → {predicted}, {face.face_id}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _with_interval(metrics: dict[str, Any], key: str) -> str:
    own = metrics.get("intervals", {}).get(key)
    return _number(metrics[key]) + (f" [{own['low']:.2f}, {own['high']:.2f}]" if own else "")
