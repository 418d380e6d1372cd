"""`toonset new`: start a project for your own show."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pipeline.errors import InputError, SetupError


def make_project(directory: Path) -> None:
    """Start a project for a show, and say what comes next. Raises as `fill_project` does."""
    directory = fill_project(directory)
    add_to_git(directory)
    print(
        f"{directory} is a project now. Next steps there:\n"
        "  1. params.yaml: list your episodes, characters and emotions; then `dvc repro scenes`\n"
        "  2. `toonset label serve`, and in another terminal `toonset label round`: box faces in the browser, then\n"
        "     run it again: it trains detectors and sends the next pages, until more answers hardly help\n"
        "  3. `dvc repro tasks`: finds the faces; `toonset splits`, then `dvc repro tasks` again\n"
        "  4. `toonset label push emotions`: label the faces; `toonset label pull`; then `dvc repro`\n"
        "The README of toonset takes you through each step."
    )


def fill_project(directory: Path) -> Path:
    """Fill an empty directory with a project: the flow, its parameters, empty annotations, git and DVC; its full path.

    Raises InputError where the directory holds anything already: nothing a person made is ever overwritten.
    """
    directory = directory.resolve()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory} is not empty; name a directory that is empty or not there yet")
    if shutil.which("git") is None:
        raise SetupError("git was not found; a project keeps its annotations and parameters under git: install git")
    template = resources.files("pipeline.project") / "template"
    with resources.as_file(template) as source:
        shutil.copytree(source, directory, dirs_exist_ok=True)
    (directory / "gitignore").rename(directory / ".gitignore")
    configs = resources.files("labeling") / "configs"
    with resources.as_file(configs) as source:
        shutil.copytree(source, directory / "labeling" / "configs")
    if not (directory / ".git").exists():
        run(["git", "init", "--quiet", "--initial-branch=main"], directory)
    run_dvc(["init", "--quiet"], directory)
    for option, value in (("core.analytics", "false"), ("core.check_update", "false")):
        run_dvc(["config", option, value], directory)
    with (directory / ".dvcignore").open("a", encoding="utf-8") as ignored:
        ignored.write("\n# What toonset is writing or was killed over.\n.*.tmp\n")
    return directory


def add_to_git(directory: Path) -> None:
    """Let git know of all that is in a project."""
    run(["git", "add", "--all"], directory)


def run_dvc(arguments: list[str], directory: Path) -> None:
    """Run DVC in a project. It reports to its makers by default, its first command included: not here."""
    run([sys.executable, "-m", "dvc", *arguments], directory, {"DVC_NO_ANALYTICS": "true", "CI": "true"})


def run(command: list[str], directory: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run a program in a folder. Raises SetupError with what it said where it fails."""
    environment = os.environ | (variables or {})
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
