"""`toonset`: the command line. It only parses and calls."""

import importlib
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cascades.cli import app as cascade
from cascades.errors import CascadeError
from labeling.errors import LabelingError
from pipeline import exchange_commands, label_commands, paths, use_commands
from pipeline.errors import InputError, SetupError, ToonsetError, machine_errors, of_the_machine
from pipeline.version import VERSION

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # sentences flow over the line ends of the docstrings
)
app.add_typer(label_commands.app, name="label")
app.add_typer(cascade, name="cascade")
app.add_typer(use_commands.app)
app.add_typer(exchange_commands.app)


class Stage(StrEnum):
    """The stages of `dvc.yaml`, each a module in `pipeline/stages/`."""

    DOWNLOAD = "download"
    SCENES = "scenes"
    CASCADE = "cascade"
    FACES = "faces"
    MANIFEST = "manifest"
    TASKS = "tasks"
    LABELS = "labels"
    PICTURES = "pictures"
    DATASET = "dataset"
    TRAIN = "train"
    RANDOM_SPLIT = "random_split"
    EVALUATE = "evaluate"
    WATCH = "watch"
    REPORT = "report"


class PictureKind(StrEnum):
    """What a source of pictures may be (`pipeline.exchange.given`)."""

    AFFECTNET = "affectnet"
    BOXES = "boxes"
    COCO = "coco"
    CSV = "csv"
    CVAT = "cvat"
    FER2013 = "fer2013"
    FERG = "ferg"
    FOLDER = "folder"
    INFO_DAT = "info-dat"
    LABEL_STUDIO = "label-studio"
    PARQUET = "parquet"
    VIA = "via"
    VOC = "voc"
    YOLO = "yolo"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"toonset {VERSION}")
        raise typer.Exit


@app.callback()
def toonset(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Build a labelled face-emotion dataset, face detectors and an emotion classifier from cartoon episodes."""


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(help="The project's directory. It must be empty or not exist yet.")],
    faces: Annotated[
        Path | None,
        typer.Option(help="Pictures that are faces already, such as a folder for each emotion, instead of episodes."),
    ] = None,
    form: Annotated[
        PictureKind | None, typer.Option("--format", help="What the pictures are; default: what they look like.")
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="WORD=NAME", help="Another name for a label or character. May be repeated."),
    ] = None,
) -> None:
    """Start a project for your own show, or for pictures that are faces already."""
    if faces is None:
        if form or maps:
            raise InputError("--format and --map belong to --faces: name the folder of pictures too")
        from pipeline.project.new import make_project

        make_project(directory)
    else:
        from pipeline.exchange.begin import begin_with_pictures, read_maps

        begin_with_pictures(directory, faces, form.value if form else None, read_maps(maps or ()))


@app.command()
def stage(
    name: Annotated[Stage, typer.Argument(help="The stage to run.", metavar="NAME")],
    character: Annotated[
        str | None,
        typer.Argument(help="Only for the stage `cascade`: the one character to train. Default: all."),
    ] = None,
) -> None:
    """Run one stage in the project in this directory, as `dvc repro` does."""
    from pipeline.project.inputs import unchanged_inputs
    from pipeline.tables import forget_abandoned

    if name is Stage.CASCADE and character is None and "cascade@" in os.environ.get("DVC_STAGE", ""):
        raise SetupError(
            "dvc.yaml has a stage `cascade` for each character, as earlier versions made it. Now one stage trains all: "
            "copy dvc.yaml from a new project (`toonset new`)"
        )
    if name is not Stage.CASCADE and character is not None:
        raise SetupError(f"the stage {name.value} takes no character; only `toonset stage cascade CHARACTER` does")
    forget_abandoned(paths.TEMPORARY)
    with unchanged_inputs(name.value, character):
        module = importlib.import_module(f"pipeline.stages.{name.value}")
        module.main(*([] if character is None else [character]))


@app.command()
def repair() -> None:
    """Delete the lock file that a killed `dvc` left half-written, so that `dvc repro` runs again."""
    from pipeline.project.locks import mend_lock

    typer.echo(mend_lock(Path()))


@app.command()
def summary() -> None:
    """Print in ten lines what the project in this directory contains."""
    from pipeline.project.summary import summarize

    typer.echo(summarize())


@app.command()
def splits(
    keep: Annotated[
        bool, typer.Option("--keep", help="Record the splits that the scenes have now, without moving any.")
    ] = False,
) -> None:
    """Record the split of every new scene in annotations/splits.csv, stratified by character.

    A recorded scene keeps its split for good.
    """
    from pipeline.dataset.record_splits import record_splits

    record_splits(keep=keep)


@app.command()
def reproduced() -> None:
    """Run `dvc repro` in a clean clone and compare the result with the committed dvc.lock."""
    from pipeline.project.reproduced import check

    check(Path())


def refuse_windows(platform: str) -> None:
    """Stop with one line on Windows. platform: `sys.platform`."""
    if platform == "win32":
        raise SystemExit("toonset: Windows is not supported; use Linux, macOS or WSL (Windows Subsystem for Linux)")


def main() -> None:
    """Run the command line. An error that the user can fix is one message without a traceback."""
    refuse_windows(sys.platform)
    try:
        app()
    except (ToonsetError, CascadeError, LabelingError) as error:
        print(f"toonset: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except BrokenPipeError as error:  # whoever read what we print has gone
        sys.stdout = None
        raise SystemExit(1) from error
    except machine_errors() as error:
        problem = of_the_machine(error)
        if problem is None:
            raise
        print(f"toonset: {problem}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as stopped:
        print("toonset: stopped; finished work is kept, run the same command again to continue", file=sys.stderr)
        raise SystemExit(130) from stopped
