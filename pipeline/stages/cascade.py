"""episodes, scenes, boxes → one character's face cascade, and its recall on scenes that it has not seen.

The cascade is trained on the boxes of train scenes. Its least score is chosen on validation scenes. Its recall is
measured on test scenes.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from cascades import (
    Cascade,
    Detections,
    Detector,
    Roc,
    StageReport,
    TrainingDataError,
    TrainingResult,
    evaluate,
    train,
)
from cascades.calibration import LEAST_SCENES, calibrate, too_few, train_validated
from cascades.errors import PictureError
from cascades.pictures import read_picture
from cascades.planes import chroma_of
from cascades.words import counted
from pipeline import paths
from pipeline.compute.each import cores
from pipeline.console import progress, say_counts, say_reasons
from pipeline.errors import ParamsError, StageError, nearest
from pipeline.exchange.training_pictures import training_pictures
from pipeline.faces.boxed_frames import BoxedFrame, looked_at, read_boxed_frames, with_named
from pipeline.faces.cascade_files import save_cascade, save_untrained
from pipeline.faces.examples import annotated, training_params
from pipeline.images import fit_chroma, fit_height, to_gray
from pipeline.labels.annotations import read_boxes, read_looked_at, read_names, rows_in_force
from pipeline.params import CascadeParams, Params, load_params
from pipeline.schemas import EPISODES, OK, SCENES, SPLITS
from pipeline.tables import read_rows, write_json, write_text

RATES = (0.1, 0.3, 1.0)
"""False positives per frame at which recall is reported."""
STEEPEST = 100.0
"""A calibration with a steeper slope is a step and not a curve, so it is not used."""
LEAST_BOXES = 10
"""Fewer boxes than this in train scenes are an error."""


def main(character: str) -> None:
    """Read boxes, frames and episodes; write models/cascades/C.{xml,json} and reports/cascades/C*.{json,csv}."""
    params = load_params()
    if character not in params.characters:
        raise ParamsError(
            f"no character {character!r} in params.yaml; expected one of {', '.join(params.characters)}."
            + nearest(character, params.characters)
        )
    forget_others(params.characters)
    boxes, frames = read_looked_at_frames(character, params)
    pictures, unused_pictures = read_pictures(character, params)
    frames += pictures
    by_split = {split: [frame for frame in frames if frame.split == split] for split in SPLITS}
    say_reasons(f"cascade@{character}", "boxes", boxes.loc[boxes["status"] != OK, "reason"])
    reason = too_little(character, by_split["train"])
    if reason:
        leave_out(character, reason, boxes)
        return
    cascade, rejected = learn(character, by_split["train"], params.cascade, by_split["validation"])
    rejected = pd.concat([rejected, unused_pictures], ignore_index=True)
    calibration = choose_score(cascade, by_split["validation"], by_split["train"], params)
    save_cascade(character, cascade, calibration | probabilities(cascade, by_split["validation"]))
    roc = measure(detect(cascade, by_split["test"], params), by_split["test"])
    metrics = figures(roc, by_split["test"], calibration["min_score"])
    write_reports(character, roc, metrics, boxes, rejected)
    unused = int((boxes["status"] != OK).sum()) + len(rejected)
    say_reasons(f"cascade@{character}", "boxes", rejected["reason"])
    if unused:
        print(f"cascade@{character}: the {counted(unused, 'boxes')} not used: {rejected_list(character)}")
    if not metrics["faces"]:
        print(f"cascade@{character}: not measured: no box of it lies in a test scene (see data/scenes.parquet)")
    false = metrics["false_positives_per_frame"]
    say_counts(
        f"cascade@{character}",
        {
            "boxes": len(boxes),
            "rejected": unused,
            "stages": len(cascade.stages),
            "weak classifiers": cascade.weak_count,
            **{f"recall at {rate}": metrics[f"recall_at_{rate}"] for rate in RATES if metrics["faces"]},
            "false positives per frame": "unknown" if false is None else false,
        },
    )


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


def leave_out(character: str, reason: str, boxes: pd.DataFrame) -> None:
    """Write all outputs of a character who has no cascade yet, so that the flow goes on without."""
    save_untrained(character, reason)
    nothing = pd.DataFrame(columns=["image", "x", "y", "w", "h", "reason"])
    roc = measure([], [])
    write_reports(character, roc, figures(roc, [], 0.0), boxes, nothing)
    others = sorted(set(boxes.loc[boxes["character"] != character, "character"]))
    if others and not (boxes["character"] == character).any():
        print(f"cascade@{character}: was {character!r} called {' or '.join(map(repr, others))} before?")
    print(f"cascade@{character}: no cascade yet, the flow goes on without {character!r}: {reason}")
    rejected = int((boxes["status"] != OK).sum())
    say_counts(f"cascade@{character}", {"boxes": len(boxes), "rejected": rejected, "stages": 0})


def rejected_list(character: str) -> Path:
    """The table of the character's boxes that were not used, each with its reason."""
    return paths.CASCADE_REPORTS / f"{character}-rejected.csv"


def forget_others(characters: Sequence[str]) -> None:
    """Delete the cascades and reports of characters that params.yaml no longer lists."""
    for path in [*paths.CASCADES.glob("*.*"), *paths.CASCADE_REPORTS.glob("*.*")]:
        if path.stem.removesuffix("-rejected") not in characters:
            path.unlink()


def read_looked_at_frames(character: str, params: Params) -> tuple[pd.DataFrame, list[BoxedFrame]]:
    """The character's rows of boxes.csv (with those that name no known character), and all annotated frames,
    decoded."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    scenes = read_rows(paths.SCENES, SCENES)
    boxes = read_boxes(paths.BOXES, episodes, params.characters)
    boxes, frames = rows_in_force(boxes, read_looked_at(paths.FRAMES, episodes))
    seen = looked_at(boxes, frames, character, params.characters)
    names = read_names(paths.NAMES, episodes, params.characters)
    say_reasons(f"cascade@{character}", "named faces", names.loc[names["status"] != OK, "reason"])
    drawn = int(seen["boxes"].map(len).sum())
    seen = with_named(seen, names, scenes, character)
    if named := int(seen["boxes"].map(len).sum()) - drawn:
        print(f"cascade@{character}: {named} faces that were named on sheets are learned too")
    decoded = read_boxed_frames(seen, episodes, scenes, paths.VIDEOS, params.cascade.max_height, cores(params.compute))
    known = boxes["character"].isin(params.characters)
    return boxes[(boxes["character"] == character) | ~known], decoded


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
    if faces := sum(len(frame.boxes) for frame in frames):
        print(f"cascade@{character}: {counted(faces, 'faces')} in pictures of no episode are learned too")
    return frames, pd.DataFrame(unused, columns=["image", "reason"])


def learn(
    character: str, frames: list[BoxedFrame], params: CascadeParams, validation: Sequence[BoxedFrame] = ()
) -> tuple[Cascade, pd.DataFrame]:
    """Train on the frames of train scenes, in gray, in color, or in both to keep the better one on validation frames.

    Returns the cascade, and the boxes that were not used with the reason. Raises StageError if there are too few
    boxes, or no negative examples.
    """
    reason = too_little(character, frames)
    if reason:
        raise StageError(reason)
    planes, why = planes_to_train(validation, params)
    result = train_with(character, frames, validation, params, planes)
    if planes == "auto":
        evidence = result.cascade.info.training["planes"]
        planes, why = evidence["chosen"], evidence["reason"]
    print(f"cascade@{character}: {planes}: {why}")
    print(f"cascade@{character}: {result.stop_rule}")
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
) -> TrainingResult:
    """Train, with "auto" in gray and in color, with a bar over the stages."""
    settings = training_params(params, planes)
    total = params.stages * (2 if planes == "auto" else 1)
    both = ", gray and color" if planes == "auto" else ""
    with progress(desc=f"cascade@{character}{both}", unit="stages", total=total) as bar:

        def advance(report: StageReport) -> None:
            bar.update()
            bar.set_postfix_str(f"false alarm rate {report.false_alarm:.2g}")

        if planes == "auto":
            scenes = [(frame.episode_id, frame.scene) for frame in validation]
            return train_validated(
                annotated(frames), annotated(validation), settings, scenes=scenes, on_progress=advance
            )
        return train(annotated(frames), settings, on_progress=advance)


def detect(cascade: Cascade, frames: list[BoxedFrame], params: Params) -> list[Detections]:
    """What the cascade finds in each frame."""
    detector = Detector([cascade], scale_factor=params.faces.scale_factor)
    return [
        detector.detect(frame.gray, chroma=frame.chroma)[0]
        for frame in progress(frames, desc="measuring", unit="frames")
    ]


def measure(found: list[Detections], frames: list[BoxedFrame]) -> Roc:
    """Compare detections with boxes, frame by frame. Frames that are not complete count for recall only."""
    return evaluate(found, [_truth(frame) for frame in frames], complete=[frame.complete for frame in frames])


def _truth(frame: BoxedFrame) -> NDArray[np.int64]:
    return np.array(frame.boxes, dtype=np.int64).reshape(-1, 4)


def choose_score(
    cascade: Cascade, validation: list[BoxedFrame], training: list[BoxedFrame], params: Params
) -> dict[str, Any]:
    """The least score that gives at most the wanted false positives per frame on validation frames.

    Scores of different cascades are compared as multiples of their least scores. If no validation frame has a face,
    training frames are used too. Faces that were trained on score higher than new faces will, so the lowest score
    within the limit is taken then.
    """
    wanted = params.cascade.false_positives
    unseen = any(frame.boxes for frame in validation)
    frames = validation if unseen else [*validation, *training]
    roc = measure(detect(cascade, frames, params), frames)
    score = roc.score_at(wanted) if unseen else roc.lowest_score_at(wanted)
    if not math.isfinite(score):
        # Even the strongest detections are too often wrong: the least score is set above all of them.
        score = max((float(value) for value in roc.scores), default=0.0) + 1.0
    complete = sum(frame.complete for frame in frames)
    return {
        "min_score": score,
        "false_positives_per_frame": wanted,
        "chosen_on": f"{complete} frames of {'validation' if unseen else 'train'} scenes",
    }


def probabilities(cascade: Cascade, validation: list[BoxedFrame]) -> dict[str, Any]:
    """The calibration of scores to probabilities; empty if the validation scenes do not determine it."""
    try:
        calibration = calibrate(cascade, annotated(validation)).info.calibration
    except TrainingDataError:
        return {}
    # Where every right detection is stronger than every wrong one, no finite slope fits.
    return calibration if 0 < calibration["slope"] < STEEPEST else {}


def figures(roc: Roc, frames: list[BoxedFrame], min_score: float) -> dict[str, Any]:
    """The cascade's metrics on held-out scenes; null where there is no face to find, or no complete frame.

    `recall` and `false_positives_per_frame` are those at the least score that the cascade is used with. recall_low and
    recall_high: Wilson's 95 % interval (1927), as if the faces were drawn one by one; as faces of one scene are alike,
    less is known than it says.
    """
    faces, complete = sum(len(frame.boxes) for frame in frames), sum(frame.complete for frame in frames)
    used = roc.scores >= min_score
    recall, false = (float(values[used].max()) if used.any() else 0.0 for values in (roc.recall, roc.fppi))
    low = high = None
    if faces:
        low, high = binomtest(round(recall * faces), faces).proportion_ci(method="wilson")
    return {
        "frames": complete,
        "faces": faces,
        **{f"recall_at_{rate}": round(roc.recall_at(rate), 4) if faces else None for rate in RATES},
        "average_precision": round(roc.average_precision, 4) if faces else None,
        "recall": round(recall, 4) if faces else None,
        "recall_low": None if low is None else round(float(low), 4),
        "recall_high": None if high is None else round(float(high), 4),
        "false_positives_per_frame": round(false, 4) if complete else None,
    }


def write_reports(
    character: str, roc: Roc, metrics: dict[str, Any], boxes: pd.DataFrame, unlearned: pd.DataFrame
) -> None:
    """Metrics, the ROC curve, and every box that could not be used with its reason."""
    write_json(paths.CASCADE_REPORTS / f"{character}.json", metrics)
    points = pd.DataFrame({"false_positives_per_frame": roc.fppi, "recall": roc.recall, "score": roc.scores})
    write_text(
        paths.CASCADE_REPORTS / f"{character}.csv", points.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    )
    rows = boxes[boxes["status"] != OK].assign(image=lambda row: "boxes.csv line " + row["line"].astype(str))
    rejected = pd.concat([rows[unlearned.columns], unlearned], ignore_index=True)
    write_text(rejected_list(character), rejected.to_csv(index=False, lineterminator="\n"))
