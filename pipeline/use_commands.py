"""The commands that use a classifier, on pictures, videos, a camera: part of `pipeline.cli`, which parses and calls."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline import paths
from pipeline.errors import InputError
from pipeline.watch.formats import Format, Shown

app = typer.Typer()


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
def benchmark(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A published network, such as hill2017 (a wrong name lists all), or project: the section `train` of "
            "params.yaml.",
        ),
    ],
    seeds: Annotated[int, typer.Option(help="Trainings of each split.", min=1, max=100)] = 3,
    called: Annotated[
        str | None, typer.Option("--name", help="What the faces are called; default: the name of this folder.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The results file; default: reports/benchmark/NAME.json.")] = None,
) -> None:
    """Train a published network on the project's faces, split by scene and at random, and print the gap.

    Finished trainings are kept: run the same command again to continue.
    """
    from pipeline.training.benchmark import benchmark as run_benchmark

    run_benchmark(name, seeds, called, out)


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
