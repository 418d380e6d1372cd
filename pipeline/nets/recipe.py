"""How a network is trained where params.yaml does not say otherwise: each network's file states its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The settings of a training that `null` in the section `train` of params.yaml stands for."""

    optimizer: str = "adam"
    learning_rate: float = 0.001
    """The highest one, under the one-cycle schedule."""
    momentum: float = 0.9
    """Nesterov's, of `sgd` alone."""
    weight_decay: float = 0.0
    """Decoupled from the gradient under `adamw`, added to it (L2) under the others."""
    schedule: str = "constant"
    epochs: int = 50
    batch: int = 32
    augment: str = "none"
    mixup: float = 0.0
    """Parameter of the Beta distribution that pairs of pictures are mixed by; 0: no mixing."""
    smoothing: float = 0.0
    """Share of a label that is spread over all emotions."""
    imbalance: str = "none"
    patience: int = 0
    """Epochs without a lower validation loss before training stops; 0: it never stops early."""
