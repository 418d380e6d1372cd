"""The one explicit schema of every Parquet table; each column carries its meaning and unit as metadata.

Boxes are `x, y, w, h` in integer pixels of the source frame as it is shown: upright, pixels made square. A frame is
identified by (`episode_id`, `pts`); `frame` (0-based, in decode order) and `time_s` are for people. Rows that are not
used stay, with `status` and `reason`.
"""

from typing import Any, Final, Literal, get_args

import pyarrow as pa

OK: Final = "ok"
REJECTED: Final = "rejected"

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
"""The splits that a scene, with all its faces, can belong to."""

IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""An encoded picture, in the layout that Hugging Face `datasets` reads as an `Image` feature."""
IMAGE_FEATURE: Final = {"image": {"_type": "Image"}}
"""What tells `datasets` that the column `image` is one; without it the column is a dictionary there."""


def column(name: str, kind: pa.DataType, doc: str) -> "pa.Field[Any]":
    """A column with its documentation in the field's metadata."""
    return pa.field(name, kind, metadata={"doc": doc})


STATUS = (
    column("status", pa.string(), "ok: in use; rejected: not used, `reason` says why"),
    column("reason", pa.string(), "empty where status is ok"),
)
FRAME = (
    column("episode_id", pa.string(), "the episode's id in params.yaml"),
    column("frame", pa.int32(), "0-based index of the frame in decode order"),
    column("pts", pa.int64(), "presentation time of the frame in units of the episode's time base"),
    column("time_s", pa.float64(), "pts as seconds, for people"),
)
BOX = (
    column("x", pa.int32(), "left edge of the face, px of the source frame"),
    column("y", pa.int32(), "top edge of the face, px of the source frame"),
    column("w", pa.int32(), "width of the face, px of the source frame"),
    column("h", pa.int32(), "height of the face, px of the source frame"),
)
BOX_NAMES: Final = [field.name for field in BOX]

EPISODES = pa.schema(
    [
        column("episode_id", pa.string(), "the episode's id in params.yaml"),
        *STATUS,
        column("source", pa.string(), "where it came from, as written in params.yaml"),
        column("path", pa.string(), "the video file, relative to data/episodes"),
        column("sha256", pa.string(), "sha256 of the video file: the episode's identity"),
        column("bytes", pa.int64(), "size of the video file"),
        column("codec", pa.string(), "video codec, FFmpeg's name"),
        column("width", pa.int32(), "px as shown: upright, pixels square"),
        column("height", pa.int32(), "px as shown"),
        column("frames", pa.int32(), "frames that decode"),
        column("rate_num", pa.int32(), "frame rate, numerator (frames)"),
        column("rate_den", pa.int32(), "frame rate, denominator (s)"),
        column("variable_rate", pa.bool_(), "whether frames are not evenly spaced in time"),
        column("time_base_num", pa.int32(), "unit of pts, numerator (s)"),
        column("time_base_den", pa.int32(), "unit of pts, denominator"),
        column("duration_s", pa.float64(), "from the first frame shown to the end of the last, s"),
        column(
            "seekable", pa.bool_(), "whether frames may be sought: tried when the file came; else read from its start"
        ),
        column("note", pa.string(), "what is odd about the video and does no harm, in words; empty for most"),
        column("license", pa.string(), "as written in params.yaml"),
        column("attribution", pa.string(), "as written in params.yaml"),
    ]
)

SCENES = pa.schema(
    [
        column("episode_id", pa.string(), "the episode's id in params.yaml"),
        column("scene", pa.int32(), "0-based index of the scene in its episode"),
        column("start_frame", pa.int32(), "first frame of the scene"),
        column("stop_frame", pa.int32(), "first frame after the scene"),
        column("start_pts", pa.int64(), "pts of the first frame"),
        column("start_s", pa.float64(), "time of the first frame, s"),
        column("frames", pa.int32(), "length in frames"),
        column("transition", pa.string(), "how the scene begins: start, cut, fade or dissolve"),
        column("split", pa.string(), "train, validation or test: all faces of the scene are there"),
        *STATUS,
    ]
)

CHANGES = pa.schema(
    [
        column("pts", pa.int64(), "presentation time of the frame in units of the episode's time base"),
        column("content", pa.float64(), "difference from the frame before, 0 to 255 (`video.changes`)"),
        column("level", pa.float64(), "mean of the frame's red, green and blue, 0 to 255"),
        column("dissolve", pa.int8(), "frames since the middle of a dissolve that is now known; 0: none"),
    ]
)

FACE = (
    column("face_id", pa.string(), "hash of episode sha256, pts, character and box"),
    *FRAME,
    column("scene", pa.int32(), "0-based index of the scene in its episode"),
    column("track", pa.int32(), "0-based index of the track in its episode: one face followed through a scene"),
    column("character", pa.string(), "the character whose cascade found the face"),
    *BOX,
    column("score", pa.float32(), "score of the detection: sum of margins over the merged windows"),
    column("track_score", pa.float32(), "strength of the detection and its track together; below 1: not kept"),
    column("sharpness", pa.float32(), "variance of the Laplacian of the gray face at 64×64 px"),
    column("brightness", pa.float32(), "mean gray level of the face, 0 to 255"),
    *STATUS,
)

FACES = pa.schema([*FACE, column("crop", IMAGE, "the face with context margin, encoded; null where rejected")])

MANIFEST = pa.schema(
    [
        *FACE,
        column(
            "cluster",
            pa.string(),
            "face_id of the near-duplicate that is used instead of it; its own if it is used itself",
        ),
        column("cluster_size", pa.int32(), "number of faces in the cluster, itself included"),
        column("episodes", pa.int32(), "number of episodes that show it or a near-duplicate of it"),
        column("repeated", pa.bool_(), "whether another episode also shows at least half of its track"),
        column("split", pa.string(), "train, validation or test, as its scene"),
        column("selected", pa.bool_(), "whether it is offered for labelling"),
    ]
)

CONFIDENCE = (
    "majority: the label's share of the votes; dawid-skene: its probability, given each annotator's reliability"
)
MARGIN = "context around the face in `image`, on each side, as a share of the longer side of its box; 0: all face"
GIVEN_BY = "how the votes were given: task (one face at a time), sheet, review, or several of them; empty: not said"

LABELS = pa.schema(
    [
        column("face_id", pa.string(), "the labelled face; null where no face matches the annotation"),
        column("episode_id", pa.string(), "the episode's id in params.yaml"),
        column("frame", pa.int32(), "frame of the annotation (of the first, where several were merged)"),
        *BOX,
        column("emotion", pa.string(), "the consensus of the votes; null if there is none or it is no emotion"),
        column("votes", pa.string(), "JSON object: votes per answer"),
        column("remarks", pa.string(), "JSON object: answers from sheets that are no vote, such as wrong-emotion"),
        column("annotators", pa.int32(), "number of annotators who voted"),
        column("agreement", pa.float32(), "share of the votes for the consensus; null if there is no vote"),
        column("confidence", pa.float32(), CONFIDENCE + "; null where there is no vote or no face"),
        column("consensus", pa.string(), "how votes became one label: majority or dawid-skene"),
        column("label_source", pa.string(), "direct: this face was labelled; cluster: only near-duplicates of it were"),
        column("given_by", pa.string(), GIVEN_BY),
        *STATUS,
    ]
)

PICTURES = pa.schema(
    [
        column("source", pa.string(), "the entry of `faces_from` in params.yaml"),
        column("name", pa.string(), "the file in the source's folder, or the row of its table"),
        *STATUS,
        column("label", pa.string(), "the emotion as the source says it"),
        column("emotion", pa.string(), "the emotion of params.yaml that it is; null where it is none"),
        column("character", pa.string(), "whose face it is; the source's `character` where it does not say"),
        column("given_split", pa.string(), "the split that the source gives; empty: none"),
        column("group", pa.string(), "what the source says belongs together; empty: nothing"),
        column("face_id", pa.string(), "hash of the picture's sha256, the character and the box"),
        column("sha256", pa.string(), "sha256 of the picture as it came"),
        column("margin", pa.float64(), MARGIN),
        *BOX,
        column("sharpness", pa.float32(), "variance of the Laplacian of the gray face at 64×64 px"),
        column("cluster", pa.string(), "face_id of the near-duplicate that is used instead; its own if it is used"),
        column("cluster_size", pa.int32(), "number of pictures in the cluster, itself included"),
        column("scene", pa.int32(), "0-based index in its source of the group that is in one split as a whole"),
        column("split", pa.string(), "train, validation or test; null where rejected"),
        column("license", pa.string(), "licence of the source"),
        column("attribution", pa.string(), "whom to credit for the source"),
        column("image", IMAGE, "the picture, encoded; null where rejected"),
    ]
)

DATASET = pa.schema(
    [
        column("face_id", pa.string(), "hash of episode sha256, pts, character and box"),
        column("image", IMAGE, "the face with context margin, encoded"),
        column("margin", pa.float64(), MARGIN),
        column("emotion", pa.string(), "the label"),
        column("character", pa.string(), "whose face it is"),
        *FRAME,
        column("scene", pa.int32(), "0-based index of the scene in its episode"),
        column("track", pa.int32(), "0-based index of the track in its episode"),
        *BOX,
        column("score", pa.float32(), "score of the detection"),
        column("sharpness", pa.float32(), "variance of the Laplacian of the gray face at 64×64 px"),
        column("cluster_size", pa.int32(), "number of its near-duplicates, itself included"),
        column("votes", pa.string(), "JSON object: votes per answer"),
        column("annotators", pa.int32(), "number of annotators who voted"),
        column("agreement", pa.float32(), "share of the votes for the label"),
        column("confidence", pa.float32(), CONFIDENCE),
        column("consensus", pa.string(), "how votes became one label: majority or dawid-skene"),
        column("label_source", pa.string(), "direct: this face was labelled; cluster: only near-duplicates of it were"),
        column("given_by", pa.string(), GIVEN_BY),
        column("split", pa.string(), "train, validation or test"),
        column("episode_sha256", pa.string(), "sha256 of the episode's video file"),
        column("license", pa.string(), "licence of the episode"),
        column("attribution", pa.string(), "whom to credit for the episode"),
    ]
)
