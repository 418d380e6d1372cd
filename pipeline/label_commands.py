"""The commands of `toonset label`: a part of `pipeline.cli`, which only parses and calls."""

from pathlib import Path
from typing import Annotated

import typer

from labeling.config import Kind

app = typer.Typer(
    no_args_is_help=True, help="Label with Label Studio: start a server, send tasks to it, fetch the answers."
)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1024, max=65535)] = 8080,
) -> None:
    """Run Label Studio on this machine until you press Ctrl-C.

    The first start installs Label Studio and makes an account.
    """
    from pipeline.tasks.serve import serve_here

    serve_here(port)


@app.command()
def push(kind: Annotated[Kind, typer.Argument(help="What people are asked.", metavar="KIND")]) -> None:
    """Send tasks to Label Studio. Pushing twice changes nothing.

    boxes: frames in which to box faces.

    emotions: faces to label.

    sheets: contact sheets on which to mark wrong faces.

    review: labels that may be wrong.

    names: groups of found faces to name.

    noes: finds that were put aside as false.

    Tasks that people have answered stay as they are.
    """
    from pipeline.tasks.push import push_kind

    push_kind(kind.value)


@app.command("round")
def label_round(
    frames: Annotated[int, typer.Option(help="Frames to send for boxing.", min=1, max=1000)] = 20,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent now.")] = False,
) -> None:
    """Fetch the answers, train what has changed, say what was gained, and send the next most useful pages.

    Run it again when the pages are answered. It says when more answers hardly help.
    """
    from pipeline.tasks.rounds import label_round as next_round

    next_round(frames, dry_run=dry_run)


@app.command()
def pull() -> None:
    """Append new answers from Label Studio to the files in annotations/. Existing rows stay as they are."""
    from pipeline.tasks.pull import pull as fetch_answers

    fetch_answers()


@app.command("import")
def import_answers(
    export: Annotated[
        Path, typer.Argument(help="A file that Label Studio exported as JSON from a project made by toonset.")
    ],
) -> None:
    """Append the answers of an exported file to annotations/. Existing rows stay as they are."""
    from pipeline.tasks.pull import import_file

    import_file(export)
