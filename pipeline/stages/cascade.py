"""episodes, scenes, boxes → each character's face cascade, and its recall on scenes that it has not seen.

All characters whose input has changed are trained side by side, from frames that are cut out of the videos once. A
cascade is trained on the boxes of train scenes. Its least score is chosen on validation scenes. Its recall is
measured on test scenes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cascades import (
    Cascade,
    Roc,
    StageReport,
    TrainingResult,
    train,
)
from cascades.calibration import LEAST_SCENES, too_few, train_validated
from cascades.errors import PictureError
from cascades.pictures import read_picture
from cascades.planes import chroma_of
from cascades.words import counted
from pipeline import paths
from pipeline.compute.each import cores, each
from pipeline.console import progress, say_counts, say_reasons
from pipeline.errors import ParamsError, StageError, nearest
from pipeline.exchange.training_pictures import training_pictures
from pipeline.faces.boxed_frames import BoxedFrame, cut_out, looked_at, read_boxed_frames, with_named
from pipeline.faces.cascade_figures import RATES, choose_score, detect, figures, measure, probabilities
from pipeline.faces.cascade_files import load_cascade, save_cascade, save_untrained, why_untrained
from pipeline.faces.cascade_keys import Keys, curve_file, keep, kept, keys_file, keys_of, outputs
from pipeline.faces.examples import annotated, training_params
from pipeline.images import fit_chroma, fit_height, to_gray
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names, rows_in_force
from pipeline.params import CascadeParams, Params, load_params
from pipeline.schemas import BOX_NAMES, EPISODES, OK, SCENES, SPLITS
from pipeline.tables import read_rows, sha256_of, write_json, write_text

LEAST_BOXES = 10
"""Fewer boxes than this in train scenes are an error."""


@dataclass(frozen=True, eq=False)
class Job:
    """A character's work. seen: the looked-at frames; unused, boxes: rows of boxes.csv not used, and how many it has.

    train: whether to train, or only to measure a cascade that there is.
    """

    character: str
    seen: pd.DataFrame
    boxes: pd.DataFrame
    keys: Keys
    train: bool


@dataclass(frozen=True)
class Done:
    """What became of a job: lines to print, boxes that training did not use, and the counts of the last line."""

    lines: tuple[str, ...]
    unlearned: tuple[dict[str, Any], ...]
    counts: dict[str, int | float | str]


def main(character: str | None = None) -> None:
    """Read boxes, frames and episodes; write models/cascades/C.{xml,json} and reports/cascades/ for each character C.

    character: only this one; without it all of params.yaml, several at once. Whoever's boxes and background have not
    changed keeps the cascade.
    """
    params = load_params()
    if character is not None and character not in params.characters:
        raise ParamsError(
            f"no character {character!r} in params.yaml; expected one of {', '.join(params.characters)}."
            + nearest(character, params.characters)
        )
    forget_others(params.characters)
    annotations = Annotations.read(params)
    said = annotations.names.loc[annotations.names["status"] != OK, "reason"]
    say_reasons("cascade", "named faces", said)
    jobs, todo = [], []
    for name in [character] if character else params.characters:
        job = annotations.job(name, params)
        known = kept(name)
        if known is None or known[0].measured != job.keys.measured:
            job = replace(job, train=known is None or known[0].learned != job.keys.learned)
            todo.append(job)
        jobs.append(job)
    if todo:
        frames = pd.concat([job.seen[["episode_id", "frame"]] for job in todo])
        cut_out(frames, annotations.episodes, annotations.scenes, params.cascade.max_height, params.compute)
    one = partial(work, annotations=annotations.tables(), params=params, together=len(todo))
    results = list(each(one, todo, params.compute, desc="cascades", unit="characters", alone=True))
    done = {job.character: result for job, result in zip(todo, results, strict=True)}
    for job in jobs:
        say_reasons(f"cascade@{job.character}", "boxes", job.boxes.loc[job.boxes["status"] != OK, "reason"])
        report(job, done.get(job.character))
    if character is None:
        trained = sum(job.train for job in todo)
        measured = len(todo) - trained
        say_counts("cascade", {"characters": len(jobs), "trained": trained, "only measured": measured})


@dataclass(frozen=True, eq=False)
class Annotations:
    """What people have said of all characters, and the episodes and scenes that it is about."""

    episodes: pd.DataFrame
    scenes: pd.DataFrame
    boxes: pd.DataFrame
    frames: pd.DataFrame
    names: pd.DataFrame
    pictures: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def read(cls, params: Params) -> "Annotations":
        episodes = read_rows(paths.EPISODES, EPISODES)
        boxes = read_boxes(paths.BOXES, episodes, params.characters)
        boxes, frames = rows_in_force(boxes, read_looked_at(paths.FRAMES, episodes))
        names = read_names(paths.NAMES, episodes, params.characters)
        return cls(episodes, read_rows(paths.SCENES, SCENES), boxes, frames, names)

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Episodes and scenes."""
        return self.episodes, self.scenes

    def job(self, character: str, params: Params) -> Job:
        """The character's rows of boxes.csv (with those that name no known character), and all annotated frames."""
        seen = looked_at(self.boxes, self.frames, character, params.characters)
        drawn = int(seen["boxes"].map(len).sum())
        seen = with_named(seen, self.names, self.scenes, character)
        if named := int(seen["boxes"].map(len).sum()) - drawn:
            print(f"cascade@{character}: {named} faces that were named on sheets are learned too")
        known = self.boxes["character"].isin(params.characters)
        own = self.boxes[(self.boxes["character"] == character) | ~known]
        found, unused = training_pictures(character, params, set(self.episodes["episode_id"]))
        pictures = [[one.source, self.content(one.place), one.boxes, one.complete] for one in found]
        keys = keys_of(seen, [*pictures, *unused], self.episodes, self.scenes, params)
        return Job(character, seen, own, keys, train=True)

    def content(self, picture: Path) -> str:
        """sha256 of a picture; empty where it is missing."""
        if picture not in self.pictures:
            self.pictures[picture] = sha256_of(picture) if picture.is_file() else ""
        return self.pictures[picture]


def work(job: Job, annotations: tuple[pd.DataFrame, pd.DataFrame], params: Params, together: int) -> Done:
    """Train and measure, or only measure, and write what comes of it.

    annotations: episodes and scenes. together: characters that are worked on at once, among whom processors are shared.
    """
    character, lines = job.character, list[str]()
    threads = max(1, cores(params.compute) // together)
    frames = read_boxed_frames(job.seen, *annotations, paths.VIDEOS, params.cascade.max_height, threads)
    pictures, unused_pictures = read_pictures(character, params)
    if faces := sum(len(picture.boxes) for picture in pictures):
        lines.append(f"{counted(faces, 'faces')} in pictures of no episode are learned too")
    frames += pictures
    by_split = {split: [frame for frame in frames if frame.split == split] for split in SPLITS}
    reason = too_little(character, by_split["train"])
    if reason:
        save_untrained(character, reason)
        write_reports(character, measure([], []), figures(measure([], []), [], 0.0))
        keep(character, job.keys, [])
        return Done(tuple(untrained_lines(job, reason)), (), {"stages": 0})
    if job.train:
        learned = learn(character, by_split["train"], params.cascade, by_split["validation"], lines.append, threads)
        cascade, unlearned = learned[0], records(learned[1]) + records(unused_pictures)
        calibration = choose_score(cascade, by_split["validation"], by_split["train"], params)
        save_cascade(character, cascade, calibration | probabilities(cascade, by_split["validation"]))
        min_score = calibration["min_score"]
    else:
        before, known = load_cascade(character), kept(character)
        cascade, min_score, unlearned = before.cascade, before.min_score, known[1] if known else []
        lines.append("measured anew, not trained: boxes or frames of test scenes have changed, no others")
    roc = measure(detect(cascade, by_split["test"], params), by_split["test"])
    metrics = figures(roc, by_split["test"], min_score)
    write_reports(character, roc, metrics)
    keep(character, job.keys, unlearned)
    if not metrics["faces"]:
        lines.append("not measured: no box of it lies in a test scene (see data/scenes.parquet)")
    false = metrics["false_positives_per_frame"]
    counts = {
        "stages": len(cascade.stages),
        "weak classifiers": cascade.weak_count,
        **{f"recall at {rate}": metrics[f"recall_at_{rate}"] for rate in RATES if metrics["faces"]},
        "false positives per frame": "unknown" if false is None else false,
    }
    return Done(tuple(lines), tuple(unlearned), counts)


def records(unused: pd.DataFrame) -> list[dict[str, Any]]:
    """Boxes or pictures that training did not use, as JSON takes them."""
    return [{str(name): value for name, value in row.items()} for row in unused.to_dict("records")]


def report(job: Job, done: Done | None) -> None:
    """Print what became of a character, and write the list of its boxes that were not used. done: None if kept."""
    name = f"cascade@{job.character}"
    known = None if done else kept(job.character)
    unlearned = list(done.unlearned) if done else known[1] if known else []
    rejected = pd.DataFrame(unlearned, columns=["image", *BOX_NAMES, "reason"], dtype=object)
    rows = job.boxes[job.boxes["status"] != OK].assign(image=lambda row: "boxes.csv line " + row["line"].astype(str))
    listed = pd.concat([rows[rejected.columns], rejected], ignore_index=True)
    write_text(rejected_list(job.character), listed.to_csv(index=False, lineterminator="\n"))
    why = why_untrained(job.character)
    still = f"no cascade yet: {why}" if why else "kept: its boxes and its background have not changed"
    for line in done.lines if done else [still]:
        print(f"{name}: {line}")
    say_reasons(name, "boxes", rejected["reason"])
    if len(listed) and not why:
        print(f"{name}: the {counted(len(listed), 'boxes')} not used: {rejected_list(job.character)}")
    say_counts(name, {"boxes": len(job.boxes), "rejected": len(listed), **(done.counts if done else {})})


def too_little(character: str, frames: Sequence[BoxedFrame]) -> str:
    """Why no cascade can be learned from these frames of train scenes, and what to do; empty where one can."""
    count = sum(len(frame.boxes) for frame in frames)
    if count < LEAST_BOXES:
        return (
            f"{paths.BOXES} has {counted(count, 'usable boxes')} of {character!r} in train scenes; expected about 150, "
            f"at least {LEAST_BOXES}. Box more faces (`toonset label push boxes`), in other scenes if these are not "
            "for training: data/scenes.parquet has the split of each"
        )
    if not any(frame.complete for frame in frames):
        return (
            "no annotated frame of the train scenes is complete, so there are no negative examples: set complete=1 in "
            f"{paths.FRAMES} for frames in which every face is boxed, or which have no face"
        )
    return ""


def untrained_lines(job: Job, reason: str) -> Iterator[str]:
    """What to say of a character who has no cascade yet, so that the flow goes on without."""
    others = sorted(set(job.boxes.loc[job.boxes["character"] != job.character, "character"]))
    if others and not (job.boxes["character"] == job.character).any():
        yield f"was {job.character!r} called {' or '.join(map(repr, others))} before?"
    yield f"no cascade yet, the flow goes on without {job.character!r}: {reason}"


def rejected_list(character: str) -> Path:
    """The table of the character's boxes that were not used, each with its reason."""
    return paths.CASCADE_REPORTS / f"{character}-rejected.csv"


def forget_others(characters: Sequence[str]) -> None:
    """Delete the files of characters that params.yaml no longer lists, and those that an earlier version wrote."""
    known = {path for one in characters for path in (*outputs(one), keys_file(one), rejected_list(one))}
    for folder in (paths.CASCADES, paths.CASCADE_REPORTS):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path not in known:
                path.unlink()


def read_looked_at_frames(character: str, params: Params) -> tuple[pd.DataFrame, list[BoxedFrame]]:
    """The character's rows of boxes.csv (with those that name no known character), and all annotated frames,
    decoded."""
    annotations = Annotations.read(params)
    job = annotations.job(character, params)
    height, threads = params.cascade.max_height, cores(params.compute)
    return job.boxes, read_boxed_frames(job.seen, *annotations.tables(), paths.VIDEOS, height, threads)


def read_pictures(character: str, params: Params) -> tuple[list[BoxedFrame], pd.DataFrame]:
    """Boxed pictures of no episode as train frames, each a scene of its own; and what is not used, with the reason."""
    found, unused = training_pictures(character, params, set(read_rows(paths.EPISODES, EPISODES)["episode_id"]))
    frames = []
    for number, picture in enumerate(progress(found, desc="boxed pictures", unit="pictures")):
        try:
            rgb = read_picture(picture.place)
        except PictureError as error:
            unused.append((f"{picture.source}: {picture.place.name}", str(error)))
            continue
        small, scale = fit_height(rgb, params.cascade.max_height)
        boxes = tuple((round(x * scale), round(y * scale), round(w * scale), round(h * scale))
                      for x, y, w, h in picture.boxes)  # fmt: skip
        gray = to_gray(small)
        frames.append(BoxedFrame(picture.source, number, gray, fit_chroma(chroma_of(small), gray), boxes,
                                 picture.complete, "train", number))  # fmt: skip
    return frames, pd.DataFrame(unused, columns=["image", "reason"])


def learn(
    character: str, frames: list[BoxedFrame], params: CascadeParams, validation: Sequence[BoxedFrame] = (),
    say: Callable[[str], object] = print, threads: int = 2,
) -> tuple[Cascade, pd.DataFrame]:  # fmt: skip
    """Train on the frames of train scenes, in gray, in color, or in both to keep the better one on validation frames.

    say: takes what is decided, and why. threads: change the time only.
    Returns the cascade, and the boxes that were not used with the reason. Raises StageError if there are too few
    boxes, or no negative examples.
    """
    reason = too_little(character, frames)
    if reason:
        raise StageError(reason)
    planes, why = planes_to_train(validation, params)
    result = train_with(character, frames, validation, params, planes, threads)
    if planes == "auto":
        evidence = result.cascade.info.training["planes"]
        planes, why = evidence["chosen"], evidence["reason"]
    say(f"{planes}: {why}")
    say(str(result.stop_rule))
    rejected = [{"image": box.key, **box.box._asdict(), "reason": box.reason} for box in result.rejected]
    return result.cascade, pd.DataFrame(rejected, columns=["image", "x", "y", "w", "h", "reason"])


def planes_to_train(validation: Sequence[BoxedFrame], params: CascadeParams) -> tuple[str, str]:
    """The planes to train with, and why."""
    if params.planes != "auto":
        return params.planes, "set by cascade.planes"
    shown = {(frame.episode_id, frame.scene) for frame in validation if frame.boxes}
    return ("color", too_few(len(shown))) if len(shown) < LEAST_SCENES else ("auto", "")


def train_with(
    character: str,
    frames: Sequence[BoxedFrame],
    validation: Sequence[BoxedFrame],
    params: CascadeParams,
    planes: str,
    threads: int,
) -> TrainingResult:
    """Train, with "auto" in color and perhaps in gray, with a bar over the stages."""
    settings = replace(training_params(params, planes), threads=threads)
    with progress(desc=f"cascade@{character}", unit="stages", total=params.stages) as bar:

        def advance(report: StageReport) -> None:
            if bar.n == bar.total:
                bar.total += params.stages  # gray is trained, too
            bar.update()
            bar.set_postfix_str(f"false alarm rate {report.false_alarm:.2g}")

        if planes == "auto":
            scenes = [(frame.episode_id, frame.scene) for frame in validation]
            return train_validated(
                annotated(frames), annotated(validation), settings, scenes=scenes, on_progress=advance
            )
        return train(annotated(frames), settings, on_progress=advance)


def write_reports(character: str, roc: Roc, metrics: dict[str, Any]) -> None:
    """Metrics and the ROC curve."""
    write_json(paths.CASCADE_REPORTS / f"{character}.json", metrics)
    points = pd.DataFrame({"false_positives_per_frame": roc.fppi, "recall": roc.recall, "score": roc.scores})
    write_text(curve_file(character), points.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
