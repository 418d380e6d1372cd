"""Whether a project reproduces: run it in a clean clone and hold the result against the committed dvc.lock.

Everything up to the dataset must have the same bytes on any x86-64 machine, but for a picture that matplotlib draws.
The stages in `MACHINE_DEPENDENT` compute with floats in torch, whose sums may differ in the last bit from one kind of
processor to another: on the same kind they too must agree, and where they do not, their numbers are compared instead,
to `TOLERANCE`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import SetupError, StageError

MACHINE_DEPENDENT = ("train", "random_split", "evaluate", "report", "manifest: outs reports/manifest/duplicates.png")
TOLERANCE = 0.0005
"""Metrics must agree to three decimals."""


def check(project: Path) -> None:
    """Clone the committed state, run it, compare. Raises StageError naming every output that differs."""
    project = project.resolve()
    committed = lock(project)
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "clone"
        _run(["git", "clone", "--quiet", str(project), str(clone)], Path(temporary))
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        if subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=clone, env=environment, check=False).returncode:
            raise StageError("`dvc repro` failed in a clean clone; see its output above")
        differing = list(differences(committed, lock(clone)))
    expected = [line for line in differing if line.startswith(MACHINE_DEPENDENT)]
    if len(differing) > len(expected):
        raise StageError("a run in a clean clone differs from the committed dvc.lock in\n  " + "\n  ".join(differing))
    if expected:
        print("the same as dvc.lock up to the dataset; on this processor these differ:\n  " + "\n  ".join(expected))
    else:
        print("a run in a clean clone leaves dvc.lock as it was committed")


def lock(project: Path) -> dict[str, Any]:
    """The stages of a dvc.lock."""
    try:
        return dict(YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"])
    except (OSError, KeyError, TypeError, YAMLError) as error:
        raise SetupError(f"{project / 'dvc.lock'} cannot be read ({error}): run `dvc repro` and commit it") from error


def differences(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """Every stage that only one has, and every entry (output, input, parameters, command) in which they differ."""
    for stage in sorted({*first, *second}):
        if stage not in first or stage not in second:
            yield f"{stage}: only in {'the commit' if stage in first else 'the new run'}"
            continue
        for part in ("cmd", "params", "deps", "outs"):
            entries = [_by_path(where[stage].get(part)) for where in (first, second)]
            for name in sorted({*entries[0], *entries[1]}):
                if entries[0].get(name) != entries[1].get(name):
                    yield f"{stage}: {part} {name}"


def _by_path(entries: Any) -> dict[str, str]:
    if isinstance(entries, list):
        return {entry["path"]: json.dumps(entry, sort_keys=True) for entry in entries}
    return {} if entries is None else {"": json.dumps(entries, sort_keys=True)}


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
