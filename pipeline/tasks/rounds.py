"""`toonset label round`: fetch the answers, train, say what was gained, and send the next most useful pages.

A round that was killed goes on when it is started again: what was fetched and trained is kept, a push adds only what is
missing, and the round counts only when its rows are in annotations/rounds.csv, which is the last thing that is written.
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock

from pipeline import paths
from pipeline.dataset.record_splits import record_splits
from pipeline.errors import ParamsError, StageError
from pipeline.faces.boxed_frames import in_split, looked_at
from pipeline.faces.cascade_files import digest_of_cascades
from pipeline.faces.everybody import LEAST_BOXES
from pipeline.labels.people_files import append
from pipeline.params import Params, load_params
from pipeline.project.locks import mend_lock
from pipeline.schemas import OK
from pipeline.tasks.gains import Gain, ValidationFrames, gains, in_words
from pipeline.tasks.known import Known, answers, learned_faces, read_known
from pipeline.tasks.noes import least_scores
from pipeline.tasks.proposals import in_lines, propose
from pipeline.tasks.pull import pull_from
from pipeline.tasks.push import Target, configured, deliver, tasks_of_boxes
from pipeline.tasks.round_history import (
    ROUND_FILE,
    advice,
    answers_so_far,
    faces_so_far,
    last_round,
    open_history,
    rows_of_round,
)

SAY: Final = "label round"


def label_round(frames: int, *, dry_run: bool = False) -> None:
    """`toonset label round`. frames: how many to send for boxing."""
    params = load_params()
    if not params.episodes:
        raise ParamsError("params.yaml lists no episodes, so there is nothing to box: list some under `episodes`")
    if dry_run:
        print(f"{SAY}: a dry run with the answers and detectors of now; nothing is fetched, trained or sent")
        known = read_known(params)
        lacking = too_little(known, params)
        for line in [lacking] if lacking else in_lines(propose(known, params, frames), known):
            print(f"{SAY}: {line}")
        return
    target = fetch(params)
    repro("scenes")
    known = divided(read_known(params), params)
    lacking = too_little(known, params)
    if lacking:
        deliver(f"{SAY}, boxes", target, "boxes", tasks_of_boxes(params), params)
        print(f"{SAY}: {lacking}. Box every face in these frames, then run `toonset label round` again")
        return
    number = last_round(open_history().table.records()) + 1
    if not kept_cascades(number - 1).exists():
        keep_cascades(number - 1)
    repro("faces")
    found = measured(number, known, params)
    pages = propose(known, params, frames)
    for note in pages.notes:
        print(f"{SAY}: {note}")
    for kind, tasks in pages.tasks(known, params).items():
        deliver(f"{SAY}, {kind}", target, kind, tasks, params)
    finish(number, known, found, params)


def fetch(params: Params) -> Target | None:
    """Fetch what people said since the last time; the server, or None where there is none."""
    repaired = mend_lock(Path())  # what a killed round may have left
    if not repaired.startswith("nothing"):
        print(f"{SAY}: {repaired}")
    target = configured()
    if target is None:
        print(f"{SAY}: no Label Studio server is running or configured, so no answers are fetched")
    elif not pull_from(target, params):
        print(f"{SAY}: {target.server.url} has no project of this show yet, so there are no answers to fetch")
    return target


def repro(stage: str) -> None:
    """Run a stage and all that it needs, as far as something changed. Raises StageError where it does not end well."""
    print(f"{SAY}: dvc repro {stage}", flush=True)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    if subprocess.run([sys.executable, "-m", "dvc", "repro", stage], env=environment, check=False).returncode:
        raise StageError(
            f"`dvc repro {stage}` did not end well, see above. Answers that were fetched are kept; when it is mended, "
            "run `toonset label round` again"
        )


def divided(known: Known, params: Params) -> Known:
    """Record the splits of scenes that were boxed, as `toonset splits` does, until there are labels that it could
    move."""
    if paths.LABELS.exists() or not (known.boxes["status"] == OK).any():
        return known
    record_splits(advise=False)
    repro("scenes")
    return read_known(params)


def too_little(known: Known, params: Params) -> str:
    """Why no detector can be trained yet; empty where one can, or where there is one already."""
    if least_scores(params):
        return ""
    learned = {name: boxes for name, (boxes, _) in learned_faces(known, params).items()}
    seen = looked_at(known.boxes, known.frames, params.characters[0], params.characters)
    if max(learned.values()) < LEAST_BOXES:
        each = ", ".join(f"{params.shown(name)} {count}" for name, count in learned.items())
        return f"no character has {LEAST_BOXES} boxes in train scenes yet ({each})"
    if not seen.loc[in_split(seen, known.scenes, "train"), "complete"].any():
        return "no frame of the train scenes has all its faces boxed, so there are no negative examples yet"
    return ""


def kept_cascades(number: int) -> Path:
    """The folder of the cascades as a round left them."""
    return paths.ROUND_CASCADES / str(number)


def keep_cascades(number: int) -> None:
    """Keep the cascades of now as what a round left, whole or not at all."""
    paths.ROUND_CASCADES.mkdir(parents=True, exist_ok=True)
    paths.CASCADES.mkdir(parents=True, exist_ok=True)
    made, folder = paths.ROUND_CASCADES / f"{number}.{os.getpid()}.tmp", kept_cascades(number)
    shutil.copytree(paths.CASCADES, made)
    shutil.rmtree(folder, ignore_errors=True)
    made.replace(folder)


def measured(number: int, known: Known, params: Params) -> list[Gain]:
    """What the round gained, said and returned."""
    frames = ValidationFrames(known.boxes, known.frames, known.episodes, known.scenes, params)
    found = gains(frames, kept_cascades(number - 1), paths.CASCADES, params.characters)
    wanted = params.cascade.false_positives
    print(f"{SAY} {number}: on the validation scenes, with at most {wanted:g} false positives per frame,")
    for gain in found:
        print(f"  {in_words(gain, params.shown(gain.character))}")
    return found


def finish(number: int, known: Known, found: list[Gain], params: Params) -> None:
    """Write the round into the history, and say whether to go on. A round that changed nothing is none."""
    file = open_history()
    history, so_far = file.table.records(), answers(known)
    same = digest_of(kept_cascades(number - 1), params) == digest_of(paths.CASCADES, params)
    faces = {gain.character: gain.faces for gain in found}
    if same and (so_far, faces) == (answers_so_far(history), faces_so_far(history)):
        print(f"{SAY}: nothing has changed since round {number - 1}. {advice(history, shown(params))}")
        return
    keep_cascades(number)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = rows_of_round(number, now, so_far, learned_faces(known, params), found)
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.ANNOTATIONS_LOCK):
        append(file, ROUND_FILE, rows)
    for folder in paths.ROUND_CASCADES.iterdir():
        if folder != kept_cascades(number):
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{SAY} {number}: {advice([*history, *rows], shown(params))}")


def digest_of(folder: Path, params: Params) -> str:
    """sha256 of the characters' cascades in a folder, as far as they are there."""
    return digest_of_cascades([name for name in params.characters if (folder / f"{name}.xml").exists()], folder)


def shown(params: Params) -> dict[str, str]:
    """What each character is called."""
    return {name: params.shown(name) for name in params.characters}
