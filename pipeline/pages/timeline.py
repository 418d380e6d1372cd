"""An episode as a picture: its scenes as bands, a bar for each track, time from left to right, in rows.

SVG, written by hand: whole and halved numbers from the tables, so it has the same bytes on every machine.
"""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from labeling.config import NO_NAMES
from pipeline.names import columns_of
from pipeline.palette import character_colors
from pipeline.rows import Row
from pipeline.tables import is_face, rows_of

WIDTH = 960
"""px, of the whole picture."""
ROW_SECONDS = 180
"""s in a row; less where every episode is shorter."""
BAR, LANE_GAP, AXIS = 8, 4, 26
"""Height of a bar, space between two characters, height of a row's axis and the space under it, px."""
LEVELS = 3
"""Tracks of one character shown above each other at one moment."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300)
TICKS = 12
"""Times written along a row, at most."""
BANDS = ("#eef1f5", "#dde2ea")
ASIDE = "not kept"
GRAY = "#9aa1ab"


class TrackBar(Row):
    """A row of `tracks_of`; `level` is given by `lanes`."""

    episode_id: str
    character: str
    start_s: float
    stop_s: float
    level: int


def tracks_of(manifest: pd.DataFrame) -> pd.DataFrame:
    """A row for each track: episode_id, character (`ASIDE` where no face of it was kept), start_s, stop_s."""
    tracks = manifest.assign(kept=is_face(manifest)).groupby(["episode_id", "track", "character"], as_index=False)
    found = tracks.agg(kept=("kept", "any"), start_s=("time_s", "min"), stop_s=("time_s", "max"))
    found["character"] = found["character"].where(found["kept"], ASIDE)
    return found.drop(columns=["track", "kept"]).sort_values(["episode_id", "start_s", "stop_s"], kind="stable")


def palette(characters: Sequence[str]) -> dict[str, str]:
    """A color for each character; gray for detections that were not kept."""
    return character_colors(characters) | {ASIDE: GRAY}


def timeline(
    duration: float,
    starts: Sequence[float],
    tracks: pd.DataFrame,
    colors: Mapping[str, str],
    seconds: float,
    names: Mapping[str, str] = NO_NAMES,
) -> str:
    """One episode as an SVG document.

    duration: s. starts: of its scenes, s, ascending. tracks: rows of `tracks_of` of this episode. colors: of each
    lane, top to bottom. seconds: in a row. names: of lanes, where they have one.
    """
    left = 20 + 7 * max(columns_of(names.get(name, name)) for name in colors)
    scale = (WIDTH - left - 20) / seconds
    tracks, tops, height = lanes(tracks, colors)
    count = max(1, -int(-duration // seconds))
    tall = count * (height + AXIS)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tall}" viewBox="0 0 {WIDTH} {tall}">']
    parts.append('<g font-family="system-ui, sans-serif" font-size="11">')
    for row in range(count):
        begin, end = row * seconds, min((row + 1) * seconds, duration)
        parts.append(f'<g transform="translate({left} {row * (height + AXIS)})">')
        parts += bands(starts, duration, begin, end, scale, height)
        for name, (top, levels) in tops.items():
            own = tracks[(tracks["character"] == name) & (tracks["stop_s"] >= begin) & (tracks["start_s"] < end)]
            middle = top + (levels * BAR + levels - 1) / 2 + 4
            parts.append(
                f'<text x="-8" y="{middle:g}" text-anchor="end" fill="{colors[name]}" font-weight="600">'
                f"{escape(names.get(name, name))}</text>"
            )
            path = bars(own, begin, end, scale, top)
            if path:
                parts.append(f'<path fill="{colors[name]}" d="{path}"/>')
        parts += axis(begin, end, scale, height)
        parts.append("</g>")
    return "\n".join([*parts, "</g>", "</svg>", ""])


def lanes(tracks: pd.DataFrame, colors: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, tuple[int, int]], int]:
    """The tracks with their `level` in their lane, top (px) and number of levels of each lane, height of all, px."""
    tracks = tracks.assign(level=0)
    tops, top = {}, LANE_GAP
    for name in colors:
        own = tracks[tracks["character"] == name]
        level = stack(own, 1 if name == ASIDE else LEVELS)
        tracks.loc[own.index, "level"] = level
        tops[name] = (top, 1 + max(level, default=0))
        top += tops[name][1] * (BAR + 1) + LANE_GAP
    return tracks, tops, top


def stack(tracks: pd.DataFrame, levels: int) -> list[int]:
    """The lowest level at which each track (ascending start_s) meets none before it; the last one if all are busy."""
    busy = [-1.0] * levels
    chosen = []
    for track in rows_of(tracks, TrackBar):
        level = next((index for index, until in enumerate(busy) if until < track.start_s), levels - 1)
        busy[level] = max(busy[level], track.stop_s)
        chosen.append(level)
    return chosen


def bands(starts: Sequence[float], duration: float, begin: float, end: float, scale: float, height: int) -> list[str]:
    """The scenes of a row, in two grays by turns."""
    parts = []
    for index, (start, stop) in enumerate(zip(starts, [*starts[1:], duration], strict=True)):
        if stop > begin and start < end:
            x, w = place(max(start, begin), min(stop, end), begin, scale)
            parts.append(f'<rect x="{x:g}" width="{w:g}" height="{height}" fill="{BANDS[index % 2]}"/>')
    return parts


def bars(tracks: pd.DataFrame, begin: float, end: float, scale: float, top: int) -> str:
    """The path of the bars of a row; a bar is 2 px wide at least."""
    path = []
    for track in rows_of(tracks, TrackBar):
        x, w = place(max(track.start_s, begin), min(track.stop_s, end), begin, scale)
        w, y = max(w, 2.0), top + track.level * (BAR + 1)
        path.append(f"M{x:g} {y}h{w:g}v{BAR}h-{w:g}z")
    return "".join(path)


def axis(begin: float, end: float, scale: float, height: int) -> list[str]:
    """Times along the bottom of a row, mm:ss."""
    seconds = (WIDTH / scale) or 1
    step = next((step for step in STEPS if seconds / step <= TICKS), STEPS[-1])
    parts = []
    for time in range(-int(-begin // step) * step, int(end) + 1, step):
        x, _ = place(time, time, begin, scale)
        parts.append(f'<path d="M{x:g} {height}v4" stroke="#6a7078"/>')
        parts.append(f'<text x="{x:g}" y="{height + 14}" text-anchor="middle" fill="#6a7078">{clock(time)}</text>')
    return parts


def place(start: float, stop: float, begin: float, scale: float) -> tuple[float, float]:
    """Left edge and width of a span of a row that starts at `begin`, px, to half a pixel."""
    left, right = (round((time - begin) * scale * 2) / 2 for time in (start, stop))
    return left, right - left


def clock(time: float) -> str:
    """Seconds as mm:ss."""
    return f"{int(time) // 60:02}:{int(time) % 60:02}"
