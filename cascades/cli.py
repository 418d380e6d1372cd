"""`toonset cascade`: train, run and judge a cascade over plain images and a box table."""

import csv
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer

from cascades.boxes import as_array
from cascades.calibration import operating_score, probability, train_validated
from cascades.detector import Detector
from cascades.errors import CascadeError, InvalidParameter
from cascades.evaluation import evaluate as roc_of
from cascades.model import Cascade
from cascades.params import AUTO, TrainingParams
from cascades.tables import ImageFolder, list_images, read_boxes, read_image
from cascades.training import StageReport
from cascades.training import train as train_cascade

app = typer.Typer(help="Haar cascades: train, detect, evaluate.", no_args_is_help=True)
DEFAULT = TrainingParams()

Images = Annotated[Path, typer.Argument(help="Folder of images.", exists=True, file_okay=False)]
Boxes = Annotated[Path, typer.Argument(help="CSV with image,x,y,w,h.", exists=True, dir_okay=False)]
Validation = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of other scenes to decide and calibrate on, may be repeated; inside IMAGES: kept out of training.",
        exists=True,
        file_okay=False,
    ),
]
Xml = Annotated[Path, typer.Argument(help="Cascade as OpenCV's XML.")]


@app.command()
def train(
    images: Images,
    boxes: Boxes,
    out: Xml,
    width: int = DEFAULT.window[0],
    height: int = DEFAULT.window[1],
    stages: int = DEFAULT.stages,
    positives: int = DEFAULT.positives,
    negatives: int = DEFAULT.negatives,
    min_hit_rate: float = DEFAULT.min_hit_rate,
    max_false_alarm: float = DEFAULT.max_false_alarm,
    ranking: int = DEFAULT.ranking,
    features: str = DEFAULT.features,
    boosting: str = DEFAULT.boosting,
    planes: str = DEFAULT.planes,
    margin: float = DEFAULT.margin,
    mirror: bool = DEFAULT.mirror,
    seed: int = DEFAULT.seed,
    threads: int = DEFAULT.threads,
    checkpoint: Annotated[Path | None, typer.Option(help="Saved after every stage; goes on from it.")] = None,
    validation: Validation = None,
    validation_boxes: Annotated[
        Path | None, typer.Option(help="Their boxes, where they are not inside IMAGES.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Train a cascade from a folder of images and the faces boxed in them.

    With --validation, images of other scenes, the scores become probabilities (`detect --fppi`), and --planes auto can
    decide between gray and color.
    """
    try:
        params = TrainingParams(
            window=(width, height), stages=stages, positives=positives, negatives=negatives, min_hit_rate=min_hit_rate,
            max_false_alarm=max_false_alarm, ranking=ranking, features=features, boosting=boosting, planes=planes,
            margin=margin, mirror=mirror, seed=seed, threads=threads,
        )  # fmt: skip
        folder, judges = _split(ImageFolder(images, read_boxes(boxes)), validation or [], validation_boxes)
        if judges is not None:
            result = train_validated(folder, judges, params, checkpoint=checkpoint, on_progress=_print_stage)
        elif planes == AUTO:
            raise InvalidParameter(
                "planes is 'auto', which is decided on images of other scenes: name a folder of them with --validation "
                "(inside IMAGES, or with its own --validation-boxes), or say --planes gray or color"
            )
        else:
            result = train_cascade(folder, params, checkpoint=checkpoint, on_progress=_print_stage)
    except CascadeError as error:
        _fail(error)
    result.cascade.save(out)
    result.cascade.to_side_file(out.with_suffix(".json"))
    for rejected in result.rejected:
        typer.echo(f"not used: {rejected.key} {tuple(rejected.box)}: {rejected.reason}")
    typer.echo(f"{out}: {len(result.cascade.stages)} stages, {result.cascade.weak_count} weak classifiers")
    typer.echo(f"stopped by {result.stop_rule}")
    info = result.cascade.info
    if "planes" in info.training:
        evidence = info.training["planes"]
        each = ", ".join(f"{planes} {value:.3f}" for planes, value in evidence["average_precision"].items())
        typer.echo(f"planes: {evidence['chosen']}; average precision on {evidence['faces']} validation faces: {each}")
    for fppi, score in info.calibration.get("score_at_fppi", {}).items():
        typer.echo(f"at {fppi} false positives per image: from score {score:g}")


def _split(folder: ImageFolder, validation: list[Path], boxes: Path | None) -> tuple[ImageFolder, ImageFolder | None]:
    """What to train and what to validate on: folders inside IMAGES are taken out of it, another has its own boxes."""
    if boxes is not None:
        if len(validation) != 1:
            raise InvalidParameter(f"--validation-boxes goes with one --validation folder, found {len(validation)}")
        return folder, ImageFolder(validation[0], read_boxes(boxes))
    if not validation:
        return folder, None
    for part in validation:
        if folder.folder.resolve() not in part.resolve().parents:
            raise InvalidParameter(
                f"--validation {part} is not a folder inside {folder.folder}: give its --validation-boxes too"
            )
    return folder.split(validation)


@app.command()
def detect(
    xml: Xml,
    images: Images,
    min_score: float = 0.0,
    fppi: Annotated[
        float | None, typer.Option(help="Instead of a score: 0.1, 0.3 or 1 false positives per image, as calibrated.")
    ] = None,
    scale_factor: float = 1.1,
    threads: int = DEFAULT.threads,
) -> None:
    """Find faces in every image of a folder; a CSV with image,x,y,w,h,score goes to standard output.

    Where the cascade was trained with validation images a column says how probable it is that the face is right.
    """
    try:
        cascade = Cascade.load(xml)
        least = min_score if fppi is None else operating_score(cascade, fppi)
        detector = Detector([cascade], scale_factor=scale_factor, min_score=least, threads=threads)
        calibrated = bool(cascade.info.calibration)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["image", "x", "y", "w", "h", "score", *(["probability"] if calibrated else [])])
        for name in list_images(images):
            gray, chroma = read_image(images / name)
            (found,) = detector.detect(gray, chroma=chroma)
            right = probability(cascade, found.scores).tolist() if calibrated else None
            for i, (box, score) in enumerate(zip(found.boxes.tolist(), found.scores.tolist(), strict=True)):
                writer.writerow([name, *box, f"{score:.3f}", *([f"{right[i]:.4f}"] if right else [])])
    except CascadeError as error:
        _fail(error)


@app.command()
def evaluate(xml: Xml, images: Images, boxes: Boxes, threads: int = DEFAULT.threads) -> None:
    """Recall at 0.1, 0.3 and 1 false positives per image; every face in the images must be in the table."""
    try:
        detector = Detector([Cascade.load(xml)], threads=threads)
        folder = ImageFolder(images, read_boxes(boxes))
        found, truths = [], []
        for image in folder:
            found.append(detector.detect(image.gray, chroma=image.chroma)[0])
            truths.append(as_array(image.boxes))
        roc = roc_of(found, truths)
    except CascadeError as error:
        _fail(error)
    typer.echo(f"{roc.truths} faces in {roc.images} images, average precision {roc.average_precision:.3f}")
    for fppi in (0.1, 0.3, 1.0):
        score = roc.score_at(fppi)
        operating_point = f"from score {score:.2f}" if np.isfinite(score) else "at no score"
        typer.echo(f"recall {roc.recall_at(fppi):.3f} at {fppi:g} false positives per image, {operating_point}")


def _print_stage(report: StageReport) -> None:
    typer.echo(
        f"stage {report.stage}/{report.stages}: {report.weak_count} weak classifiers, hit rate {report.hit_rate:.4f}, "
        f"false alarm {report.false_alarm:.3f}; {report.negatives} negatives from {report.windows:,} windows "
        f"({report.windows_per_s / 1e6:.1f} million/s, acceptance {report.acceptance:.2e}); "
        f"{report.seconds:.1f} s, about {report.seconds_left:.0f} s left"
    )


def _fail(error: CascadeError) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(1)
