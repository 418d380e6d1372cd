"""The type of a row of each table: which columns it has and what stands in them.

`tables.rows_of(table, EpisodeRow)` yields pandas' named tuples. The classes here say to readers and to the type checker
what these hold; no object of them is ever made. A test holds them to the schemas. Where a row is rejected, columns that
nothing is known of are null, whatever the type says.
"""

from typing import Any, TypedDict


class Image(TypedDict):
    """An encoded picture, as a Parquet table holds it."""

    bytes: bytes
    path: str


class Row:
    """What every row can do."""

    def _asdict(self) -> dict[str, Any]:
        """The row by column."""
        raise AssertionError("rows are made by pandas")


class BoxRow(Row):
    """A box, px of the source frame."""

    x: int
    y: int
    w: int
    h: int


class EpisodeRow(Row):
    """A row of EPISODES."""

    episode_id: str
    status: str
    reason: str
    source: str
    path: str
    sha256: str
    bytes: int
    codec: str
    width: int
    height: int
    frames: int
    rate_num: int
    rate_den: int
    variable_rate: bool
    time_base_num: int
    time_base_den: int
    duration_s: float
    seekable: bool
    note: str
    license: str
    attribution: str


class SceneRow(Row):
    """A row of SCENES."""

    episode_id: str
    scene: int
    start_frame: int
    stop_frame: int
    start_pts: int
    start_s: float
    frames: int
    transition: str
    split: str
    status: str
    reason: str


class FrameRow(Row):
    """A frame of an episode."""

    episode_id: str
    frame: int
    pts: int
    time_s: float


class TrackedFace(FrameRow, BoxRow):
    """A face as the faces stage finds it, without its crop."""

    face_id: str
    scene: int
    track: int
    character: str
    score: float
    track_score: float
    sharpness: float
    brightness: float
    status: str
    reason: str


class FaceRow(TrackedFace):
    """A row of FACES."""

    crop: Image


class ManifestRow(TrackedFace):
    """A row of MANIFEST."""

    cluster: str
    cluster_size: int
    episodes: int
    repeated: bool
    split: str
    selected: bool


class LabelRow(BoxRow):
    """A row of LABELS."""

    face_id: str
    episode_id: str
    frame: int
    emotion: str
    votes: str
    remarks: str
    annotators: int
    agreement: float
    confidence: float
    consensus: str
    label_source: str
    given_by: str
    status: str
    reason: str


class PictureRow(BoxRow):
    """A row of PICTURES."""

    source: str
    name: str
    status: str
    reason: str
    label: str
    emotion: str
    character: str
    given_split: str
    group: str
    face_id: str
    sha256: str
    margin: float
    sharpness: float
    cluster: str
    cluster_size: int
    scene: int
    split: str
    license: str
    attribution: str
    image: Image


class DatasetRow(FrameRow, BoxRow):
    """A row of DATASET."""

    face_id: str
    image: Image
    margin: float
    emotion: str
    character: str
    scene: int
    track: int
    score: float
    sharpness: float
    cluster_size: int
    votes: str
    annotators: int
    agreement: float
    confidence: float
    consensus: str
    label_source: str
    given_by: str
    split: str
    episode_sha256: str
    license: str
    attribution: str


class AnnotationRow(BoxRow):
    """A row of boxes.csv, frames.csv or emotions.csv as read: the columns of that file, and the `line` it stands on."""

    episode_id: str
    frame: int
    character: str
    emotion: str
    complete: int
    annotator: str
    annotated_at: str
    given_by: str
    suggested: str
    guess: str
    line: int
    status: str
    reason: str
