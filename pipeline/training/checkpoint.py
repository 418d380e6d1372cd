"""An interrupted training continues with the same bits: its whole state is in one safetensors file.

A checkpoint belongs to one set of pictures, settings and versions (its key). A checkpoint of another training is
ignored, and the training starts again.
"""

import contextlib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pipeline.tables import replacing
from pipeline.training.run import Epoch, Run

Weights = dict[str, torch.Tensor]


def write(path: Path, key: str, run: Run, curves: list[Epoch], best: Weights) -> None:
    """Write the state of `run` after a whole epoch."""
    tensors: Weights = {"generator": run.generator.get_state(), "torch": torch.get_rng_state()}
    if run.device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(run.device)
    tensors |= {f"net.{name}": tensor for name, tensor in run.net.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for number, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items() if torch.is_tensor(value)}
    about = json.dumps({"key": key, "epoch": run.epoch, "curves": [asdict(point) for point in curves]})
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(tensors, {"toonset": about, "sha256": _checksum(about, tensors)})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _checksum(about: str, tensors: Weights) -> str:
    """sha256 of all that a checkpoint holds."""
    digest = hashlib.sha256(about.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def resume(path: Path, key: str, run: Run) -> tuple[list[Epoch], Weights] | None:
    """Bring `run` to the state of the checkpoint; None where there is no undamaged one of this training."""
    try:
        with safe_open(path, framework="pt") as file:
            kept = file.metadata() or {}
            about = json.loads(kept["toonset"])
            if about["key"] != key:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            if kept["sha256"] != _checksum(kept["toonset"], tensors):
                return None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError):
        return None
    run.net.load_state_dict(_part(tensors, "net."))
    run.generator.set_state(tensors["generator"])
    torch.set_rng_state(tensors["torch"])
    if "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"], run.device)
    _restore_optimiser(run, _part(tensors, "optimiser."))
    run.epoch = about["epoch"]
    best = {name: tensor.to(run.device) for name, tensor in _part(tensors, "best.").items()}
    return [Epoch(**point) for point in about["curves"]], best


def _restore_optimiser(run: Run, tensors: Weights) -> None:
    parameters = [one for group in run.optimiser.param_groups for one in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        number, field = name.split(".", 1)
        like = parameters[int(number)]
        # In the memory layout of the weights, as the optimiser itself makes them: the same loops then run over them.
        value = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(number), {})[field] = value.detach()
    run.optimiser.load_state_dict({"state": state, "param_groups": run.optimiser.state_dict()["param_groups"]})


def _part(tensors: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def forget(path: Path) -> None:
    """Remove the checkpoint of a training that has ended."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
