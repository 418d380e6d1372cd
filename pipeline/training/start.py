"""The weights that the package ships, as the start of a training: `train.start`. `toon_faces.md` is their card."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from pipeline.errors import InputError
from pipeline.training.recipes import Plan

WEIGHTS: Final = Path(__file__).parent / "toon_faces.safetensors"
SHA256: Final = "93c1b64c0cfb7e8da5b502744ac53ad43a2b8c9f486e9118326c99522f35e306"
"""Of the file; `python -m benchmarks.pretrain train` prints it."""
KNOWN: Final = ("afraid", "angry", "contemptuous", "disgusted", "happy", "neutral", "sad", "surprised")
"""The emotions of the weights' own head, in the order of its outputs."""
HEAD: Final = ("head.1.weight", "head.1.bias")
PACE: Final = 0.3
"""Learning rate of the layers that know faces already, as a share of the head's; chosen by folds."""


def start_from_shipped(net: nn.Module, plan: Plan, emotions: Sequence[str]) -> bool:
    """Put the shipped weights into `net` where `plan.starts_from_shipped`; whether it was done.

    The head gets the rows of emotions that the weights know by name; other rows stay random. Raises InputError where
    the file is damaged.
    """
    if plan.starts_from_shipped:
        put(net, emotions, read_weights())
    return plan.starts_from_shipped


def read_weights(path: Path = WEIGHTS, sha256: str = SHA256) -> dict[str, torch.Tensor]:
    """The tensors of the file by name; raises InputError where it is missing, damaged or another file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"train.start: {path} cannot be read ({error.strerror}): install toonset again") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InputError(
            f"train.start: {path} has sha256 {found}, expected {sha256}: it is damaged; install toonset again, or set "
            "`train.start` to null in params.yaml to start from random weights"
        )
    try:
        return load(data)
    except SafetensorError as error:
        raise InputError(f"train.start: {path} is no safetensors file ({error})") from error


def put(net: nn.Module, emotions: Sequence[str], weights: dict[str, torch.Tensor], named: bool = True) -> None:
    """Weights of `toon` with a head for `KNOWN` into a `toon` with a head for `emotions`.

    named: whether emotions of the same name take their row of the head along.
    """
    body = {name: values for name, values in weights.items() if name not in HEAD}
    own = net.state_dict()
    if set(body) | set(HEAD) != {name for name in own if "num_batches" not in name}:
        raise InputError("train.start: these are not weights of toon")
    net.load_state_dict(body, strict=False)
    with torch.no_grad():
        for row, emotion in enumerate(emotions):
            if named and emotion in KNOWN:
                for name in HEAD:
                    own[name][row] = weights[name][KNOWN.index(emotion)]
