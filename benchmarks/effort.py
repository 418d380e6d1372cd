"""Accuracy against an annotator's minutes: `python -m benchmarks.effort SHOWS [SEEDS] [WAYS]`.

SHOWS: film, drawn (the drawn excerpts), ten (a drawn show with ten characters, twelve minutes long), with commas.

The ways to the cascades of a show are simulated from the truth. "drawn", as it was at first: boxes are drawn in frames,
in the order in which `toonset label push boxes` offers them (each scene once, then again), until each character has 150
or no frame is left. "half" and "fifth" stop after that share of the minutes. "new" takes a fifth of those minutes:
first boxes are drawn (0.4 of the time); then the detector of everybody's faces proposes faces in other frames, which
are named in groups (0.3); then cascades are trained, people say of sheets of finds that were put aside what they are,
and correct boxes in frames in which the detectors disagree (0.3). These shares were chosen before the first run.
"boxes-first" is the same with 0.8 of the time for boxes and 0.1 for names, tried when "new" had missed the aim.

Cascades are trained as the stage does, with fewer examples, and tested on scenes that are held out. The annotator gives
3 % wrong names and marks, and boxes of a mean IoU of about 0.83 (one annotator who drew boxes of the film twice reached
0.81). A box takes 3 s, a key 1 s; a look at a sheet, or at a frame with boxes in it, 6 s; a look at an empty frame
nothing, which is in favor of drawing. Frames without truth cannot be simulated, so nothing is found in the rest of the
video. Each finished run is a few rows of `benchmarks/effort.csv`, and is not done again.
"""

import csv
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.effort_person import Annotator, Box, Named
from benchmarks.effort_shows import EVERY, SHOWS, Scene, Show
from benchmarks.footage import DEFAULT, Frame
from cascades import AnnotatedImage, Cascade, Detections, Detector, evaluate, train
from cascades.boxes import intersection_over_union as iou
from labeling.answers import NOBODY
from labeling.config import SHEET_KEYS
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.faces.everybody import CLOSE, LEAST_BOXES, MOST, SMALL, strongest, to_ask
from pipeline.faces.examples import annotated
from pipeline.faces.tracks import RIVAL, WEAK
from pipeline.faces.tracks import judge as judge_tracks
from pipeline.images import cut, cut_face, inside, shrink
from pipeline.params import Faces
from pipeline.schemas import BOX_NAMES, OK
from pipeline.similarity.looks import group, look
from pipeline.stages.cascade import LEAST_BOXES as LEAST_OF_ONE
from pipeline.tasks.disagreement import doubts, frames_in_doubt
from pipeline.tasks.names import AGAIN, IN_GROUP, follow
from pipeline.tasks.noes import IN_GROUP as IN_NO_GROUP
from pipeline.tasks.noes import MOST as MOST_NOES

RUNS: Final = Path(__file__).parent / "effort.csv"
WANTED: Final = 150
"""Boxes of a character, drawn as it was at first."""
FIFTH: Final = 0.2
NEW, BOXES_FIRST = (0.4, 0.3, 0.06), (0.8, 0.1, 0.02)
"""Shares of a way's minutes for boxes, names and noes; the rest is for corrections."""
PROPOSED, SEARCHED = 400, 150
"""Frames in which faces to be named are looked for, and in which what is to be corrected is; at most."""
SAME: Final = 0.3
"""IoU from which a found face is a face of the truth."""
QUICK: Final = replace(
    DEFAULT, planes="color", stages=10, positives=400, negatives=600, feature_pool=3000, ranking=60, threads=1
)
"""About a third of the time that the default takes."""
COLUMNS: Final = (
    "show", "seed", "way", "after", "minutes", "boxes", "named", "wrong", "corrected",
    "ap", "ap_strict", "recall", "cpu_s",
)  # fmt: skip
"""boxes: drawn ones. named: faces, on sheets. wrong: names among those. corrected: frames. ap: at IoU 0.3. cpu_s: of
the process, until then."""
FACE_COLUMNS: Final = ["episode_id", "frame", "scene", *BOX_NAMES, "score", "look", "thumbnail", "truth", "place"]


def in_order(show: Show, seed: int) -> list[int]:
    """Frames to learn from, each scene once, then again; by chance within a scene."""
    rng = np.random.default_rng([seed, 0])
    scenes = pd.Series([str(scene) for scene, _ in show.learn]).sample(frac=1, random_state=rng)
    turn = scenes.groupby(scenes).cumcount()
    return [int(index) for index in turn.sort_values(kind="stable").index]


def boxed(frame: Frame, scene: Scene, boxes: list[Box], complete: bool, nobody: list[Box]) -> BoxedFrame:
    return BoxedFrame(
        scene[0], frame.number, frame.gray, frame.chroma, tuple(boxes), complete, "train", scene[1], tuple(nobody)
    )


def learn(images: list[AnnotatedImage], seed: int) -> Cascade:
    return train(images, replace(QUICK, seed=seed)).cascade


def at_once(detector: Detector, frame: Frame) -> list[Detections]:
    return detector.detect(frame.gray, chroma=frame.chroma)


def seen(show: Show, place: int, detections: Detections, least: float = 0.0) -> Iterator[tuple[object, ...]]:
    """FACE_COLUMNS of what was found in a frame with at least this score, the strongest."""
    (episode, scene), frame = show.learn[place]
    if not (detections.scores >= least).any():
        return
    rgb = in_color(frame)
    truth = np.array([box for _, box in frame.boxes], np.int64).reshape(-1, 4)
    height, width = frame.gray.shape
    for raw, score in zip(detections.boxes[:MOST].tolist(), detections.scores[:MOST].tolist(), strict=True):
        if score < least:
            continue
        box = inside((raw[0], raw[1], raw[2], raw[3]), width, height)
        overlap = iou(np.array([box]), truth)[0]
        who = frame.boxes[int(overlap.argmax())][0] if len(truth) and overlap.max() >= SAME else NOBODY
        who = who if who in show.characters else NOBODY
        small = shrink(cut(frame.gray, box), SMALL, SMALL).ravel()
        look_of = look(cut_face(rgb, box, CLOSE, 256))
        yield episode, frame.number, scene, *box, score, look_of, small, who, place


def in_color(frame: Frame) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] of a frame."""
    height, width = frame.gray.shape
    cb, cr = (cv2.resize(plane, (width, height)) for plane in frame.chroma)
    return np.asarray(cv2.cvtColor(np.dstack([frame.gray, cr, cb]), cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def propose(show: Show, places: list[int], cascade: Cascade, faces_of_frame: float) -> pd.DataFrame:
    """What the detector of everybody's faces finds in frames to learn from, with the truth."""
    detector = Detector([cascade], min_size=24, threads=1)
    rows = [row for place in places for row in seen(show, place, at_once(detector, show.learn[place][1])[0])]
    return strongest(pd.DataFrame(rows, columns=FACE_COLUMNS), round(faces_of_frame * len(places)))


def name_all(found: pd.DataFrame, person: Annotator, until: float) -> pd.DataFrame:
    """Sheets, then sheets of what was marked, while there is time: the named faces, with `said`."""
    found = found.assign(track=follow(found, dict.fromkeys(found["episode_id"], 24.0)), said=None)
    left = found
    for each in (IN_GROUP, AGAIN, AGAIN):
        left = left.loc[sheets(found, left, left["track"].tolist(), each, person, until)]
    return found[found["said"].notna()]


def sheets(
    found: pd.DataFrame, left: pd.DataFrame, tracks: list[int], each: int, person: Annotator, until: float
) -> list[int]:
    """Groups of the faces in `left`, the surest first: what is said goes into `found`. Returns who was marked."""
    looks = np.stack(left["look"].tolist()) if len(left) else np.zeros((0, 1))
    back: list[int] = []
    for part in sorted(
        group(looks, tracks, each, len(SHEET_KEYS)), key=lambda part: -float(left["score"].iloc[part].mean())
    ):
        if person.seconds >= until:
            return []
        own = left.index[part]
        said = person.sheet(found.loc[own, "truth"].tolist())
        found.loc[own, "said"] = said
        back += [index for index, name in zip(own, said, strict=True) if name is None]
    return sorted(back)


def cascades_of(
    show: Show, boxes: Mapping[int, list[Named]], named: pd.DataFrame | None, seed: int
) -> dict[str, Cascade]:
    """A cascade for each character who has boxes enough. boxes: of frames that were boxed, by place in `show.learn`."""
    trained = {}
    for character in show.characters:
        frames = []
        for place, drawn in boxes.items():
            scene, frame = show.learn[place]
            own = [box for name, box in drawn if name == character]
            frames.append(boxed(frame, scene, own, frame.complete, []))
        for at, faces in [] if named is None else named[~named["place"].isin(list(boxes))].groupby("place"):
            scene, frame = show.learn[int(str(at))]
            of = {name: places_of(faces[faces["said"] == name]) for name in (character, NOBODY)}
            frames.append(boxed(frame, scene, of[character], False, of[NOBODY]))
        if sum(len(frame.boxes) for frame in frames) >= LEAST_OF_ONE:
            trained[character] = learn(annotated(frames), seed)
    return trained


def places_of(faces: pd.DataFrame) -> list[Box]:
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h in faces[BOX_NAMES].to_numpy()]


def judge(show: Show, cascades: Mapping[str, Cascade]) -> tuple[float, float, float]:
    """Means over the characters: average precision at IoU 0.3 and 0.5, and recall at 0.1 false positives a frame."""
    found: dict[str, list[Detections]] = {name: [] for name in cascades}
    if cascades:
        detector = Detector(list(cascades.values()), min_size=24, threads=1)
        for frame in show.test:
            for name, detections in zip(cascades, at_once(detector, frame), strict=True):
                found[name].append(detections)
    figures = [(0.0, 0.0, 0.0)] * (len(show.characters) - len(cascades))
    for name, looks in found.items():
        truth = [np.array([b for c, b in f.boxes if c == name], np.int64).reshape(-1, 4) for f in show.test]
        loose, strict = (evaluate(looks, truth, complete=[f.complete for f in show.test], iou=at) for at in (SAME, 0.5))
        figures.append((loose.average_precision, strict.average_precision, loose.recall_at(0.1)))
    ap, strict_ap, recall = np.mean(figures, axis=0).tolist()
    return ap, strict_ap, recall


def look_for(
    show: Show, places: list[int], cascades: Mapping[str, Cascade], share: Mapping[str, float]
) -> pd.DataFrame:
    """What the cascades find in frames, judged by tracks: FACE_COLUMNS, character, strength, track, status, reason.

    share: of each character, faces in a frame on average. A cascade's least score is the one with which it finds so
    many: there are no validation scenes here.
    """
    detector = Detector(list(cascades.values()), min_size=24, threads=1)
    found = [dict(zip(cascades, at_once(detector, show.learn[place][1]), strict=True)) for place in places]
    parts = []
    for name in cascades:
        scores = np.sort(np.concatenate([of[name].scores[:MOST] for of in found]))[::-1]
        if len(scores):
            least = max(float(scores[min(len(scores) - 1, round(share[name] * len(places)))]), 1e-6)
            rows = [
                row
                for place, of in zip(places, found, strict=True)
                for row in seen(show, place, of[name], WEAK * least)
            ]
            own = pd.DataFrame(rows, columns=FACE_COLUMNS)
            parts.append(own.assign(character=name, strength=own["score"] / least))
    params = Faces(every=EVERY, min_track=1)
    table = pd.concat(parts, ignore_index=True)
    judged = [judge_tracks(own, params) for _, own in table.groupby(["episode_id", "scene"])]
    return pd.concat(judged, ignore_index=True)


def say_no(finds: pd.DataFrame, person: Annotator, until: float) -> pd.DataFrame:
    """Sheets of the strongest finds that were put aside, by character: the answers, with `said`."""
    aside = finds[(finds["status"] != OK) & ~finds["reason"].str.endswith(RIVAL).astype(bool)]
    aside = aside.sort_values("strength", ascending=False, kind="stable")
    aside = aside.drop_duplicates(["episode_id", "scene", "character", "track"])
    aside = aside.drop_duplicates(["place", *BOX_NAMES]).head(MOST_NOES).reset_index(drop=True).assign(said=None)
    for _, own in aside.groupby("character"):
        sheets(aside, own, list(range(len(own))), IN_NO_GROUP, person, until)
    return aside[aside["said"].notna()]


def correct(show: Show, finds: pd.DataFrame, boxes: dict[int, list[Named]], person: Annotator, until: float) -> int:
    """Correct frames in which the detectors disagree, and add them to `boxes`. Returns how many."""
    least = dict.fromkeys(show.characters, 1.0)
    found = doubts(finds.assign(score=finds["strength"]), least, EVERY)
    of_frame = dict(zip(zip(finds["episode_id"], finds["frame"], strict=True), finds["place"].tolist(), strict=True))
    looked = pd.DataFrame(
        [(show.learn[place][0][0], show.learn[place][1].number) for place in boxes], columns=["episode_id", "frame"]
    )
    count = 0
    kept = finds[finds["status"] == OK]
    for key in frames_in_doubt(found, looked, len(finds))[["episode_id", "frame"]].itertuples(index=False, name=None):
        if person.seconds >= until:
            break
        if key in of_frame:
            place = of_frame[key]
            own = kept[kept["place"] == place]
            boxes[place] = person.correct(
                show.learn[place][1], list(zip(own["character"], places_of(own), strict=True))
            )
            count += 1
    return count


def draw_until(show: Show, order: list[int], person: Annotator, until: float, boxes: dict[int, list[Named]]) -> None:
    """Box frames with a character who has fewer than WANTED boxes, until there is no frame or no time left (s)."""
    for place in order:
        if person.seconds >= until:
            return
        frame = show.learn[place][1]
        if place in boxes or (frame.boxes and not _wanted(show, frame, boxes)):
            continue
        boxes[place] = person.draw(frame)


def _wanted(show: Show, frame: Frame, boxes: Mapping[int, list[Named]]) -> bool:
    said = [name for drawn in boxes.values() for name, _ in drawn]
    return any(said.count(name) < WANTED for name, _ in frame.boxes if name in show.characters)


def minutes_of_drawing(show: Show, seed: int) -> float:
    """How long it takes to draw all the boxes."""
    person = Annotator(show.characters, seed)
    draw_until(show, in_order(show, seed), person, np.inf, {})
    return person.seconds / 60


def drawn_way(show: Show, seed: int, share: float) -> Iterator[dict[str, object]]:
    """Boxes only, for this share of the minutes that all of them take."""
    order, person = in_order(show, seed), Annotator(show.characters, seed)
    boxes: dict[int, list[Named]] = {}
    draw_until(show, order, person, 60 * share * minutes_of_drawing(show, seed) if share < 1 else np.inf, boxes)
    figures = judge(show, cascades_of(show, boxes, None, seed))
    yield row(person, "boxes", sum(map(len, boxes.values())), None, 0, figures)


def new_way(show: Show, seed: int, shares: tuple[float, float, float]) -> Iterator[dict[str, object]]:
    """Boxes, names, noes and corrections, by these shares of the time: before the last two steps, and after them."""
    boxing, naming, noes = shares
    order, person = in_order(show, seed), Annotator(show.characters, seed)
    total = 60 * FIFTH * minutes_of_drawing(show, seed)
    boxes: dict[int, list[Named]] = {}
    draw_until(show, order, person, boxing * total, boxes)
    drawn = sum(map(len, boxes.values()))
    if drawn < LEAST_BOXES:
        raise SystemExit(f"{show.name}: only {drawn} boxes are drawn at first; at least {LEAST_BOXES} are needed")
    frames = [
        boxed(show.learn[place][1], show.learn[place][0], [box for _, box in own], show.learn[place][1].complete, [])
        for place, own in boxes.items()
    ]
    others = [place for place in order if place not in boxes][:PROPOSED]
    found = propose(show, others, learn(annotated(frames), seed), to_ask(frames))
    named = name_all(found, person, (boxing + naming) * total)
    cascades = cascades_of(show, boxes, named, seed)
    yield row(person, "names", drawn, named, 0, judge(show, cascades))
    places = [place for place in order if place not in boxes][:SEARCHED]
    finds = look_for(show, places, cascades, {name: share_of(boxes, name) for name in show.characters})
    named = pd.concat([named, say_no(finds, person, person.seconds + noes * total)], ignore_index=True)
    corrected = correct(show, finds, boxes, person, total)
    yield row(person, "corrections", drawn, named, corrected, judge(show, cascades_of(show, boxes, named, seed)))


def share_of(boxes: Mapping[int, list[Named]], name: str) -> float:
    """Faces of a character in a boxed frame, on average."""
    return sum(said == name for drawn in boxes.values() for said, _ in drawn) / max(1, len(boxes))


def row(
    person: Annotator, after: str, boxes: int, named: pd.DataFrame | None, corrected: int,
    figures: tuple[float, float, float],
) -> dict[str, object]:  # fmt: skip
    """A row of RUNS, but for the show, the seed and the way."""
    theirs = 0 if named is None else int((named["said"] != NOBODY).sum())
    wrong = 0 if named is None else int((named["said"] != named["truth"]).sum())
    cells: dict[str, object] = {
        "after": after,
        "minutes": round(person.seconds / 60, 2),
        "boxes": boxes,
        "named": theirs,
        "wrong": wrong,
        "corrected": corrected,
    }
    cells |= {name: round(value, 4) for name, value in zip(("ap", "ap_strict", "recall"), figures, strict=True)}
    return cells | {"cpu_s": round(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))}


WAYS: Final[Mapping[str, Callable[[Show, int], Iterator[dict[str, object]]]]] = {
    "drawn": partial(drawn_way, share=1.0),
    "new": partial(new_way, shares=NEW),
    "boxes-first": partial(new_way, shares=BOXES_FIRST),
    "fifth": partial(drawn_way, share=FIFTH),
    "half": partial(drawn_way, share=0.5),
}


def main(shows: str, seeds: str = "0,1,2,3,4", ways: str = "drawn,fifth,new,boxes-first") -> None:
    """Do the runs that are not in RUNS yet, and add their rows."""
    for name in shows.split(","):
        show = SHOWS[name]()
        for way in ways.split(","):
            for seed in map(int, seeds.split(",")):
                if (name, str(seed), way) not in finished():
                    rows = [{"show": name, "seed": seed, "way": way} | cells for cells in told(WAYS[way](show, seed))]
                    with RUNS.open("a", newline="") as file:
                        csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(rows)


def finished() -> set[tuple[str, str, str]]:
    """Show, seed and way of the runs in RUNS."""
    with RUNS.open(newline="") as file:
        return {(cells["show"], cells["seed"], cells["way"]) for cells in csv.DictReader(file)}


def told(rows: Iterator[dict[str, object]]) -> Iterator[dict[str, object]]:
    """The rows; each is shown when it is there."""
    for cells in rows:
        print(", ".join(f"{key} {value}" for key, value in cells.items()), flush=True)
        yield cells


if __name__ == "__main__":
    main(*sys.argv[1:])
