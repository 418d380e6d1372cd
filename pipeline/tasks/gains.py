"""What a round of labelling gained on the validation scenes, character by character.

The detectors of before and of now look at the same validation frames, with all the boxes that these have by now. So a
gain comes from the detectors and not from other faces to find.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from cascades import Detector, evaluate
from pipeline import paths
from pipeline.compute.each import cores
from pipeline.console import progress
from pipeline.faces.boxed_frames import BoxedFrame, in_split, looked_at, read_boxed_frames
from pipeline.faces.cascade_files import load_cascade, why_untrained
from pipeline.images import Rectangle
from pipeline.params import Params


@dataclass(frozen=True)
class Measured:
    """How many validation faces a detector finds at the accepted rate of false positives, and its average precision."""

    found: int
    average_precision: float


@dataclass(frozen=True)
class Gain:
    """A character's validation faces, and its detector of before and of now; None: there is none, or no face."""

    character: str
    faces: int
    before: Measured | None
    now: Measured | None


class ValidationFrames:
    """The annotated frames of the validation scenes, decoded once for all characters."""

    def __init__(
        self, boxes: pd.DataFrame, frames: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params
    ) -> None:
        """boxes, frames: rows in force; episodes, scenes: EPISODES, SCENES."""
        self._params = params
        tables = [looked_at(boxes, frames, name, params.characters) for name in params.characters]
        here = [table[in_split(table, scenes, "validation")].reset_index(drop=True) for table in tables]
        counts = [table["boxes"].map(len).to_numpy(np.int64) for table in here]
        together = [list(chain.from_iterable(own)) for own in zip(*(table["boxes"] for table in here), strict=True)]
        seen = here[0].assign(boxes=pd.Series(together, index=here[0].index, dtype=object))
        self._frames = read_boxed_frames(
            seen, episodes, scenes, paths.VIDEOS, params.cascade.max_height, cores(params.compute)
        )
        places = zip(seen["episode_id"], seen["frame"], strict=True)
        self._ends = dict(zip(places, np.cumsum(np.stack(counts, axis=1), axis=1).tolist(), strict=True))

    def faces(self, character: str) -> int:
        """How many faces of a character there are."""
        return sum(len(self._boxes(frame, character)) for frame in self._frames)

    def measure(self, folder: Path) -> dict[str, Measured | None]:
        """What the cascades in a folder find, by character; all in one pass over the frames."""
        characters = self._params.characters
        there = [
            name
            for name in characters
            if all((folder / f"{name}.{ending}").exists() for ending in ("xml", "json"))
            and not why_untrained(name, folder)
        ]
        measured: dict[str, Measured | None] = dict.fromkeys(characters)
        if not there or not self._frames:
            return measured
        cascades = [load_cascade(name, folder).cascade for name in there]
        detector = Detector(cascades, scale_factor=self._params.faces.scale_factor)
        looks = progress(self._frames, desc="validation scenes", unit="frames")
        found = [detector.detect(frame.gray, chroma=frame.chroma) for frame in looks]
        complete = [frame.complete for frame in self._frames]
        for index, name in enumerate(there):
            truth = [np.array(self._boxes(frame, name), np.int64).reshape(-1, 4) for frame in self._frames]
            roc = evaluate([look[index] for look in found], truth, complete=complete)
            if roc.truths:
                recall = roc.recall_at(self._params.cascade.false_positives)
                measured[name] = Measured(round(recall * roc.truths), round(roc.average_precision, 4))
        return measured

    def _boxes(self, frame: BoxedFrame, character: str) -> Sequence[Rectangle]:
        ends = [0, *self._ends[frame.episode_id, frame.frame]]
        index = self._params.characters.index(character)
        return frame.boxes[ends[index] : ends[index + 1]]


def gains(frames: ValidationFrames, before: Path, now: Path, characters: Sequence[str]) -> list[Gain]:
    """Each character's gain. before, now: folders of cascades."""
    old, new = frames.measure(before), frames.measure(now)
    return [Gain(name, frames.faces(name), old[name], new[name]) for name in characters]


def in_words(gain: Gain, shown: str) -> str:
    """A gain as a sentence; shown: what the character is called."""
    if not gain.faces:
        return (
            f"{shown}: not measured, because no validation scene has a box of {shown} (somebody who is seen in one "
            "scene only can never be measured)"
        )
    if gain.now is None:
        return f"{shown}: has no detector yet"
    sentence = f"{shown}: finds {gain.now.found} of {gain.faces} faces"
    if gain.before is None:
        return f"{sentence}; average precision {gain.now.average_precision:.2f}; it had no detector before"
    same = gain.now.found == gain.before.found
    return (
        f"{sentence}, {'as before' if same else f'{gain.before.found} before'}; average precision "
        f"{gain.now.average_precision:.2f}, {gain.before.average_precision:.2f} before"
    )
