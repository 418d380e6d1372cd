"""`cascades`, and `toonset cascade`, which is the same: train a cascade on images and boxes, run it, measure it."""

import csv
import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer

from cascades.boxes import as_array
from cascades.calibration import operating_score, probability
from cascades.data import INSTALL, available
from cascades.detector import Detector
from cascades.errors import CascadeError, CascadeFileNotFound, InvalidParameter, TrainingDataError
from cascades.evaluation import evaluate as roc_of
from cascades.files import require_place, write_whole
from cascades.model import Cascade
from cascades.params import TrainingParams
from cascades.pictures import read_picture
from cascades.sources import open_sources
from cascades.tables import list_images, read_image
from cascades.traincascade import CASCADE
from cascades.traincascade import parse as parse_traincascade
from cascades.traincascade import run as run_traincascade
from cascades.training import StageReport, TrainingResult
from cascades.training_command import Wanted
from cascades.training_command import run as run_training
from cascades.view import draw_view, survivors
from cascades.words import counted

app = typer.Typer(
    help="Train a face cascade on your own images, run it, measure it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",  # sentences flow over the line ends of the docstrings
)
DEFAULT = TrainingParams()

FACES, LENGTH, KIND, SCENES, RUN = "The faces", "How long it trains", "What it looks at", "Other scenes", "The run"
"""Panels of `toonset cascade train --help`."""


class Features(StrEnum):
    """The feature sets of `TrainingParams.features`."""

    BASIC = "basic"
    CORE = "core"
    ALL = "all"
    LBP = "lbp"


class Boosting(StrEnum):
    """The kinds of AdaBoost of `TrainingParams.boosting`."""

    GENTLE = "gentle"
    DISCRETE = "discrete"
    REAL = "real"


class Planes(StrEnum):
    """The image planes of `TrainingParams.planes`."""

    GRAY = "gray"
    COLOR = "color"
    AUTO = "auto"


FEATURES, BOOSTING, PLANES = Features(DEFAULT.features), Boosting(DEFAULT.boosting), Planes(DEFAULT.planes)

Images = Annotated[Path, typer.Argument(help="Folder of images, or a bg.txt.", exists=True)]
Boxes = Annotated[Path, typer.Argument(help="CSV of boxes, or what another program wrote.", exists=True)]
Xml = Annotated[Path, typer.Argument(help="A cascade in OpenCV's XML format.", exists=True, dir_okay=False)]
Threads = Annotated[int, typer.Option(help="Processor threads. They change the time, never the result.", min=1)]
ScaleFactor = Annotated[float, typer.Option(help="Ratio of one searched face size to the next smaller one.")]


@app.command()
def train(
    images: Images,
    boxes: Boxes,
    out: Annotated[Path, typer.Argument(help="The cascade to write, in OpenCV's XML format.")],
    width: Annotated[
        int, typer.Option(help="Width of the window in px. Smaller faces cannot be found.", rich_help_panel=FACES)
    ] = DEFAULT.window[0],
    height: Annotated[
        int, typer.Option(help="Height of the window in px. Smaller faces cannot be found.", rich_help_panel=FACES)
    ] = DEFAULT.window[1],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Name of the boxes to learn, if the boxes have names. May be repeated. Others are background.",
            rich_help_panel=FACES,
        ),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            help="Context around each box, as a share of its longer side. Below 0, the window is smaller than the box.",
            rich_help_panel=FACES,
        ),
    ] = DEFAULT.margin,
    mirror: Annotated[
        bool, typer.Option(help="Also train on every box flipped left to right.", rich_help_panel=FACES)
    ] = DEFAULT.mirror,
    fit_boxes: Annotated[
        bool,
        typer.Option(
            help="Learn each face's box from what the window shows. Otherwise all boxes have one shape.",
            rich_help_panel=FACES,
        ),
    ] = DEFAULT.fit_boxes,
    positives: Annotated[
        int,
        typer.Option(help="Face examples, made from the boxes by mirroring and jittering.", rich_help_panel=FACES),
    ] = DEFAULT.positives,
    negatives: Annotated[
        int, typer.Option(help="Background windows for each stage.", rich_help_panel=FACES)
    ] = DEFAULT.negatives,
    stages: Annotated[
        int,
        typer.Option(
            help="Most stages to train. More stages: fewer false alarms, and a few more missed faces.",
            rich_help_panel=LENGTH,
        ),
    ] = DEFAULT.stages,
    min_hit_rate: Annotated[
        float, typer.Option(help="Share of the faces that each stage must pass.", rich_help_panel=LENGTH)
    ] = DEFAULT.min_hit_rate,
    max_false_alarm: Annotated[
        float,
        typer.Option(help="Share of the background windows that a stage may pass.", rich_help_panel=LENGTH),
    ] = DEFAULT.max_false_alarm,
    ranking: Annotated[
        int,
        typer.Option(
            help="Least number of trees in the last stage, whose score ranks the detections. 0: no longer last stage.",
            rich_help_panel=LENGTH,
        ),
    ] = DEFAULT.ranking,
    features: Annotated[
        Features,
        typer.Option(help="Haar features (basic, core, or all with tilted ones) or LBP.", rich_help_panel=KIND),
    ] = FEATURES,
    boosting: Annotated[Boosting, typer.Option(help="Kind of AdaBoost.", rich_help_panel=KIND)] = BOOSTING,
    planes: Annotated[
        Planes,
        typer.Option(
            help="Train in gray or in color. auto keeps the one that is better on --validation images.",
            rich_help_panel=KIND,
        ),
    ] = PLANES,
    validation: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder with images of other scenes. May be repeated. "
            "A folder inside IMAGES is left out of the training.",
            exists=True,
            file_okay=False,
            rich_help_panel=SCENES,
        ),
    ] = None,
    validation_boxes: Annotated[
        Path | None,
        typer.Option(
            help="Boxes of the --validation folder, if it is not inside IMAGES.",
            exists=True,
            rich_help_panel=SCENES,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of all random choices. Same seed, same cascade.", rich_help_panel=RUN)
    ] = DEFAULT.seed,
    threads: Annotated[
        int,
        typer.Option(help="Processor threads. They change the time, never the result.", min=1, rich_help_panel=RUN),
    ] = DEFAULT.threads,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="File to save after every stage. If it exists, training continues from it.", rich_help_panel=RUN
        ),
    ] = None,
    page: Annotated[
        bool,
        typer.Option(
            help="Draw a page beside the cascade, OUT with the ending .html, during the training.", rich_help_panel=RUN
        ),
    ] = True,
) -> None:
    """Train a cascade from pictures and the faces boxed in them.

    IMAGES is a folder of pictures. BOXES says where the faces are:

    - a CSV file with the columns image,x,y,w,h, one face a row;

    - annotations of another program: COCO (a .json file), YOLO (data.yaml), or Pascal VOC (a folder of .xml files);

    - info.dat or a .vec file of OpenCV, or a folder of crops. IMAGES then has only pictures without a face, and may
      be a bg.txt.

    --validation names images of scenes that are not trained on. They turn scores into probabilities, make
    `detect --fppi` possible, and let `--planes auto` choose between gray and color.
    """
    try:
        params = TrainingParams(
            window=(width, height), stages=stages, positives=positives, negatives=negatives, min_hit_rate=min_hit_rate,
            max_false_alarm=max_false_alarm, ranking=ranking, features=features.value,
            boosting=boosting.value, planes=planes.value,
            margin=margin, mirror=mirror, fit_boxes=fit_boxes, seed=seed, threads=threads,
        )  # fmt: skip
        wanted = Wanted(
            images, boxes, out, params, tuple(only or ()), tuple(validation or ()), validation_boxes, checkpoint,
            out.with_suffix(".html") if page else None,
        )  # fmt: skip
        result = run_training(wanted, typer.echo, _print_stage)
    except CascadeError as error:
        _fail(error)
    _print_result(result, out)
    info = result.cascade.info
    if "planes" in info.training:
        evidence = info.training["planes"]
        each = ", ".join(f"{planes} {value:.3f}" for planes, value in evidence["average_precision"].items())
        typer.echo(f"planes: {evidence['chosen']}: {evidence['reason']}")
        typer.echo(f"average precision on {counted(evidence['faces'], 'validation faces')}: {each}")
    for fppi, score in info.calibration.get("score_at_fppi", {}).items():
        typer.echo(f"at {fppi} false positives per image: from score {score:g}")
    if wanted.page is not None:
        typer.echo(f"{wanted.page}: how it went, and what would help next")


@app.command()
def detect(
    xml: Xml,
    images: Annotated[Path, typer.Argument(help="An image, or a folder of images.", exists=True)],
    min_score: Annotated[float, typer.Option(help="Leave out detections with a lower score.")] = 0.0,
    fppi: Annotated[
        float | None,
        typer.Option(
            help="Instead of --min-score: false positives per image that you accept, 0.1, 0.3 or 1. "
            "The cascade must have been trained with --validation."
        ),
    ] = None,
    scale_factor: ScaleFactor = 1.1,
    threads: Threads = DEFAULT.threads,
) -> None:
    """Find faces in one image or in every image of a folder and print a CSV with image,x,y,w,h,score.

    If the cascade was trained with --validation, the column `probability` says how likely each detection is a face.
    """
    try:
        cascade = Cascade.load(xml)
        least = min_score if fppi is None else operating_score(cascade, fppi)
        detector = Detector([cascade], scale_factor=scale_factor, min_score=least, threads=threads)
        calibrated = bool(cascade.info.calibration)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["image", "x", "y", "w", "h", "score", *(["probability"] if calibrated else [])])
        folder, names = (images, list_images(images)) if images.is_dir() else (images.parent, [images.name])
        unread = 0
        for name in names:
            try:
                gray, chroma = read_image(folder / name)
            except TrainingDataError as error:
                typer.echo(f"not looked at: {error}", err=True)
                unread += 1
                continue
            (found,) = detector.detect(gray, chroma=chroma)
            right = probability(cascade, found.scores).tolist() if calibrated else None
            for i, (box, score) in enumerate(zip(found.boxes.tolist(), found.scores.tolist(), strict=True)):
                writer.writerow([name, *box, f"{score:.3f}", *([f"{right[i]:.4f}"] if right else [])])
    except CascadeError as error:
        _fail(error)
    if unread:
        typer.echo(f"{unread} of {counted(len(names), 'images')} could not be read (the reasons are above)", err=True)
    if unread == len(names):
        raise typer.Exit(1)


@app.command()
def evaluate(
    xml: Xml,
    images: Images,
    boxes: Boxes,
    only: Annotated[list[str] | None, typer.Option(help="Name of the boxes that count. May be repeated.")] = None,
    threads: Threads = DEFAULT.threads,
) -> None:
    """Measure a cascade: recall at 0.1, 0.3 and 1 false positives per image.

    Every face in the images must have its box. IMAGES and BOXES are as in `train`.
    """
    try:
        cascade = Cascade.load(xml)
        detector = Detector([cascade], threads=threads)
        sources = open_sources(images, boxes, cascade.window, only or [])
        found, truths = [], []
        for image in sources.images:
            found.append(detector.detect(image.gray, chroma=image.chroma)[0])
            truths.append(as_array(image.boxes))
        roc = roc_of(found, truths)
    except CascadeError as error:
        _fail(error)
    for line in sources.unused:
        typer.echo(f"not used: {line}")
    faces, pictures = counted(roc.truths, "faces"), counted(roc.images, "images")
    typer.echo(f"{faces} in {pictures}, average precision {roc.average_precision:.3f}")
    for fppi in (0.1, 0.3, 1.0):
        score = roc.score_at(fppi)
        operating_point = f"from score {score:.2f}" if np.isfinite(score) else "at no score"
        typer.echo(f"recall {roc.recall_at(fppi):.3f} at {fppi:g} false positives per image, {operating_point}")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    options_metavar="-data FOLDER -vec FILE.vec -bg bg.txt [OPTIONS OF opencv_traincascade]",
)
def traincascade(context: typer.Context) -> None:
    """Run a command line of opencv_traincascade as it stands: `cascades traincascade -data … -vec … -bg …`.

    All its options are understood; those without a counterpart are named. The cascade is FOLDER/cascade.xml. `-info
    info.dat` in the place of `-vec` takes the boxes themselves, without opencv_createsamples. The same command goes on
    after a break.
    """
    try:
        wanted = parse_traincascade(context.args)
        result = run_traincascade(wanted, lambda note: typer.echo(f"note: {note}"), _print_stage)
    except CascadeError as error:
        _fail(error)
    _print_result(result, wanted.data / CASCADE)


@app.command()
def view(
    xml: Xml,
    picture: Annotated[Path, typer.Argument(help="A picture to look at.", exists=True, dir_okay=False)],
    out: Annotated[
        Path | None, typer.Option(help="The PNG to write. Without it: PICTURE's name and -view.png, in this folder.")
    ] = None,
) -> None:
    """Show how a cascade works on a picture: its features, its stages, and where its windows fall out."""
    target = out or Path(f"{picture.stem}-view.png")
    try:
        require_place(target)
        if target.exists() and target.samefile(picture):
            raise InvalidParameter(f"{target} is the picture itself; name another file with --out")
        cascade = Cascade.load(xml)
        gray, chroma = read_image(picture)
        found = survivors(cascade, gray, chroma)
        if not found.looked_at:
            raise InvalidParameter(f"{picture} is smaller than the window, {cascade.window[0]}×{cascade.window[1]} px")
        buffer = io.BytesIO()
        draw_view(cascade, read_picture(picture), gray, found).save(buffer, "PNG")
        write_whole(target, buffer.getvalue())
    except CascadeError as error:
        _fail(error)
    typer.echo(f"windows {found.looked_at:,}")
    for number, count in enumerate(found.counts, 1):
        trees = counted(len(cascade.stages[number - 1].trees), "trees")
        typer.echo(f"stage {number}: {trees}, {counted(count, 'windows')} left")
    typer.echo(target)


@app.command("data")
def list_files() -> None:
    """List the cascade files on this machine: those of an installed OpenCV, or of Debian's package opencv-data."""
    files = available()
    if not files:
        _fail(CascadeFileNotFound(f"no cascade files on this machine. {INSTALL}"))
    for path in files.values():
        typer.echo(path)


def _print_result(result: TrainingResult, out: Path) -> None:
    for rejected in result.rejected:
        typer.echo(f"not used: {rejected.key} {tuple(rejected.box)}: {rejected.reason}")
    stages, trees = (
        counted(len(result.cascade.stages), "stages"),
        counted(result.cascade.weak_count, "weak classifiers"),
    )
    typer.echo(f"{out}: {stages}, {trees}")
    typer.echo(f"stopped by {result.stop_rule}")


def _print_stage(report: StageReport) -> None:
    typer.echo(
        f"stage {report.stage}/{report.stages}: {counted(report.weak_count, 'weak classifiers')}, "
        f"hit rate {report.hit_rate:.4f}, false alarm {report.false_alarm:.3f}; "
        f"{counted(report.negatives, 'negatives')}, looked for in {counted(report.windows, 'windows')} "
        f"({report.windows_per_s / 1e6:.1f} million/s) of which the stages before accept {report.acceptance:.2g}; "
        f"{report.seconds:.1f} s, about {report.seconds_left:.0f} s left"
    )


def _fail(error: CascadeError) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(1)
