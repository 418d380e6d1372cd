"""What a killed `dvc` leaves in the way of the next one.

DVC writes `.dvc/tmp/rwlock`, the list of what running stages read and write, in place: killed in that moment it leaves
the file empty, and from then on refuses to run. While another dvc is alive the file is its own, and must stay.
"""

import json
import os
from pathlib import Path
from typing import Final

import psutil

from pipeline.errors import SetupError

RWLOCK: Final = Path(".dvc/tmp/rwlock")


def mend_lock(project: Path) -> str:
    """Delete the lock file if a killed dvc left it unreadable; what was found and done, in a sentence.

    Raises SetupError where it is unreadable and a dvc of this project is still running.
    """
    lock = project / RWLOCK
    try:
        text = lock.read_bytes()
    except FileNotFoundError:
        return "nothing to repair: DVC has left no lock file"
    if _is_whole(text):
        return "nothing to repair: DVC's lock file can be read"
    running = running_dvc(project)
    if running:
        raise SetupError(
            f"{lock} cannot be read, but dvc is running in this project (process {running[0]}): wait until it has "
            "ended, then run this again"
        )
    lock.unlink(missing_ok=True)
    return f"{RWLOCK} was left half-written by a killed dvc and is deleted now; `dvc repro` continues where it was"


def _is_whole(text: bytes) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and all(isinstance(found.get(part, {}), dict) for part in ("read", "write"))


def running_dvc(project: Path) -> list[int]:
    """Process ids of every dvc that was started in the project's folder or below it."""
    root = project.resolve()
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = {Path(word).name for word in (process.info["cmdline"] or [])[:5]}
        # Its daemons ask for updates and the like, and touch no project.
        if process.info["pid"] == os.getpid() or not {"dvc", "dvc.exe"} & words or "daemon" in words:
            continue
        try:
            folder = Path(process.cwd())
        except (psutil.Error, OSError):  # another user's: not ours to judge, so take it for one
            found.append(int(process.info["pid"]))
            continue
        if folder == root or root in folder.parents:
            found.append(int(process.info["pid"]))
    return found
