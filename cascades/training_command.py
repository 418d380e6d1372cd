"""What `cascades train` does: read the pictures and boxes, say what is not used, train, and write the cascade."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cascades.boxes import AnnotatedImage
from cascades.calibration import train_validated
from cascades.errors import InvalidParameter
from cascades.files import require_place
from cascades.params import AUTO, TrainingParams
from cascades.sources import Sources, open_sources
from cascades.tables import ImageFolder
from cascades.training import StageReport, TrainingResult, train
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


def run(wanted: Wanted, tell: Callable[[str], None], on_progress: Callable[[StageReport], None]) -> TrainingResult:
    """Train and write the cascade with its side file. tell is called with a line for whatever people should know."""
    out, params = wanted.out, wanted.params
    for written in (out, out.with_suffix(".json"), *([wanted.checkpoint] if wanted.checkpoint else [])):
        require_place(written)
    sources = open_sources(wanted.images, wanted.boxes, params.window, wanted.only)
    images, judges = _split(sources, wanted)
    if judges is None and params.planes == AUTO:
        raise InvalidParameter(
            "--planes auto compares gray and color on images of other scenes: name a folder of them with "
            "--validation (inside IMAGES, or with its own --validation-boxes), or use --planes gray or color"
        )
    for line in sources.unused:
        tell(f"not used: {line}")
    for name, count in sources.counts.most_common(20):
        background = wanted.only and name not in wanted.only
        tell(f"{counted(count, 'boxes')} of {name!r}{', which are background' if background else ''}")
    if sources.samples:
        params = replace(params, margin=0.0, mirror=False, jitter=0.0)
        tell("the samples of a .vec file are learned as they are: --margin and --mirror change nothing")
    if judges is not None and not wanted.validation and wanted.validation_boxes is None:
        tell(f"{counted(len(judges), 'images')} of the boxes' own validation part are not trained on")
    tell(f"reading {counted(len(images), 'images')} and cutting out faces: the first stage may take a minute")
    if judges is None:
        result = train(images, params, checkpoint=wanted.checkpoint, on_progress=on_progress)
    else:
        result = train_validated(images, judges, params, checkpoint=wanted.checkpoint, on_progress=on_progress)
    result.cascade.save(out)
    result.cascade.to_side_file(out.with_suffix(".json"))
    return result


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
