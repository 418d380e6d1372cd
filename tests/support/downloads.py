"""The download stage run on entries of params.yaml, and what it left."""

import hashlib
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.schemas import EPISODES
from pipeline.stages.download import download
from pipeline.tables import to_table
from tests.support.worlds import params

Row = dict[str, Any]


def run(*episodes: Row, retries: int = 0) -> dict[str, Row]:
    """Run the stage's function on these entries; its rows by id, having been held to the schema."""
    chosen = params(*episodes, download={"retries": retries, "timeout_s": 5})
    rows = download(chosen, paths.VIDEOS, cache_folder("incoming"), cache_folder("scenes"))
    assert [row["episode_id"] for row in rows] == sorted(row["episode_id"] for row in rows)
    to_table(rows, EPISODES)
    return {row["episode_id"]: row for row in rows}


def put(path: str, content: bytes) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kept() -> dict[str, bytes]:
    """Everything in data/episodes."""
    return {path.name: path.read_bytes() for path in sorted(paths.VIDEOS.iterdir())}


def inodes() -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in paths.VIDEOS.iterdir()}


def write_params(*sources: str) -> None:
    episodes = "\n".join(f"- {{id: e{index}, source: '{source}'}}" for index, source in enumerate(sources))
    Path("params.yaml").write_text(
        f"toonset: '0.1'\nepisodes:\n{episodes or '  []'}\ncharacters: [cat]\nemotions: [sad, happy]\n"
        "download: {retries: 0}\ncompute: {workers: 1}\n",
        encoding="utf-8",
    )
