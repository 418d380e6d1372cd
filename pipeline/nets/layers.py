"""What several networks share: initial values, the part they see, TensorFlow's padding, L2, probabilities of logits."""

import torch
from torch import nn
from torch.nn import functional


def same_padding(x: torch.Tensor, side: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """[..., H, W] with as much around it as TensorFlow's `SAME` has: an odd pixel is at the right and the bottom."""
    down, across = (max(0, (-(-size // stride) - 1) * stride + side - size) for size in x.shape[-2:])
    return functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2), value=value)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's `SAME`: where an odd pixel is needed, it is at the right and the bottom."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, ⌈H/stride⌉, ⌈W/stride⌉]."""
        return super().forward(same_padding(x, self.kernel_size[0], self.stride[0]))


class Separable(nn.Module):
    """A 3×3 convolution of each channel alone, padded as `SAME`, then one of 1×1 over all channels."""

    def __init__(self, before: int, after: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.depthwise = SameConv(before, before, 3, stride=stride, groups=before, bias=False)
        self.pointwise = nn.Conv2d(before, after, 1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, ⌈H/stride⌉, ⌈W/stride⌉]."""
        y: torch.Tensor = self.pointwise(self.depthwise(x))
        return y


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
