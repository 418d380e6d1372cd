"""Which frames a round should ask for: `python -m benchmarks.rounds [SEEDS] [FRAMES]`, after `make repro`.

The sample show's truth is known. Detectors are trained on a few boxed frames of train scenes, chosen by chance. Then
the next frames are chosen in two ways: those in which the detectors disagree, as `toonset label round` does, and those
that look most different, as `toonset label push boxes` does; both in train scenes. For each way it prints in how many
frames the annotator has to correct what the detectors draw, and how good the detectors are on test scenes when the
true boxes of these frames are learned too. All validation and test frames with boxes count in both ways. Cascades are
trained with fewer examples than by default.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from cascades.boxes import intersection_over_union as iou
from pipeline import paths
from pipeline.faces.boxed_frames import in_split
from pipeline.params import Params, load_params
from pipeline.sample.truth import episode_truth
from pipeline.schemas import BOX_NAMES
from pipeline.stages import cascade, faces
from pipeline.tasks.boxes import box_tasks, frames_to_box
from pipeline.tasks.disagreement import doubts, frames_in_doubt
from pipeline.tasks.known import read_known
from pipeline.tasks.media import Media
from pipeline.tasks.noes import least_scores, read_finds

FIRST: Final = 24
"""Frames with faces that are boxed at the beginning, and as many without."""
QUICK: Final = {"positives": 500, "negatives": 1000}
RIGHT: Final = 0.5
"""IoU from which on a drawn box need not be corrected."""
KEY: Final = ["episode_id", "frame"]


def main(seeds: str = "0,1", count: str = "20") -> None:
    """Print a line for each seed and way."""
    print("| seed | boxed first | way | frames to correct | corrections | average precision | recall at 0.1 |")
    print("|---|---|---|---|---|---|---|")
    for seed in map(int, seeds.split(",")):
        with world() as params:
            boxes, frames = start(seed, params)
            write(boxes, frames)
            learn(params)
            before = tested(params)
            print(f"| {seed} | {int(boxes['train'].sum())} | before | | | {before} |", flush=True)
            chosen = ways(params, int(count))
            corrections = {way: corrected(own, params) for way, own in chosen.items()}
            for way, own in chosen.items():
                write(*with_truth(boxes, frames, own, params))
                learn(params, search=False)
                wrong = corrections[way]
                told = f"{sum(map(bool, wrong))} of {len(wrong)} | {sum(wrong)}"
                print(f"| {seed} | | {way} | {told} | {tested(params)} |", flush=True)


@contextlib.contextmanager
def world() -> Iterator[Params]:
    """A project of its own, beside this one's videos; the current directory while the block runs."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        shutil.copytree(home / paths.ANNOTATIONS, there / paths.ANNOTATIONS)
        (there / "data").mkdir()
        (there / paths.VIDEOS).symlink_to(home / paths.VIDEOS)
        for path in (paths.EPISODES, paths.SCENES):
            shutil.copy(home / path, there / path)
        values = yaml.safe_load((home / paths.PARAMS).read_text(encoding="utf-8"))
        values["cascade"] |= QUICK
        values["compute"] = {"workers": 1}
        (there / paths.PARAMS).write_text(yaml.safe_dump(values), encoding="utf-8")
        os.chdir(there)
        try:
            yield load_params()
        finally:
            os.chdir(home)


def start(seed: int, params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of boxes.csv and frames.csv to begin with: all that are held out, and a few of train scenes."""
    known = read_known(params)
    rng = np.random.default_rng(seed)
    parts = [table.assign(train=in_split(table, known.scenes, "train")) for table in (known.boxes, known.frames)]
    boxes, frames = parts
    boxed = boxes[boxes["train"]][KEY].drop_duplicates()
    looked = frames[frames["train"]][KEY].drop_duplicates()
    empty = looked[~pd.MultiIndex.from_frame(looked).isin(pd.MultiIndex.from_frame(boxed))]
    first = pd.concat([own.sample(min(FIRST, len(own)), random_state=rng) for own in (boxed, empty)])
    chosen = pd.MultiIndex.from_frame(first)
    kept = [own[~own["train"] | pd.MultiIndex.from_frame(own[KEY]).isin(chosen)] for own in parts]
    return kept[0], kept[1]


def write(boxes: pd.DataFrame, frames: pd.DataFrame) -> None:
    """Write boxes.csv and frames.csv."""
    boxes[[*KEY, "character", *BOX_NAMES]].to_csv(paths.BOXES, index=False)
    frames[[*KEY, "complete"]].to_csv(paths.FRAMES, index=False)


def learn(params: Params, *, search: bool = True) -> None:
    """Run the stages `cascade`, and `faces` if wanted, without their words."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for name in params.characters:
            cascade.main(name)
        if search:
            faces.main()


def tested(params: Params) -> str:
    """Means over the characters, on test scenes."""
    reports: list[dict[str, Any]] = [
        json.loads((paths.CASCADE_REPORTS / f"{name}.json").read_text(encoding="utf-8")) for name in params.characters
    ]
    means = [np.mean([report[name] for report in reports]) for name in ("average_precision", "recall_at_0.1")]
    return " | ".join(f"{mean:.3f}" for mean in means)


def ways(params: Params, count: int) -> dict[str, pd.DataFrame]:
    """The next frames (episode_id, frame), by the way in which they are chosen."""
    known, least = read_known(params), least_scores(params)
    train = known.scenes[known.scenes["split"] == "train"].reset_index(drop=True)
    finds = read_finds(known.episodes)
    found = doubts(finds[in_split(finds, known.scenes, "train")], least, params.faces.every)
    return {
        "disagreement": frames_in_doubt(found, known.seen, count)[KEY],
        "different looks": frames_to_box(known.episodes, train, known.seen, count, params)[KEY],
    }


def truth(params: Params) -> pd.DataFrame:
    """All faces of the show that are worth a box."""
    names = [episode.id for episode in params.episodes]
    tables = [episode_truth(name.removeprefix("sample-")).faces.assign(episode_id=name) for name in names]
    every = pd.concat(tables, ignore_index=True)
    return every[every["annotatable"]]


def corrected(frames: pd.DataFrame, params: Params) -> list[int]:
    """For each frame, how many boxes have to be drawn, moved, renamed or deleted."""
    known, every = read_known(params), truth(params)
    tasks = box_tasks(frames.assign(scene=0), known.episodes, Media("inline"), params)
    counts = []
    for task in tasks:
        data = task["data"]
        own = every[(every["episode_id"] == data["episode_id"]) & (every["frame"] == data["frame"])]
        left = [(row["character"], row[BOX_NAMES].to_numpy(np.int64)) for _, row in own.iterrows()]
        wrong = 0
        for result in task.get("predictions", [{"result": []}])[0]["result"]:
            value = result["value"]
            sides = np.array([value["x"], value["y"], value["width"], value["height"]])
            box = sides * [data["width"], data["height"], data["width"], data["height"]] / 100
            name = value["rectanglelabels"][0]
            right = [
                index
                for index, (other, place) in enumerate(left)
                if other == name and iou(box.round().astype(np.int64)[None], place[None])[0, 0] >= RIGHT
            ]
            if right:
                left.pop(right[0])
            else:
                wrong += 1
        counts.append(max(wrong, len(left)))  # one that is moved or renamed stands for one that is not drawn
    return counts


def with_truth(
    boxes: pd.DataFrame, frames: pd.DataFrame, chosen: pd.DataFrame, params: Params
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with the true boxes of further frames."""
    every = truth(params)
    more = every[pd.MultiIndex.from_frame(every[KEY]).isin(pd.MultiIndex.from_frame(chosen))]
    return pd.concat([boxes, more]), pd.concat([frames, chosen.assign(complete=1)])


if __name__ == "__main__":
    main(*sys.argv[1:])
