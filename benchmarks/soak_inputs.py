"""The kinds of input that `benchmarks.soak` damages: how a sound one is made, how it is damaged, and who reads it."""

import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import pandas as pd

from benchmarks.mutations_json import damage, mutate, to_text
from benchmarks.mutations_media import mutate as mutate_media
from benchmarks.mutations_media import picture_files, read_picture_file, read_video, video_files
from cascades import Cascade
from cascades.opencv_xml import parse_cascade, write_cascade
from cascades.tables import read_boxes as read_box_table
from labeling.local_server import LocalServer
from labeling.tasks import Drawn, box_task, emotion_task
from pipeline import paths
from pipeline.labels.annotations import read_boxes, read_emotions
from pipeline.params import load_params
from pipeline.project.inputs import declared_inputs
from pipeline.project.locks import mend_lock
from pipeline.schemas import EPISODES, SCENES
from pipeline.tables import read_kept_json, read_rows, table_key, to_table, write_kept_json, write_table
from pipeline.tasks.pull import BOX_FILE, EMOTION_FILE, FRAME_FILE, import_file

HERE: Final = Path(__file__).resolve().parents[1]
FACE: Final = {"face_id": "f", "episode_id": "pilot", "frame": 12, "character": "cat", "x": 1, "y": 2, "w": 9, "h": 9}
FRAME: Final = {"episode_id": "pilot", "frame": 12, "time_s": 0.5, "width": 640, "height": 360}
ACT: Final = {"was_cancelled": False, "updated_at": "2026-01-02T03:04:05Z", "lead_time": 1.2, "completed_by": {"id": 3}}
KEY: Final = {"episode": "pilot", "code": "1"}


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    good: makes sound ones; damage: one of them, damaged, and what was done; read: reads it in a folder as we would, and
    raises one of our errors or nothing.
    """

    name: str
    good: Callable[[], Any]
    damage: Callable[[Any, random.Random], tuple[Any, str]]
    read: Callable[[Any, Path], object]


def of_bytes(files: dict[str, bytes], dice: random.Random) -> tuple[tuple[str, bytes], str]:
    """One of some files with bytes changed."""
    name = dice.choice(sorted(files))
    content, what = damage(files[name], dice)
    return (name, content), f"{name}: {what}"


def of_media(files: dict[str, bytes], dice: random.Random) -> tuple[tuple[str, bytes], str]:
    """One of some videos or pictures with bytes changed, most often in its headers."""
    name = dice.choice(sorted(files))
    content, what = mutate_media(files[name], dice)
    return (name, content), f"{name}: {what}"


def of_json(documents: list[Any], dice: random.Random) -> tuple[str, str]:
    """One of some JSON documents with a value replaced."""
    made, what = mutate(dice.choice(documents), dice)
    return to_text(made), what


def exports() -> list[Any]:
    """Exports of Label Studio: boxes and emotions."""
    boxes = box_task(FRAME, "c.jpg", [Drawn("cat", 10, 20, 64, 36, 1.5)], "v")
    emotions = emotion_task({**FACE, "time_s": 1}, "a", "b")
    choice = [{"from_name": "emotion", "to_name": "x", "type": "choices", "value": {"choices": ["sad"]}}]
    found = []
    for task, result in ((boxes, boxes["predictions"][0]["result"]), (emotions, choice)):
        found.append([{"id": 1, "data": task["data"], "annotations": [{"id": 1, "result": result, **ACT}]}])
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def read_export(text: str, folder: Path) -> None:
    """`toonset label import`."""
    (folder / paths.ANNOTATIONS).mkdir(exist_ok=True)
    for path, columns in ((paths.BOXES, BOX_FILE), (paths.FRAMES, FRAME_FILE), (paths.EMOTIONS, EMOTION_FILE)):
        (folder / path).write_text(",".join(columns) + "\n", encoding="utf-8")
    (folder / "export.json").write_text(text, encoding="utf-8")
    import_file(folder / "export.json")


def people() -> dict[str, bytes]:
    """Tables as people write them."""
    rows = [f"pilot,{frame},cat,{frame},2,30,40" for frame in range(20)]
    boxes = "episode_id,frame,character,x,y,w,h\n" + "\n".join(rows) + "\n"
    emotions = "episode_id,frame,character,x,y,w,h,emotion,annotator\n" + "\n".join(f"{row},happy,an" for row in rows)
    table = "image,x,y,w,h\n" + "\n".join(f"{frame}.png,1,2,30,40" for frame in range(20)) + "\n"
    return {"boxes.csv": boxes.encode(), "emotions.csv": emotions.encode(), "table.csv": table.encode()}


def read_people(file: tuple[str, bytes], folder: Path) -> None:
    """What the stages and `toonset cascade` do with them."""
    name, content = file
    path = folder / name
    path.write_bytes(content)
    row = dict.fromkeys(EPISODES.names) | {
        "episode_id": "pilot",
        "frames": 90,
        "width": 640,
        "height": 360,
        "status": "ok",
    }
    episodes = pd.DataFrame([row])
    if name == "boxes.csv":
        read_boxes(path, episodes, ("cat",))
    elif name == "emotions.csv":
        read_emotions(path, episodes, ("cat",), ("happy", "sad"))
    else:
        read_box_table(path)


def cascade_files() -> dict[str, bytes]:
    """A small cascade and its side file, made from the start of one of OpenCV's."""
    whole = Cascade.load(Path(cv2.__file__).parent / "data" / "haarcascade_eye.xml")
    text = write_cascade(replace(whole, stages=whole.stages[:2]))
    return {"eye.xml": text.encode(), "eye.json": json.dumps(_side_file()).encode()}


def _side_file() -> dict[str, Any]:
    return {
        "format": "toonset cascade", "version": 1, "face": [0, 0, 1, 1], "margin": 0.0, "planes": ["gray"],
        "training": {}, "calibration": {"min_score": 1.0},
    }  # fmt: skip


def read_cascade(file: tuple[str, bytes], folder: Path) -> None:
    """`Cascade.load`, with the other file of the two as it should be."""
    for name, content in (cascade_files_once() | {file[0]: file[1]}).items():
        (folder / name).write_bytes(content)
    parse_cascade((folder / "eye.xml").read_bytes(), "eye.xml")
    Cascade.load(folder / "eye.xml")


_cascades: dict[str, bytes] = {}


def cascade_files_once() -> dict[str, bytes]:
    """`cascade_files`, made once in a process."""
    if not _cascades:
        _cascades.update(cascade_files())
    return dict(_cascades)


def settings() -> dict[str, bytes]:
    """The files that say what a project is."""
    return {name: (HERE / name).read_bytes() for name in ("params.yaml", "dvc.yaml")}


def read_settings(file: tuple[str, bytes], folder: Path) -> None:
    """What every stage does first."""
    path = folder / file[0]
    path.write_bytes(file[1])
    if file[0] == "params.yaml":
        load_params(path)
    else:
        declared_inputs("faces", None)


def kept() -> dict[str, bytes]:
    """What a stage keeps for later runs: a table with a key, a record."""
    with tempfile.TemporaryDirectory() as folder:
        table, record = Path(folder) / "a.parquet", Path(folder) / "a.json"
        rows = [dict.fromkeys(SCENES.names) | {"episode_id": "pilot", "scene": number} for number in range(40)]
        write_table(table, to_table(rows, SCENES), KEY)
        write_kept_json(record, {"starts": [[n, n, "cut"] for n in range(30)]})
        return {"a.parquet": table.read_bytes(), "a.json": record.read_bytes()}


def read_kept(file: tuple[str, bytes], folder: Path) -> None:
    """A damaged one is never believed; its rows, where somebody reads them, are read or refused."""
    path = folder / file[0]
    path.write_bytes(file[1])
    if file[0].endswith(".json"):
        believed: Any = read_kept_json(path)
    else:
        believed = table_key(path)
    assert believed is None or file[1] == kept_once()[file[0]], "a damaged result is believed"
    if file[0].endswith(".parquet"):
        read_rows(path, SCENES)


_kept: dict[str, bytes] = {}


def kept_once() -> dict[str, bytes]:
    """`kept`, made once in a process."""
    if not _kept:
        _kept.update(kept())
    return dict(_kept)


def read_credentials(text: str, folder: Path) -> None:
    """What `toonset label push` does first."""
    (folder / "studio").mkdir(exist_ok=True)
    (folder / "studio/credentials.json").write_text(text, encoding="utf-8")
    LocalServer(folder / "studio", folder).credentials()


def read_lock(text: str, folder: Path) -> None:
    """`toonset repair`."""
    (folder / ".dvc/tmp").mkdir(parents=True, exist_ok=True)
    (folder / ".dvc/tmp/rwlock").write_text(text, encoding="utf-8")
    mend_lock(folder)


def _account() -> list[Any]:
    return [{"url": "http://127.0.0.1:8080", "username": "u", "password": "p", "token": "t"}]


def _locks() -> list[Any]:
    return [{"read": {"/a": [{"pid": 1, "cmd": "dvc"}]}, "write": {"/b": {"pid": 1, "cmd": "dvc"}}}]


KINDS: Final = (
    Kind("videos", video_files, of_media, lambda file, folder: read_video(file[1], file[0], folder)),
    Kind("pictures", picture_files, of_media, lambda file, folder: read_picture_file(file[1], file[0], folder)),
    Kind("exports of Label Studio", exports, of_json, read_export),
    Kind("people's tables", people, of_bytes, read_people),
    Kind("cascades", cascade_files_once, of_bytes, read_cascade),
    Kind("params.yaml, dvc.yaml", settings, of_bytes, read_settings),
    Kind("kept results", kept_once, of_bytes, read_kept),
    Kind("credentials.json", _account, of_json, read_credentials),
    Kind("DVC's lock", _locks, of_json, read_lock),
)
"""Others plug in here."""
