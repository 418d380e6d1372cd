"""manifest → Label Studio tasks for the faces that have no label yet. They are also sent, if a server is running.

`data/labeling/tasks.json` can also be imported by hand into a project whose labelling interface is `emotions.xml`
beside it. `toonset label pull` fetches the answers; `toonset label import` reads an exported file.
"""

import hashlib
from typing import Any

from labeling.errors import LabelingError
from pipeline import paths
from pipeline.console import say_counts
from pipeline.errors import SetupError
from pipeline.labels.annotations import read_emotions
from pipeline.params import Params, load_params
from pipeline.schemas import EPISODES, MANIFEST
from pipeline.tables import read_rows, write_json, write_text
from pipeline.tasks.emotions import make_tasks, order_by_gain
from pipeline.tasks.push import config, configured, report, send


def main() -> None:
    """Read data/{manifest,episodes}.parquet, crops and frames; write tasks.json, emotions.xml and receipt.json."""
    params = load_params()
    manifest = read_rows(paths.MANIFEST, MANIFEST)
    episodes = read_rows(paths.EPISODES, EPISODES)
    annotations = read_emotions(paths.EMOTIONS, episodes, params.characters, params.emotions)
    faces = order_by_gain(manifest, annotations, params)
    left = len(faces)
    faces = faces.head(params.labelling.batch or left)
    page = config("emotions", params)
    tasks = make_tasks(faces, params)
    write_text(paths.TASKS / "emotions.xml", page)
    write_json(paths.EMOTION_TASKS, tasks)
    write_json(
        paths.TASKS / "receipt.json",
        {
            "tasks": len(tasks),
            "with_guess": sum(task["data"]["guess"] != "" for task in tasks),
            "guess_shown": sum("predictions" in task for task in tasks),
            "model": params.labelling.model,
            "media": params.labelling.media,
            "config_sha256": hashlib.sha256(page.encode()).hexdigest(),
            "pushed_to": push_if_there(tasks, params),
        },
    )
    offered = int(manifest["selected"].sum())
    say_counts("tasks", {"selected": offered, "labelled already": offered - left, "tasks": len(tasks)})


def push_if_there(tasks: list[dict[str, Any]], params: Params) -> dict[str, str] | None:
    """Push to the configured server. If there is none or it fails, say so: no later stage depends on it."""
    try:
        target = configured()
        if target is None:
            print(
                "tasks: no Label Studio server is running or configured, so the tasks are only written to data/labeling"
            )
            return None
        pushed = send(target, "emotions", tasks, params)
    except (LabelingError, SetupError) as error:
        print(f"tasks: not sent ({error}); run `toonset label push emotions` later")
        return None
    report("tasks", "emotions", pushed)
    return {"server": target.server.url, "project": pushed.title}
