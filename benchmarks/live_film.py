"""The film before a camera of `toonset app`, in Chromium: `python -m benchmarks.live_film PROJECT FOOTAGE [--shots N]`.

PROJECT is the film's of `benchmarks.film` after `dvc repro`, FOOTAGE has the film's annotated faces. The camera plays
the held-out shots in which a character keeps one emotion, one shot after the other. The answer that the page gives a
character most often is held against the truth.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from playwright.sync_api import Page

from benchmarks.live_page import app_running, camera_of, page_at, until
from benchmarks.watching import truth_of_film
from pipeline import paths
from pipeline.rows import EpisodeRow, SceneRow
from pipeline.schemas import EPISODES, SCENES
from pipeline.tables import read_rows, rows_of
from pipeline.video.decode import decode_frames

ANSWERS = 60
"""Answers after which the page is asked what it has seen."""
LEAST = 3
"""Annotated faces that a character must have in a shot, at least: about a second and a half."""


class Shot(NamedTuple):
    """A held-out shot, and the emotion of each character that keeps one in it."""

    scene: SceneRow
    emotions: dict[str, str]


def shots_of(scenes: pd.DataFrame, truth: pd.DataFrame) -> Iterator[Shot]:
    """The shots in which somebody keeps one emotion."""
    for scene in rows_of(scenes, SceneRow):
        here = truth[(truth["episode_id"] == scene.episode_id) & (truth["scene"] == scene.scene)]
        kept = here.groupby("character")["emotion"].agg(["nunique", "first", "size"])
        kept = kept[(kept["nunique"] == 1) & (kept["size"] >= LEAST)]
        if len(kept):
            yield Shot(scene, dict(zip(kept.index.astype(str), kept["first"], strict=True)))


def answers_of(page: Page) -> tuple[dict[str, str], list[float]]:
    """What the page says of each character most often, and its latency, ms, after ANSWERS answers."""
    page.click("#camera")
    until(page, f"live.counts.latency.length > {ANSWERS}")
    said: dict[str, Counter[str]] = {}
    for key, times in page.evaluate("live.seen").items():
        character, emotion = key.rsplit(" ", 1)
        said.setdefault(character, Counter())[emotion] += times
    most = {character: own.most_common(1)[0][0] for character, own in said.items()}
    return most, page.evaluate("live.counts.latency")


def main() -> None:
    """A line for each character in each shot, and the sums."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--shots", type=int, help="only so many")
    options = parser.parse_args()
    project: Path = options.project.resolve()
    scenes = read_rows(project / paths.SCENES, SCENES)
    episodes = {row.episode_id: row for row in rows_of(read_rows(project / paths.EPISODES, EPISODES), EpisodeRow)}
    shots = list(shots_of(scenes, truth_of_film(options.footage, scenes)))[: options.shots]
    counts: Counter[str] = Counter()
    latency: list[float] = []
    with tempfile.TemporaryDirectory() as folder, app_running(project) as url:
        for shot in shots:
            video = project / paths.VIDEOS / episodes[shot.scene.episode_id].path
            frames = decode_frames(video, start=shot.scene.start_frame, stop=shot.scene.stop_frame)
            pictures = (np.ascontiguousarray(frame.rgb()) for frame in frames)
            with page_at(url, *camera_of(Path(folder) / "camera.mjpeg", pictures)) as page:
                said, waited = answers_of(page)
            latency += waited
            for character, emotion in shot.emotions.items():
                answer = said.get(character, "")
                counts["right" if answer == emotion else "wrong" if answer else "not found"] += 1
                print(f"scene {shot.scene.scene} {character}: {emotion}, said {answer or 'nothing'}", flush=True)
    print(f"{len(shots)} shots, {sum(counts.values())} characters: {dict(counts)}")
    print(f"median latency {np.median(latency):.0f} ms")


if __name__ == "__main__":
    main()
