"""Label Studio tasks for a face, a frame or a contact sheet; each has a key of our own.

A task's `data` has what the page shows, and three more things: its `key` (which face, frame or sheet it is about), its
`revision` (a hash of its content, by which a push sees what the server already has), and all that is needed to match
its answer later, whatever happens to our own files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labeling.config import SHEET_KEYS

FACE_FIELDS = ("face_id", "episode_id", "frame", "character", "x", "y", "w", "h")
"""What is known of a face in a task: its id, and its place, which is what its answer is matched by."""


NAMED_FIELDS = ("episode_id", "frame", "x", "y", "w", "h")
"""What is known of a face that nobody has named."""


@dataclass(frozen=True)
class Guess:
    """The guess of an earlier model for a face, and whether the annotator sees it."""

    emotion: str
    score: float
    model_version: str
    shown: bool


@dataclass(frozen=True)
class Drawn:
    """A box that the current cascade draws for the annotator to correct, px of the source frame.

    score: a multiple of the least score that counts as a face.
    """

    character: str
    x: int
    y: int
    w: int
    h: int
    score: float


def emotion_task(
    face: Mapping[str, Any], image: str, scene_image: str, guess: Guess | None = None, why: str = "", whose: str = ""
) -> dict[str, Any]:
    """A task for one face: FACE_FIELDS and time_s; addresses of its crop and of its frame with the box drawn in.

    why: what a reviewer should know, shown in the heading. whose: what the character is called there; empty: its id.
    """
    heading = f"What does {whose or face['character']} feel? {face['episode_id']} at {clock(face['time_s'])}" + (
        f": {why}" if why else ""
    )
    data = {
        **{name: face[name] for name in FACE_FIELDS},
        "heading": heading,
        "image": image,
        "scene_image": scene_image,
        "guess": guess.emotion if guess else "",
        "suggested": guess.emotion if guess and guess.shown else "",
        "given_by": "review" if why else "task",
    }
    predictions = []
    if guess is not None and guess.shown:
        result = {"from_name": "emotion", "to_name": "face", "type": "choices", "value": {"choices": [guess.emotion]}}
        predictions = [{"model_version": guess.model_version, "score": guess.score, "result": [result]}]
    return _task(str(face["face_id"]), data, predictions)


def box_task(
    frame: Mapping[str, Any], image: str, drawn: Sequence[Drawn] = (), version: str = "", whose: str = ""
) -> dict[str, Any]:
    """A task for one frame: episode_id, frame, time_s, width and height (px of the source); the frame's address.

    drawn, version: boxes to begin with, and of which cascades. whose: the names of those whose faces are boxed.
    """
    width, height = int(frame["width"]), int(frame["height"])
    of = f" of {whose}" if whose else ""
    data = {
        **{name: frame[name] for name in ("episode_id", "frame", "width", "height")},
        "heading": f"Box every face{of}: {frame['episode_id']} at {clock(frame['time_s'])}",
        "image": image,
    }
    results = [
        {
            "from_name": "box",
            "to_name": "frame",
            "type": "rectanglelabels",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "x": 100 * box.x / width,
                "y": 100 * box.y / height,
                "width": 100 * box.w / width,
                "height": 100 * box.h / height,
                "rotation": 0,
                "rectanglelabels": [box.character],
            },
        }
        for box in drawn
    ]
    weakest = min((box.score for box in drawn), default=0.0)
    score = round(weakest / (1 + weakest), 4)  # Label Studio wants 0 to 1; half is what just counts
    predictions = [{"model_version": version, "score": score, "result": results}] if results else []
    return _task(f"{frame['episode_id']}:{frame['frame']}", data, predictions)


def sheet_task(claim: str, kind: str, faces: Sequence[Mapping[str, Any]], image: str, name: str = "") -> dict[str, Any]:
    """A task for a contact sheet of faces (FACE_FIELDS each), all of which are claimed to be `claim`.

    kind: "character" or "emotion", what the claim is about.
    """
    heading = f"All {name or claim}? Press the keys of the faces that are not, then submit."
    rows = [{name: face[name] for name in FACE_FIELDS} for face in faces[: len(SHEET_KEYS)]]
    key = hashlib.sha256("\n".join([kind, claim, *(str(row["face_id"]) for row in rows)]).encode()).hexdigest()[:32]
    return _task(key, {"claim": claim, "kind": kind, "faces": rows, "heading": heading, "image": image}, [])


WHO = "Who is this? Press the key of the name, then the keys of the faces that are not, then submit."
NO = (
    "Put aside as false finds. Press n if these are no faces, or the key of the name if they are faces of one "
    "character; then the keys of those for which that is wrong; then submit."
)
"""The headings of a sheet of one group: of found faces, and of finds that were put aside."""


def name_task(faces: Sequence[Mapping[str, Any]], image: str, heading: str = WHO) -> dict[str, Any]:
    """A task for a contact sheet of one group of faces (NAMED_FIELDS each); heading: WHO or NO."""
    rows = [{name: face[name] for name in NAMED_FIELDS} for face in faces[: len(SHEET_KEYS)]]
    places = [" ".join(str(row[name]) for name in NAMED_FIELDS) for row in rows]
    key = hashlib.sha256("\n".join(["names", *places]).encode()).hexdigest()[:32]
    return _task(key, {"kind": "names", "faces": rows, "heading": heading, "image": image}, [])


def clock(time_s: float) -> str:
    """A time for people: 1:05.5."""
    minutes, seconds = divmod(float(time_s), 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _task(key: str, data: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
    text = json.dumps([data, predictions], sort_keys=True, ensure_ascii=False)
    task: dict[str, Any] = {"data": {"key": key, "revision": hashlib.sha256(text.encode()).hexdigest()[:16], **data}}
    return task | ({"predictions": predictions} if predictions else {})
