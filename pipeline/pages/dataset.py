"""The sections of reports/dataset.html: the dataset as pictures."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline import paths
from pipeline.compute.each import cores
from pipeline.faces.crops import read_crops, recut
from pipeline.images import Pixels, decode_rgb, shrink
from pipeline.pages.doubts import WeakTrack, strongest_alarms, weakest_tracks
from pipeline.pages.html import Part, Section, Strip, Tile, elided, jpeg, photograph, png_file, vector
from pipeline.pages.sheets import BACKGROUND, contact_sheet
from pipeline.pages.timeline import ROW_SECONDS, clock, palette, timeline, tracks_of
from pipeline.params import Params
from pipeline.rows import DatasetRow, EpisodeRow, ManifestRow
from pipeline.schemas import EPISODES, OK, SCENES
from pipeline.similarity.diverse import diverse
from pipeline.similarity.pairs import read_thumbnails
from pipeline.tables import is_face, read_rows, rows_of

SHEET: Final = 48
"""Faces on a contact sheet."""
LOOKED_AT: Final = 2048
"""Faces of a character that its sheet is chosen from, taken by face_id, which is a hash: a fair sample of all."""
ACROSS: Final = 10
"""Tiles in a strip, faces of a cluster."""
TILE: Final = 90
"""Side of a tile, px."""
TRACKS: Final = 12
"""Strips of long tracks, shared by the characters; each has three at least."""
CLUSTERS: Final = 6
"""Clusters of near-duplicates shown."""
EPISODES_SHOWN: Final = 24
"""Timelines, at most."""

Crops = Mapping[str, bytes]


def dataset_sections(manifest: pd.DataFrame, dataset: pd.DataFrame, params: Params) -> list[Section]:
    """All sections. manifest: rows of MANIFEST; dataset: of DATASET, all splits. Reads the crops of what is shown."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    scenes = read_rows(paths.SCENES, SCENES)
    in_use = manifest[manifest["status"] == OK]
    sheets = {name: in_use[in_use["character"] == name] for name in params.characters}
    samples = {name: own.sort_values("face_id").head(LOOKED_AT) for name, own in sheets.items()}
    tracks = long_tracks(manifest, params)
    clusters = largest_clusters(manifest)
    alarms = strongest_alarms(manifest, ACROSS)
    doubtful = weakest_tracks(manifest, 2 * ACROSS)
    wanted = pd.concat([*samples.values(), *tracks, *clusters, doubtful]).drop_duplicates("face_id")
    crops = dict(zip(wanted["face_id"], read_crops(wanted), strict=True))
    crops |= recut(alarms, episodes, scenes, params.faces, threads=cores(params.compute))
    return [
        Section("Characters", [sheet_of(name, len(sheets[name]), own, crops, params) for name, own in samples.items()]),
        emotions_section(dataset, params),
        Section("Tracks", tracks_parts(tracks, crops, params)),
        Section("Doubts", [alarms_part(alarms, crops, params), doubtful_part(doubtful, crops, params)]),
        Section("Near-duplicates", [distances_part(), clusters_part(clusters, crops)]),
        Section("Timelines", timelines(episodes, scenes, manifest, params)),
    ]


def emotions_section(dataset: pd.DataFrame, params: Params) -> Section:
    """A contact sheet of each emotion. dataset: rows of DATASET, all splits."""
    return Section("Emotions", [emotion_sheet(dataset, name, params.shown(name)) for name in params.emotions])


def timelines(episodes: pd.DataFrame, scenes: pd.DataFrame, manifest: pd.DataFrame, params: Params) -> list[Part]:
    """A picture for each episode; a spread of them where there are many."""
    sound = episodes[episodes["status"] == OK].reset_index(drop=True)
    if sound.empty:
        return [Part("", "No episodes.")]
    shown = spread(sound, EPISODES_SHOWN)
    some = "" if len(shown) == len(sound) else f" {len(shown)} of the {len(sound)} episodes are shown."
    text = (
        "Bands in the background are scenes. A bar is a track: one face followed through a scene, in the color of its "
        "character. Gray bars are detections that were not kept."
    )
    tracks, colors = tracks_of(manifest), palette(params.characters)
    seconds = max(1.0, min(float(ROW_SECONDS), float(shown["duration_s"].max())))
    parts = [Part("", text + some)]
    for episode in rows_of(shown, EpisodeRow):
        starts = scenes.loc[scenes["episode_id"] == episode.episode_id, "start_s"].tolist()
        own = tracks[tracks["episode_id"] == episode.episode_id]
        parts.append(
            vector(timeline(episode.duration_s, starts, own, colors, seconds, params.names), episode.episode_id)
        )
    return parts


def sheet_of(name: str, total: int, faces: pd.DataFrame, crops: Crops, params: Params) -> Part:
    """A contact sheet of a character: faces unlike each other, in the order of the show."""
    heading = f"{params.shown(name)}: {total} distinct faces"
    if faces.empty:
        return Part(heading, "No faces.")
    thumbnails, _ = read_thumbnails([crops[identity] for identity in faces["face_id"]], params.faces.crop_margin)
    chosen = diverse(faces, thumbnails, np.arange(len(faces)), SHEET)
    shown = faces.iloc[np.sort(chosen)].sort_values(["episode_id", "frame", "face_id"])
    text = f"{len(shown)} of them, chosen to look as different as possible, from all episodes, scenes and tracks."
    return photograph(contact_sheet(pixels_of(shown, crops), columns=12), heading, text)


def long_tracks(manifest: pd.DataFrame, params: Params) -> list[pd.DataFrame]:
    """The faces of each character's longest tracks, a frame for each track, in the order of its time."""
    faces = manifest[is_face(manifest)]
    found = []
    for name in params.characters:
        tracks = faces[faces["character"] == name].groupby(["episode_id", "track"])
        sizes = tracks.size().sort_values(ascending=False, kind="stable").head(max(3, TRACKS // len(params.characters)))
        found += [tracks.get_group(key).sort_values(["frame", "face_id"]) for key in sizes.index]
    return found


def tracks_parts(tracks: list[pd.DataFrame], crops: Crops, params: Params) -> list[Part]:
    """A part for each character, a strip for each track: faces spread over its length."""
    parts = []
    for name in params.characters:
        strips = []
        for own in tracks:
            first, last = own.iloc[0], own.iloc[-1]
            if first["character"] == name:
                span = f"{clock(first['time_s'])} to {clock(last['time_s'])}, scene {first['scene']}"
                tiles = [tile(face, crops, clock(face.time_s)) for face in rows_of(spread(own, ACROSS), ManifestRow)]
                strips.append(Strip(f"{first['episode_id']}, {span}: {len(own)} faces", tiles))
        text = "" if strips else "No tracks."
        parts.append(Part(f"The longest tracks of {params.shown(name)}", text, strips=strips))
    return parts


def alarms_part(alarms: pd.DataFrame, crops: Crops, params: Params) -> Part:
    """The strongest detections that were not kept, by reason and character."""
    heading = "Not kept: the strongest detections that were put aside"
    strips = []
    for (kind, name), own in alarms.groupby(["kind", "character"], sort=False):
        tiles = [tile(face, crops, f"score {face.score:.3g}", *where(face)) for face in rows_of(own, ManifestRow)]
        count = int(own["all"].iloc[0])
        strips.append(Strip(f"{params.shown(str(name))}, {count} detection{'s' * (count != 1)}: {kind}", tiles))
    text = (
        "One detection per track, the one with the highest score. Most are false alarms. A real face of the character "
        "here was missed, unless the cascade of another character has it: check then which character is right."
    )
    return Part(heading, text if strips else "All detections were kept.", strips=strips)


def doubtful_part(doubtful: pd.DataFrame, crops: Crops, params: Params) -> Part:
    """What was kept although it scored low, by character."""
    heading = "Doubtful: the weakest tracks that were kept"
    strips = []
    for name, own in doubtful.groupby("character"):
        tiles = [
            tile(face, crops, f"{face.median:.3g}, {face.faces} faces", *where(face))
            for face in rows_of(own, WeakTrack)
        ]
        strips.append(Strip(params.shown(str(name)), tiles))
    text = (
        "The weakest face of each track, with the track's median score and its length. Track score below 1: not kept. "
        "A picture here without a face is a false alarm in your dataset."
    )
    return Part(heading, text if strips else "No faces.", strips=strips)


def distances_part() -> Part:
    """The picture by which people choose `manifest.duplicate_distance`."""
    text = (
        "How much two faces of one character differ, with example pairs for each range. Set "
        "manifest.duplicate_distance to the value from which the two faces of a pair are different drawings."
    )
    return png_file(paths.DUPLICATES_PICTURE, "Distances between faces", text)


def largest_clusters(manifest: pd.DataFrame) -> list[pd.DataFrame]:
    """The faces of the largest clusters of near-duplicates: the representative, then others in order of time."""
    heads = manifest[(manifest["status"] == OK) & (manifest["cluster_size"] > 1)]
    heads = heads.sort_values(["cluster_size", "face_id"], ascending=[False, True]).head(CLUSTERS)
    found = []
    for representative in heads["face_id"]:
        members = manifest[manifest["cluster"] == representative].sort_values(["episode_id", "frame", "face_id"])
        others = spread(members[members["face_id"] != representative], ACROSS - 1)
        found.append(pd.concat([members[members["face_id"] == representative], others]))
    return found


def clusters_part(clusters: list[pd.DataFrame], crops: Crops) -> Part:
    """A row for each cluster."""
    blank = np.full((8, 8, 3), BACKGROUND, np.uint8)
    shown: list[Pixels] = []
    for own in clusters:
        shown += [*pixels_of(own, crops), *[blank] * (ACROSS - len(own))]
    if not shown:
        return Part("Clusters", "No two faces are near-duplicates.")
    text = "The largest clusters, one per row. The first face of a row is used; the others are its near-duplicates."
    return photograph(contact_sheet(shown, ACROSS), "Clusters", text)


def emotion_sheet(dataset: pd.DataFrame, emotion: str, name: str) -> Part:
    """A contact sheet of a spread of an emotion's faces under its name; a sentence where there are none."""
    own = dataset[dataset["emotion"] == emotion]
    heading = f"{name}: {len(own)} faces"
    if own.empty:
        return Part(heading, "No faces.")
    shown = spread(own, SHEET)
    encoded = {face.face_id: face.image["bytes"] for face in rows_of(shown, DatasetRow)}
    return photograph(contact_sheet(pixels_of(shown, encoded), columns=12), heading)


def spread(faces: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows, evenly taken from all of them."""
    if len(faces) <= count:
        return faces
    return faces.iloc[np.linspace(0, len(faces) - 1, count).round().astype(int)]


def pixels_of(faces: pd.DataFrame, crops: Crops) -> list[Pixels]:
    """The crops of the rows, RGB."""
    return [pixels(identity, crops) for identity in faces["face_id"]]


def pixels(identity: str, crops: Crops) -> Pixels:
    """A face's crop, RGB; a gray square where there is none that decodes."""
    image = decode_rgb(crops.get(identity, b""))
    return np.full((8, 8, 3), 128, np.uint8) if image is None else image


def tile(face: ManifestRow, crops: Crops, *lines: str) -> Tile:
    """A face (a row of MANIFEST) with lines under it."""
    hint = f"{face.episode_id}, frame {face.frame}, box {face.x}, {face.y}, {face.w} × {face.h} px"
    if face.reason:
        hint += f": {face.reason}"
    return Tile(jpeg(shrink(pixels(face.face_id, crops), TILE, TILE)), lines, hint)


def where(face: ManifestRow) -> tuple[str, str]:
    """When and in which episode a face is, as lines."""
    return clock(face.time_s), elided(face.episode_id)
