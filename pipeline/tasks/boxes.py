"""Which frames to box, and the boxes that the current cascades already draw in them."""

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cascades import Detector
from cascades.boxes import intersection_over_union as iou
from labeling.tasks import Drawn, box_task
from pipeline import paths
from pipeline.compute.each import each
from pipeline.faces.cascade_files import CharacterCascade, load_cascade, trained
from pipeline.images import Pixels, encode_jpeg, fit_chroma, fit_height, shrink
from pipeline.params import Manifest, Params
from pipeline.rows import EpisodeRow, SceneRow
from pipeline.schemas import OK
from pipeline.similarity.alignment import SIDE
from pipeline.similarity.diverse import diverse
from pipeline.similarity.pairs import near_pairs
from pipeline.tables import rows_of
from pipeline.tasks.media import QUALITY, Media
from pipeline.video.decode import decode_chosen, known_frames

CONTRAST = 40
"""Gray levels between the dark and the bright parts of a frame, below which it shows nothing: black, white, fog."""
FADED = 0.6
"""Share of the most contrast in its scene below which a frame is fading in or out."""
APART = 12
"""A frame this close to a boxed frame is not offered: it would show nothing new."""
HEIGHT = 720
"""Most px in height of a frame to box faces in."""
OVERLAP = 0.4
"""IoU from which two cascades have found one face."""


@dataclass(frozen=True)
class FramesOfEpisode:
    """Frames of one episode, read once: `episode` is its row of EPISODES, `frames` are indices.

    known: pts by index of frames that may be sought, as `decode_chosen` takes them.
    """

    episode: dict[str, Any]
    frames: frozenset[int]
    known: dict[int, int] = field(default_factory=dict)


def frames_to_box(
    episodes: pd.DataFrame, scenes: pd.DataFrame, seen: pd.DataFrame, count: int, params: Params
) -> pd.DataFrame:
    """At most `count` frames to box: episode_id, frame, scene; in the order in which they should be boxed.

    Scenes without a boxed frame come first, then scenes with one boxed frame, and so on. Within these, the frames that
    look least alike come first. Frames that look like an earlier one, such as an intro that every episode has, come
    after all others. Black, white and faded frames are left out. episodes, scenes: EPISODES, SCENES. seen: episode_id,
    frame of frames that were boxed or looked at.
    """
    candidates = candidate_frames(episodes, scenes, seen)
    lengths = dict(zip(episodes["episode_id"], episodes["frames"].where(episodes["status"] == OK, 0), strict=True))
    shown = seen[["episode_id", "frame"]].drop_duplicates().assign(scene=-1, looked_at=-1)
    places = zip(shown["episode_id"], shown["frame"], strict=True)
    shown = shown[np.array([0 <= frame < lengths.get(name, 0) for name, frame in places], bool)]
    pictures = thumbnails(pd.concat([candidates, shown]), episodes, scenes, params)
    shown = shown.merge(pictures, on=["episode_id", "frame"], how="inner")
    found = with_a_picture(candidates.merge(pictures, on=["episode_id", "frame"], how="inner"))
    found = found.assign(alike=alike_an_earlier(pd.concat([shown, found]))[len(shown) :])
    chosen: list[pd.DataFrame] = []
    for _, own in found.groupby(["alike", "looked_at"], sort=True):
        left = count - sum(map(len, chosen))
        if left <= 0:
            break
        rows = own.reset_index(drop=True).assign(track=0)
        small = np.stack(rows["thumbnail"].tolist())
        chosen.append(rows.iloc[diverse(rows, small, np.arange(len(rows)), left)])
    return pd.concat([candidates.head(0), *chosen], ignore_index=True)[["episode_id", "frame", "scene"]]


def thumbnails(frames: pd.DataFrame, episodes: pd.DataFrame, scenes: pd.DataFrame, params: Params) -> pd.DataFrame:
    """episode_id, frame, thumbnail (uint8 [SIDE, SIDE]) of frames (episode_id, frame), as far as they decode."""
    by_episode = dict(iter(frames.groupby("episode_id")))
    jobs = []
    for row in rows_of(episodes, EpisodeRow):
        if row.episode_id in by_episode:
            cuts = scenes[scenes["episode_id"] == row.episode_id]
            known = known_frames(row, cuts["start_frame"], cuts["start_pts"])
            wanted = frozenset(by_episode[row.episode_id]["frame"].tolist())
            jobs.append(FramesOfEpisode(row._asdict(), wanted, known))
    tables = list(each(_thumbnails, jobs, params.compute, desc="frames to box", unit="episodes"))
    none = pd.DataFrame(columns=["episode_id", "frame", "thumbnail"]).astype({"frame": np.int64})
    return pd.concat([none, *tables], ignore_index=True)


def with_a_picture(frames: pd.DataFrame) -> pd.DataFrame:
    """The frames less those that are black, white, or fading: with little contrast, by itself or beside their scene's.

    frames: episode_id, scene, thumbnail.
    """
    spread = [float(np.subtract(*np.percentile(thumbnail, (95, 5)))) for thumbnail in frames["thumbnail"]]
    contrast = pd.Series(spread, index=frames.index, dtype=float)
    most = contrast.groupby([frames["episode_id"], frames["scene"]]).transform("max")
    return frames[(contrast >= CONTRAST) & (contrast >= FADED * most)]


def alike_an_earlier(frames: pd.DataFrame) -> NDArray[np.bool_]:
    """Which frames (thumbnail) look like one further up that looks like none itself: bool [N]."""
    alike = np.zeros(len(frames), np.bool_)
    if len(frames):
        near = Manifest()
        pairs = near_pairs(np.stack(frames["thumbnail"].tolist()), near.duplicate_bits, near.duplicate_distance)
        for first, second in pairs[["first", "second"]].to_numpy().tolist():  # sorted by first: it is settled by then
            alike[second] |= not alike[first]
    return alike


def candidate_frames(episodes: pd.DataFrame, scenes: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """About a frame a second of every scene: episode_id, frame, scene, and how often the scene was looked_at."""
    rates = {row.episode_id: row.rate_num / row.rate_den for row in rows_of(episodes, EpisodeRow) if row.status == OK}
    looked = {name: np.sort(own["frame"].to_numpy(np.int64)) for name, own in seen.groupby("episode_id")}
    rows = []
    for scene in rows_of(scenes, SceneRow):
        if scene.status != OK or scene.episode_id not in rates:
            continue
        own = looked.get(scene.episode_id, np.zeros(0, np.int64))
        times = int(((own >= scene.start_frame) & (own < scene.stop_frame)).sum())
        parts = max(1, round(scene.frames / rates[scene.episode_id]))
        for part in range(parts):
            frame = scene.start_frame + (2 * part + 1) * scene.frames // (2 * parts)
            if not (np.abs(own - frame) < APART).any():
                rows.append((scene.episode_id, frame, scene.scene, times))
    return pd.DataFrame(rows, columns=["episode_id", "frame", "scene", "looked_at"])


def _thumbnails(job: FramesOfEpisode) -> pd.DataFrame:
    """episode_id, frame, thumbnail (uint8 [SIDE, SIDE]) of the job's frames."""
    rows = [
        (job.episode["episode_id"], frame.index, shrink(frame.gray, SIDE, SIDE))
        for frame in decode_chosen(paths.VIDEOS / job.episode["path"], job.frames, job.known)
    ]
    return pd.DataFrame(rows, columns=["episode_id", "frame", "thumbnail"])


def box_tasks(frames: pd.DataFrame, episodes: pd.DataFrame, media: Media, params: Params) -> list[dict[str, Any]]:
    """A task for each frame, in the order of `frames`, with what the cascades there are find in it drawn."""
    cascades = tuple(
        load_cascade(name) for name in trained(params.characters) if (paths.CASCADES / f"{name}.xml").exists()
    )
    version = cascades_version([cascade.character for cascade in cascades])
    jobs, shown = [], [params.shown(name) for name in params.characters]
    for row in rows_of(episodes, EpisodeRow):
        own = frames[frames["episode_id"] == row.episode_id]["frame"]
        if len(own):
            jobs.append(FramesOfEpisode(row._asdict(), frozenset(own.tolist())))
    look = partial(_look, cascades=cascades, params=params)
    whose = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
    tasks = {}
    for job, looks in zip(jobs, each(look, jobs, params.compute, desc="boxes", unit="episodes"), strict=True):
        episode = job.episode
        for index, time_s, jpeg, drawn in looks:
            image = media.put(f"frames/{episode['sha256'][:12]}-{index}.jpg", jpeg)
            place = {"episode_id": episode["episode_id"], "frame": index, "time_s": time_s}
            size = {"width": episode["width"], "height": episode["height"]}
            tasks[episode["episode_id"], index] = box_task(place | size, image, drawn, version, whose)
    return [tasks[key] for key in zip(frames["episode_id"], frames["frame"], strict=True) if key in tasks]


def cascades_version(characters: list[str]) -> str:
    """Which cascades drew: a hash of their files."""
    content = b"".join((paths.CASCADES / f"{name}.xml").read_bytes() for name in characters)
    return "cascades-" + hashlib.sha256(content).hexdigest()[:12] if characters else ""


def _look(
    job: FramesOfEpisode, cascades: tuple[CharacterCascade, ...], params: Params
) -> list[tuple[int, float, bytes, list[Drawn]]]:
    """Frame, time in s, picture and found faces of each of the job's frames."""
    time_base = job.episode["time_base_num"] / job.episode["time_base_den"]
    detector = Detector([c.cascade for c in cascades], scale_factor=params.faces.scale_factor) if cascades else None
    looks = []
    for frame in decode_chosen(paths.VIDEOS / job.episode["path"], job.frames, job.known):
        picture, _ = fit_height(frame.rgb(), HEIGHT)
        drawn: list[Drawn] = []
        if detector is not None:
            gray, scale = fit_height(frame.gray, params.cascade.max_height)
            drawn = keep_surest(_find(detector, cascades, gray, fit_chroma(frame.chroma, gray), scale))
        looks.append((frame.index, frame.pts * time_base, encode_jpeg(picture, QUALITY), drawn))
    return looks


def _find(
    detector: Detector, cascades: tuple[CharacterCascade, ...], gray: Pixels, chroma: Pixels, scale: float
) -> list[Drawn]:
    found = []
    for cascade, detections in zip(cascades, detector.detect(gray, chroma=chroma), strict=True):
        for box, score in zip(detections.boxes.tolist(), detections.scores.tolist(), strict=True):
            if score >= cascade.min_score:
                x, y, w, h = (round(side / scale) for side in box)
                found.append(Drawn(cascade.character, x, y, w, h, round(score / cascade.min_score, 4)))
    return found


def keep_surest(found: list[Drawn]) -> list[Drawn]:
    """Where several cascades have found one face, the one that is surest; scores are multiples of each one's least."""
    kept: list[Drawn] = []
    for box in sorted(found, key=lambda one: -one.score):
        place = np.array([[box.x, box.y, box.w, box.h]])
        others = np.array([[one.x, one.y, one.w, one.h] for one in kept]).reshape(-1, 4)
        if not (iou(place, others) >= OVERLAP).any():
            kept.append(box)
    return kept
