"""Emotions as subtitles: captions of their own, or added to the subtitles of a video.

A cue says who is on screen, not who speaks. A spoken line is given to a character only where its text begins with the
character's name and a colon, or where one character alone is on screen for most of it. Where the answer is unsure, or
two emotions fill a cue alike, nothing is added.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
import pysubs2

from pipeline.errors import InputError
from pipeline.tables import rows_of
from pipeline.watch.emoji import face_of
from pipeline.watch.formats import Shown
from pipeline.watch.record import Watched
from pipeline.watch.tables import SegmentRow

MOST: Final = 0.6
"""Share of a cue for which a character, or an emotion, must be on screen to count for it."""
SPEAKER: Final = re.compile(r"^\W{0,2}([^\W\d_][\w .'-]{0,40}?)\s*(?:\([^)]*\)|\[[^\]]*\])?\s*:\s*")
"""`Hero: …`, also `HERO (off): …`."""
DIALOG: Final = re.compile(r"^\s*[-–—]", re.MULTILINE)
"""A line that begins with a dash: each is said by somebody else."""
ADVERBS: Final = {
    "angry": "angrily", "happy": "happily", "sad": "sadly", "surprised": "surprised", "afraid": "fearfully",
    "disgusted": "disgusted", "neutral": "",
}  # fmt: skip


@dataclass(frozen=True)
class Cue:
    """A subtitle, times in ms; who is taken to speak, and the emotion, where both are known."""

    start: int
    end: int
    text: str
    character: str = ""
    emotion: str = ""


def captions_of(watched: Watched, names: Mapping[str, str]) -> list[Cue]:
    """A cue for each segment of which the answer is sure: "Hero: 😊 happy"."""
    cues = []
    for row in rows_of(watched.segments(), SegmentRow):
        if not row.unsure:
            start, end = (max(0, round(1000 * (time - watched.video.start_s))) for time in (row.start_s, row.end_s))
            text = f"{face_of(row.emotion).text} {names.get(row.emotion, row.emotion)}"
            cues.append(Cue(start, end, text, names.get(row.character, row.character), row.emotion))
    return cues


def read_subtitles(path: Path) -> list[Cue]:
    """The cues of an SRT, WebVTT or other subtitle file. Raises InputError where it is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not in UTF-8 (byte {error.start}): save the subtitles as UTF-8") from error
    try:
        found = pysubs2.SSAFile.from_string(text)
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise InputError(f"{path} holds no subtitles that can be read: {error}; expected SRT or WebVTT") from error
    return [Cue(event.start, event.end, event.plaintext) for event in found if event.end > event.start]


def with_emotions(cues: Sequence[Cue], watched: Watched, names: Mapping[str, str]) -> list[Cue]:
    """The cues with who speaks and what that character feels, where both can be told."""
    segments = watched.segments()
    start_s = watched.video.start_s
    spans = segments.assign(
        start_ms=(1000 * (segments["start_s"] - start_s)).round(), end_ms=(1000 * (segments["end_s"] - start_s)).round()
    )
    known = {shown.casefold(): name for name in watched.characters for shown in (name, names.get(name, name))}
    return [_with_emotion(cue, spans, known) for cue in cues]


def _with_emotion(cue: Cue, spans: pd.DataFrame, known: Mapping[str, str]) -> Cue:
    shared = (spans["end_ms"].clip(upper=cue.end) - spans["start_ms"].clip(lower=cue.start)).clip(lower=0)
    here = spans.assign(shared=shared)[shared > 0]
    length = cue.end - cue.start
    named = SPEAKER.match(cue.text)
    if len(DIALOG.findall(cue.text)) > 1:
        character = ""
    elif named is not None:
        character = known.get(named[1].strip().casefold(), "")
    else:
        on_screen = here.groupby("character")["shared"].sum()
        character = str(on_screen.index[0]) if len(on_screen) == 1 and on_screen.iloc[0] >= MOST * length else ""
    own = here[here["character"] == character]
    sure = own[~own["unsure"]].groupby("emotion")["shared"].sum()
    emotion = str(sure.idxmax()) if len(sure) and sure.max() >= MOST * own["shared"].sum() else ""
    return replace(cue, character=character, emotion=emotion if character else "")


def to_text(
    cues: Sequence[Cue],
    form: Literal["vtt", "srt"],
    shown: Shown | None = None,
    colors: Mapping[str, str] | None = None,
) -> str:
    """The cues as a WebVTT or SubRip file. shown: how an emotion is added; None: the text holds it already.

    colors: of the emotions, `#rrggbb`, for Shown.COLOR; SubRip has none and shows words instead.
    """
    parts = ["WEBVTT\n"] if form == "vtt" else []
    if form == "vtt" and shown is Shown.COLOR:
        found = sorted({cue.emotion for cue in cues if cue.emotion})
        rules = "\n".join(
            f"::cue(.{name}) {{ color: {(colors or {}).get(name, face_of(name).skin)} }}" for name in found
        )
        parts.append(f"STYLE\n{rules}\n")
    for number, cue in enumerate(cues, start=1):
        text = _vtt_line(cue, shown) if form == "vtt" else _srt_line(cue, shown)
        # A blank line ends a cue, in both formats.
        text = "\n".join(line for line in text.splitlines() if line.strip())
        parts.append(f"{number}\n{_time(cue.start, form)} --> {_time(cue.end, form)}\n{text}\n")
    return "\n".join(parts)


def to_metadata(cues: Sequence[Cue]) -> str:
    """The cues as a WebVTT metadata track: a JSON object each, for programs."""
    parts = ["WEBVTT\n"]
    for cue in cues:
        if cue.emotion:
            about: dict[str, Any] = {"character": cue.character, "emotion": cue.emotion}
            parts.append(
                f"{_time(cue.start, 'vtt')} --> {_time(cue.end, 'vtt')}\n{json.dumps(about, sort_keys=True)}\n"
            )
    return "\n".join(parts)


def _vtt_line(cue: Cue, shown: Shown | None) -> str:
    text = html.escape(cue.text, quote=False)
    if cue.emotion and shown is Shown.WORD:
        text = f"({html.escape(cue.emotion, quote=False)}) {text}"
    elif cue.emotion and shown is Shown.EMOJI:
        text = f"{face_of(cue.emotion).text} {text}"
    elif cue.emotion and shown is Shown.COLOR:
        text = f"<c.{cue.emotion}>{text}</c>"
    voice = html.escape(cue.character, quote=False)
    return f"<v {voice}>{text}" if voice else text


def _srt_line(cue: Cue, shown: Shown | None) -> str:
    if shown is None:
        return f"{cue.character}: {cue.text}" if cue.character else cue.text
    if not cue.emotion:
        return cue.text
    if shown is Shown.EMOJI:
        return f"{face_of(cue.emotion).text} {cue.text}"
    word = ADVERBS.get(cue.emotion, cue.emotion)
    return f"({word}) {cue.text}" if word else cue.text


def _time(ms: int, form: str) -> str:
    mark = "." if form == "vtt" else ","
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"
