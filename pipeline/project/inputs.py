"""What a stage reads must not change while it runs: DVC hashes a stage's inputs only after its command has ended.

What somebody changes during a stage would stand in dvc.lock as if the stage had read it, and never be worked on. So
`toonset stage` looks at all that dvc.yaml names as the stage's inputs before the stage begins and once more when it is
done, and fails where they differ: DVC then records nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cascades.strict_yaml import InvalidYaml, read_yaml
from pipeline import paths
from pipeline.errors import InputError, StageError

READ_WHOLE: Final = 64 << 20
"""Bytes up to which a file that dvc.yaml names is compared by its content too. Of larger ones, and of those in a folder
(gigabytes of video), size and time of change are compared: a change that keeps both is no accident."""

Value = Any


@dataclass(frozen=True)
class Declared:
    """What dvc.yaml says of a stage."""

    deps: tuple[Path, ...] = ()
    params: tuple[str, ...] = ()
    """Keys of params.yaml with dots: `faces.crop_margin`."""
    kept: tuple[Path, ...] = ()
    """Outputs that are kept from one run to the next, `persist: true`."""


@contextmanager
def unchanged_inputs(stage: str, character: str | None) -> Iterator[None]:
    """Raise StageError if an input of the stage changes while the block runs.

    What the stage has kept for later runs during the block is then deleted: it may be made from either state.
    """
    declared = declared_inputs(stage, character)
    before, kept = _inputs(declared), _kept(stage, declared)
    yield
    after = _inputs(declared)
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    if changed:
        for path, state in _kept(stage, declared).items():
            if kept.get(path) != state:
                path.unlink(missing_ok=True)
        shown = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        raise StageError(f"{shown} changed while `{stage}` was running, so its result is not recorded: run it again")


def declared_inputs(stage: str, character: str | None) -> Declared:
    """What the project's dvc.yaml says of a stage; nothing where it has none of this name."""
    try:
        flow = read_yaml(paths.FLOW.read_bytes())
        entry = flow["stages"].get(stage, {})
        deps = [str(path).replace("${item.character}", character or "") for path in entry.get("deps", [])]
        params = [key for key in entry.get("params", []) if isinstance(key, str)]
        kept = [Path(path) for out in entry.get("outs", []) for path, flags in _flags(out) if flags.get("persist")]
    except FileNotFoundError:
        return Declared()
    except (InvalidYaml, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{paths.FLOW} cannot be read as a list of stages ({error})") from error
    return Declared(tuple(map(Path, deps)), tuple(params), tuple(kept))


def _flags(out: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(path), flags or {}) for path, flags in out.items()] if isinstance(out, dict) else []


def _inputs(declared: Declared) -> dict[str, Value]:
    """The state of every input, by the name under which people know it."""
    found: dict[str, Value] = {}
    for dep in declared.deps:
        if dep.is_dir():
            found |= {str(path): state for path, state in _files(dep).items()}
        else:
            found[str(dep)] = _file(dep)
    values = _params()
    return found | {f"`{key}` in {paths.PARAMS}": _look_up(values, key) for key in declared.params}


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change of every file below a folder."""
    found = {}
    for path in folder.rglob("*"):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[path] = (state.st_size, state.st_mtime_ns)
    return found


def _file(path: Path) -> tuple[int, int, str] | None:
    try:
        state = path.stat()
        whole = state.st_size <= READ_WHOLE and path.is_file()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if whole else ""
    except FileNotFoundError:
        return None
    return state.st_size, state.st_mtime_ns, content


def _params() -> Any:
    """params.yaml as it stands; None where it cannot be read, which is the stage's own to say."""
    try:
        return read_yaml(paths.PARAMS.read_bytes())
    except (OSError, InvalidYaml):
        return None


def _look_up(values: Any, key: str) -> Value:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return repr(values)


def _kept(stage: str, declared: Declared) -> dict[Path, tuple[int, int]]:
    """The files that the stage keeps for later runs."""
    folders = [*declared.kept, paths.CACHE / stage]
    return {path: state for folder in folders for path, state in _files(folder).items()}
