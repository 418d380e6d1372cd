"""The plan of a training: the section `train` of params.yaml, with every `null` replaced by the network's recipe."""

from dataclasses import fields
from typing import Any, Final

from pipeline.errors import ParamsError
from pipeline.nets import architecture, check_options
from pipeline.nets.recipe import Recipe
from pipeline.params import Train

RATES: Final = {"adadelta": 1.0, "adagrad": 0.01, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.001, "sgd": 0.01}
"""Keras's learning rates at the time of the published networks."""


def recipe_of(train: Train) -> Recipe:
    """The settings of a training.

    Another optimiser than the network's own does not inherit its learning rate and weight decay, which belong together:
    it starts from Keras's rate and without decay.
    """
    own = architecture(train.net).recipe
    chosen = {field.name: getattr(train, field.name) for field in fields(Recipe)}
    inherited = {field.name: getattr(own, field.name) for field in fields(Recipe)}
    if train.optimizer not in (None, own.optimizer):
        inherited |= {"learning_rate": RATES[train.optimizer], "weight_decay": 0.0}
    return Recipe(**{name: inherited[name] if value is None else value for name, value in chosen.items()})


def arguments_of(train: Train) -> dict[str, Any]:
    """What the network is made with besides the classes; raises ParamsError where it does not take it."""
    check_options(train.net, train.options)
    arguments = dict(train.options)
    if train.dropout is not None:
        if "dropout" not in architecture(train.net).options:
            raise ParamsError(
                f"params.yaml: `train.dropout` is {train.dropout:g}, but {train.net} has no dropout; set it to null"
            )
        arguments["dropout"] = train.dropout
    return arguments
