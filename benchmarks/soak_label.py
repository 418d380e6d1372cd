"""`toonset label push` and `pull`, killed between and within their requests to a real Label Studio."""

import contextlib
import os
import random
import shutil
import signal
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import httpx

from benchmarks import soak_show
from benchmarks.soak_kills import IN_A_ROW, Bytes, Killer, command, differing, in_child, made
from benchmarks.studio import Studio
from labeling.server import Project, Server

PUSHED: Final = ("boxes", "emotions", "sheets")
PULLED: Final = ("boxes", "emotions")
MOMENTS: Final = ("before", "during", "after")
"""Of a request, when the kill comes."""
LONGEST_REQUEST_S: Final = 0.2
ANSWERED: Final = 2
"""Tasks that somebody has answered."""
OWN: Final = ("data/labeling", "annotations", ".cache")
"""What the two commands write, besides params.yaml, which is each trial's own."""


class Requests:
    """Kills this process at its n-th request, before it is sent, while it is answered, or after; else only counts."""

    def __init__(self, at: int | None = None, moment: str = "before", within_s: float = 0.0) -> None:
        self.at, self.moment, self.within_s, self.count = at, moment, within_s, 0

    def watch(self) -> None:
        """From now on."""
        send = httpx.Client.send

        def counted(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            self.count += 1
            mine = self.count == self.at
            if mine and self.moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if mine and self.moment == "during":
                signal.signal(signal.SIGALRM, end_at_once)
                signal.setitimer(signal.ITIMER_REAL, max(1e-4, self.within_s))
            response = send(client, request, **options)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return response

        httpx.Client.send = counted  # type: ignore[assignment,method-assign]


def end_at_once(number: int, frame: FrameType | None) -> None:
    """A signal handler."""
    del number, frame
    os.kill(os.getpid(), signal.SIGKILL)


class LabelKills:
    """Trials with a server that is started once; each push has projects of its own there."""

    def __init__(self, folder: Path, state: Path) -> None:
        """Start the server, push and pull once, undisturbed. state: a project in which all stages have run."""
        self.project = folder / "project"
        shutil.copytree(state, self.project, symlinks=True)
        for name in ("boxes.csv", "frames.csv", "emotions.csv"):
            path = self.project / "annotations" / name
            lines = path.read_text().splitlines()
            soak_show.table(path, lines[: 1 if name == "emotions.csv" else 2])
        ended = in_child(command(["stage", "tasks"]), self.project)
        if ended.status:
            raise SystemExit(f"the undisturbed stage tasks failed:\n{ended.said[-2000:]}")
        self.start = folder / "start"
        shutil.copytree(self.project, self.start, symlinks=True)
        self.studio = Studio(self.project)
        self.studio.start()
        self.server: Server = self.studio.server()
        self.requests: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.seconds: dict[str, list[float]] = {}
        self.files: dict[str, Bytes] = {}
        self.tasks: dict[str, list[dict[str, Any]]] = {}
        for kind in PUSHED:
            self._reset("undisturbed")
            self._undisturbed(["label", "push", kind])
            self.tasks[kind] = [task.data for task in self.server.tasks(self._found("undisturbed", kind))]
            if len(self.tasks[kind]) < (ANSWERED + 3 if kind in PULLED else 1):
                raise SystemExit(f"only {len(self.tasks[kind])} tasks of {kind}: too few to tell anything")
        for kind in PULLED:
            self._answer(self._found("undisturbed", kind), kind)
        self._reset("undisturbed")
        self._undisturbed(["label", "pull"])
        self.pulled = self._annotations()
        if self.pulled == _read(self.start / "annotations"):
            raise SystemExit("the undisturbed `toonset label pull` pulled nothing")

    def close(self) -> None:
        """End the server."""
        self.studio.stop()

    def _found(self, title: str, kind: str) -> Project:
        (found,) = self.server.projects(f"{title}: {kind}")
        return found

    def _reset(self, title: str) -> None:
        """Put back what push and pull write, and name the projects on the server."""
        for name in OWN:
            shutil.rmtree(self.project / name, ignore_errors=True)
            if (self.start / name).exists():
                shutil.copytree(self.start / name, self.project / name)
        soak_show.set_params(self.project, {"labelling": {"project": title}})

    def _undisturbed(self, words: list[str]) -> None:
        key, noted = " ".join(words), self.project.parent / "noted.txt"
        requests, killer = Requests(), Killer()

        def work() -> None:
            requests.watch()
            with contextlib.suppress(SystemExit):
                command(words, killer)()
            counts = f"{requests.count} {killer.calls}"
            noted.write_text(counts)

        ended = in_child(work, self.project)
        if ended.status or "toonset: " in ended.said or "Traceback" in ended.said:
            raise SystemExit(f"the undisturbed `toonset {key}` failed:\n{ended.said[-2000:]}")
        self.requests[key], self.calls[key] = map(int, noted.read_text().split())
        self.seconds[key] = [ended.cpu_s]
        self.files[key] = made(self.project)

    def _annotations(self) -> Bytes:
        return _read(self.project / "annotations")

    def _answer(self, project: Project, kind: str) -> dict[int, str]:
        """Somebody answers the first tasks; their keys by id."""
        answered = {}
        for task in list(self.server.tasks(project))[:ANSWERED]:
            result: dict[str, Any] = {"from_name": "emotion", "to_name": "face", "type": "choices"}
            result["value"] = {"choices": ["happy"]}
            if kind == "boxes":
                result = {"from_name": "box", "to_name": "frame", "type": "rectanglelabels", "image_rotation": 0}
                result |= {"original_width": task.data["width"], "original_height": task.data["height"]}
                place = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
                result["value"] = place | {"rectanglelabels": ["dot"]}
            self.server.client.annotations.create(id=task.id, result=[result], lead_time=1.5)
            answered[task.id] = str(task.data["key"])
        return answered

    def _killed(self, words: list[str], dice: random.Random, turn: int) -> tuple[int, list[str]]:
        """Run a command some times, each time killed; how many kills came, and which they were to be."""
        key, kills, how = " ".join(words), 0, []
        for index in range(IN_A_ROW):
            ways: list[Callable[[], tuple[str, bool]]] = [
                lambda: self._at_request(words, dice),
                lambda: self._at_call(words, 1 + (turn * IN_A_ROW + index) % max(1, self.calls[key])),  # noqa: B023
                lambda: self._after(words, dice),
            ]
            said, killed = ways[(0, 1, 0, 2)[(turn + index) % 4]]()
            how.append(said)
            kills += killed
        return kills, how

    def _at_request(self, words: list[str], dice: random.Random) -> tuple[str, bool]:
        at, moment = dice.randint(1, self.requests[" ".join(words)]), dice.choice(MOMENTS)
        requests = Requests(at, moment, dice.random() * LONGEST_REQUEST_S)

        def work() -> None:
            requests.watch()
            command(words)()

        return f"{moment} request {at}", in_child(work, self.project).killed

    def _at_call(self, words: list[str], at: int) -> tuple[str, bool]:
        return f"at writing call {at}", in_child(command(words, Killer(at)), self.project).killed

    def _after(self, words: list[str], dice: random.Random) -> tuple[str, bool]:
        after = dice.random() * statistics.median(self.seconds[" ".join(words)][-5:])
        return f"after {after:.2f} s", in_child(command(words), self.project, kill_after=after).killed

    def trials(self, number: int) -> Iterator[dict[str, Any]]:
        """A push of each kind, and a pull."""
        for index, kind in enumerate(PUSHED):
            yield self.push(number * len(PUSHED) + index, kind)
        yield self.pull(number)

    def push(self, number: int, kind: str) -> dict[str, Any]:
        """Kill a push some times, run it to its end: every task is there once, no answer is lost.

        By turns onto an empty server, and onto one with answers, tasks that are out of date, and one that is too many.
        """
        title, words, dice = f"trial {number}", ["label", "push", kind], random.Random(f"push {number}")
        self._reset(title)
        answered: dict[int, str] = {}
        if number // len(PUSHED) % 2 and kind in PULLED:
            answered = self._push_before(title, kind)
        kills, how = self._killed(words, dice, number)
        ended = in_child(command(words), self.project)
        self.seconds[" ".join(words)].append(ended.cpu_s)
        projects = self.server.projects(f"{title}: {kind}")
        tasks = [task for project in projects for task in self.server.tasks(project)]
        faults: dict[str, Any] = differing(made(self.project), self.files[" ".join(words)])
        if len(projects) != 1:
            faults["projects"] = len(projects)
        expected = {data["key"]: data["revision"] for data in self.tasks[kind]}
        twice = [key for key, count in Counter(task.data["key"] for task in tasks).items() if count > 1]
        faults |= {"twice": len(twice)} if twice else {}
        there = {task.data["key"]: task for task in tasks}
        faults |= {"lost": len(set(expected) - set(there))} if set(expected) - set(there) else {}
        faults |= {"too many": len(set(there) - set(expected))} if set(there) - set(expected) else {}
        old = [task for task in tasks if not task.touched and task.data["revision"] != expected.get(task.data["key"])]
        faults |= {"out of date": len(old)} if old else {}
        kept = {task.id: task.data["key"] for task in tasks if task.touched}
        faults |= {"answers": [len(answered), len(kept)]} if kept != answered else {}
        for project in projects:
            self.server.delete_project(project)
        return self._row(" ".join(words), kills, how, ended.status, ended.said, faults)

    def _push_before(self, title: str, kind: str) -> dict[int, str]:
        """What stands on the server before the push; the keys of what is answered, by id."""
        ended = in_child(command(["label", "push", kind]), self.project)
        if ended.status:
            raise SystemExit(f"an undisturbed push failed:\n{ended.said[-1000:]}")
        project = self._found(title, kind)
        answered = self._answer(project, kind)
        later = [task for task in self.server.tasks(project) if not task.touched]
        self.server.remove_untouched(project, [task.id for task in later[:3]])
        old = [{"data": task.data | {"revision": "old"}} for task in later[:2]]
        self.server.add_tasks(project, [*old, {"data": later[0].data | {"key": "not wanted any more"}}])
        self._reset(title)
        return answered

    def pull(self, number: int) -> dict[str, Any]:
        """Kill a pull some times, run it to its end: annotations have the bytes of an undisturbed pull."""
        self._reset("undisturbed")
        words, dice = ["label", "pull"], random.Random(f"pull {number}")
        kills, how = self._killed(words, dice, number)
        ended = in_child(command(words), self.project)
        self.seconds[" ".join(words)].append(ended.cpu_s)
        faults = differing(self._annotations(), self.pulled)
        again = in_child(command(words), self.project)
        faults |= {"pulled twice": True} if self._annotations() != self.pulled or again.status else {}
        return self._row(" ".join(words), kills, how, ended.status, ended.said, faults)

    @staticmethod
    def _row(words: str, kills: int, how: list[str], status: int, said: str, faults: dict[str, Any]) -> dict[str, Any]:
        ok = not faults and status == 0 and "Traceback" not in said
        row = {"kind": f"toonset {words}", "how": ", ".join(how), "kills": kills, "ok": ok, **faults}
        return row | ({} if ok else {"said": said[-500:]})


def _read(folder: Path) -> Bytes:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}
