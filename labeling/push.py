"""Sending tasks to a server. Pushing twice changes nothing.

A push first asks for the tasks on the server and compares them by key and revision. Nothing is remembered between
pushes, so an interrupted push is simply run again. A task that somebody has answered, skipped or begun is never changed
or removed.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from labeling.config import PAGES, Page, missing_tags, offered, same_config
from labeling.errors import ConfigChanged
from labeling.server import Present, Project, Server

CHUNK = 500
"""Tasks sent with one request: some seconds at most to be done again where the line breaks."""
NOTE = "toonset config"


@dataclass
class Plan:
    """What a push has to do, and how many tasks stay as they are."""

    add: list[dict[str, Any]] = field(default_factory=list)
    remove: list[int] = field(default_factory=list)
    updated: int = 0
    stale: int = 0
    same: int = 0
    answered: int = 0
    foreign: int = 0


@dataclass(frozen=True)
class Pushed:
    """How a push went; `title` names the project, `note` says what a person should know, `address` is its page."""

    title: str
    counts: dict[str, int]
    note: str = ""
    address: str = ""


def plan(wanted: Iterable[dict[str, Any]], present: Iterable[Present], ours: Callable[[dict[str, Any]], bool]) -> Plan:
    """Compare the tasks that should be there with those that are.

    ours: whether a task that is no longer wanted may be taken away, by its data; others are left alone.
    """
    by_key: dict[str, list[Present]] = {}
    result = Plan()
    for task in present:
        key = task.data.get("key")
        if isinstance(key, str):
            by_key.setdefault(key, []).append(task)
        else:
            result.foreign += 1
    for asked in wanted:
        there = by_key.pop(asked["data"]["key"], [])
        touched = [one for one in there if one.touched]
        current = [one for one in there if not one.touched and one.data.get("revision") == asked["data"]["revision"]]
        # One task a key: the answered ones, else the oldest that says what ours says.
        kept = touched or current[:1]
        result.remove += [one.id for one in there if one not in kept]
        result.answered += bool(touched)
        result.same += bool(current) and not touched
        if not kept:
            result.add.append(asked)
            result.updated += bool(there)
    for left in by_key.values():
        for task in left:
            if task.touched:
                result.answered += 1
            elif ours(task.data):
                result.remove.append(task.id)
                result.stale += 1
            else:
                result.foreign += 1
    return result


def push(
    server: Server,
    project: Project,
    tasks: Sequence[dict[str, Any]],
    ours: Callable[[dict[str, Any]], bool],
    progress: Callable[[int], object] = lambda count: None,
) -> dict[str, int]:
    """Make the project's tasks those that are wanted, in their order; `progress` is told of tasks that are done."""
    todo = plan(tasks, server.tasks(project), ours)
    progress(len(tasks) - len(todo.add))
    for first in range(0, len(todo.remove), CHUNK):
        server.remove_untouched(project, todo.remove[first : first + CHUNK])
    for first in range(0, len(todo.add), CHUNK):
        chunk = todo.add[first : first + CHUNK]
        server.add_tasks(project, chunk)
        progress(len(chunk))
    if todo.add:
        # Another push at the same time, or an answer that got lost on the way, may have added a task twice.
        again = plan(tasks, server.tasks(project), ours)
        server.remove_untouched(project, again.remove)
    return {
        "added": len(todo.add) - todo.updated,
        "updated": todo.updated,
        "removed": todo.stale,
        "unchanged": todo.same,
        "answered already": todo.answered,
    }


def ensure_project(server: Server, title: str, kind: str, config: str, **settings: Any) -> tuple[Project, str]:
    """The project of this title with this label config, made where there is none; and what a person should know.

    kind: a key of PAGES. A page that was changed by hand is left as it is while it still asks all that we read.
    Raises ConfigChanged where it does not.
    """
    found = server.projects(title)
    if not found:
        made = server.create_project(title, config, describe(config), **settings)
        found = server.projects(title)
        if found[0].id == made.id:
            return made, ""
        server.delete_project(made)  # another push made one at the same time, and was first
        found = [project for project in found if project.id != made.id]
    project = found[0]
    differing = {name: value for name, value in settings.items() if getattr(project, name, value) != value}
    if differing:
        server.update_project(project, **differing)
    note = "" if len(found) == 1 else f"there are {len(found)} projects {title!r}; the oldest, {project.id}, is used"
    if same_config(project.label_config, config):
        return project, note
    if NOTE in project.description and describe(project.label_config) not in project.description:
        lost = lost_answers(project.label_config, config, PAGES[kind])
        if lost:
            raise ConfigChanged(
                f"the labelling page of {title!r} was changed by hand on {server.url} and lacks {', '.join(lost)}. "
                "Put that back under Settings → Labeling Interface, or clear the project's description there: then "
                "our page is set again"
            )
        return project, f"the page of {title!r} was changed by hand on the server and is left so"
    server.update_project(project, label_config=config, description=describe(config))
    return Project(project.id, title, config, describe(config)), note


def describe(config: str) -> str:
    """The description of a project whose page is ours: by it a page that was changed by hand is known."""
    return f"{NOTE} {hashlib.sha256(' '.join(config.split()).encode()).hexdigest()[:16]}"


def lost_answers(found: str, wanted: str, page: Page) -> list[str]:
    """What a page changed by hand no longer asks or offers."""
    return missing_tags(found, page) + [repr(name) for name in offered(wanted) if name not in offered(found)]
