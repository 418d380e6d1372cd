"""The emotion networks, one file per architecture, found by the name that `train.net` gives.

A network is a `torch.nn.Module` from normalised pictures, float32 [N, channels, size, size], to logits, float32
[N, classes]. To add one: a file here, a line in `ARCHITECTURES`, its name in `pipeline.params.Train.net`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import nn

from pipeline.errors import InputError, nearest
from pipeline.nets import hill2017


@dataclass(frozen=True)
class Architecture:
    """How to make a network, and what it looks at."""

    make: Callable[..., nn.Module]
    """Called with `classes` and the network's own arguments."""
    size: int
    """Side of the square input, px."""
    channels: int
    """3: RGB; 1: grey."""


ARCHITECTURES: Final = {
    "hill2017": Architecture(hill2017.Hill2017, hill2017.SIZE, hill2017.CHANNELS),
}


def architecture(name: str) -> Architecture:
    """The architecture called `name`; raises InputError naming the nearest one where there is none."""
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"no network called {name!r}; there is {known}.{nearest(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def build(name: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
    """A network with fresh random weights, drawn from torch's global generator."""
    return architecture(name).make(classes=classes, **arguments)
