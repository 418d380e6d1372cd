"""A model of toonset as the start of a training: `train.start` names its folder.

It may be a network that `toonset import-net` wrote, or the classifier of another show. It must be of the same
architecture; its emotions need not be the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import nn

from pipeline.classifier.inputs import Normalisation
from pipeline.classifier.model import WEIGHTS, Classifier, load_model
from pipeline.errors import InputError, ParamsError, nearest
from pipeline.nets import architecture, build
from pipeline.tables import sha256_of
from pipeline.training.pretrained import NONE
from pipeline.training.recipes import SHIPPED, Plan

HOW: Final = f"`train.start` is {SHIPPED}, null, or the folder of a model, such as one that `toonset import-net` wrote"


def start_from_model(net: nn.Module, plan: Plan, emotions: Sequence[str]) -> Normalisation | None:
    """Put the weights of the model that `train.start` names into `net`; its normalisation, None where it names none.

    The last layer gets the rows of emotions that the model knows by name; its other rows stay random. Raises
    ParamsError where params.yaml does not fit itself or the model, InputError where the model cannot be read or is not
    the one that `train.start_sha256` says.
    """
    folder, sha256, train = plan.starts_from_model, plan.settings.start_sha256, plan.settings
    if folder is None:
        if sha256 is not None:
            raise ParamsError(f"params.yaml: `train.start_sha256` is for the folder of a model, but {HOW}")
        return None
    if not (folder / WEIGHTS).is_file():
        raise InputError(
            f"params.yaml: `train.start` is {str(folder)!r}, but there is no {folder / WEIGHTS}. {HOW}."
            f"{nearest(str(folder), [SHIPPED])}"
        )
    found = sha256_of(folder / WEIGHTS)
    if found != sha256:
        raise ParamsError(
            f"params.yaml: {folder / WEIGHTS} has sha256 {found}, but `train.start_sha256` is {sha256 or 'null'}: set "
            "it to that of the weights you mean, so that other weights never take their place unseen"
        )
    if train.pretrained not in (None, NONE):
        raise ParamsError("params.yaml: both `train.start` and `train.pretrained` name first weights: leave one out")
    earlier = load_model(folder)
    if (earlier.about.net, _options(earlier.about.net, earlier.about.arguments)) != (
        train.net, _options(train.net, plan.arguments)
    ):  # fmt: skip
        raise ParamsError(
            f"params.yaml: `train.start` is a model of {earlier.about.net} {earlier.about.arguments or ''}, but "
            f"`train.net` is {train.net} {plan.arguments or ''}: choose the same network and options"
        )
    put_model(net, emotions, earlier)
    return Normalisation(earlier.about.mean, earlier.about.std)


def put_model(net: nn.Module, emotions: Sequence[str], earlier: Classifier) -> None:
    """The weights of a classifier into a network of the same architecture with a class for each of `emotions`."""
    own, theirs = net.state_dict(), earlier.net.state_dict()
    rows = class_rows(earlier.about.net, earlier.about.arguments)
    with torch.no_grad():
        for name, values in own.items():
            if name not in rows:
                values.copy_(theirs[name])
                continue
            for row, emotion in enumerate(emotions):
                if emotion in earlier.emotions:
                    values[row] = theirs[name][earlier.emotions.index(emotion)]


def class_rows(name: str, arguments: Mapping[str, Any]) -> set[str]:
    """The names of the weights that have a row for each class: their shape depends on the number of classes."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        two, three = ({key: one.shape for key, one in build(name, n, arguments).state_dict().items()} for n in (2, 3))
    return {key for key, shape in two.items() if shape != three[key]}


def _options(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that decide the weights: dropout has none."""
    return {**architecture(name).options, **arguments} | {"dropout": None}
