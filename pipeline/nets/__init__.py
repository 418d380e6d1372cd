"""The emotion networks, one file per architecture, found by the name that `train.net` gives.

A network is a `torch.nn.Module` from normalised pictures, float32 [N, channels, size, size], to logits, float32
[N, classes]. It may have a method `penalty`, added to the loss; an attribute `sigmoid`: whether its classes are judged
one by one; and an attribute `seen`: the slice of rows and of columns that it looks at, which it also takes alone. To
add one: a file here, a line in `ARCHITECTURES`, its name in `pipeline.params.Train.net`.
"""

import inspect
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from pipeline.errors import InputError, ParamsError, nearest
from pipeline.nets import (
    dikshit2022,
    face_api,
    googlenet,
    hill2017,
    ho2023,
    li2022,
    mini_xception,
    resnet,
    toon,
    vanilla,
)
from pipeline.nets.recipe import Recipe

LARGEST: Final = 1024
"""A whole number among a network's arguments, at most: layers or channels."""


@dataclass(frozen=True)
class Architecture:
    """How to make a network, what it looks at and how it was trained."""

    make: Callable[..., nn.Module]
    """Called with `classes` and the network's own arguments."""
    size: int
    """Side of the square input, px."""
    channels: int
    """3: RGB; 1: gray."""
    recipe: Recipe
    margin: float | None = None
    """Context around the face's box in the input, as a share of its longer side; None: as the training crops have."""
    fine_tuned: bool = False
    """Whether it starts from ImageNet weights."""

    @property
    def options(self) -> dict[str, Any]:
        """The network's own arguments and their defaults."""
        parameters = inspect.signature(self.make).parameters.values()
        return {one.name: one.default for one in parameters if one.name != "classes"}


ARCHITECTURES: Final = {
    "hill2017": Architecture(hill2017.Hill2017, hill2017.SIZE, hill2017.CHANNELS, hill2017.RECIPE),
    "ho2023": Architecture(ho2023.Ho2023, ho2023.SIZE, ho2023.CHANNELS, ho2023.RECIPE),
    "li2022": Architecture(li2022.Li2022, li2022.SIZE, li2022.CHANNELS, li2022.RECIPE),
    "dikshit2022": Architecture(dikshit2022.Dikshit2022, dikshit2022.SIZE, dikshit2022.CHANNELS, dikshit2022.RECIPE),
    "resnet18": Architecture(resnet.resnet18, resnet.SIZE, resnet.CHANNELS, resnet.RECIPE, fine_tuned=True),
    "resnet50": Architecture(resnet.resnet50, resnet.SIZE, resnet.CHANNELS, resnet.RECIPE, fine_tuned=True),
    "googlenet": Architecture(googlenet.GoogLeNet, googlenet.SIZE, googlenet.CHANNELS, googlenet.RECIPE),
    "vanilla": Architecture(vanilla.Vanilla, vanilla.SIZE, vanilla.CHANNELS, vanilla.RECIPE),
    "face_api": Architecture(face_api.FaceApi, face_api.SIZE, face_api.CHANNELS, face_api.RECIPE, face_api.MARGIN),
    "mini_xception": Architecture(
        mini_xception.MiniXception,
        mini_xception.SIZE,
        mini_xception.CHANNELS,
        mini_xception.RECIPE,
        mini_xception.MARGIN,
    ),
    "toon": Architecture(toon.Toon, toon.SIZE, toon.CHANNELS, toon.RECIPE, toon.MARGIN),
}


def architecture(name: str) -> Architecture:
    """The architecture called `name`; raises InputError naming the nearest one where there is none."""
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise InputError(f"no network called {reprlib.repr(name)}; there is {known}.{nearest(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def build(name: str, classes: int, arguments: Mapping[str, Any]) -> nn.Module:
    """A network with fresh random weights, drawn from torch's global generator.

    Raises ValueError where a number among the arguments would make a network too large to be meant.
    """
    for key, value in arguments.items():
        if type(value) is int and not 0 <= value <= LARGEST:
            raise ValueError(f"{key} is {value}; expected 0 to {LARGEST}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{key} is {value}; expected a number")
    return architecture(name).make(classes=classes, **arguments)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ParamsError where `options` of params.yaml are not the network's own, or not of their type."""
    own = architecture(name).options
    for key, value in options.items():
        if key not in own:
            known = ", ".join(f"`{option}`" for option in own) or "none"
            raise ParamsError(f"params.yaml: {name} has no option `{key}`; its own are {known}.{nearest(key, own)}")
        kind = type(own[key])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ParamsError(
                f"params.yaml: option `{key}` of {name} is {value!r}; expected {kind.__name__}, such as {own[key]!r}"
            )
    try:
        with torch.random.fork_rng(devices=[]):
            build(name, 2, options)
    except ValueError as error:
        raise ParamsError(f"params.yaml: options of {name}: {error}") from error
