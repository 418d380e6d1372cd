"""The episodes, shot by shot: three of the sample show, and three of the show with ten characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from pipeline.errors import ParamsError, nearest
from pipeline.sample.plan import Curve, Shot
from pipeline.sample.shots import RECIPES, Moods

EPISODES = ("garden", "kitchen", "harbour")
TEN_EPISODES = ("fair", "feast", "ferry")
LENGTH = 1440  # frames, 60 s
OPENING = 72
DISSOLVE = 20  # frames
RARE = "dragon"


@dataclass(frozen=True)
class Line:
    """A line of the script: kind of shot, backdrop, who it is about (names with spaces between), what else is there."""

    kind: str
    backdrop: str
    who: str = ""
    extra: str = ""
    light: str = "day"
    weather: str = ""
    effect: str = ""  # "fade", "dissolve": into the next shot; "gap": black after this one; "flash": inside it


SCRIPT: Mapping[str, tuple[Line, ...]] = {
    "garden": (
        Line("empty", "lawn", extra="bird"),
        Line("two", "lawn", weather="petals"),
        Line("close", "lawn", "cat"),
        Line("close", "lawn", "mouse"),
        Line("peek", "lawn", "mouse", "fence", light="warm"),
        Line("chase", "lawn", "mouse", "bush", light="warm", effect="fade"),
        Line("two", "pond", extra="rabbit"),
        Line("over", "pond", "mouse"),
        Line("behind", "pond", "cat", "branch"),
        Line("empty", "patch", extra="pumpkin", light="overcast", weather="rain"),
        Line("solo", "patch", "mouse", "pumpkin", light="overcast", weather="rain", effect="flash"),
        Line("close", "patch", "cat", light="overcast", weather="rain", effect="gap"),
        Line("wide", "greenhouse", extra="rabbit"),
        Line("two", "greenhouse"),
        Line("peek", "greenhouse", "cat", "barrel"),
        Line("close", "greenhouse", "mouse", light="cold"),
        Line("solo", "oak", "cat", "owl", weather="leaves"),
        Line("over", "oak", "cat", weather="leaves", effect="dissolve"),
        Line("empty", "oak", extra="owl", light="dusk", weather="leaves", effect="fade"),
        Line("wide", "moonlit", weather="snow"),
        Line("two", "moonlit", extra="owl"),
        Line("close", "moonlit", "cat", light="night"),
        Line("close", "moonlit", "mouse"),
    ),
    "kitchen": (
        Line("two", "sill", extra="kettle"),
        Line("close", "sill", "mouse"),
        Line("close", "sill", "cat", light="warm"),
        Line("empty", "sill", extra="goldfish"),
        Line("behind", "sill", "mouse", "mug"),
        Line("chase", "stove", "mouse", light="cold"),
        Line("two", "stove"),
        Line("over", "stove", "cat", effect="flash"),
        Line("close", "stove", "mouse", light="warm", effect="fade"),
        Line("wide", "skirting"),
        Line("peek", "skirting", "mouse", "bottle"),
        Line("over", "skirting", "cat"),
        Line("solo", "skirting", "mouse", "crab", effect="gap"),
        Line("empty", "table", extra="kettle", light="candle"),
        Line("two", "table", extra="goldfish", effect="dissolve"),
        Line("solo", "table", "cat", "dog"),
        Line("close", "table", "cat", light="candle"),
        Line("peek", "pantry", "cat", "crate", light="dim"),
        Line("two", "pantry", extra="owl"),
        Line("behind", "pantry", "mouse", "rope", light="candle"),
        Line("empty", "hall", extra="owl", effect="fade"),
        Line("chase", "hall", "cat"),
        Line("close", "hall", "mouse"),
        Line("over", "hall", "mouse", light="candle"),
    ),
    "harbour": (
        Line("empty", "quay", extra="gull"),
        Line("wide", "quay", extra="gull"),
        Line("two", "quay"),
        Line("close", "quay", "cat"),
        Line("behind", "quay", "mouse", "rope"),
        Line("solo", "market", "cat", "crab", light="warm"),
        Line("close", "market", "mouse"),
        Line("peek", "market", "cat", "barrel"),
        Line("chase", "market", "mouse", "crate", light="overcast", effect="gap"),
        Line("two", "beach", extra="crab"),
        Line("over", "beach", "mouse", effect="dissolve"),
        Line("close", "beach", "cat", light="warm"),
        Line("empty", "beach", extra="crab", light="dusk", effect="fade"),
        Line("two", "deck", extra="gull"),
        Line("peek", "deck", "mouse", "crate"),
        Line("over", "deck", "cat"),
        Line("close", "deck", "mouse", light="cold"),
        Line("empty", "storm", weather="rain", effect="flash"),
        Line("two", "storm", weather="rain"),
        Line("close", "storm", "cat", weather="rain"),
        Line("solo", "storm", "mouse", "dog", weather="rain", effect="fade"),
        Line("wide", "lighthouse", light="dusk"),
        Line("two", "lighthouse", extra="gull"),
        Line("close", "lighthouse", "mouse", light="dusk"),
    ),
    "fair": (
        Line("crowd", "title", "bear duck fox frog lion panda pig pip pop"),
        Line("crowd", "lawn", "lion pip panda duck fox"),
        Line("close", "lawn", "fox"),
        Line("two", "lawn", "pip pop"),
        Line("peek", "lawn", "frog", "fence", light="warm"),
        Line("chase", "lawn", "pig bear", "bush", effect="fade"),
        Line("two", "pond", "duck frog", "rabbit"),
        Line("close", "pond", "pip"),
        Line("over", "pond", "panda lion"),
        Line("empty", "patch", extra="pumpkin", light="overcast"),
        Line("crowd", "patch", "bear pop frog pig duck pip", light="overcast"),
        Line("close", "patch", "bear"),
        Line("solo", "patch", "pop", "pumpkin", effect="gap"),
        Line("two", "greenhouse", "fox panda"),
        Line("close", "greenhouse", "lion"),
        Line("crowd", "greenhouse", "dragon pip fox pig"),
        Line("behind", "greenhouse", "pig", "branch"),
        Line("close", "oak", "duck", weather="leaves"),
        Line("over", "oak", "bear frog", weather="leaves"),
        Line("wide", "oak", "pop panda", light="dusk"),
        Line("close", "moonlit", "panda"),
        Line("crowd", "moonlit", "pop lion duck bear pip", light="night"),
        Line("two", "moonlit", "pig fox"),
        Line("close", "moonlit", "pop"),
    ),
    "feast": (
        Line("crowd", "title", "pop pip pig panda lion frog fox duck bear"),
        Line("two", "sill", "bear lion", "kettle"),
        Line("close", "sill", "frog"),
        Line("crowd", "sill", "fox pop pig panda duck", light="warm"),
        Line("over", "sill", "pip fox"),
        Line("chase", "stove", "duck pig"),
        Line("close", "stove", "panda", light="cold", effect="fade"),
        Line("crowd", "stove", "lion frog bear pop pip panda"),
        Line("solo", "stove", "lion", "dog"),
        Line("two", "skirting", "pop pip"),
        Line("close", "skirting", "pig"),
        Line("close", "skirting", "dragon"),
        Line("peek", "skirting", "duck", "bottle"),
        Line("crowd", "table", "pig fox pip frog lion bear", light="candle"),
        Line("over", "table", "pop duck"),
        Line("empty", "table", extra="goldfish", effect="gap"),
        Line("two", "pantry", "panda frog"),
        Line("close", "pantry", "bear", light="dim"),
        Line("behind", "pantry", "fox", "rope"),
        Line("crowd", "hall", "duck dragon pop lion"),
        Line("close", "hall", "pip"),
        Line("wide", "hall", "bear duck"),
        Line("two", "hall", "fox lion", light="candle"),
        Line("close", "hall", "duck"),
    ),
    "ferry": (
        Line("crowd", "title", "frog bear pip lion pop fox pig duck panda"),
        Line("wide", "quay", "lion pig", "gull"),
        Line("close", "quay", "pop"),
        Line("crowd", "quay", "panda bear fox pip frog"),
        Line("two", "quay", "duck pop", "gull"),
        Line("over", "market", "frog pig", light="warm"),
        Line("close", "market", "lion"),
        Line("crowd", "market", "pip pop duck lion pig panda"),
        Line("solo", "market", "panda", "crab"),
        Line("peek", "market", "bear", "barrel", effect="gap"),
        Line("two", "beach", "frog fox", "crab"),
        Line("close", "beach", "pig"),
        Line("two", "beach", "dragon bear"),
        Line("chase", "beach", "pip pop"),
        Line("empty", "beach", extra="crab", light="dusk", effect="fade"),
        Line("crowd", "deck", "fox duck frog lion panda bear"),
        Line("close", "deck", "frog"),
        Line("behind", "deck", "pip", "rope"),
        Line("two", "deck", "pig panda", light="cold"),
        Line("over", "storm", "lion bear", weather="rain"),
        Line("close", "storm", "fox", weather="rain"),
        Line("crowd", "storm", "pop dragon pig duck frog", weather="rain"),
        Line("two", "lighthouse", "pip duck"),
        Line("close", "lighthouse", "bear", light="dusk"),
    ),
}


def check_name(name: str) -> None:
    """Raise for a name that is no episode."""
    if name in SCRIPT:
        return
    raise ParamsError(
        f"sample episode {name!r} does not exist; expected one of {', '.join(SCRIPT)}.{nearest(name, SCRIPT)}"
    )


@lru_cache(maxsize=len(SCRIPT))
def episode_plan(name: str, take: int = 0) -> tuple[Shot, ...]:
    """All shots of an episode, in order, without a gap between them.

    take: 0 is the episode itself. Every other number is one more episode of the same show, which benchmarks draw when
    they need more faces: the script with other parts, other places, other cameras and other expressions.
    """
    check_name(name)
    rng = Random(f"toonset sample {name} {take}" if take else f"toonset sample {name}")
    moods = Moods(rng)
    lines = _recast(SCRIPT[name], rng) if take else SCRIPT[name]
    blank = Curve.still(600.0, 337.5, 1080.0)
    shots = [] if name in TEN_EPISODES else [_opening(blank)]
    before = ""
    for line, length in zip(lines, _lengths(rng, len(lines), LENGTH - OPENING * len(shots)), strict=True):
        start = shots[-1].stop if shots else 0
        shot = Shot(start, start + length, line.backdrop, blank, (), light=line.light, weather=line.weather)
        shot = RECIPES[line.kind](rng, moods, shot, line.who, line.extra)
        shots.append(_with_effects(shot, line.effect, before, length))
        before = line.effect
    shots[0] = replace(shots[0], transition="start")
    return tuple(shots)


def _recast(lines: tuple[Line, ...], rng: Random) -> tuple[Line, ...]:
    """The lines with other people and places. Who is rare stays rare, and the opening stays where it is."""
    people = sorted({who for line in lines for who in line.who.split()} - {RARE})
    places = sorted({line.backdrop for line in lines} - {"title"})
    parts = dict(zip(people, rng.sample(people, len(people)), strict=True))
    moved = dict(zip(places, rng.sample(places, len(places)), strict=True))
    return tuple(
        replace(
            line,
            who=" ".join(parts.get(who, who) for who in line.who.split()),
            backdrop=moved.get(line.backdrop, line.backdrop),
        )
        for line in lines
    )


def _opening(blank: Curve) -> Shot:
    rng = Random("toonset sample opening")
    return RECIPES["title"](rng, Moods(rng), Shot(0, OPENING, "title", blank, ()), "", "")


def _with_effects(shot: Shot, effect: str, before: str, length: int) -> Shot:
    if before == "fade":
        shot = replace(shot, transition="fade", fade_in=12)
    if before == "dissolve":
        shot = replace(shot, transition="dissolve")
    if effect == "fade":
        return replace(shot, fade_out=14, dark_tail=4)
    if effect == "dissolve":
        return replace(shot, dissolve=DISSOLVE)
    if effect == "gap":
        return replace(shot, dark_tail=14)
    return replace(shot, flash=(length // 3) * 2) if effect == "flash" else shot


def _lengths(rng: Random, count: int, total: int) -> list[int]:
    """Even numbers of frames, 36 to 82 at first, stretched to be `total` together."""
    lengths = [rng.randrange(36, 84, 2) for _ in range(count)]
    spare = total - sum(lengths)
    k = 0
    while spare:
        step = 2 if spare > 0 else -2
        if 36 <= lengths[k % count] + step <= 140:
            lengths[k % count] += step
            spare -= step
        k += 1
    return lengths
