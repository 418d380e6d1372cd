"""`toonset app`: the page on 127.0.0.1."""

import errno
import importlib.util
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from pipeline import paths
from pipeline.app.live import Live
from pipeline.classifier.model import Classifier, load_model
from pipeline.classifier.predict import read_cascade
from pipeline.errors import InputError, SetupError
from pipeline.faces.cascade_files import CharacterCascade, found_cascades
from pipeline.palette import character_colors
from pipeline.params import Params, load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, OK
from pipeline.tables import read_rows, rows_of
from pipeline.watch.emoji import drawing_of, face_of
from pipeline.watch.page import COLORS

HOST: Final = "127.0.0.1"
WINDOWS: Final = 4.0
"""Least score of a face by a cascade of another program. Each window counts at least 1 in a score, and OpenCV asks for
more than 3 windows by default (`minNeighbors`)."""
NEEDED: Final = ("starlette", "uvicorn", "websockets")


def run_app(cascades: Sequence[Path], model: Path, out: Path, port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises SetupError where a package is missing or the port is taken, InputError where there is no model or cascade.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(f"{', '.join(missing)} not installed: pip install 'toonset[app]'")
    from pipeline.app.server import Site, server_of

    live, params = open_live(cascades, model)
    episodes = _episodes() if params is not None else {}
    names = params.names if params is not None else {}
    site = Site(page_of(live, episodes, names), live, episodes, out)
    with bound(port) as listening:
        print(f"app: http://{HOST}:{listening.getsockname()[1]}/ (Ctrl-C stops it)", flush=True)
        server_of(site).run(sockets=[listening])


def open_live(cascades: Sequence[Path], model: Path) -> tuple[Live, Params | None]:
    """Who looks, and the project's parameters where there is a project.

    cascades: any OpenCV XML; none: those of the project in this directory.
    """
    params = load_params() if paths.PARAMS.exists() or not cascades else None
    known = [_with_least_score(read_cascade(path)) for path in cascades]
    if not known and params is not None:
        known = found_cascades(params.characters, "app")
    twice = sorted({one.character for one in known if [other.character for other in known].count(one.character) > 1})
    if twice:
        raise InputError(f"two cascades are called {twice[0]}.xml: give one of the files another name")
    classifier: Classifier = load_model(model)
    return Live(known, classifier), params


def _with_least_score(known: CharacterCascade) -> CharacterCascade:
    """Other programs' cascades come without a least score."""
    return known if known.min_score else replace(known, min_score=WINDOWS)


def _episodes() -> dict[str, Path]:
    """The video file of each episode in use, by its id."""
    if not paths.EPISODES.exists():
        return {}
    rows = read_rows(paths.EPISODES, EPISODES)
    return {row.episode_id: paths.VIDEOS / row.path for row in rows_of(rows[rows["status"] == OK], EpisodeRow)}


def bound(port: int) -> socket.socket:
    """A socket on this machine's own address. Raises SetupError where the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise SetupError(f"port {port} on {HOST} is taken by another program: choose one with --port") from error
    return listening


def page_of(live: Live, episodes: Mapping[str, Path], names: Mapping[str, str]) -> str:
    """The page. names: what people call characters, emotions and episodes."""
    template = (resources.files("pipeline.app") / "app.html").read_text(encoding="utf-8")
    # Inside a script element only `</` could end it.
    data = json.dumps(_page_data(live, episodes, names), ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
    return Environment(autoescape=True).from_string(template).render(data=Markup(data))


def _page_data(live: Live, episodes: Mapping[str, Path], names: Mapping[str, str]) -> dict[str, Any]:
    colors = character_colors(list(live.cascades))
    return {
        "height": live.classifier.about.crops.max_height,
        "characters": {name: {"name": names.get(name, name), "color": colors[name]} for name in live.cascades},
        "emotions": {
            name: {
                "name": names.get(name, name),
                "text": face_of(name).text,
                "drawing": drawing_of(name),
                "color": COLORS[index % len(COLORS)],
            }
            for index, name in enumerate(live.classifier.emotions)
        },
        "episodes": {name: names.get(name, name) for name in episodes},
    }
