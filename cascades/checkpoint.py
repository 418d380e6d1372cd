"""The state of a training between two stages: one NumPy archive without pickles, below a line with its checksum.

A checkpoint belongs to one set of images, boxes and settings; their fingerprint is stored and compared.
"""

import hashlib
import io
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cascades.errors import CheckpointMismatch
from cascades.files import write_whole
from cascades.model import Stage, Tree
from cascades.params import TrainingParams

Key = tuple[int, int, int, int]
HEAD: Final = b"toonset cascade checkpoint "


@dataclass(eq=False)
class Progress:
    """What the next stage needs: stages so far, the negatives still alive with where they came from, which positives
    are alive, and the miner's cursor."""

    stages: list[Stage]
    keys: list[Key]
    patches: list[NDArray[np.uint8]]
    alive: NDArray[np.bool_]
    cursor: int


def fingerprint(params: TrainingParams, positives: NDArray[np.uint8], keys: tuple[str, ...]) -> str:
    """sha256 of settings, positives and image keys. More stages or threads continue the same training."""
    settings = asdict(replace(params, threads=1, stages=1))
    del settings["fit_boxes"]  # done when all stages are trained
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    digest.update(positives.tobytes())
    digest.update("\n".join(keys).encode())
    return digest.hexdigest()


def save_checkpoint(path: Path, mark: str, progress: Progress) -> None:
    """Write the checkpoint whole or not at all."""
    trees = [tree for stage in progress.stages for tree in stage.trees]
    arrays: dict[str, Any] = {
        "fingerprint": np.array(mark),
        "stage_threshold": np.array([s.threshold for s in progress.stages], np.float32),
        "stage_trees": np.array([len(s.trees) for s in progress.stages], np.int32),
        "tree_nodes": np.array([len(t.feature) for t in trees], np.int32),
        "feature": np.concatenate([t.feature for t in trees]),
        "left": np.concatenate([t.left for t in trees]),
        "right": np.concatenate([t.right for t in trees]),
        "threshold": np.concatenate([t.threshold for t in trees]),
        "subset": np.concatenate([t.subset for t in trees]),
        "leaves": np.concatenate([t.leaves for t in trees]),
        "keys": np.array(progress.keys, np.int64).reshape(-1, 4),
        "patches": np.stack(progress.patches) if progress.patches else np.zeros((0, 1, 1, 1), np.uint8),
        "alive": progress.alive,
        "cursor": np.array(progress.cursor),
    }
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    write_whole(path, seal(archive.getvalue()))


def seal(archive: bytes) -> bytes:
    """What a checkpoint file holds: a first line with the sha256 of the archive, then the archive."""
    return HEAD + hashlib.sha256(archive).hexdigest().encode() + b"\n" + archive


def _unsealed(content: bytes) -> bytes:
    """The archive of a checkpoint file. Raises ValueError where a byte is not as it was written."""
    first, _, archive = content.partition(b"\n")
    if not first.startswith(HEAD):
        raise ValueError("it does not begin as one")
    if first != seal(archive).partition(b"\n")[0]:
        raise ValueError("it is damaged")
    return archive


def load_checkpoint(path: Path, mark: str) -> Progress:
    """Read a checkpoint back, refusing one that belongs to another training."""
    try:
        with np.load(io.BytesIO(_unsealed(path.read_bytes())), allow_pickle=False) as archive:
            a = {name: archive[name] for name in archive.files}
            found = str(a["fingerprint"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise CheckpointMismatch(f"{path}: not a checkpoint ({error}); delete it to start again") from error
    if found != mark:
        raise CheckpointMismatch(
            f"{path}: made from other images, boxes or settings; delete it to start again, or use those again"
        )
    try:
        return _progress(a)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise CheckpointMismatch(f"{path}: not a checkpoint ({error}); delete it to start again") from error


def _progress(a: dict[str, Any]) -> Progress:
    """The state of a training from the arrays of a checkpoint."""
    trees = []
    node = leaf = 0
    for count in a["tree_nodes"].tolist():
        rows = slice(node, node + count)
        trees.append(
            Tree(a["feature"][rows], a["left"][rows], a["right"][rows], a["threshold"][rows],
                 a["leaves"][leaf : leaf + count + 1], a["subset"][rows])
        )  # fmt: skip
        node, leaf = node + count, leaf + count + 1
    stages = []
    first = 0
    for threshold, count in zip(a["stage_threshold"].tolist(), a["stage_trees"].tolist(), strict=True):
        stages.append(Stage(threshold, tuple(trees[first : first + count])))
        first += count
    keys = [(k[0], k[1], k[2], k[3]) for k in a["keys"].tolist()]
    return Progress(stages, keys, list(a["patches"]), a["alive"], int(a["cursor"]))
