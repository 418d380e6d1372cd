"""Looking at frames as they come: who is seen, and what do they feel, without waiting for later frames.

Each frame is searched whole, as `toonset predict --cascade` searches a picture. Faces are linked to the tracks of the
frames before, and a track's probabilities are averaged over the last moments (exponential smoothing: Brown,
"Exponential smoothing for predicting demand", 1956). `toonset watch` knows what comes later as well, so it judges
tracks as a whole and its answers are steadier.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cascades.boxes import intersection_over_union as iou
from pipeline.classifier.model import Classifier
from pipeline.classifier.predict import Face, Finder
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.faces.tracks import MIN_IOU, SAME_FACE_IOU
from pipeline.images import Pixels, Rectangle, inside
from pipeline.watch.look import detection_probability
from pipeline.watch.tables import watched_schema

SMOOTH_S: Final = 0.2
"""Time after which a frame counts 1/e of what a new one counts, s."""
KEEP_S: Final = 0.4
"""Time for which a track waits for its face to be found again, s."""
TICKS: Final = 1_000_000
"""Units of pts per second in a live recording."""


@dataclass
class _Track:
    """A face that is followed: its last box, the sum of its strengths, and its smoothed probabilities [K]."""

    number: int
    character: str
    box: Rectangle
    seen_s: float
    strength: float
    count: int
    state: NDArray[np.float32]

    @property
    def together(self) -> float:
        """How strong its detections are together, as `faces.tracks.judge` has it."""
        return self.strength / (self.count + 1)


class Live:
    """Some cascades and a classifier, and the tracks of the frames that were looked at.

    name: what stands as `episode_id` in the rows.
    """

    def __init__(self, cascades: Sequence[CharacterCascade], classifier: Classifier, name: str = "live") -> None:
        self.classifier = classifier
        self.cascades = {one.character: one for one in cascades}
        self.name = name
        self._finder = Finder(cascades, classifier.about.crops)
        self._frame = 0
        self._tracks: list[_Track] = []
        self._numbers = 0
        self._last_s = -math.inf

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        return watched_schema(self.classifier.emotions)

    def fresh(self, name: str) -> "Live":
        """The same cascades and classifier, and no frame looked at."""
        return Live(list(self.cascades.values()), self.classifier, name)

    def look(self, rgb: Pixels, time_s: float) -> list[dict[str, Any]]:
        """Rows of `watched_schema` for one frame, RGB uint8 [H, W, 3], sorted by character and box.

        time_s: of the frame, s. Where it goes back (somebody jumps in a video), tracks begin anew.
        """
        height, width = rgb.shape[:2]
        found = [face for face in self._finder.find(Path(self.name), rgb) if _is_inside(face, width, height)]
        faces = sorted(found, key=lambda face: (str(face.character), _box(face)))
        judged = self.classifier.predict([face.pixels for face in faces])
        live = [track for track in self._tracks if time_s - KEEP_S <= track.seen_s <= time_s]
        self._tracks = [] if time_s < self._last_s else live
        self._last_s = time_s
        tracks = self._linked(faces, judged, time_s)
        rows = [
            self._row(face, track, own, time_s, (width, height))
            for face, track, own in zip(faces, tracks, judged, strict=True)
            if not _has_rival(track, tracks)
        ]
        self._frame += 1
        return rows

    def _linked(self, faces: list[Face], judged: NDArray[np.float32], time_s: float) -> list[_Track]:
        """The track of each face, one of those that are live or a new one, with the face added to it."""
        found: list[_Track | None] = [None] * len(faces)
        if faces and self._tracks:
            overlap = iou(_boxes([_box(face) for face in faces]), _boxes([track.box for track in self._tracks]))
            for i, face in enumerate(faces):
                overlap[i, [track.character != face.character for track in self._tracks]] = 0
            for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
                if overlap[row, column] >= MIN_IOU:
                    found[row] = self._tracks[column]
        return [self._followed(track, face, own, time_s) for track, face, own in zip(found, faces, judged, strict=True)]

    def _followed(self, track: _Track | None, face: Face, own: NDArray[np.float32], time_s: float) -> _Track:
        """The track with the face of this frame added; a new one where there is none."""
        strength = self._strength(face)
        if track is None:
            track = _Track(self._numbers, str(face.character), _box(face), time_s, strength, 1, own)
            self._numbers += 1
            self._tracks.append(track)
            return track
        old = math.exp(-(time_s - track.seen_s) / SMOOTH_S)
        track.state = np.asarray(old * track.state + (1 - old) * own, dtype=np.float32)
        track.box, track.seen_s = _box(face), time_s
        track.strength, track.count = track.strength + strength, track.count + 1
        return track

    def _strength(self, face: Face) -> float:
        """The score over the least that counts, where there is such a score."""
        least = self.cascades[str(face.character)].min_score
        return float(face.score or 0) / (least or 1.0)

    def _row(
        self, face: Face, track: _Track, own: NDArray[np.float32], time_s: float, size: tuple[int, int]
    ) -> dict[str, Any]:
        emotions, about = self.classifier.emotions, self.classifier.about
        best = int(track.state.argmax())
        probability = round(float(track.state[best]), 6)
        score = np.array([face.score], dtype=np.float32)
        detection = float(detection_probability(self.cascades[track.character].cascade, score)[0])
        return {
            "episode_id": self.name,
            "frame": self._frame,
            "pts": round(time_s * TICKS),
            "time_s": round(time_s, 6),
            "character": track.character,
            **dict(zip("xywh", inside(_box(face), *size), strict=True)),
            "scene": 0,
            "track": track.number,
            "detection": None if math.isnan(detection) else detection,
            **{name: round(float(value), 6) for name, value in zip(emotions, own, strict=True)},
            "emotion": emotions[best],
            "probability": probability,
            "unsure": probability < about.unsure_below,
        }


def _box(face: Face) -> Rectangle:
    assert face.box is not None, "faces of a Finder have boxes"
    return face.box


def _boxes(boxes: list[Rectangle]) -> NDArray[np.int64]:
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def _is_inside(face: Face, width: int, height: int) -> bool:
    """Whether there is anything of the box in the picture: one around a window at the edge may lie outside."""
    return min(inside(_box(face), width, height)[2:]) >= 2


def _has_rival(track: _Track, tracks: list[_Track]) -> bool:
    """Whether another character's cascade has a stronger track for the same face."""
    for other in tracks:
        if other.character == track.character:
            continue
        same = iou(_boxes([track.box]), _boxes([other.box]))[0, 0] >= SAME_FACE_IOU
        # Equal strength is settled by name, so that the order does not matter.
        if same and (track.together, other.character) < (other.together, track.character):
            return True
    return False
