"""One detector of faces for a whole show, and what it finds in frames that nobody has boxed.

A cascade of one character learns from that character's boxes. This one learns from everybody's, so it has several times
as many for each frame that people box. It does not know who it is; it finds faces that people then name in groups.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cascades import Cascade, Detector, StageReport, train
from pipeline import images, paths
from pipeline.caches import cache_folder
from pipeline.compute.each import cores, each
from pipeline.console import progress
from pipeline.errors import InputError
from pipeline.faces.boxed_frames import BoxedFrame, in_split, looked_at, read_boxed_frames, with_named
from pipeline.faces.cascade_files import load_cascade, save_cascade
from pipeline.faces.crops import crop_jpeg
from pipeline.faces.examples import annotated, training_params
from pipeline.images import Pixels, Rectangle, cut_face
from pipeline.params import Faces, Params
from pipeline.rows import EpisodeRow
from pipeline.schemas import BOX_NAMES, OK
from pipeline.similarity.looks import look
from pipeline.tables import rows_of
from pipeline.video.decode import decode_chosen, known_frames
from pipeline.video.frame import Frame

EVERYBODY: Final = "everybody"
KEPT: Final = paths.CACHE / EVERYBODY
"""The last detector of everybody's faces."""
CODE_VERSION: Final = "1"
"""Raise it when the same boxes would give another detector."""
LEAST_BOXES: Final = 10
"""Boxes in train scenes from which on it is worth while."""
MOST: Final = 8
"""Faces found in a frame, at most: the strongest."""
CLOSE: Final = 0.1
"""Context around a face that is compared by look, on each side, as a share of the face."""
SMALL: Final = 8
"""px, side of the gray face by which it is followed from frame to frame."""


@dataclass(frozen=True)
class FramesToSearch:
    """Frames of an episode: its row of EPISODES, scene by index of the frame, and `known` as `decode_chosen` takes."""

    episode: dict[str, Any]
    scenes: dict[int, int]
    known: dict[int, int]


def learn_everybody(
    boxes: pd.DataFrame, frames: pd.DataFrame, names: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame,
    params: Params,
) -> tuple[Cascade, float]:  # fmt: skip
    """Train on all characters' boxes in train scenes, and on the faces that were named; and `to_ask` of these frames.

    boxes, frames, names: rows in force. Raises InputError where there are too few boxes, or no complete frame.
    """
    theirs = (boxes["status"] == OK) & boxes["character"].isin(params.characters)
    pooled = boxes.assign(character=boxes["character"].mask(theirs, EVERYBODY))
    named = names.assign(character=names["character"].mask(names["character"].isin(params.characters), EVERYBODY))
    seen = with_named(looked_at(pooled, frames, EVERYBODY, params.characters), named, scenes, EVERYBODY)
    key = _key(seen, episodes, scenes, params)
    if (KEPT / f"{key}.xml").exists():
        return _kept(key)
    decoded = read_boxed_frames(seen, episodes, scenes, paths.VIDEOS, params.cascade.max_height, cores(params.compute))
    learned = [frame for frame in decoded if frame.split == "train"]
    count = sum(len(frame.boxes) for frame in learned)
    if count < LEAST_BOXES or not any(frame.complete for frame in learned):
        raise InputError(
            f"there are {count} usable boxes in train scenes, and {sum(frame.complete for frame in learned)} complete "
            f"frames; expected at least {LEAST_BOXES} and 1. Box every face in some frames first: `toonset label push "
            "boxes`, then `toonset label pull`"
        )
    settings = training_params(params.cascade, "gray" if params.cascade.planes == "gray" else "color")
    with progress(desc="everybody's faces", unit="stages", total=settings.stages) as bar:

        def advance(report: StageReport) -> None:
            bar.update()
            bar.set_postfix_str(f"false alarm rate {report.false_alarm:.2g}")

        cascade = train(annotated(learned), settings, on_progress=advance).cascade
    cache_folder(KEPT.name)
    save_cascade(key, cascade, {"min_score": 1.0, "to_ask": to_ask(learned)}, KEPT)
    for path in KEPT.glob("*.*"):
        if path.stem != key:
            path.unlink(missing_ok=True)
    return _kept(key)


def _key(seen: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params) -> str:
    """A hash of all that decides what is learned: the next call with the same need not learn again."""
    learned = seen[in_split(seen, scenes, "train")]
    videos = episodes.set_index("episode_id")["sha256"].reindex(sorted(set(learned["episode_id"])))
    parts = [learned.to_json(orient="values"), videos.to_json(), params.cascade.model_dump_json(), CODE_VERSION]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _kept(key: str) -> tuple[Cascade, float]:
    """The detector as it was kept, and `to_ask`. It is always read back, so a kept one gives what a new one gives."""
    cascade = load_cascade(key, KEPT).cascade
    return cascade, float(cascade.info.calibration["to_ask"])


def find_everybody(job: FramesToSearch, cascade: Cascade, max_height: int, params: Faces) -> pd.DataFrame:
    """What the detector finds in the job's frames: episode_id, frame, scene, x, y, w, h (px of the source), score,
    crop (JPEG), look (as `looks.look`), thumbnail (uint8 [SMALL * SMALL]).
    """
    detector = Detector([cascade], scale_factor=params.scale_factor)
    rows = []
    for frame in decode_chosen(paths.VIDEOS / job.episode["path"], job.scenes, job.known):
        gray, scale = images.fit_height(frame.gray, max_height)
        (found,) = detector.detect(gray, chroma=images.fit_chroma(frame.chroma, gray))
        height, width = frame.gray.shape
        for place, score in zip(found.boxes[:MOST].tolist(), found.scores[:MOST].tolist(), strict=True):
            box = images.inside(tuple(round(side / scale) for side in place), width, height)
            if min(box[2:]) < params.min_size:
                continue
            key = (job.episode["episode_id"], frame.index, job.scenes[frame.index])
            rows.append((*key, *box, score, *pictures_of(frame, box, params)))
    return pd.DataFrame(rows, columns=["episode_id", "frame", "scene", *BOX_NAMES, "score", *PICTURES])


PICTURES: Final[Sequence[str]] = ("crop", "look", "thumbnail")


def pictures_of(frame: Frame, box: Rectangle, params: Faces) -> tuple[bytes, NDArray[np.float64], Pixels]:
    """PICTURES of a face: a JPEG, what `looks.look` gives, and uint8 [SMALL * SMALL]."""
    thumbnail = images.shrink(images.cut(frame.gray, box), SMALL, SMALL).ravel()
    return crop_jpeg(frame, box, params), look(cut_face(frame, box, CLOSE, params.crop_size)), thumbnail


@dataclass(frozen=True)
class PlacesToCut:
    """Known places in frames of an episode: its row of EPISODES, boxes by frame, `known` as `decode_chosen` takes."""

    episode: dict[str, Any]
    boxes: dict[int, list[Rectangle]]
    known: dict[int, int]


def cut_places(places: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The places (episode_id, frame, x, y, w, h and more, in px of the source) that decode, with their PICTURES."""
    jobs = []
    for row in rows_of(episodes, EpisodeRow):
        own, cuts = places[places["episode_id"] == row.episode_id], scenes[scenes["episode_id"] == row.episode_id]
        if len(own):
            boxes: dict[int, list[Rectangle]] = {}
            for frame, x, y, w, h in own[["frame", *BOX_NAMES]].to_numpy(np.int64).tolist():
                boxes.setdefault(frame, []).append((x, y, w, h))
            jobs.append(PlacesToCut(row._asdict(), boxes, known_frames(row, cuts["start_frame"], cuts["start_pts"])))
    cut = partial(_cut, params=params.faces)
    none = pd.DataFrame(columns=["episode_id", "frame", *BOX_NAMES, *PICTURES])
    none = none.astype(dict.fromkeys(["frame", *BOX_NAMES], np.int64))
    made = [none, *each(cut, jobs, params.compute, desc="pictures", unit="episodes")]
    return places.merge(pd.concat(made, ignore_index=True), on=["episode_id", "frame", *BOX_NAMES], how="inner")


def _cut(job: PlacesToCut, params: Faces) -> pd.DataFrame:
    rows = [
        (job.episode["episode_id"], frame.index, *box, *pictures_of(frame, box, params))
        for frame in decode_chosen(paths.VIDEOS / job.episode["path"], job.boxes, job.known)
        for box in job.boxes[frame.index]
    ]
    return pd.DataFrame(rows, columns=["episode_id", "frame", *BOX_NAMES, *PICTURES])


def to_ask(frames: Sequence[BoxedFrame]) -> float:
    """Found faces of a frame to ask about: half as many again as complete frames have boxes on average; 1 at least."""
    complete = [len(frame.boxes) for frame in frames if frame.complete]
    return max(1.0, 1.5 * sum(complete) / max(1, len(complete)))


def strongest(found: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` rows with the highest scores, in order of place."""
    order = found.sort_values(["score", "episode_id", "frame", "x", "y"], ascending=[False, True, True, True, True])
    return order.head(count).sort_values(["episode_id", "frame", "x", "y"], ignore_index=True)


def by_scene(frames: pd.DataFrame) -> dict[int, int]:
    """scene by frame, of one episode's rows (frame, scene)."""
    pairs = zip(frames["frame"].to_numpy(np.int64).tolist(), frames["scene"].to_numpy(np.int64).tolist(), strict=True)
    return dict(pairs)
