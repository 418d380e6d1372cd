"""Stage `watch`: who feels what, when, in the episodes that `watch.episodes` names; none, unless you ask for it.

Reads episodes, scenes, cascades and the classifier; writes a folder for each episode into `reports/watch/`
(`pipeline.watch`), without a copy of the video, and `episodes.json`, which lists them. What another run of the stage
found is not looked for again.
"""

from pipeline import paths
from pipeline.console import say_counts
from pipeline.errors import ParamsError, nearest
from pipeline.params import Params, load_params
from pipeline.rows import EpisodeRow
from pipeline.schemas import EPISODES, OK
from pipeline.tables import read_rows, rows_of, write_json
from pipeline.watch.command import make_all, open_viewer
from pipeline.watch.formats import Format
from pipeline.watch.video import video_of_episode


def main() -> None:
    """Run the stage in the project directory."""
    params = load_params()
    paths.WATCH_REPORTS.mkdir(parents=True, exist_ok=True)
    chosen = chosen_episodes(params)
    if chosen:
        viewer = open_viewer(params, paths.CLASSIFIER)
        for row in chosen:
            folder = paths.WATCH_REPORTS / row.episode_id
            making = [Format(name) for name in params.watch.formats]
            make_all(video_of_episode(row), viewer, folder, params, overlay=False, making=making)
    write_json(paths.WATCH_REPORTS / "episodes.json", [row.episode_id for row in chosen])
    say_counts("watch", {"episodes": len(chosen)})


def chosen_episodes(params: Params) -> list[EpisodeRow]:
    """The episodes to watch. Raises ParamsError where one is named that is not there or cannot be used."""
    episodes = read_rows(paths.EPISODES, EPISODES)
    usable = {row.episode_id: row for row in rows_of(episodes[episodes["status"] == OK], EpisodeRow)}
    if params.watch.episodes == "all":
        return list(usable.values())
    for name in params.watch.episodes:
        if name not in usable:
            raise ParamsError(
                f"params.yaml: `watch.episodes` names {name!r}; expected all, or episodes that can be used: "
                f"{', '.join(usable) or 'there are none'}.{nearest(name, usable)}"
            )
    return [usable[name] for name in params.watch.episodes]
