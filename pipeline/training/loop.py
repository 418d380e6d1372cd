"""The training loop, with checkpoints."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.training import checkpoint
from pipeline.training.run import Epoch, Run, best_so_far

SECONDS: Final = 20.0
"""Between two checkpoints, at least; changes no result."""


def train_to_the_end(
    run: Run, path: Path | None = None, key: str = "", after_epoch: Callable[[Epoch], None] | None = None
) -> int:
    """Train to the end, or until `patience` runs out; return the epoch (from 1) whose weights the network now has.

    path: where checkpoints are kept; an interrupted training with the same key continues from there. The curves are
    `run.curves`; after_epoch: called with each point, those of the checkpoint too.
    """
    curves, best = (path and checkpoint.resume(path, key, run)) or ([], {})
    for point in curves:
        if after_epoch:
            after_epoch(point)
    saved = time.monotonic()
    while run.epoch < run.recipe.epochs and not _stops(run, curves):
        curves.append(run.step())
        if run.recipe.patience and best_so_far(curves) == run.epoch:
            best = {name: tensor.clone() for name, tensor in run.net.state_dict().items()}
        if after_epoch:
            after_epoch(curves[-1])
        if path and time.monotonic() - saved > SECONDS:
            checkpoint.write(path, key, run, curves, best)
            saved = time.monotonic()
    run.curves = curves
    if best:
        run.net.load_state_dict(best)
    return best_so_far(curves) or run.epoch if run.recipe.patience else run.epoch


def _stops(run: Run, curves: list[Epoch]) -> bool:
    best = best_so_far(curves)
    return bool(run.recipe.patience) and best is not None and run.epoch - best >= run.recipe.patience
