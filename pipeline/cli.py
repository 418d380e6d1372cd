"""`toonset`: the command line. It only parses and calls."""

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cascades.cli import app as cascade
from cascades.errors import CascadeError
from labeling.errors import LabelingError
from pipeline import paths
from pipeline.errors import SetupError, ToonsetError, nearest
from pipeline.version import VERSION

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
label = typer.Typer(no_args_is_help=True, help="Label Studio: a server here, tasks to it, people's answers home.")
app.add_typer(label, name="label")
app.add_typer(cascade, name="cascade")

STAGES = (
    "download",
    "scenes",
    "cascade",
    "faces",
    "manifest",
    "tasks",
    "labels",
    "dataset",
    "train",
    "random_split",
    "evaluate",
    "report",
)


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
    """Cartoon episodes in; a labelled face-emotion dataset, face cascades and an emotion classifier out."""


@app.command()
def new(directory: Annotated[Path, typer.Argument(help="A directory that is empty or not there yet.")]) -> None:
    """Start a project for a show of your own."""
    from pipeline.project.new import make_project

    make_project(directory)


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGES)}.")],
    character: Annotated[str | None, typer.Argument(help="For the cascade stage: whose cascade.")] = None,
) -> None:
    """Run one stage in the project in this directory, as `dvc repro` does."""
    if name not in STAGES:
        raise SetupError(f"no stage {name!r}; expected one of {', '.join(STAGES)}.{nearest(name, STAGES)}")
    if (name == "cascade") != (character is not None):
        raise SetupError("`toonset stage cascade CHARACTER` names a character; the other stages take none")
    module = importlib.import_module(f"pipeline.stages.{name}")
    module.main(*([] if character is None else [character]))


@app.command()
def summary() -> None:
    """What the project in this directory holds, in ten lines."""
    from pipeline.project.summary import summarize

    typer.echo(summarize())


@app.command()
def splits(
    keep: Annotated[bool, typer.Option("--keep", help="Write down the splits they have now: it moves none.")] = False,
) -> None:
    """Write every new scene's split down for good, in annotations/splits.csv, stratified by character."""
    from pipeline.dataset.record_splits import record_splits

    record_splits(keep=keep)


@app.command()
def reproduced() -> None:
    """Run `dvc repro` in a clean clone and hold the result against the committed dvc.lock."""
    from pipeline.project.reproduced import check

    check(Path())


@label.command()
def serve(
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1 it listens.", min=1024, max=65535)] = 8080,
) -> None:
    """Run Label Studio here until Ctrl-C; the first time, make its environment and an account."""
    from pipeline.tasks.serve import serve_here

    serve_here(port)


@label.command()
def push(kind: Annotated[str, typer.Argument(help="boxes, emotions, sheets or review.")]) -> None:
    """Bring tasks to Label Studio; twice changes nothing, and what people have answered is never touched."""
    from pipeline.tasks.push import KINDS, push_kind

    if kind not in KINDS:
        raise SetupError(f"no kind of task {kind!r}; expected one of {', '.join(KINDS)}.{nearest(kind, KINDS)}")
    push_kind(kind)


@label.command()
def pull() -> None:
    """Append what people answered in Label Studio to annotations/; what is there already is left alone."""
    from pipeline.tasks.pull import pull as bring_all

    bring_all()


@app.command()
def predict(
    images: Annotated[list[Path], typer.Argument(help="Pictures of one face each, or folders of them.")],
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
    cascade: Annotated[
        list[Path] | None, typer.Option(help="Whole pictures: find the faces first. May be given several times.")
    ] = None,
) -> None:
    """What emotion each face shows, a JSON object a line; a picture without a face is a line with its reason."""
    from pipeline.classifier.model import load_model
    from pipeline.classifier.predict import pictures_in, read_cascade
    from pipeline.classifier.predict import predict as answers

    known = [read_cascade(path) for path in cascade or []]
    for row in answers(pictures_in(images), load_model(model), known):
        typer.echo(json.dumps(row, ensure_ascii=False))


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The ONNX file to write.")],
    model: Annotated[Path, typer.Option(help="Folder of a trained classifier.")] = paths.CLASSIFIER,
) -> None:
    """Write the classifier as ONNX, for programs without torch; its answers are held against torch's."""
    from pipeline.classifier.model import load_model
    from pipeline.classifier.onnx import export_onnx

    difference = export_onnx(load_model(model), out)
    typer.echo(f"{out}: probabilities as torch's to {difference:.1e}")


@label.command("import")
def import_answers(
    export: Annotated[Path, typer.Argument(help="What Label Studio exported of one of our projects, as JSON.")],
) -> None:
    """Append the answers in an exported file to annotations/; what is there already is left alone."""
    from pipeline.tasks.pull import import_file

    import_file(export)


def main() -> None:
    """Run the command line; an error the user can mend is one message, not a traceback."""
    try:
        app()
    except (ToonsetError, CascadeError, LabelingError) as error:
        print(f"toonset: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as stopped:
        print("toonset: stopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        raise SystemExit(130) from stopped
