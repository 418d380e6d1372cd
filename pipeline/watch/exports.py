"""What was watched, as other programs read it. Every format is made of the two tables; none adds anything."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pandas as pd
import pympi

from pipeline.schemas import BOX_NAMES
from pipeline.tables import replacing, rows_of, write_json, write_text
from pipeline.watch.formats import Format
from pipeline.watch.record import Watched
from pipeline.watch.subtitles import captions_of, to_text
from pipeline.watch.tables import SegmentRow

NOUNS: Final = {
    "angry": "anger", "disgusted": "disgust", "afraid": "fear", "happy": "happiness", "sad": "sadness",
    "surprised": "surprise", "neutral": "neutral",
}  # fmt: skip
"""Emotions as Py-Feat's columns call them; any other keeps its name."""
FEX_BOX: Final = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")


def export(watched: Watched, form: Format, names: Mapping[str, str]) -> list[Path]:
    """Write one format into the video's folder; the files written. names: what people call characters and emotions."""
    return WRITERS[form](watched, names)


def to_csv(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """Both tables with their own columns."""
    return [
        _csv(watched.folder / "faces.csv", watched.parts()),
        _csv(watched.folder / "segments.csv", [watched.segments()]),
    ]


def to_fex(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """Py-Feat's columns: a row per face; emotions by their nouns."""
    return [_csv(watched.folder / "fex.csv", (_as_fex(faces, watched) for faces in watched.parts()))]


def _as_fex(faces: pd.DataFrame, watched: Watched) -> pd.DataFrame:
    table = faces[["frame"]].copy()
    table["approx_time"] = faces["time_s"]
    for theirs, ours in zip(FEX_BOX, BOX_NAMES, strict=True):
        table[theirs] = faces[ours].astype(float)
    table["FaceScore"] = faces["detection"]
    for emotion in watched.emotions:
        table[NOUNS.get(emotion, emotion)] = faces[emotion]
    table["Identity"] = faces["character"]
    table["input"] = watched.video.path.name
    return table


def to_openface(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """OpenFace's first columns, where frames count from 1 and a face is its track; then ours."""
    return [_csv(watched.folder / "openface.csv", (_as_openface(faces, watched) for faces in watched.parts()))]


def _as_openface(faces: pd.DataFrame, watched: Watched) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "frame": faces["frame"] + 1,
            "face_id": faces["track"],
            "timestamp": faces["time_s"] - watched.video.start_s,
            "confidence": faces["detection"],
            "success": 1,
        }
    )
    own = [*BOX_NAMES, "character", *watched.emotions, "emotion", "probability", "unsure"]
    return table.join(faces[own])


def to_eaf(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """ELAN: a tier per character, an annotation per segment of which the answer is sure.

    Annotations of a tier must not overlap. Segments of one character may, where one is a false find: such a segment
    goes to a second tier.
    """
    document = pympi.Eaf(author="toonset")
    document.adocument["DATE"] = "1970-01-01T00:00:00+00:00"  # the same bytes each time
    document.remove_tier("default")
    video = quote(watched.link)
    document.add_linked_file(video, relpath=video, mimetype="video/mp4")
    for character in watched.characters:
        name = names.get(character, character)
        document.add_tier(name)
        ends_ms = {name: 0}
        for row in _sure(watched, character):
            start, stop = _ms(row.start_s, watched), _ms(row.end_s, watched)
            if stop <= start:
                continue
            tier = next((tier for tier, end_ms in ends_ms.items() if end_ms <= start), None)
            if tier is None:
                tier = f"{name} {len(ends_ms) + 1}"
                document.add_tier(tier)
            document.add_annotation(tier, start, stop, names.get(row.emotion, row.emotion))
            ends_ms[tier] = stop
    path = watched.folder / "elan.eaf"
    write_text(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + pympi.Elan.to_string(document) + "\n")
    return [path]


def to_bids(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """BIDS events: onset and duration in s, the emotion as `trial_type`; a JSON file says what the columns are."""
    segments = watched.segments()
    table = pd.DataFrame(
        {
            "onset": (segments["start_s"] - watched.video.start_s).round(3),
            "duration": (segments["end_s"] - segments["start_s"]).round(3),
            "trial_type": segments["emotion"].where(~segments["unsure"], "n/a"),
            "character": segments["character"],
            "probability": segments["probability"].astype(float).round(3),
        }
    )
    path = watched.folder / "events.tsv"
    write_text(path, table.to_csv(sep="\t", index=False, lineterminator="\n", na_rep="n/a"))
    levels = {emotion: f"the character looks {names.get(emotion, emotion)}" for emotion in watched.emotions}
    about = {
        "trial_type": {"Description": "emotion shown, n/a where unsure", "Levels": levels},
        "character": {"Description": "whose face it is"},
        "probability": {"Description": "mean probability of the emotion over the segment"},
    }
    write_json(path.with_suffix(".json"), about)
    return [path, path.with_suffix(".json")]


def to_datavyu(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """Datavyu's project: a column per character, a cell per sure segment with its emotion and probability."""
    lines = ["#4"]
    for character in watched.characters:
        # A column's name may hold no blank and no bracket: the id does not.
        lines.append(f"{character} (MATRIX,true,)-emotion|NOMINAL,probability|NOMINAL")
        for row in _sure(watched, character):
            span = ",".join(_datavyu_time(_ms(time, watched)) for time in (row.start_s, row.end_s))
            lines.append(f"{span},({row.emotion},{row.probability:.3f})")
    project = (
        f"!project\ndbFile: db\nname: {json.dumps(watched.video.name)}\norigpath: .\nversion: 5\nviewerSettings: []\n"
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("db", "\n".join(lines) + "\n"), ("project", project)):
            archive.writestr(zipfile.ZipInfo(name), text)  # its date is 1980: the same bytes each time
    path = watched.folder / "datavyu.opf"
    with replacing(path) as temporary:
        temporary.write_bytes(data.getvalue())
    return [path]


def to_vtt(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """Captions of emotions alone, as WebVTT with the character as the voice."""
    return [_text(watched.folder / "emotions.vtt", to_text(captions_of(watched, names), "vtt"))]


def to_srt(watched: Watched, names: Mapping[str, str]) -> list[Path]:
    """Captions of emotions alone, as SubRip."""
    return [_text(watched.folder / "emotions.srt", to_text(captions_of(watched, names), "srt"))]


WRITERS: Final[Mapping[Format, Callable[[Watched, Mapping[str, str]], list[Path]]]] = {
    Format.CSV: to_csv,
    Format.FEX: to_fex,
    Format.OPENFACE: to_openface,
    Format.EAF: to_eaf,
    Format.BIDS: to_bids,
    Format.DATAVYU: to_datavyu,
    Format.VTT: to_vtt,
    Format.SRT: to_srt,
}


def _sure(watched: Watched, character: str) -> list[SegmentRow]:
    segments = watched.segments()
    return list(rows_of(segments[(segments["character"] == character) & ~segments["unsure"]], SegmentRow))


def _ms(time_s: float, watched: Watched) -> int:
    """A time of the tables in ms of the player, which begins with the first frame."""
    return max(0, round(1000 * (time_s - watched.video.start_s)))


def _datavyu_time(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}:{ms % 1000:03}"


def _csv(path: Path, parts: Iterable[pd.DataFrame]) -> Path:
    """Write a table part by part, so that memory holds one of them."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts):
            part.to_csv(file, index=False, header=number == 0, lineterminator="\n", float_format="%.6g")
    return path


def _text(path: Path, text: str) -> Path:
    write_text(path, text)
    return path
