"""A small project to be searched: a video of two moving discs, called disc and ring, and the tables of their faces."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.classifier.model import save_model
from pipeline.faces.cascade_files import save_cascade
from pipeline.images import cut_face, encode_jpeg
from pipeline.schemas import EPISODES, FACES, LABELS, MANIFEST, SCENES
from pipeline.tables import to_table, write_table
from tests.pipeline.app.seen import EMOTIONS, MIN_SCORE, SIDE, classifier, disc, scene
from tests.support.worlds import write_video

FRAMES: Final = 24
EPISODE: Final = "pilot"
NAMES: Final = {"disc": "Disc & Co <b>"}


def places(frame: int) -> dict[str, tuple[int, int]]:
    """Where the two are in a frame: their left upper corners, px."""
    return {"disc": (10 + 3 * frame, 20), "ring": (140 - 4 * frame, 95)}


def picture(frame: int) -> np.ndarray:
    """A frame: the middles of the discs darken as time goes on."""
    return scene(50 + frame, tuple(places(frame).values()), 240 - 8 * frame)


def face(frame: int, character: str) -> dict[str, Any]:
    """A row of MANIFEST and FACES."""
    x, y = places(frame)[character]
    return {
        "face_id": f"{character}{frame:02}", "episode_id": EPISODE, "frame": frame, "pts": frame * 512,
        "time_s": frame / 24, "scene": frame // 12, "track": frame // 12 + 2 * (character == "ring"),
        "character": character, "x": x, "y": y, "w": SIDE, "h": SIDE, "score": 9.0, "track_score": 2.0,
        "sharpness": 5.0, "brightness": 120.0, "status": "ok", "reason": "",
        "cluster": f"{character}{frame:02}", "cluster_size": 1, "episodes": 1, "repeated": False, "split": "train",
        "selected": True,
        "crop": {"bytes": encode_jpeg(cut_face(picture(frame), (x, y, SIDE, SIDE), 0.25, 128)), "path": None},
    }  # fmt: skip


def make_project(folder: Path) -> pd.DataFrame:
    """Write the project; returns the rows of its manifest. The last disc is a near-duplicate of the one before it."""
    rows = pd.DataFrame([face(frame, name) for frame in range(0, FRAMES, 2) for name in ("disc", "ring")])
    own, other = (rows["face_id"] == f"disc{frame}" for frame in (22, 20))
    rows.loc[own, ["status", "reason", "cluster"]] = ["rejected", "near-duplicate of disc20", "disc20"]
    rows.loc[own | other, "cluster_size"] = 2
    write_table(folder / paths.MANIFEST, to_table(rows, MANIFEST))
    faces = rows.assign(status="ok", reason="")
    write_table(folder / paths.face_table(EPISODE), to_table(faces, FACES))
    (folder / paths.VIDEOS).mkdir(parents=True)
    write_video(folder / paths.VIDEOS / "pilot 1.mp4", [picture(frame) for frame in range(FRAMES)])
    episode = dict.fromkeys(EPISODES.names) | {
        "episode_id": EPISODE, "status": "ok", "reason": "", "path": "pilot 1.mp4", "sha256": "0" * 64, "width": 200,
        "height": 160, "frames": FRAMES, "rate_num": 24, "rate_den": 1, "time_base_num": 1, "time_base_den": 12288,
        "duration_s": 1.0, "seekable": True,
    }  # fmt: skip
    write_table(folder / paths.EPISODES, to_table([episode], EPISODES))
    scenes = [
        dict.fromkeys(SCENES.names) | {
            "episode_id": EPISODE, "scene": number, "start_frame": 12 * number, "stop_frame": 12 * number + 12,
            "start_pts": 512 * 12 * number, "start_s": number / 2, "frames": 12, "split": "train", "status": "ok",
        }
        for number in range(2)
    ]  # fmt: skip
    write_table(folder / paths.SCENES, to_table(scenes, SCENES))
    label = dict.fromkeys(LABELS.names) | {"face_id": "ring04", "episode_id": EPISODE, "emotion": "sad", "status": "ok"}
    write_table(folder / paths.LABELS, to_table([label], LABELS))
    save_model(folder / paths.CLASSIFIER, classifier())
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, folder / paths.CASCADES)
    names = "\n".join(f"  {key}: {value!r}" for key, value in NAMES.items())
    (folder / "params.yaml").write_text(
        f'toonset: "0.1"\nepisodes: []\ncharacters: [disc, ring]\nemotions: [{", ".join(EMOTIONS)}]\nnames:\n{names}\n'
    )
    return rows
