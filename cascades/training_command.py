"""What `cascades train` does: read the pictures and boxes, say what is not used, train, and write the cascade."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cascades.boxes import AnnotatedImage
from cascades.calibration import train_validated
from cascades.errors import InvalidParameter
from cascades.files import require_place
from cascades.page import TrainingPage
from cascades.params import AUTO, TrainingParams
from cascades.sources import Sources, open_sources
from cascades.tables import ImageFolder
from cascades.training import StageReport, TrainingResult, train
from cascades.verdict import look
from cascades.words import counted


@dataclass(frozen=True)
class Wanted:
    """What a training reads and writes; see the options of `cascades train`."""

    images: Path
    boxes: Path
    out: Path
    params: TrainingParams
    only: tuple[str, ...] = ()
    validation: tuple[Path, ...] = ()
    validation_boxes: Path | None = None
    checkpoint: Path | None = None
    page: Path | None = None


def run(wanted: Wanted, tell: Callable[[str], None], on_progress: Callable[[StageReport], None]) -> TrainingResult:
    """Train, write the cascade with its side file, and draw the page while it goes.

    tell is called with a line for whatever people should know, such as what is not used.
    """
    out, params = wanted.out, wanted.params
    for written in (out, out.with_suffix(".json"), wanted.checkpoint, wanted.page):
        if written is not None:
            require_place(written)
    sources = open_sources(wanted.images, wanted.boxes, params.window, wanted.only)
    images, judges = _split(sources, wanted)
    if judges is None and params.planes == AUTO:
        raise InvalidParameter(
            "--planes auto compares gray and color on images of other scenes: name a folder of them with "
            "--validation (inside IMAGES, or with its own --validation-boxes), or use --planes gray or color"
        )
    if sources.samples:
        params = replace(params, margin=0.0, mirror=False, jitter=0.0)
    notes = _notes(sources, wanted, 0 if judges is None else len(judges))
    for line in notes:
        tell(line)
    page = None if wanted.page is None else TrainingPage(wanted.page, f"Training of {out.name}", notes)
    if page is not None:
        page.write('<p class="soft">Reading the pictures and cutting out faces. This page loads itself again.</p>')

    def progress(report: StageReport) -> None:
        on_progress(report)
        if page is not None:
            page.stage(report)

    tell(f"reading {counted(len(images), 'images')} and cutting out faces: the first stage may take a minute")
    if judges is None:
        result = train(images, params, checkpoint=wanted.checkpoint, on_progress=progress)
    else:
        result = train_validated(images, judges, params, checkpoint=wanted.checkpoint, on_progress=progress)
    result.cascade.save(out)
    result.cascade.to_side_file(out.with_suffix(".json"))
    if page is not None:
        page.notes += [f"not used: {one.key} {tuple(one.box)}: {one.reason}" for one in result.rejected]
        lines = summary(result)
        if judges is None:
            page.done(lines)
        else:
            page.judged(lines, look(result.cascade, judges, params.threads), judges)
    return result


def summary(result: TrainingResult) -> list[str]:
    """How large the cascade is and what it was made from, and why the training stopped."""
    cascade = result.cascade
    stages, trees = counted(len(cascade.stages), "stages"), counted(cascade.weak_count, "weak classifiers")
    boxes = counted(cascade.info.training["boxes"], "boxes")
    why = result.stop_rule.partition(": ")[2]
    return [f"{stages} with {trees}, learned from {boxes}. Why the training stopped: {why}."]


def _notes(sources: Sources, wanted: Wanted, judges: int) -> list[str]:
    """What is not used, and how the boxes are understood."""
    notes = [f"not used: {line}" for line in sources.unused]
    for name, count in sources.counts.most_common(20):
        background = wanted.only and name not in wanted.only
        notes.append(f"{counted(count, 'boxes')} of {name!r}{', which are background' if background else ''}")
    if sources.samples:
        notes.append("the samples of a .vec file are learned as they are: --margin and --mirror change nothing")
    if judges and not wanted.validation and wanted.validation_boxes is None:
        notes.append(f"{counted(judges, 'images')} of the boxes' own validation part are not trained on")
    return notes


def _split(sources: Sources, wanted: Wanted) -> tuple[Sequence[AnnotatedImage], Sequence[AnnotatedImage] | None]:
    """Training and validation images: folders inside IMAGES are taken out of it, any other folder has its own boxes."""
    images, validation = sources.images, wanted.validation
    if wanted.validation_boxes is not None:
        if len(validation) != 1:
            raise InvalidParameter(f"--validation-boxes goes with one --validation folder, found {len(validation)}")
        others = open_sources(validation[0], wanted.validation_boxes, wanted.params.window, wanted.only)
        return images, others.images
    if not validation:
        return images, sources.validation
    for part in validation:
        if not isinstance(images, ImageFolder) or images.folder.resolve() not in part.resolve().parents:
            raise InvalidParameter(
                f"--validation {part} is not a folder inside {wanted.images}: give its --validation-boxes too"
            )
    assert isinstance(images, ImageFolder)
    return images.split(validation)
