"""Scenes and faces on a real film: `python -m benchmarks.faces PROJECT FOOTAGE [SECTION…]`.

PROJECT was made by `python -m benchmarks.film FOOTAGE --directory PROJECT`, as far as its cascades. Sections: scenes,
usual, every, default, tracks (all when none is named). Prints Markdown tables of CPU and wall seconds beside those of
decoding in the same run: on a busy machine quote ratios of CPU seconds. Recall is on the boxes of held-out shots.
"""

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.film import EPISODE, FILM, scene_f1
from cascades import Cascade
from cascades.boxes import intersection_over_union as iou
from pipeline import paths
from pipeline.compute.each import each
from pipeline.faces.cascade_figures import choose_score
from pipeline.faces.cascade_files import load_cascade, save_cascade
from pipeline.faces.runs import faces_of_run, join_runs
from pipeline.faces.search import Searcher
from pipeline.params import Compute, Params, load_params
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.stages import faces as stage
from pipeline.stages.cascade import learn, read_looked_at_frames
from pipeline.tables import read_rows
from pipeline.video.decode import decode_chosen, decode_frames
from pipeline.video.shots import find_starts

PAIR = ("bunny", "frank")
"""The two characters of the issue's row."""
SAMPLES = 12
STRETCH = 12
"""The usual script is timed on so many stretches of so many frames."""
RECALLS = (0.75, 0.8, 0.85)


@dataclass(frozen=True)
class Spent:
    """What some work cost."""

    wall: float
    cpu: float


def timed(work: Callable[[], Any]) -> tuple[Any, Spent]:
    """The work's result, and its seconds, those of processes it started included."""

    def cpu() -> float:
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in usage)

    wall, before = time.perf_counter(), cpu()
    result = work()
    return result, Spent(time.perf_counter() - wall, cpu() - before)


class Truth:
    """The boxes of held-out shots, by (frame, character)."""

    def __init__(self, footage: Path) -> None:
        def rows(name: str) -> pd.DataFrame:
            table = pd.read_csv(footage / name)
            return table[table["episode_id"] == EPISODE]

        shots = rows("scenes.csv").query("held_out == 1")
        self.shots = list(zip(shots["start_frame"], shots["end_frame"], strict=True))
        frames = rows("frames.csv")
        frames = frames[[self.held_out(frame) for frame in frames["frame"]]]
        self.complete = dict(zip(frames["frame"], frames["complete"] == 1, strict=True))
        boxes = rows("boxes.csv")
        self.boxes = {
            place: own[list("xywh")].to_numpy(np.int64)
            for place, own in boxes.groupby(["frame", "character"])
            if place[0] in self.complete
        }

    def held_out(self, frame: int) -> bool:
        """Whether a frame lies in a held-out shot."""
        return any(first <= frame <= last for first, last in self.shots)


@dataclass(frozen=True, eq=False)
class Found:
    """Detections on one annotated frame: boxes int64[N, 4] px of the source frame, scores float64[N]."""

    boxes: NDArray[np.int64]
    scores: NDArray[np.float64]


def curve(
    found: dict[tuple[int, str], Found], truth: Truth, characters: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Scores, falling, with recall and precision at each, over all characters; incomplete frames count for recall only.

    All three float64[K].
    """
    marks: list[tuple[float, bool, bool]] = []
    faces = 0
    for frame, complete in truth.complete.items():
        for character in characters:
            boxes = truth.boxes.get((frame, character), np.zeros((0, 4), np.int64))
            faces += len(boxes)
            here = found.get((frame, character))
            if here is not None:
                hits = matched(here, boxes)
                marks += [(s, bool(h), complete) for s, h in zip(here.scores.tolist(), hits, strict=True)]
    marks.sort(key=lambda mark: -mark[0])
    right = np.cumsum([hit for _, hit, _ in marks])
    wrong = np.cumsum([complete and not hit for _, hit, complete in marks])
    return np.array([mark[0] for mark in marks]), right / max(faces, 1), right / np.maximum(right + wrong, 1)


def matched(found: Found, boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which detections are right: strongest first, each takes the free box it overlaps most, IoU 0.5 or more."""
    hits = np.zeros(len(found.boxes), np.bool_)
    overlap = iou(found.boxes, boxes)
    for index in np.argsort(-found.scores, kind="stable"):
        if len(boxes) and overlap[index].max() >= 0.5:
            hits[index] = True
            overlap[:, overlap[index].argmax()] = 0
    return hits


def at_annotated(rows: pd.DataFrame, truth: Truth, score: str, every: int) -> dict[tuple[int, str], Found]:
    """Detections at the annotated frames, `every` having been looked at.

    Where a frame was not, its tracks are interpolated linearly, and go on as they are to the frame before the next one
    looked at: no further than an annotation may be from its face (`labels.frame_tolerance`).
    """
    parts: dict[tuple[int, str], list[tuple[NDArray[np.float64], float]]] = {}
    wanted = np.array(sorted(truth.complete))
    slack = np.where(wanted % every == 0, 0, every - 1)
    for (character, _), track in rows.groupby(["character", "track"]):
        frames = track["frame"].to_numpy(np.int64)
        boxes = track[list("xywh")].to_numpy(np.float64)
        inside = (wanted >= frames[0] - slack) & (wanted <= frames[-1] + slack)
        for frame in wanted[inside]:
            place = int(np.clip(frame, frames[0], frames[-1]))
            after = int(np.searchsorted(frames, place))
            before = after if frames[after] == place else after - 1
            share = 0.0 if before == after else (place - frames[before]) / (frames[after] - frames[before])
            if frames[after] - frames[before] > MAX_GAP:
                continue
            box = boxes[before] * (1 - share) + boxes[after] * share
            parts.setdefault((int(frame), str(character)), []).append((box, float(track[score].iloc[before])))
    return {
        place: Found(np.rint([box for box, _ in both]).astype(np.int64), np.array([score for _, score in both]))
        for place, both in parts.items()
    }


MAX_GAP = 12
"""Frames over which a track's boxes are interpolated at most."""


def recall(rows: pd.DataFrame, truth: Truth, characters: Sequence[str], every: int) -> tuple[float, float]:
    """Recall and precision of the rows in use."""
    found = at_annotated(rows[rows["status"] == OK], truth, "score", every)
    _, recalls, precisions = curve(found, truth, characters)
    return (float(recalls[-1]), float(precisions[-1])) if len(recalls) else (0.0, 1.0)


class Project:
    """The film's project: its episode, scenes and cascades."""

    def __init__(self, footage: Path) -> None:
        self.footage = footage
        self.film = footage / FILM
        self.params = load_params()
        self.episodes = read_rows(paths.EPISODES, EPISODES)
        self.scenes = read_rows(paths.SCENES, SCENES)
        self.truth = Truth(footage)

    def faces(
        self, characters: Sequence[str], compute: Compute, held_out: bool = False, **settings: int
    ) -> pd.DataFrame:
        """The rows that the stage would write, worked on as the stage does; of test scenes alone if `held_out`."""
        params = self.params.model_copy(
            update={
                "characters": tuple(characters),
                "faces": self.params.faces.model_copy(update=settings),
            }
        )
        (job,) = stage.plan(self.episodes, self.scenes, params)
        runs = [run for run in job.runs() if not held_out or (run.scenes["split"] == "test").any()]
        tables = [table for table, _ in each(faces_of_run, runs, compute, desc="faces", unit="runs of scenes")]
        return pd.DataFrame(join_runs(tables).to_pandas())


def section_scenes(project: Project, decoding: Spent) -> None:
    """The scenes stage against decoding."""
    rate = Fraction(int(project.episodes["rate_num"][0]), int(project.episodes["rate_den"][0]))
    starts, spent = timed(lambda: find_starts(project.film, rate, project.params.scenes, threads=2))
    stops = [start.frame for start in starts[1:]] + [int(project.episodes["frames"][0])]
    found = pd.DataFrame({"start_frame": [start.frame for start in starts], "stop_frame": stops})
    say("scenes", spent, decoding, f"boundary F1 {scene_f1(found, project.footage):.3f}")


def section_every(project: Project, decoding: Spent) -> None:
    """Every frame, two characters."""
    rows, spent = timed(lambda: project.faces(PAIR, Compute(), every=1))
    say("faces, every frame, two characters", spent, decoding, figures(rows, project.truth, PAIR, 1))


def section_default(project: Project, decoding: Spent) -> None:
    """Default settings."""
    for characters in (PAIR, project.params.characters):
        rows, spent = timed(partial(project.faces, characters, Compute()))
        name = f"faces, default settings, {len(characters)} characters"
        say(name, spent, decoding, figures(rows, project.truth, characters, project.params.faces.every))


def figures(rows: pd.DataFrame, truth: Truth, characters: Sequence[str], every: int) -> str:
    """Recall, precision and number of faces in words."""
    found, right = recall(rows, truth, characters, every)
    return f"recall {found:.3f}, precision {right:.3f}, {int((rows['status'] == OK).sum())} faces"


def section_usual(project: Project, decoding: Spent) -> None:
    """The usual script on stretches of the film, extrapolated; its recall on the annotated frames."""
    with tempfile.TemporaryDirectory() as folder:
        classifiers = [cv2.CascadeClassifier(str(gray_cascade(c, project, Path(folder)))) for c in PAIR]
        frames = int(project.episodes["frames"][0])
        begins = np.linspace(1, frames - STRETCH, SAMPLES).astype(int)
        spent = usual_script(project.film, begins.tolist(), classifiers, Path(folder))
        whole = Spent(spent.wall / (SAMPLES * STRETCH) * frames, spent.cpu / (SAMPLES * STRETCH) * frames)
        found = {}
        for frame in decode_chosen(project.film, project.truth.complete, threads=2):
            for character, classifier in zip(PAIR, classifiers, strict=True):
                boxes = np.array(classifier.detectMultiScale(frame.gray, 1.1), np.int64).reshape(-1, 4)
                found[frame.index, character] = Found(boxes, np.ones(len(boxes)))
    _, recalls, precisions = curve(found, project.truth, PAIR)
    note = f"recall {recalls[-1]:.3f}, precision {precisions[-1]:.3f}; from {SAMPLES * STRETCH} frames"
    say("the usual script, two characters", whole, decoding, note)


def usual_script(film: Path, begins: list[int], classifiers: list[Any], folder: Path) -> Spent:
    """What people write: OpenCV's reader, each cascade on each full-size frame, a PNG for each find.

    Seeks are not counted.
    """
    capture = cv2.VideoCapture(str(film))
    parts = []
    for begin in begins:
        capture.set(cv2.CAP_PROP_POS_FRAMES, begin - 1)
        capture.read()
        parts.append(timed(lambda: usual_stretch(capture, classifiers, folder))[1])
    capture.release()
    return Spent(sum(part.wall for part in parts), sum(part.cpu for part in parts))


def usual_stretch(capture: Any, classifiers: list[Any], folder: Path) -> None:
    """The next few frames."""
    for step in range(STRETCH):
        _, picture = capture.read()
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        for number, classifier in enumerate(classifiers):
            for x, y, w, h in classifier.detectMultiScale(gray, 1.1):
                cv2.imwrite(str(folder / f"{step}-{number}-{x}-{y}.png"), picture[y : y + h, x : x + w])


def gray_cascade(character: str, project: Project, folder: Path) -> Path:
    """The character's cascade if it is gray, else one trained in gray on the same boxes: OpenCV reads no other."""
    path = paths.CASCADES / f"{character}.xml"
    if Cascade.load(path).info.planes == ("gray",):
        shutil.copy(path, folder)
        return folder / path.name
    params: Params = project.params
    _, frames = read_looked_at_frames(character, params)
    by_split = {split: [frame for frame in frames if frame.split == split] for split in ("train", "validation")}
    gray = params.cascade.model_copy(update={"planes": "gray"})
    cascade, _ = learn(character, by_split["train"], gray)
    save_cascade(character, cascade, choose_score(cascade, by_split["validation"], by_split["train"], params), folder)
    return folder / path.name


def section_tracks(project: Project, decoding: Spent) -> None:
    """Precision at equal recall: single frames searched whole, and what tracks make of every second frame."""
    truth, characters = project.truth, project.params.characters
    rows = project.faces(characters, Compute(), held_out=True, every=2)
    claimed = rows["reason"].str.contains("claims this face")
    curves = {
        "frame by frame": curve(frame_by_frame(project), truth, characters),
        "tracks": curve(at_annotated(rows[~claimed], truth, "track_score", 2), truth, characters),
    }
    print(
        "\n| | " + " | ".join(f"precision at recall {wanted:g}" for wanted in RECALLS) + " | at the stage's threshold |"
    )
    print("|---|" + "---|" * (len(RECALLS) + 1))
    for name, (scores, recalls, precisions) in curves.items():
        cells = [f"{precisions[np.argmax(recalls >= w)]:.3f}" if recalls.max() >= w else "–" for w in RECALLS]
        last = int((scores >= 1).sum()) - 1
        print(f"| {name} | {' | '.join(cells)} | {recalls[last]:.3f} recall, {precisions[last]:.3f} precision |")


def frame_by_frame(project: Project) -> dict[tuple[int, str], Found]:
    """Every annotated frame of held-out shots searched whole, scores as multiples of the cascade's least score."""
    cascades = [load_cascade(character) for character in project.params.characters]
    searcher = Searcher(cascades, project.params.faces.model_copy(update={"every": 1}))
    found = {}
    for frame in decode_chosen(project.film, project.truth.complete, threads=2):
        (look,) = searcher.scene([frame])
        for number, cascade in enumerate(cascades):
            own = look.cascade == number
            strengths = look.scores[own].astype(np.float64) / cascade.min_score
            found[frame.index, cascade.character] = Found(look.boxes[own], strengths)
    return found


def say(name: str, spent: Spent, decoding: Spent, note: str) -> None:
    """A row of the table."""
    ratios = f"{spent.wall / decoding.wall:.2f} | {spent.cpu / decoding.cpu:.2f}"
    print(f"| {name} | {spent.wall:.1f} | {spent.cpu:.1f} | {ratios} | {note} |", flush=True)


SECTIONS = {
    "scenes": section_scenes,
    "default": section_default,
    "every": section_every,
    "usual": section_usual,
    "tracks": section_tracks,
}


def main() -> None:
    """Parse the command line, decode the film, run the sections."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("footage", type=Path)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="default: all")
    options = parser.parse_args()
    footage = options.footage.resolve()
    os.chdir(options.project)
    project = Project(footage)
    load = os.getloadavg()[0]
    _, decoding = timed(lambda: sum(1 for _ in decode_frames(project.film, threads=2)))
    print(f"\n{os.cpu_count()} cores, load {load:.1f} before the run\n")
    print("| what | wall s | CPU s | wall, × decoding | CPU, × decoding | result |\n|---|---|---|---|---|---|")
    say("decoding, 2 threads", decoding, decoding, f"{int(project.episodes['frames'][0])} frames")
    for name in options.sections or SECTIONS:
        SECTIONS[name](project, decoding)


if __name__ == "__main__":
    main()
