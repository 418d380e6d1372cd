"""`toonset watch`: from video files to `watch/NAME/`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cascades.words import counted
from pipeline.classifier.model import load_model
from pipeline.console import say_counts
from pipeline.errors import InputError
from pipeline.faces.cascade_files import found_cascades
from pipeline.palette import character_colors
from pipeline.params import Params, load_params
from pipeline.tables import write_text
from pipeline.watch.exports import export
from pipeline.watch.formats import Format, Shown
from pipeline.watch.look import Viewer
from pipeline.watch.once import looked_through
from pipeline.watch.overlay import Style, write_overlay
from pipeline.watch.page import emotion_colors, write_page
from pipeline.watch.places import Places
from pipeline.watch.record import Watched, claim, watch_video
from pipeline.watch.subtitles import read_subtitles, to_metadata, to_text, with_emotions
from pipeline.watch.video import Video, open_videos

OVERLAY = "overlay.mp4"
HOLD_S = 0.125
"""How long a face is shown after the last frame in which it was looked at, s."""


def watch(
    files: list[Path],
    all_episodes: bool,
    model: Path,
    out: Path,
    *,
    overlay: bool = True,
    making: Sequence[Format] = (),
    subtitles: Path | None = None,
    shown: Shown = Shown.WORD,
) -> None:
    """Watch videos and write a folder for each into `out`.

    making: formats to export, besides the tables. subtitles: of the one video, to add emotions to.
    """
    params = load_params()
    viewer = open_viewer(params, model)
    videos = open_videos(files, all_episodes)
    if subtitles is not None:
        read_subtitles(subtitles)  # before any work
        if len(videos) != 1:
            raise InputError(f"--subtitles are of one video; {len(videos)} are to be watched: name one")
    for given in videos:
        video = looked_through(given, viewer, params)
        watched = make_all(video, viewer, out / video.name, params, overlay=overlay, making=making)
        if subtitles is not None:
            add_subtitles(watched, subtitles, shown, params.names)


def make_all(
    video: Video, viewer: Viewer, folder: Path, params: Params, *, overlay: bool, making: Sequence[Format] = ()
) -> Watched:
    """Everything that is made of one video, in its folder."""
    claim(folder, video)
    watched = watch_video(video, viewer, folder, params.compute)
    if overlay:
        add_overlay(watched, params.names)
    for form in dict.fromkeys(making):
        for path in export(watched, form, params.names):
            print(f"watch {video.name}: {path}")
    write_page(watched, OVERLAY if overlay else watched.link, params.names)
    report(watched)
    return watched


def open_viewer(params: Params, model: Path) -> Viewer:
    """The project's cascades and a classifier. Raises InputError where there is no cascade at all."""
    characters = tuple(one.character for one in found_cascades(params.characters, "watch"))
    classifier = load_model(model)
    return Viewer(
        characters, classifier, classifier.about.crops.in_place_of(params.faces), classifier.about.unsure_below
    )


def add_overlay(watched: Watched, names: Mapping[str, str]) -> None:
    """Write `overlay.mp4`."""
    video = watched.video
    stops = video.scenes["stop_frame"].tolist()
    places = Places(watched.parts(Places.COLUMNS), hold=max(1, round(HOLD_S * video.rate)), stops=stops)
    style = Style(video.episode["height"], colors_of(watched), names)
    write_overlay(watched.folder / OVERLAY, video, places, style)


def add_subtitles(watched: Watched, path: Path, shown: Shown, names: Mapping[str, str]) -> None:
    """The subtitles with emotions, as WebVTT and SubRip, and a metadata track; how many lines got one."""
    cues = with_emotions(read_subtitles(path), watched, names)
    write_text(watched.folder / "subtitles.vtt", to_text(cues, "vtt", shown, emotion_colors(watched.emotions)))
    write_text(watched.folder / "subtitles.srt", to_text(cues, "srt", shown))
    write_text(watched.folder / "emotions-metadata.vtt", to_metadata(cues))
    end = round(1000 * float(watched.video.episode["duration_s"]))
    count = {
        "got an emotion": sum(cue.emotion != "" for cue in cues),
        "without a known speaker": sum(cue.character == "" and cue.start < end for cue in cues),
        "unsure": sum(cue.character != "" and cue.emotion == "" and cue.start < end for cue in cues),
        "after the end of the video": sum(cue.emotion == "" and cue.start >= end for cue in cues),
    }
    say_counts(f"watch {watched.video.name}: of {counted(len(cues), 'subtitles')}", count)


def colors_of(watched: Watched) -> dict[str, tuple[int, int, int]]:
    """A color for each character, red, green and blue, the same on every page of the project."""
    return {name: _rgb(color) for name, color in character_colors(watched.characters).items()}


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


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
    absent = [character for character in watched.characters if character not in set(segments["character"])]
    if absent:
        print(f"watch {watched.video.name}: not seen: {', '.join(absent)}")
    say_counts(f"watch {watched.video.name}", {"segments": len(segments), "unsure": len(segments) - len(sure)})
    print(f"watch {watched.video.name}: {watched.folder}/index.html")
