"""Dissolves: one scene turns into the next through mixtures of the two.

Each frame of a dissolve is (1 - a)·A + a·B, where A and B are the scenes and the share a goes from 0 to 1 (Lienhart,
Reliable Dissolve Detection, SPIE 4315, 2001). So a window of frames is taken for one where its first and last frame,
taken as A and B, explain all frames between, and look different. What is no dissolve fails in one of these: in a pan
or a movement the frames between are no mixtures, a lamp that goes on leaves the picture alike, in a cut a jumps.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.video.frame import Pixels

WINDOWS: Final = ((12, 0.75), (24, 0.5))
"""Half a window, frames, and the most that its first and last frame may be alike (correlation of their pixels)."""
LONGEST: Final = 2 * max(half for half, _ in WINDOWS)
UNEXPLAINED: Final = 0.03
"""The most that is left of the frames between, as a share of the squared difference of the two at the ends."""
STEPS: Final = (-0.15, 0.2)
"""The least and the most that the share may change from one frame to the next."""
MIDDLE: Final = (0.4, 0.7)
"""The share of the new scene in a frame that is taken for the middle."""
DIFFERENT: Final = 12.0
"""Gray levels by which the first and the last frame differ at least, root mean square."""
WIDTH: Final = 32
"""Width in px at which frames are compared, at most: finer, and whatever moves is no mixture any more."""


class DissolveFinder:
    """Finds the middles of dissolves while the frames of a video go by."""

    def __init__(self) -> None:
        self._looks: npt.NDArray[np.float64] = np.empty((0, 0))
        self._own = np.zeros(2 * LONGEST + 2)
        self._means = np.zeros(2 * LONGEST + 2)
        self._seen = self._end = 0
        self._passed = dict.fromkeys((half for half, _ in WINDOWS), -LONGEST)
        self._given = dict.fromkeys((half for half, _ in WINDOWS), False)

    def add(self, picture: Pixels) -> int:
        """Take the next frame, (height, width, 3) uint8. How many frames back the middle of a dissolve is now known to
        be; 0: none. Of one dissolve only one middle is given for each length of window.
        """
        self._append(_small(picture))
        found = 0
        for half, most_alike in WINDOWS:
            if self._seen <= 2 * half:
                break
            middle = self._share_in_the_middle(half, most_alike)
            if middle is None:
                continue
            if self._seen - self._passed[half] > half:
                self._given[half] = False
            self._passed[half] = self._seen
            if not self._given[half] and MIDDLE[0] <= middle <= MIDDLE[1]:
                self._given[half] = True
                found = found or half
        return found

    def _append(self, look: npt.NDArray[np.float64]) -> None:
        """Keep a frame and the LONGEST before it. Products of frames are whole numbers, so they are exact."""
        if not self._looks.size:
            self._looks = np.zeros((len(self._means), look.size))
        if self._end == len(self._means):
            for kept in (self._looks, self._own, self._means):
                kept[:LONGEST] = kept[self._end - LONGEST :].copy()
            self._end = LONGEST
        self._looks[self._end] = look
        self._own[self._end] = look @ look
        self._means[self._end] = look.mean()
        self._end += 1
        self._seen += 1

    def _share_in_the_middle(self, half: int, most_alike: float) -> float | None:
        """The share of the last frame in the middle one of the window; None where the window is no dissolve."""
        last = self._end - 1
        first, pixels = last - 2 * half, self._looks.shape[1]
        start, stop = self._looks[first], self._looks[last]
        aa, bb, ab = self._own[first], self._own[last], start @ stop
        difference = aa + bb - 2 * ab
        if difference < DIFFERENT**2 * pixels:
            return None
        own = aa / pixels - self._means[first] ** 2, bb / pixels - self._means[last] ** 2
        common = ab / pixels - self._means[first] * self._means[last]
        if common > most_alike * (own[0] * own[1]) ** 0.5:
            return None
        between = self._looks[first + 1 : last]
        ka, kb = between @ start, between @ stop
        # The mixture nearest to each frame, and what it leaves of it.
        toward = kb - ka - ab + aa
        shares = np.concatenate([[0.0], toward / difference, [1.0]])
        left = self._own[first + 1 : last] + aa - 2 * ka - toward**2 / difference
        steps = np.diff(shares)
        if left.mean() > UNEXPLAINED * difference or steps.min() < STEPS[0] or steps.max() > STEPS[1]:
            return None
        return float(shares[half])


def _small(picture: Pixels) -> npt.NDArray[np.float64]:
    """A picture's mean colors in squares, rounded to whole levels, in one row."""
    height, width = picture.shape[:2]
    side = -(-width // WIDTH)
    columns, rows = width // side, max(1, height // side)
    part = picture[: rows * side, : columns * side]
    return cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
