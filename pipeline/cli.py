"""`toonset`: the command line. It only parses and calls."""

import importlib
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cascades.cli import app as cascade
from cascades.errors import CascadeError
from labeling.config import Kind
from labeling.errors import LabelingError
from pipeline import exchange_commands, paths
from pipeline.errors import InputError, SetupError, ToonsetError, machine_errors, of_the_machine
from pipeline.version import VERSION
from pipeline.watch.formats import Format, Shown

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",  # sentences flow over the line ends of the docstrings
)
label = typer.Typer(
    no_args_is_help=True, help="Label with Label Studio: start a server, send tasks to it, fetch the answers."
)
app.add_typer(label, name="label")
app.add_typer(cascade, name="cascade")
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
    CSV = "csv"
    FER2013 = "fer2013"
    FERG = "ferg"
    FOLDER = "folder"
    PARQUET = "parquet"


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
        str | None, typer.Argument(help="The character, for the stage `cascade` only; DVC_STAGE can name it too.")
    ] = None,
) -> None:
    """Run one stage in the project in this directory, as `dvc repro` does."""
    from pipeline.project.inputs import unchanged_inputs
    from pipeline.tables import forget_abandoned

    if name is Stage.CASCADE and character is None:
        # Such as `cascade@cat`, behind the path of dvc.yaml where dvc was started in another folder.
        character = os.environ.get("DVC_STAGE", "").partition("cascade@")[2] or None
    if (name is Stage.CASCADE) != (character is not None):
        raise SetupError("`toonset stage cascade CHARACTER` needs a character; no other stage takes one")
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


@label.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1024, max=65535)] = 8080,
) -> None:
    """Run Label Studio on this machine until you press Ctrl-C.

    The first start installs Label Studio and makes an account.
    """
    from pipeline.tasks.serve import serve_here

    serve_here(port)


@label.command()
def push(kind: Annotated[Kind, typer.Argument(help="What people are asked.", metavar="KIND")]) -> None:
    """Send tasks to Label Studio. Pushing twice changes nothing.

    boxes: frames in which to box faces.

    emotions: faces to label.

    sheets: contact sheets on which to mark wrong faces.

    review: labels that may be wrong.

    names: groups of found faces to name.

    Tasks that people have answered stay as they are.
    """
    from pipeline.tasks.push import push_kind

    push_kind(kind.value)


@label.command()
def pull() -> None:
    """Append new answers from Label Studio to the files in annotations/. Existing rows stay as they are."""
    from pipeline.tasks.pull import pull as fetch_answers

    fetch_answers()


@app.command()
def predict(
    images: Annotated[list[Path], typer.Argument(help="Pictures of one face each, or folders of pictures.")],
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
    cascade: Annotated[
        list[Path] | None,
        typer.Option(help="The pictures are whole frames: find the faces with this cascade first. May be repeated."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Pictures of one face: how much is around it on each side, as a share of the face. 0: cut close, all "
            "face. Default: as much as the faces that the model learned from.",
            min=0,
            max=2,
        ),
    ] = None,
) -> None:
    """Print which emotion each face shows, one JSON object a line.

    A picture without a usable face gives a line with the reason.
    """
    from pipeline.classifier.model import load_model
    from pipeline.classifier.predict import pictures_in, read_cascade
    from pipeline.classifier.predict import predict as answers

    known = [read_cascade(path) for path in cascade or []]
    classifier = load_model(model)
    if not known and margin is None:
        learned = classifier.about.crops.margin
        typer.echo(
            f"Pictures are taken to show {learned:g} of the face's size on each side of it, as the faces that this "
            "model learned from. For other pictures set --margin (0: cut close, all face).",
            err=True,
        )
    for row in answers(pictures_in(images), classifier, known, margin):
        typer.echo(json.dumps(row, ensure_ascii=False))


@app.command()
def watch(
    videos: Annotated[list[Path] | None, typer.Argument(help="Video files.")] = None,
    episodes: Annotated[bool, typer.Option("--episodes", help="Watch all episodes of the project.")] = False,
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
    out: Annotated[Path, typer.Option(help="The folder in which each video gets a folder of its own.")] = paths.WATCH,
    overlay: Annotated[bool, typer.Option(help="Draw boxes, names and emotions into a copy of the video.")] = True,
    making: Annotated[
        list[Format] | None, typer.Option("--format", help="Write this format too. May be given several times.")
    ] = None,
    subtitles: Annotated[Path | None, typer.Option(help="Add emotions to these subtitles (SRT or WebVTT).")] = None,
    shown: Annotated[Shown, typer.Option(help="How an emotion is added to a subtitle.")] = Shown.WORD,
    live: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Write nothing, but print a line for each change: of a camera (its number, such as 0), a video file "
            "or an address.",
        ),
    ] = None,
) -> None:
    """Watch videos: find each character's face, say what it feels and when, and show it on a page."""
    if live is not None:
        if videos or episodes or making or subtitles:
            raise InputError(
                "--live has a source of its own and writes no file: give no other video or option but --model"
            )
        from pipeline.app.terminal import watch_live

        watch_live(live, model)
        return
    from pipeline.watch.command import watch as watch_videos

    watch_videos(
        videos or [], episodes, model, out, overlay=overlay, making=making or (), subtitles=subtitles, shown=shown
    )


@app.command("app")
def live_page(
    cascade: Annotated[
        list[Path] | None,
        typer.Option(help="Find faces with this cascade (any OpenCV XML) instead of the project's. May be repeated."),
    ] = None,
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
    out: Annotated[Path, typer.Option(help="The folder in which each recording gets a folder of its own.")] = (
        paths.WATCH
    ),
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0: any free one.", min=0, max=65535)] = 8765,
    page: Annotated[
        Path | None,
        typer.Option("--export", help="Serve nothing; write one HTML file that works without a server or a network."),
    ] = None,
) -> None:
    """Open a page on this machine that watches a camera or a video live: boxes, names and emotions."""
    if page is not None:
        from pipeline.app.export import export_page

        export_page(page, cascade or [], model)
        return
    from pipeline.app.command import run_app

    run_app(cascade or [], model, out, port)


@app.command()
def search(
    picture: Annotated[Path, typer.Argument(help="A picture of a face, a whole frame, or a drawing.")],
    character: Annotated[
        list[str] | None, typer.Option(help="Only faces of this character. May be given several times.")
    ] = None,
    not_character: Annotated[
        list[str] | None, typer.Option(help="No faces of this character. May be given several times.")
    ] = None,
    emotion: Annotated[
        list[str] | None, typer.Option(help="Only faces with this emotion. May be given several times.")
    ] = None,
    count: Annotated[int, typer.Option(help="Faces to find, at most.", min=1, max=1000)] = 24,
    cascade: Annotated[
        list[Path] | None,
        typer.Option(
            help="The picture is a whole frame: find the faces with this cascade first. May be repeated. Default: a "
            "picture as wide as a frame is searched with the project's cascades."
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="The picture is one face: how much is around it on each side, as a share of the face. 0: cut close.",
            min=0,
            max=2,
        ),
    ] = None,
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
    imagenet: Annotated[
        bool, typer.Option("--imagenet", help="Compare with a network that was trained on photographs.")
    ] = False,
    out: Annotated[Path, typer.Option(help="The folder of the page with the results.")] = paths.SEARCH,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the faces, one JSON object a line, instead of writing a page.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write a reference sheet too, as PNG.")] = None,
) -> None:
    """Find faces of the project with an expression like the one in a picture."""
    from pipeline.search.command import search as find
    from pipeline.search.hits import Wanted

    wanted = Wanted(character or (), not_character or (), emotion or (), count)
    find(
        picture, wanted, model, out,
        cascades=cascade or (), margin=margin, imagenet=imagenet, as_json=as_json, sheet=sheet,
    )  # fmt: skip


@app.command()
def stats(
    watched: Annotated[Path, typer.Argument(help="The folder that `toonset watch` wrote.")] = paths.WATCH,
    predictions: Annotated[
        Path, typer.Option(help="What the classifier answered to held-out faces: a table of `dvc repro evaluate`.")
    ] = paths.EVALUATION / "predictions.csv",
) -> None:
    """Sum up watched videos: screen time, shares of emotions with intervals, changes, who is seen with whom."""
    from pipeline.watch.stats_page import stats as sum_up

    sum_up(watched, predictions)


@label.command("import")
def import_answers(
    export: Annotated[
        Path, typer.Argument(help="A file that Label Studio exported as JSON from a project made by toonset.")
    ],
) -> None:
    """Append the answers of an exported file to annotations/. Existing rows stay as they are."""
    from pipeline.tasks.pull import import_file

    import_file(export)


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
