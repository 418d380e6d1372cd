"""What several networks share: Keras's initial values, L2 on chosen weights, and what makes probabilities of logits."""

import torch
from torch import nn


def keras_start(net: nn.Module) -> None:
    """Keras's initial values (Glorot, uniform), not torch's: the published learning rates belong to them."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def squares(net: nn.Module) -> torch.Tensor:
    """Sum of the squared weights of the convolutions of `net`: what Keras's `regularizers.l2` multiplies."""
    sums = [layer.weight.square().sum() for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    return torch.stack(sums).sum()


def probabilities(net: nn.Module, logits: torch.Tensor) -> torch.Tensor:
    """Probabilities [N, classes] that sum to 1: softmax, or sigmoids over their sum where `net.sigmoid` is true."""
    if not getattr(net, "sigmoid", False):
        return logits.softmax(dim=1)
    each = logits.sigmoid()
    return each / each.sum(dim=1, keepdim=True)
