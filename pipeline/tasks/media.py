"""The pictures that annotators look at, and their addresses: `labelling.media` says how a server gets at them.

    local          files below data/labeling/media, shown by our own server (`toonset label serve`)
    a prefix       the same files, which you copy to where the prefix points: https://…, s3://…
    inline         inside the tasks themselves; for small sets and for any server

Names are made of ids and hashes of content, so a file once written never changes its meaning and tasks of earlier
pushes keep their pictures. The folder is no output of a stage: it can be deleted, and the next push writes it again.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.compute.each import each
from pipeline.errors import InputError
from pipeline.faces.crops import read_crops
from pipeline.images import Pixels, Rectangle, encode_jpeg, fit_height
from pipeline.params import Compute
from pipeline.rows import EpisodeRow, ManifestRow
from pipeline.tables import rows_of, temporary_path
from pipeline.video.decode import decode_chosen, known_frames

Marked = tuple[str, Rectangle | None]
"""A picture's name, and the box to mark in it."""

MEDIA = paths.TASKS / "media"
SERVED = "/data/local-files/?d=media/"
"""The address, on our own server, of the media folder."""
HEIGHT = 480
"""Most px in height of a whole frame beside its face."""
QUALITY = 85
"""JPEG quality of whole frames: enough to see who is where."""
FRAME_COLOR = (255, 64, 160)


@dataclass(frozen=True)
class Media:
    """Where pictures go. where: `labelling.media`."""

    where: str
    folder: Path = MEDIA

    def put(self, name: str, jpeg: bytes) -> str:
        """Keep a picture under its name; returns the address for a task."""
        if self.where == "inline":
            return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
        path = self.folder / name
        if not path.exists() or path.read_bytes() != jpeg:
            # Whole or not at all, but not flushed to the disk one by one: a lost one is made again.
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = temporary_path(path)
            temporary.write_bytes(jpeg)
            temporary.replace(path)
        return self.address(name)

    def address(self, name: str) -> str:
        """The address of a picture that is kept in the folder."""
        return (SERVED if self.where == "local" else self.where.rstrip("/") + "/") + name

    def has(self, name: str) -> bool:
        """Whether the picture need not be made again."""
        return self.where != "inline" and (self.folder / name).exists()


def face_pictures(faces: pd.DataFrame, episodes: pd.DataFrame, media: Media, compute: Compute) -> list[tuple[str, str]]:
    """The addresses of each face's crop and of its frame with the face marked, in the order of `faces`.

    faces: rows of MANIFEST; episodes: rows of EPISODES. An episode is decoded where it has
    frames that are needed, unless their pictures are there already.
    """
    crops = read_crops(faces)
    marked = {f"scenes/{row.face_id}.jpg": row for row in rows_of(faces, ManifestRow)}
    there = {name: media.address(name) for name in marked if media.has(name)}
    wanted: dict[str, dict[int, list[Marked]]] = {}
    times: dict[str, dict[int, int]] = {}
    for name, row in marked.items():
        if name not in there:
            box = (int(row.x), int(row.y), int(row.w), int(row.h))
            wanted.setdefault(row.episode_id, {}).setdefault(int(row.frame), []).append((name, box))
            times.setdefault(row.episode_id, {})[int(row.frame)] = int(row.pts)
    there |= {name: media.put(name, jpeg) for name, jpeg in frames_as_jpeg(wanted, times, episodes, compute, HEIGHT)}
    lost = [name for name in marked if name not in there]
    if lost:
        raise InputError(f"{len(lost)} frames cannot be read again from data/episodes (the first: {lost[0]})")
    return [
        (media.put(f"faces/{row.face_id}.jpg", crop), there[f"scenes/{row.face_id}.jpg"])
        for row, crop in zip(rows_of(faces, ManifestRow), crops, strict=True)
    ]


def frames_as_jpeg(
    wanted: Mapping[str, Mapping[int, list[Marked]]],
    times: Mapping[str, Mapping[int, int]],
    episodes: pd.DataFrame,
    compute: Compute,
    height: int,
) -> Iterable[tuple[str, bytes]]:
    """Name and JPEG of frames, no higher than `height` px, worked on episode by episode in parallel.

    wanted: by episode and frame, names and the box (x, y, w, h px) to mark, or None. times: by episode and frame, pts.
    """
    videos = {row.episode_id: row for row in rows_of(episodes, EpisodeRow)}
    jobs = [
        (paths.VIDEOS / videos[name].path, dict(frames), known_frames(videos[name], times[name], times[name].values()))
        for name, frames in sorted(wanted.items())
    ]
    for made in each(partial(_of_episode, height=height), jobs, compute, desc="pictures", unit="episodes"):
        yield from made


def _of_episode(job: tuple[Path, dict[int, list[Marked]], dict[int, int]], height: int) -> list[tuple[str, bytes]]:
    path, wanted, known = job
    made = []
    for frame in decode_chosen(path, wanted, known):
        picture, scale = fit_height(frame.rgb(), height)
        made += [(name, encode_jpeg(mark(picture, box, scale), QUALITY)) for name, box in wanted[frame.index]]
    return made


def mark(picture: Pixels, box: Rectangle | None, scale: float) -> Pixels:
    """The picture with a frame just outside a box, which is in px of the picture before it was scaled."""
    if box is None:
        return picture
    x, y, w, h = (round(side * scale) for side in box)
    marked = np.ascontiguousarray(picture.copy())
    for color, far, thick in (((0, 0, 0), 3, 4), (FRAME_COLOR, 3, 2)):
        cv2.rectangle(marked, (x - far, y - far), (x + w + far, y + h + far), color, thick)
    return marked
