"""Accuracy against an annotator's minutes: `python -m benchmarks.effort SHOW [SEEDS] [MINUTES]`.

SHOW: film, drawn (the drawn excerpts) or ten (the drawn show with ten characters).

Two ways to the cascades of a show are simulated from the truth. "Drawn": all minutes are spent on drawing boxes, in
frames in the order in which `toonset label push boxes` offers them (each scene once, then again). "Named": half of
them; then the detector of everybody's faces proposes faces in the other annotated frames, and they are named in groups,
as `toonset label push names` does it. Cascades are trained as the stage does, with fewer examples, and tested on scenes
that are held out.

The annotator gives 3 % wrong names and marks, and boxes of a mean IoU of about 0.83 (one annotator who drew boxes of
the film twice reached 0.81). A box takes 3 s, a sheet 6 s, a key 1 s; looking at a frame takes nothing, which is in
favor of drawing. Frames without truth cannot be simulated, so the named way gets no face from the rest of the video.
"""

import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.footage import CHARACTERS, DEFAULT, SIZE, Frame, load, rows
from cascades import AnnotatedImage, Cascade, Detections, Detector, evaluate, train
from cascades import Box as FaceBox
from cascades.boxes import intersection_over_union as iou
from labeling.answers import NOBODY
from labeling.config import SHEET_KEYS
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.faces.everybody import CLOSE, LEAST_BOXES, MOST, SMALL, strongest, to_ask
from pipeline.faces.examples import annotated
from pipeline.images import cut, cut_face, inside, shrink
from pipeline.sample import TEN_CHARACTERS, TEN_EPISODES, episode_truth
from pipeline.sample.render import Painter
from pipeline.sample.truth import Face
from pipeline.schemas import BOX_NAMES
from pipeline.similarity.looks import group, look
from pipeline.stages.cascade import LEAST_BOXES as LEAST_OF_ONE
from pipeline.tasks.names import AGAIN, IN_GROUP, follow

BOX_S, KEY_S, SHEET_S = 3.0, 1.0, 6.0
WRONG: Final = 0.03
EVERY: Final = 12
"""Frames from one that can be boxed to the next, in the show with ten characters."""
LOOSE: Final = 0.05
"""Standard deviation of where each edge of a box is drawn, as a share of the box's side."""
SAME: Final = 0.3
"""IoU from which a found face is a face of the truth."""
QUICK: Final = replace(DEFAULT, planes="color", positives=500, negatives=1000, feature_pool=8000)
FACE_COLUMNS = ["episode_id", "frame", "scene", *BOX_NAMES, "score", "look", "thumbnail", "truth", "place"]

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Show:
    """Annotated frames to learn from, each with its scene, and those to test on."""

    name: str
    characters: tuple[str, ...]
    learn: list[tuple[tuple[str, int], Frame]]
    test: list[Frame]


def film() -> Show:
    """The film: held-out shots are the test."""
    frames = load("bbb", "big_buck_bunny_720p.mp4", SIZE)
    learn = [(scene_of("bbb", frame), frame) for frame in frames if not frame.held_out]
    return Show("film", CHARACTERS, learn, [frame for frame in frames if frame.held_out][::2])


def drawn() -> Show:
    """The excerpts. Two of the three characters have a single shot: its second half is their test, so they are seen."""
    learn, test = [], []
    for episode in ("popeye_p1", "popeye_p2", "popeye_p3", "popeye_p4"):
        for frame in load(episode, f"{episode}.mkv", (640, 477)):
            if episode == "popeye_p1" or (episode == "popeye_p4" and 1244 <= frame.number < 1340):
                learn.append((scene_of(episode, frame), frame))
            elif episode != "popeye_p4" or frame.number < 1244 or frame.number >= 1346:
                test.append(frame)
    return Show("drawn", ("sindbad", "boola", "popeye"), learn, test[::2])


def ten() -> Show:
    """The drawn show with ten characters: twelve frames apart; every fourth scene is held out."""
    learn, test = [], []
    for name in TEN_EPISODES:
        painter, truth = Painter(name), episode_truth(name)
        faces = {int(str(number)): own for number, own in truth.faces.groupby("frame")}
        for scene, shot in enumerate(painter.plan):
            for number in range(shot.start + EVERY // 2, shot.stop - shot.dark_tail, EVERY):
                frame = painted(painter.frame(shot, number - shot.start), number, faces.get(number))
                if scene % 4 == 1:
                    test.append(frame)
                else:
                    learn.append(((name, scene), frame))
    return Show("ten", TEN_CHARACTERS, learn, test)


def painted(bgr: NDArray[np.uint8], number: int, faces: pd.DataFrame | None) -> Frame:
    """A painted picture as it would be decoded, with the boxes of faces that are worth boxing."""
    height, width = bgr.shape[:2]
    planes = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    rows = [] if faces is None else [Face(*row) for row in faces.itertuples(index=False, name=None)]
    boxes = tuple((row.character, FaceBox(row.x, row.y, row.w, row.h)) for row in rows if row.annotatable)
    return Frame(number, planes[:height], chroma, False, len(boxes) == len(rows), boxes)


def scene_of(episode: str, frame: Frame) -> tuple[str, int]:
    """Episode and number of the shot in which a frame lies."""
    starts = [int(row["start_frame"]) for row in rows("scenes.csv", episode)]
    return episode, int(np.searchsorted(starts, frame.number, side="right")) - 1


class Annotator:
    """Somebody who knows the truth, errs now and then, and takes time: `seconds`."""

    def __init__(self, characters: Sequence[str], seed: int) -> None:
        self.rng = np.random.default_rng([seed, 1])
        self.characters = characters
        self.seconds = 0.0

    def errs(self) -> bool:
        return bool(self.rng.random() < WRONG)

    def name(self, truth: str) -> str:
        """The name that is pressed for somebody."""
        return str(self.rng.choice([*self.characters, NOBODY])) if self.errs() else truth

    def draw(self, frame: Frame) -> list[tuple[str, Box]]:
        """Box a frame: names and boxes."""
        drawn = []
        self.seconds += KEY_S
        for character, box in frame.boxes:
            if character in self.characters:
                self.seconds += BOX_S
                left, top, right, bottom = self.rng.normal(0, LOOSE, 4) * (box.w, box.h, box.w, box.h)
                w, h = round(box.w + right - left), round(box.h + bottom - top)
                drawn.append((self.name(character), (round(box.x + left), round(box.y + top), w, h)))
        return drawn

    def sheet(self, truth: Sequence[str]) -> list[str | None]:
        """Name a group: what each face is said to be, None where it is marked or the group is mixed."""
        self.seconds += SHEET_S + KEY_S
        names, counts = np.unique(truth, return_counts=True)
        most = str(names[counts.argmax()])
        if 2 * counts.max() < len(truth):
            return [None] * len(truth)
        said = self.name(most)
        marked = [(one != most) != self.errs() for one in truth]
        self.seconds += KEY_S * sum(marked)
        return [None if mark else said for mark in marked]


def in_order(show: Show, seed: int) -> list[int]:
    """Frames to learn from, each scene once, then again; by chance within a scene."""
    rng = np.random.default_rng([seed, 0])
    scenes = pd.Series([str(scene) for scene, _ in show.learn]).sample(frac=1, random_state=rng)
    turn = scenes.groupby(scenes).cumcount()
    return [int(index) for index in turn.sort_values(kind="stable").index]


def boxed(frame: Frame, scene: tuple[str, int], boxes: list[Box], complete: bool, nobody: list[Box]) -> BoxedFrame:
    return BoxedFrame(
        scene[0], frame.number, frame.gray, frame.chroma, tuple(boxes), complete, "train", scene[1], tuple(nobody)
    )


def learn(images: list[AnnotatedImage], seed: int) -> Cascade:
    return train(images, replace(QUICK, seed=seed)).cascade


def propose(show: Show, places: list[int], cascade: Cascade, faces_of_frame: float) -> pd.DataFrame:
    """What the detector of everybody's faces finds in frames to learn from, with the truth."""
    detector = Detector([cascade], min_size=24, threads=2)
    found = []
    for place in places:
        (episode, scene), frame = show.learn[place]
        detections = detector.detect(frame.gray, chroma=frame.chroma)[0]
        rgb = in_color(frame)
        truth = np.array([box for _, box in frame.boxes], np.int64).reshape(-1, 4)
        height, width = frame.gray.shape
        for raw, score in zip(detections.boxes[:MOST].tolist(), detections.scores[:MOST].tolist(), strict=True):
            box = inside((raw[0], raw[1], raw[2], raw[3]), width, height)
            overlap = iou(np.array([box]), truth)[0]
            who = frame.boxes[int(overlap.argmax())][0] if len(truth) and overlap.max() >= SAME else NOBODY
            who = who if who in show.characters else NOBODY
            small = shrink(cut(frame.gray, box), SMALL, SMALL).ravel()
            seen = look(cut_face(rgb, box, CLOSE, 256))
            found.append((episode, frame.number, scene, *box, score, seen, small, who, place))
    return strongest(pd.DataFrame(found, columns=FACE_COLUMNS), round(faces_of_frame * len(places)))


def in_color(frame: Frame) -> NDArray[np.uint8]:
    """RGB uint8 [H, W, 3] of a frame."""
    height, width = frame.gray.shape
    cb, cr = (cv2.resize(plane, (width, height)) for plane in frame.chroma)
    return np.asarray(cv2.cvtColor(np.dstack([frame.gray, cr, cb]), cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def name_all(found: pd.DataFrame, person: Annotator, until: float) -> pd.DataFrame:
    """Sheets, then sheets of what was marked, while there is time: the named faces, with `said`."""
    found = found.assign(track=follow(found, dict.fromkeys(found["episode_id"], 24.0)), said=None)
    left = found
    for each in (IN_GROUP, AGAIN, AGAIN):
        looks = np.stack(left["look"].tolist()) if len(left) else np.zeros((0, 1))
        groups = group(looks, left["track"].tolist(), each, len(SHEET_KEYS))
        back: list[int] = []
        for part in sorted(groups, key=lambda part: -float(left["score"].iloc[part].mean())):
            if person.seconds >= until:
                return found[found["said"].notna()]
            own = left.index[part]
            said = person.sheet(found.loc[own, "truth"].tolist())
            found.loc[own, "said"] = said
            back += [index for index, name in zip(own, said, strict=True) if name is None]
        left = found.loc[sorted(back)]
    return found[found["said"].notna()]


def cascades_of(
    show: Show, boxes: dict[int, list[tuple[str, Box]]], named: pd.DataFrame | None, seed: int
) -> dict[str, Cascade]:
    """A cascade for each character who has boxes enough. boxes: what was drawn, by place in `show.learn`."""
    trained = {}
    for character in show.characters:
        frames = []
        for place, drawn in boxes.items():
            scene, frame = show.learn[place]
            own = [box for name, box in drawn if name == character]
            frames.append(boxed(frame, scene, own, frame.complete, []))
        for at, faces in [] if named is None else named.groupby("place"):
            scene, frame = show.learn[int(str(at))]
            of = {name: places_of(faces[faces["said"] == name]) for name in (character, NOBODY)}
            frames.append(boxed(frame, scene, of[character], False, of[NOBODY]))
        if sum(len(frame.boxes) for frame in frames) >= LEAST_OF_ONE:
            trained[character] = learn(annotated(frames), seed)
    return trained


def places_of(faces: pd.DataFrame) -> list[Box]:
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h in faces[BOX_NAMES].to_numpy()]


def judge(show: Show, cascades: dict[str, Cascade]) -> tuple[float, float, float]:
    """Means over the characters: average precision at IoU 0.3 and 0.5, and recall at 0.1 false positives a frame."""
    found: dict[str, list[Detections]] = {name: [] for name in cascades}
    if cascades:
        detector = Detector(list(cascades.values()), min_size=24, threads=2)
        for frame in show.test:
            for name, detections in zip(cascades, detector.detect(frame.gray, chroma=frame.chroma), strict=True):
                found[name].append(detections)
    figures = [(0.0, 0.0, 0.0)] * (len(show.characters) - len(cascades))
    for name, looks in found.items():
        truth = [np.array([b for c, b in f.boxes if c == name], np.int64).reshape(-1, 4) for f in show.test]
        loose, strict = (evaluate(looks, truth, complete=[f.complete for f in show.test], iou=at) for at in (SAME, 0.5))
        figures.append((loose.average_precision, strict.average_precision, loose.recall_at(0.1)))
    ap, strict_ap, recall = np.mean(figures, axis=0).tolist()
    return ap, strict_ap, recall


def run(show: Show, seed: int, minutes: float) -> None:
    """Both ways with so much time; a row of the table each."""
    order = in_order(show, seed)
    person = Annotator(show.characters, seed)
    boxes: dict[int, list[tuple[str, Box]]] = {}
    half: dict[int, list[tuple[str, Box]]] = {}
    for place in order:
        if person.seconds >= 60 * minutes:
            break
        boxes[place] = person.draw(show.learn[place][1])
        if person.seconds <= 30 * minutes:
            half = dict(boxes)
    say(show, seed, "drawn", minutes, boxes, None, judge(show, cascades_of(show, boxes, None, seed)))
    person.seconds = 30 * minutes
    everybody = [
        boxed(show.learn[place][1], show.learn[place][0], [box for _, box in own], show.learn[place][1].complete, [])
        for place, own in half.items()
    ]
    named = None
    if sum(map(len, half.values())) >= LEAST_BOXES:
        others = [place for place in order if place not in half]
        found = propose(show, others, learn(annotated(everybody), seed), to_ask(everybody))
        named = name_all(found, person, 60 * minutes)
    say(show, seed, "named", minutes, half, named, judge(show, cascades_of(show, half, named, seed)))


def say(
    show: Show, seed: int, way: str, minutes: float, boxes: dict[int, list[tuple[str, Box]]],
    named: pd.DataFrame | None, figures: tuple[float, float, float],
) -> None:  # fmt: skip
    drawn = sum(map(len, boxes.values()))
    theirs = 0 if named is None else int((named["said"] != NOBODY).sum())
    wrong = 0 if named is None else int((named["said"] != named["truth"]).sum())
    cells = [show.name, str(seed), f"{minutes:g}", way, str(drawn), str(theirs), str(wrong)]
    cells += [f"{figure:.3f}" for figure in figures]
    cpu = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    print(f"| {' | '.join(cells)} | {cpu:.0f} |", flush=True)


def main() -> None:
    show = {"film": film, "drawn": drawn, "ten": ten}[sys.argv[1]]()
    seeds = sys.argv[2] if len(sys.argv) > 2 else "0,1"
    minutes = sys.argv[3] if len(sys.argv) > 3 else "2,4,8"
    print(
        "| show | seed | minutes | way | boxes drawn | faces named | wrong names | AP, IoU 0.3 | AP, IoU 0.5 | recall "
        f"at 0.1 | CPU s so far |\n|{'---|' * 11}"
    )
    for minute in minutes.split(","):
        for seed in seeds.split(","):
            run(show, int(seed), float(minute))


if __name__ == "__main__":
    main()
