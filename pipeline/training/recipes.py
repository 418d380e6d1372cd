"""The plan of a training: the section `train` of params.yaml, with every `null` replaced by the network's recipe."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from pipeline.errors import ParamsError
from pipeline.nets import Architecture, architecture, check_options
from pipeline.nets.recipe import Recipe
from pipeline.params import Train

SHIPPED: Final = "toon-faces"
"""What `train.start` says where the weights of the package are wanted."""
RATES: Final = {"adadelta": 1.0, "adagrad": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "sgd": 0.01}
"""Keras's learning rates at the time of the published networks."""


@dataclass(frozen=True)
class Plan:
    """A training, decided: made once by `plan_of` and passed on."""

    settings: Train
    """As params.yaml has them, nulls and all."""
    net: Architecture
    recipe: Recipe
    arguments: dict[str, Any]
    """What the network is made with besides the number of classes."""

    @property
    def resolved(self) -> dict[str, Any]:
        """The section `train`, its nulls filled in."""
        return self.settings.model_dump(mode="json") | asdict(self.recipe)

    @property
    def starts_from_shipped(self) -> bool:
        """Whether the first weights are those of the package: only `toon` of its own width has them."""
        own_width = self.arguments.get("width", self.net.options.get("width")) == self.net.options.get("width")
        return self.settings.start == SHIPPED and self.settings.net == "toon" and own_width

    @property
    def starts_from_model(self) -> Path | None:
        """The folder of the model whose weights are the first ones; None where `train.start` names none."""
        return None if self.settings.start in (None, SHIPPED) else Path(self.settings.start)

    def __str__(self) -> str:
        """Network, first weights, optimiser and rate, for people."""
        start = f" from {self.settings.start}" if self.starts_from_shipped or self.starts_from_model else ""
        return f"{self.settings.net}{start} with {self.recipe.optimizer} at {self.recipe.learning_rate:g}"


def plan_of(train: Train) -> Plan:
    """What the section `train` asks for; raises ParamsError where the network does not take an option."""
    net = architecture(train.net)
    return Plan(train, net, _recipe(train, net), _arguments(train, net))


def _recipe(train: Train, net: Architecture) -> Recipe:
    """The settings of a training.

    Another optimiser than the network's own does not inherit its learning rate and weight decay, which belong together:
    it starts from Keras's rate and without decay.
    """
    chosen = {field.name: getattr(train, field.name) for field in fields(Recipe)}
    inherited = {field.name: getattr(net.recipe, field.name) for field in fields(Recipe)}
    if train.optimizer not in (None, net.recipe.optimizer):
        inherited |= {"learning_rate": RATES[train.optimizer], "weight_decay": 0.0}
    return Recipe(**{name: inherited[name] if value is None else value for name, value in chosen.items()})


def _arguments(train: Train, net: Architecture) -> dict[str, Any]:
    check_options(train.net, train.options)
    arguments = dict(train.options)
    if train.dropout is not None:
        if "dropout" not in net.options:
            raise ParamsError(
                f"params.yaml: `train.dropout` is {train.dropout:g}, but {train.net} has no dropout; set it to null"
            )
        arguments["dropout"] = train.dropout
    return arguments
