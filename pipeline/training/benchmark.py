"""`toonset benchmark`: one network on the project's faces, split by scene and, beside it, at random, as papers do.

Both splits have as many faces to train on, to tune on and to test on, and both are trained with the same seeds. What
the random split scores above the other is what the network remembers of scenes that it has seen.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch

import pipeline
from cascades.words import counted
from pipeline import paths
from pipeline.caches import cache_folder
from pipeline.classifier.scoring import score_classifier
from pipeline.compute.arithmetic import pin_instructions, reproducible
from pipeline.compute.malloc import keep_freed_memory
from pipeline.dataset.files import COLUMNS
from pipeline.dataset.leaks import check_leaks
from pipeline.dataset.random_split import deal
from pipeline.errors import InputError
from pipeline.params import Params, load_params
from pipeline.schemas import DATASET, OK, PICTURES, SPLITS
from pipeline.tables import read_kept_json, read_rows, write_json, write_kept_json
from pipeline.training.benchmark_results import Apart, Code, Faces, Machine, Result, Run, interval, spread
from pipeline.training.protocols import Protocol, protocol_of
from pipeline.training.recipes import plan_of
from pipeline.training.train import device_of, train
from pipeline.version import VERSION

HOWS: Final = ("by_scene", "at_random")


def benchmark(name: str, seeds: int, called: str | None = None, out: Path | None = None) -> None:
    """Run a protocol in the project in the current directory, write the results file, print the gap.

    seeds: 0 to seeds − 1. called: what the faces are called; by default as the folder. Finished runs are kept in
    data/cache/benchmark/. Raises ParamsError for a name that is not known, InputError without faces to test on.
    """
    params = load_params()
    protocol = protocol_of(name, params.train)
    pin_instructions()
    keep_freed_memory()
    rows = pd.concat([read_rows(paths.split_table(split), DATASET, [*COLUMNS, "split"]) for split in SPLITS])
    rows = rows.reset_index(drop=True)
    if not (rows["split"] == "test").any():
        raise InputError(f"{paths.split_table('test')} has no face: label faces of test scenes, or raise splits.test")
    check_leaks(rows, params.manifest)
    result = measure(name, protocol, rows, params, range(seeds), called or Path.cwd().name)
    path = out or paths.BENCHMARKS / f"{name}.json"
    write_json(path, result.model_dump(mode="json"))
    print(described(result, protocol.reported))
    print(f"benchmark: wrote {path}")


def measure(
    name: str, protocol: Protocol, rows: pd.DataFrame, params: Params, seeds: Sequence[int], called: str
) -> Result:
    """All runs of a protocol. rows: columns `COLUMNS` and `split` of all splits."""
    digest, cache, code = digest_of(rows), cache_folder("benchmark"), code_of(Path(pipeline.__file__).parent)
    runs: dict[str, list[Run]] = {how: [] for how in HOWS}
    settings: dict[str, Any] = {}
    parameters = 1
    for seed in seeds:
        own = Params.model_validate(params.model_dump() | {"train": {**protocol.train, "seed": seed}})
        settings = plan_of(own.train).resolved
        for how in HOWS:
            key = hashlib.sha256(json.dumps([settings, digest, how, code.model_dump()]).encode()).hexdigest()[:16]
            kept = cache / f"{name}-{how}-{seed}-{key}.json"
            found = None if code.changed else read_kept_json(kept)  # uncommitted code has no name to keep runs by
            if found is None:
                dealt = rows if how == "by_scene" else deal(rows, seed)
                work = cache_folder(key, cache)  # decoded pictures and the checkpoint of an interrupted training
                found = run_once(dealt, own, work, f"{name}, seed {seed}, {how.replace('_', ' ')}")
                write_kept_json(kept, found)
                shutil.rmtree(work)
            parameters = found.pop("parameters")
            runs[how].append(Run.model_validate({"seed": seed, **found}))
    return Result(
        benchmark=name,
        settings={key: value for key, value in settings.items() if key != "seed"},
        parameters=parameters,
        faces=_faces(rows, params, digest, called),
        code=code,
        machine=_machine(params),
        **runs,
    )


def run_once(rows: pd.DataFrame, params: Params, cache: Path, desc: str) -> dict[str, Any]:
    """Train and test on one split; the fields of `Run` but the seed, and the number of `parameters`."""
    parts = {split: rows[rows["split"] == split].reset_index(drop=True) for split in SPLITS}
    begun = time.process_time()
    trained = train(parts["train"], parts["validation"], params, cache, desc)
    spent = time.process_time() - begun
    with reproducible(params.train.seed, params.train.threads):
        metrics = score_classifier(parts["test"], trained.classifier, cache).metrics
    ends = metrics["intervals"].get("macro_f1", {"low": None, "high": None})
    found: dict[str, Any] = {name: metrics[name] for name in ("accuracy", "macro_f1")}
    return {**found, **ends, "cpu_s": round(spent, 1), "parameters": trained.metrics["parameters"]}


def digest_of(rows: pd.DataFrame) -> str:
    """What identifies the faces: sha256 over each one's id, margin, label, votes, split and picture, by id."""
    key = hashlib.sha256()
    for row in rows.sort_values("face_id").to_dict("records"):
        picture = hashlib.sha256(row["image"]["bytes"] or b"").hexdigest()
        fields = [row["face_id"], round(float(row["margin"]), 6), row["emotion"], row["votes"], row["split"], picture]
        key.update(json.dumps(fields, ensure_ascii=False).encode() + b"\n")
    return key.hexdigest()


def _faces(rows: pd.DataFrame, params: Params, digest: str, called: str) -> Faces:
    test = rows[rows["split"] == "test"]
    return Faces(
        name=called,
        sha256=digest,
        emotions=list(params.emotions),
        **{split: int((rows["split"] == split).sum()) for split in SPLITS},
        scenes=len(test[["episode_id", "scene"]].drop_duplicates()),
        apart=apart(test, params),
    )


def apart(test: pd.DataFrame, params: Params) -> dict[Apart, int]:
    """Test faces by what keeps them apart from training faces: a scene, or what `given_pictures` did."""
    if not params.faces_from:
        return {"scene": len(test)}
    columns = ["face_id", "given_split", "group", "status"]
    pictures = read_rows(paths.PICTURES, PICTURES, columns)
    pictures = pictures[pictures["status"] == OK].set_index("face_id")
    found: Counter[Apart] = Counter()
    for face_id in test["face_id"]:
        if face_id not in pictures.index:
            found["scene"] += 1
        elif pictures.at[face_id, "given_split"] == "test":
            found["given"] += 1
        else:
            found["group" if pictures.at[face_id, "group"] else "look-alikes"] += 1
    return dict(sorted(found.items()))


def code_of(folder: Path) -> Code:
    """The commit of the checkout that the package in `folder` lies in, where it lies in one."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--", ".", "../cascades")
        tracked = _git(folder, "ls-files", "--", "__init__.py")
    except (OSError, subprocess.CalledProcessError):
        return Code(version=VERSION, commit=None, changed=False)
    # In a virtual environment inside somebody else's repository, the commit is not ours.
    return Code(version=VERSION, commit=commit if tracked else None, changed=bool(tracked and changes))


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def _machine(params: Params) -> Machine:
    return Machine(
        processor=platform.processor() or platform.machine() or "unknown",
        instructions=torch.backends.cpu.get_cpu_capability(),
        device=device_of(params.train.device).type,
        torch=torch.__version__,
    )


def described(result: Result, reported: str) -> str:
    """What came out, for people."""
    faces, seeds, wide = result.faces, len(result.seeds), len(result.split) + 3
    lines = [
        f"benchmark {result.benchmark} on {faces.name}, split {result.split}: {counted(faces.train, 'faces')} to train "
        f"on, {faces.validation} to tune on, {faces.test} to test on; {counted(seeds, 'seeds')}",
        f"  the faces' sha256: {faces.sha256}",
        f"  {'':<{wide}}{'accuracy':<18}macro F1",
    ]
    for title, runs in ((result.split, result.by_scene), ("at random", result.at_random)):
        cells = [spread([getattr(run, name) for run in runs]) for name in ("accuracy", "macro_f1")]
        lines.append(f"  {title:<{wide}}{cells[0]:<18}{cells[1]}")
    lines.append(f"  {'gap':<{wide}}{spread(result.gaps('accuracy'), '+'):<18}{spread(result.gaps('macro_f1'), '+')}")
    if ends := interval(result):
        lines.append(f"  macro F1 {result.split}, 95 % interval over scenes or groups: {ends}")
    if "look-alikes" in faces.apart:
        lines.append("  Nobody says which pictures belong together: only near-duplicates are kept apart. Give a group.")
    if reported:
        lines.append(f"  The paper reports: {reported}")
    return "\n".join(lines)
