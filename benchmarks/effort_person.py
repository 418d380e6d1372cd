"""The simulated annotator of `benchmarks.effort`, who knows the truth, errs now and then, and takes time."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.footage import Frame
from cascades.boxes import intersection_over_union as iou
from labeling.answers import NOBODY

BOX_S, KEY_S, SHEET_S = 3.0, 1.0, 6.0
WRONG: Final = 0.03
LOOSE: Final = 0.05
"""Standard deviation of where each edge of a box is drawn, as a share of the box's side."""
RIGHT: Final = 0.5
"""IoU from which on a box that is drawn already is left as it is."""

Box = tuple[int, int, int, int]
Named = tuple[str, Box]


class Annotator:
    """Somebody at work: `seconds` is the time that was spent so far."""

    def __init__(self, characters: Sequence[str], seed: int) -> None:
        self.rng = np.random.default_rng([seed, 1])
        self.characters = characters
        self.seconds = 0.0

    def errs(self) -> bool:
        return bool(self.rng.random() < WRONG)

    def name(self, truth: str) -> str:
        """The name that is pressed for somebody."""
        return str(self.rng.choice([*self.characters, NOBODY])) if self.errs() else truth

    def draw(self, frame: Frame) -> list[Named]:
        """Box a frame: names and boxes."""
        self.seconds += KEY_S
        return [self.box(who, place) for who, place in self.faces(frame)]

    def faces(self, frame: Frame) -> list[Named]:
        """The true faces that are to be boxed."""
        return [(who, (box.x, box.y, box.w, box.h)) for who, box in frame.boxes if who in self.characters]

    def box(self, who: str, place: Box) -> Named:
        """Draw a box, nearly in its place."""
        self.seconds += BOX_S
        x, y, w, h = place
        left, top, right, bottom = self.rng.normal(0, LOOSE, 4) * (w, h, w, h)
        wide, tall = round(w + right - left), round(h + bottom - top)
        return self.name(who), (round(x + left), round(y + top), wide, tall)

    def correct(self, frame: Frame, there: Sequence[Named]) -> list[Named]:
        """Look at a frame with boxes in it, as long as at a sheet; draw, rename and delete what is wrong.

        A wrong box is overlooked now and then, and so is a missing one.
        """
        self.seconds += SHEET_S + KEY_S
        left, done = list(there), []
        for who, place in self.faces(frame):
            overlap = [float(iou(np.array([place]), np.array([box]))[0, 0]) for _, box in left]
            best = max(range(len(left)), key=lambda k: (overlap[k] >= RIGHT, left[k][0] == who, overlap[k]), default=-1)
            if best < 0 or overlap[best] < RIGHT:
                if not self.errs():
                    done.append(self.box(who, place))
                continue
            said, box = left.pop(best)
            if said != who and not self.errs():
                self.seconds += KEY_S
                said = who
            done.append((said, box))
        for wrong in left:
            if self.errs():
                done.append(wrong)
            else:
                self.seconds += KEY_S
        return done

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
