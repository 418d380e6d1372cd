"""`toonset import FORMAT PATH`: boxes that people drew in another tool, appended to annotations/.

Which frame a box is of is said by the format, as the number of a video's frame or as a time, which the episode's own
frame rate makes a frame; or by the name of its picture: EPISODE-FRAME. An example is printed, and every box that cannot
be used is counted with its reason.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import pandas as pd

from cascades.words import noun
from pipeline import paths
from pipeline.console import say_counts, say_reasons
from pipeline.errors import InputError, nearest
from pipeline.exchange.box_readers import READERS
from pipeline.exchange.boxed import Box, BoxedPicture, identity, moment_of
from pipeline.labels.annotations import BOX_COLUMNS, EMOTION_COLUMNS, FRAME_COLUMNS
from pipeline.labels.people_files import append, open_to_append
from pipeline.params import Params, load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, OK
from pipeline.tables import read_rows, rows_of, write_text

Row = dict[str, str]
BOX_FILE: Final = [*BOX_COLUMNS, "annotator"]
FRAME_FILE: Final = [*FRAME_COLUMNS, "annotator"]
EMOTION_FILE: Final = [*EMOTION_COLUMNS, "annotator"]
NAMES_SAID: Final = 20
"""Names of boxes that are printed; other data sets have more than a thousand."""
ROUNDED: Final = 0.02
"""Frames by which times that were rounded to ms fall short."""
ASPECT: Final = 0.01
"""By how much the shapes of a picture and its episode may differ."""


@dataclass(frozen=True)
class Choices:
    """What the person says that the file does not."""

    episode: str | None = None
    """The episode of all pictures and frames."""
    first_frame: int = 0
    """The number that the tool gave to the first frame: 1 where it counts from 1."""
    maps: Mapping[str, str | None] | None = None
    unused: Path | None = None
    """The table to write of everything that is not used."""


def import_boxes(form: str, path: Path, choices: Choices) -> None:
    """Append the boxes, the frames without a face, and the emotions that the file says; what is there stays."""
    if not path.exists():
        raise InputError(f"there is no {path}")
    params = load_params()
    episodes = {row.episode_id: row for row in rows_of(read_rows(paths.EPISODES, EPISODES), EpisodeRow)}
    if choices.episode is not None and choices.episode not in episodes:
        raise InputError(f"there is no episode {choices.episode!r}.{nearest(choices.episode, episodes)}")
    boxes: list[Row] = []
    frames: list[Row] = []
    emotions: list[Row] = []
    unused: list[tuple[str, str]] = []
    names: Counter[str] = Counter()
    example, strange = "", False
    for picture in READERS[form](path):
        unused += [(picture.file, fault) for fault in picture.faults]
        if picture.faults and not picture.boxes:
            continue
        place, fault = place_of_picture(picture, episodes, choices)
        if fault:
            unused += [(picture.file, fault)] * max(1, len(picture.boxes))
            strange |= picture.frame is None and picture.time_s is None and identity(picture.file)[0] not in episodes
            continue
        assert place is not None
        episode, frame = place
        example = example or f"{picture.file}{moment_of(picture)} is frame {frame} of {episode.episode_id}"
        where = {"episode_id": episode.episode_id, "frame": str(frame)}
        doubtful = bool(picture.faults)
        for box in picture.boxes:
            names[box.name] += 1
            found = _in_frame(box, picture, episode, params, choices.maps or {})
            if isinstance(found, str):
                unused.append((picture.file, found))
                doubtful |= (choices.maps or {}).get(box.name, box.name) in params.characters
                continue
            boxes.append({**where, **found, "annotator": box.annotator})
            if box.emotion:
                emotions.append({**where, **found, "emotion": box.emotion, "annotator": box.annotator})
        if doubtful or not picture.boxes:
            # What surrounds the boxes of a complete frame is taken for background: here a face may be without a box.
            frames.append({**where, "complete": str(int(not doubtful)), "annotator": ""})
    print(f"import {form}: {example or 'no picture is a frame of an episode'}")
    for name, count in sorted(names.most_common(NAMES_SAID)):
        became = (choices.maps or {}).get(name, name) or "left out"
        print(f"import {form}: {count} {noun(count, 'boxes')} of {name[:80]!r}: {became[:80]}")
    if len(names) > NAMES_SAID:
        print(f"import {form}: {len(names) - NAMES_SAID:,} other names")
    say_reasons(f"import {form}", "boxes not used", [reason for _, reason in unused])
    write_unused(unused, choices)
    if strange:
        print(
            f"import {form}: pictures of no episode can be learned from, too: copy them and their boxes to "
            f"{paths.GIVEN_PICTURES}/, and list them in `faces_from` of params.yaml (docs/exchange.md)"
        )
    added = {
        "boxes": append_new(paths.BOXES, BOX_COLUMNS, BOX_FILE, boxes),
        "frames without a face, or not complete": append_new(paths.FRAMES, FRAME_COLUMNS, FRAME_FILE, frames),
        "emotions": append_new(paths.EMOTIONS, EMOTION_COLUMNS, EMOTION_FILE, emotions),
    }
    there = len(boxes) + len(frames) + len(emotions) - sum(added.values())
    say_counts(f"import {form}", {**{f"new {name}": n for name, n in added.items()}, "there already": there,
                                  "not used": len(unused)})  # fmt: skip


def place_of_picture(
    picture: BoxedPicture, episodes: Mapping[str, EpisodeRow], choices: Choices
) -> tuple[tuple[EpisodeRow, int] | None, str]:
    """The episode and the frame of a picture, or why there is none."""
    head, frame = identity(picture.file)
    if picture.frame is not None:
        head, frame = Path(picture.file).stem, picture.frame
    if picture.time_s is not None:
        head = Path(picture.file).stem
    head = choices.episode or head
    if frame < 0 and picture.time_s is None:
        return None, f"{picture.file!r} has no number of a frame at the end of its name, such as pilot-000412.jpg"
    episode = episodes.get(head)
    if episode is None:
        return None, f"{head!r} is no episode; name it with --episode, or rename the pictures.{nearest(head, episodes)}"
    if episode.status != OK:
        return None, f"episode {head} is rejected: {episode.reason}"
    if picture.time_s is not None:
        if episode.variable_rate:
            return None, f"{head} has no even frame rate, so times do not say the frame; expected frame numbers"
        frame = math.floor(picture.time_s * episode.rate_num / episode.rate_den + ROUNDED)
    else:
        frame -= choices.first_frame
    if not 0 <= frame < episode.frames:
        return None, f"frame {frame} of {head}, which has frames 0 to {episode.frames - 1}"
    return (episode, frame), ""


def _in_frame(
    box: Box, picture: BoxedPicture, episode: EpisodeRow, params: Params, maps: Mapping[str, str | None]
) -> Row | str:
    """Whose face a box is and where, in px of the episode as it is shown; or why it cannot be used."""
    name = maps.get(box.name, box.name)
    if name is None:
        return f"{box.name!r} is left out by --map"
    if name not in params.characters:
        return _unknown(name[:80], params.characters)
    across = down = 1.0
    if picture.shares:
        across, down = float(episode.width), float(episode.height)
    elif picture.width and picture.height and (picture.width, picture.height) != (episode.width, episode.height):
        across, down = episode.width / picture.width, episode.height / picture.height
        if abs(across / down - 1) > ASPECT:
            return (
                f"the picture has {picture.width}×{picture.height} px, which is another shape than the episode's "
                f"{episode.width}×{episode.height}"
            )
    left, top = round(box.x * across), round(box.y * down)
    right, bottom = round((box.x + box.w) * across), round((box.y + box.h) * down)
    if right <= left or bottom <= top:
        return f"a box of {box.w:g}×{box.h:g} px"
    if right <= 0 or bottom <= 0 or left >= episode.width or top >= episode.height:
        return "a box outside the picture"
    return {"character": name, "x": str(left), "y": str(top), "w": str(right - left), "h": str(bottom - top)}


@lru_cache(maxsize=4096)  # the search for the nearest name takes long, and many boxes have the same one
def _unknown(name: str, characters: tuple[str, ...]) -> str:
    return (
        f"{name!r} is not among the characters in params.yaml ({', '.join(characters)}): say whose it is with --map "
        f"{name}=NAME.{nearest(name, characters)}"
    )


def write_unused(unused: Iterable[tuple[str, str]], choices: Choices) -> None:
    """The table of what is not used, if it is wanted. unused: what, and why."""
    if choices.unused is not None:
        table = pd.DataFrame(unused, columns=["file", "reason"])
        write_text(choices.unused, table.to_csv(index=False, lineterminator="\n"))


def append_new(path: Path, required: list[str], columns: list[str], rows: Iterable[Row]) -> int:
    """Append the rows that the file does not say yet; how many."""
    file = open_to_append(path, required, columns)
    known = {tuple(row.get(name, "") for name in required) for row in file.table.records()}
    new = []
    for row in rows:
        key = tuple(row[name] for name in required)
        if key not in known:
            known.add(key)
            new.append(row)
    append(file, columns, new)
    return len(new)
