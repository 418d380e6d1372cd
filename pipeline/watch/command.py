"""`toonset watch`: from video files to `watch/NAME/`."""

from collections.abc import Sequence
from pathlib import Path

from pipeline import paths
from pipeline.classifier.model import load_model
from pipeline.console import say_counts
from pipeline.errors import InputError
from pipeline.params import Params, load_params
from pipeline.watch.look import Viewer
from pipeline.watch.record import Watched, watch_video
from pipeline.watch.video import Video, open_videos

UNSURE_BELOW = 0.5
"""Probability of an answer below which it is more likely wrong than right."""


def watch(files: list[Path], all_episodes: bool, model: Path, out: Path, making: Sequence[str], overlay: bool) -> None:
    """Watch videos and write a folder for each into `out`; making: the formats to export, besides the tables."""
    params = load_params()
    viewer = open_viewer(params, model)
    for video in open_videos(files, all_episodes, params):
        report(watch_one(video, viewer, out / video.name, params))


def open_viewer(params: Params, model: Path) -> Viewer:
    """The project's cascades and a classifier. Raises InputError where there is no cascade at all."""
    characters = tuple(name for name in params.characters if (paths.CASCADES / f"{name}.xml").exists())
    missing = [name for name in params.characters if name not in characters]
    if not characters:
        raise InputError(f"no cascade in {paths.CASCADES}: `dvc repro` trains one for each character")
    if missing:
        print(f"watch: no cascade of {', '.join(missing)} yet: they are not looked for")
    return Viewer(characters, load_model(model), params.faces, UNSURE_BELOW)


def watch_one(video: Video, viewer: Viewer, folder: Path, params: Params) -> Watched:
    """Everything that is made of one video."""
    return watch_video(video, viewer, folder, params.compute)


def report(watched: Watched) -> None:
    """The last line for one video."""
    segments = watched.segments()
    sure = segments[~segments["unsure"]]
    seconds = (sure["end_s"] - sure["start_s"]).groupby([sure["character"], sure["emotion"]]).sum()
    for character in watched.characters:
        if character in seconds.index:
            own = seconds[character].sort_values(ascending=False)
            shares = ", ".join(f"{emotion} {spent:.0f} s" for emotion, spent in own.items())
            print(f"watch {watched.video.name}: {character}: {shares}")
    say_counts(f"watch {watched.video.name}", {"segments": len(segments), "unsure": len(segments) - len(sure)})
    print(f"watch {watched.video.name}: {watched.folder}/")
