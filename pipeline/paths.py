"""Where the parts of a project stand, relative to its folder: each path once."""

from pathlib import Path
from typing import Final

PARAMS: Final = Path("params.yaml")
FLOW: Final = Path("dvc.yaml")
"""The stages: what each reads and writes."""
MADE: Final = ("data", "models", "reports")
"""The folders of what stages write."""

ANNOTATIONS: Final = Path("annotations")
BOXES: Final = ANNOTATIONS / "boxes.csv"
FRAMES: Final = ANNOTATIONS / "frames.csv"
EMOTIONS: Final = ANNOTATIONS / "emotions.csv"
NAMES: Final = ANNOTATIONS / "names.csv"
"""Found faces that were named on sheets; there may be none yet."""
ROUNDS: Final = ANNOTATIONS / "rounds.csv"
"""What each round of labelling gained; there may be none yet."""
HELD_OUT: Final = ANNOTATIONS / "held_out.csv"
SPLITS: Final = ANNOTATIONS / "splits.csv"
GIVEN_PICTURES: Final = ANNOTATIONS / "pictures"
"""The folder of pictures that are faces already; `faces_from` of params.yaml says what they are."""

VIDEOS: Final = Path("data/episodes")
"""The folder of video files."""
EPISODES: Final = Path("data/episodes.parquet")
SCENES: Final = Path("data/scenes.parquet")
FACES: Final = Path("data/faces")
"""The folder of tables of faces, one per episode."""
MANIFEST: Final = Path("data/manifest.parquet")
LABELS: Final = Path("data/labels.parquet")
PICTURES: Final = Path("data/pictures.parquet")
"""The table of the faces that came as pictures."""
DATASET: Final = Path("data/dataset")
"""The folder of the dataset's tables, one per split."""
TASKS: Final = Path("data/labeling")
EMOTION_TASKS: Final = TASKS / "tasks.json"
CACHE: Final = Path("data/cache")
"""Work kept between runs outside DVC's and git's sight."""
ANNOTATIONS_LOCK: Final = CACHE / "annotations.lock"
"""Held by whoever writes to annotations/."""
ROUND_CASCADES: Final = CACHE / "rounds"
"""The cascades as each of the last rounds left them, a folder for each."""
TEMPORARY: Final = CACHE / "tmp"
"""What stages are writing, until it is whole and takes its place."""

CASCADES: Final = Path("models/cascades")
CLASSIFIER: Final = Path("models/emotion")

RELEASES: Final = Path("release")
"""A folder for each released version."""

LABELING_CONFIGS: Final = Path("labeling/configs")
LABEL_STUDIO: Final = Path(".labelstudio")
"""Our own Label Studio: its database, log and credentials."""

WATCH: Final = Path("watch")
"""A folder for each watched video."""
SEARCH: Final = Path("search")
"""The pages of searches."""

REPORTS: Final = Path("reports")
CASCADE_REPORTS: Final = REPORTS / "cascades"
DUPLICATES_PICTURE: Final = REPORTS / "manifest" / "duplicates.png"
AGREEMENT: Final = REPORTS / "labels"
TRAINING: Final = REPORTS / "train"
RANDOM_SPLIT: Final = REPORTS / "random_split" / "metrics.json"
BENCHMARKS: Final = REPORTS / "benchmark"
"""A file for each network that `toonset benchmark` has run."""
EVALUATION: Final = REPORTS / "evaluate"
METRICS: Final = REPORTS / "metrics.json"
"""The eight numbers that `dvc metrics show` prints."""
INDEX_PAGE: Final = REPORTS / "index.html"
WATCH_REPORTS: Final = REPORTS / "watch"
"""A folder for each episode that the stage `watch` looks through."""
DATASET_PAGE: Final = REPORTS / "dataset.html"
CLASSIFIER_PAGE: Final = REPORTS / "model.html"


def face_table(episode_id: str, folder: Path = FACES) -> Path:
    """The table of an episode's faces."""
    return folder / f"{episode_id}.parquet"


def split_table(split: str, folder: Path = DATASET) -> Path:
    """The dataset's table of a split."""
    return folder / f"{split}.parquet"
