"""What three people would have written down about the sample show: few boxes, few emotions, some of them wrong.

`python -m pipeline.sample.annotate DIR [ten]` writes boxes.csv, frames.csv and emotions.csv into DIR; with `ten` those
of the show with ten characters.
"""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from pipeline.sample.cast import CHARACTERS, TEN_CHARACTERS
from pipeline.sample.expressions import EXPRESSIONS
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH
from pipeline.sample.script import EPISODES, TEN_EPISODES
from pipeline.sample.truth import Face, Truth, episode_truth

BOXES = 50  # of each character in an episode
EMPTY_FRAMES = 60  # looked at in an episode and found without a face
EMOTIONS = 75  # faces of each character in an episode
APART = 6  # frames between two labelled faces of a character
WRONG = 0.05
ANNOTATORS = ("anna", "ben", "chloe")
BEGIN = {"anna": "2026-03-02T09:00:00", "ben": "2026-03-02T13:30:00", "chloe": "2026-03-03T10:15:00"}
# What tired eyes take a face for.
MISTAKES = {
    "angry": ("neutral", "sad"),
    "happy": ("surprised", "neutral"),
    "neutral": ("sad", "happy", "angry"),
    "sad": ("neutral", "angry"),
    "surprised": ("happy", "neutral"),
}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Episode:
    """An episode's truth, by frame."""

    episode_id: str
    truth: Truth
    faces: dict[int, list[Face]]

    @classmethod
    def load(cls, name: str) -> Episode:
        truth = episode_truth(name)
        faces: dict[int, list[Face]] = {}
        for row in truth.faces.itertuples(index=False, name=None):
            face = Face(*row)
            faces.setdefault(face.frame, []).append(face)
        return cls(f"sample-{name}", truth, faces)


def sample_annotations(names: Sequence[str] = EPISODES, characters: Sequence[str] = CHARACTERS) -> dict[str, str]:
    """The three files of the shipped project, or of another show's episodes: name to CSV text."""
    boxes, frames, emotions = [], [], []
    clock = {who: datetime.fromisoformat(when) for who, when in BEGIN.items()}
    for name in names:
        episode = Episode.load(name)
        rng = Random(f"annotations {name}")
        chosen = _frames_to_box(episode, characters, rng)
        boxes += [
            (episode.episode_id, frame, face.character, *_by_hand(face, rng, 0.035), "anna")
            for frame in chosen
            for face in episode.faces[frame]
            if face.annotatable
        ]
        complete = {frame: int(all(face.annotatable for face in episode.faces[frame])) for frame in chosen}
        complete.update(dict.fromkeys(_empty_frames(episode, rng), 1))
        frames += [(episode.episode_id, frame, complete[frame], "anna") for frame in sorted(complete)]
        emotions += _emotions(episode, rng, clock)
    place = ["episode_id", "frame", "character", "x", "y", "w", "h"]
    return {
        "boxes.csv": _csv([*place, "annotator"], sorted(boxes)),
        "frames.csv": _csv(["episode_id", "frame", "complete", "annotator"], sorted(frames)),
        "emotions.csv": _csv([*place, "emotion", "annotator", "annotated_at", "lead_time_s"], sorted(emotions)),
    }


def _frames_to_box(episode: Episode, characters: Sequence[str], rng: Random) -> list[int]:
    """Frames from every scene in turn until each character has its boxes."""
    by_scene = []
    for scene in episode.truth.scenes:
        frames = [
            f
            for f in range(scene.start_frame, scene.stop_frame)
            if any(face.annotatable for face in episode.faces.get(f, ()))
        ]
        rng.shuffle(frames)
        by_scene.append(frames)
    chosen: list[int] = []
    count: Counter[str] = Counter()
    while any(by_scene) and min(count[character] for character in characters) < BOXES:
        for frames in by_scene:
            while frames:
                frame = frames.pop()
                there = [face.character for face in episode.faces[frame] if face.annotatable]
                wanted = all(count[character] < BOXES for character in there)
                if wanted and all(abs(frame - other) >= APART for other in chosen):
                    chosen.append(frame)
                    count.update(there)
                    break
    return sorted(chosen)


def _empty_frames(episode: Episode, rng: Random) -> list[int]:
    """Frames without a face, none of them in a fade or a black gap; all of them where there are few."""
    dark = {frame for start, stop in episode.truth.gradual for frame in range(start, stop)}
    last = episode.truth.scenes[-1].stop_frame
    empty = [f for f in range(last) if f not in episode.faces and f not in dark]
    return rng.sample(empty, min(EMPTY_FRAMES, len(empty)))


def _emotions(episode: Episode, rng: Random, clock: dict[str, datetime]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for face in sorted(_faces_to_label(episode, rng)):
        box = _by_hand(face, rng, 0.012)
        people = rng.sample(ANNOTATORS, rng.choice((2, 3)) if rng.random() < 1 / 3 else 1)
        for who in sorted(people):
            wrong = rng.random() < WRONG
            emotion = rng.choice(MISTAKES[face.expression]) if wrong else face.expression
            lead = rng.randint(10, 60 if wrong or face.blend < 0.7 else 35) / 10
            clock[who] += timedelta(milliseconds=round(lead * 1000) + 400)
            when = clock[who].replace(microsecond=0).isoformat() + "Z"
            rows.append((episode.episode_id, face.frame, face.character, *box, emotion, who, when, lead))
    return rows


def _faces_to_label(episode: Episode, rng: Random) -> list[Face]:
    faces = [
        face for frame in sorted(episode.faces) if frame % 3 == 0 for face in episode.faces[frame] if face.annotatable
    ]
    rng.shuffle(faces)
    chosen: list[Face] = []
    taken: dict[str, list[int]] = {}
    for face in faces:
        mine = taken.setdefault(face.character, [])
        if len(mine) < EMOTIONS and all(abs(face.frame - other) >= APART for other in mine):
            mine.append(face.frame)
            chosen.append(face)
    return chosen


def _by_hand(face: Face, rng: Random, error: float) -> Box:
    """A box as a hand draws it: each edge off by a share of the size (standard deviation), inside the picture."""

    def off(length: int) -> int:
        return round(length * error * (rng.uniform(-1, 1) + rng.uniform(-1, 1) + rng.uniform(-1, 1)))

    x0, y0 = max(0, face.x + off(face.w)), max(0, face.y + off(face.h))
    x1 = min(FRAME_WIDTH, face.x + face.w + off(face.w))
    y1 = min(FRAME_HEIGHT, face.y + face.h + off(face.h))
    return x0, y0, x1 - x0, y1 - y0


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def main(folder: str, ten: bool = False) -> None:
    """Write the files into a folder; those of the show with ten characters if asked."""
    files = sample_annotations(TEN_EPISODES, TEN_CHARACTERS) if ten else sample_annotations()
    for name, text in files.items():
        (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")


assert set(MISTAKES) == set(EXPRESSIONS)

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["ten"]):
        sys.exit("usage: python -m pipeline.sample.annotate DIR [ten]")
    main(sys.argv[1], ten=len(sys.argv) == 3)
