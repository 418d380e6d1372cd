"""What several networks share: initial values, the part they see, L2 on chosen weights, probabilities of logits."""

import torch
from torch import nn


def keras_start(net: nn.Module) -> None:
    """Keras's initial values (Glorot, uniform), not torch's: the published learning rates belong to them."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def part_seen(images: torch.Tensor, seen: slice | None) -> torch.Tensor:
    """The rows and columns of [..., S, S] that a network sees (None: all); what is that part already stays as it is."""
    if seen is None or images.shape[-1] == seen.stop - seen.start:
        return images
    return images[..., seen, seen]


def standardised(images: torch.Tensor) -> torch.Tensor:
    """Each channel of each picture, [N, C, H, W], with mean 0 and deviation 1; a flat one with less than that."""
    variance, mean = torch.var_mean(images, dim=(2, 3), keepdim=True, correction=0)
    return (images - mean) * (variance + 0.01).rsqrt()


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
