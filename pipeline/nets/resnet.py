"""ResNet-18 and ResNet-50, fine-tuned from ImageNet weights: 224×224 px in color.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with the stride of a bottleneck in its 3×3
convolution. Parameters have the names and shapes that torchvision gives them, so that its published weights load:
11,176,512 without the last layer for ResNet-18, 23,508,032 for ResNet-50 (11,689,512 and 25,557,032 with ImageNet's
1,000 classes).

    conv 7×7/2, pool 3×3/2      64 × 56 × 56
    layer1 … layer4             64, 128, 256, 512 channels (four times as many in ResNet-50), each half the size
    mean                        512 (2048)
    head `one`                  dense classes, sigmoid per class
    head `two`                  dense 64, leaky ReLU, dense 64, leaky ReLU, dense classes, softmax

`frozen` trains the head alone; batch normalisation then keeps ImageNet's statistics. Not given and chosen here: Adam at
0.0001, batches of 32, 20 epochs.
"""

from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.nets.recipe import Recipe

SIZE: Final = 224
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.0001, epochs=20, batch=32, augment="flip")


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(before, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, width, H/stride, W/stride]."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions and a shortcut; the last has four times the channels."""

    expansion = 4

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = shortcut(before, 4 * width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, 4 width, H/stride, W/stride]."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


def shortcut(before: int, after: int, stride: int) -> nn.Sequential | None:
    """What brings a block's input to the shape of its output; None where it has it."""
    if stride == 1 and before == after:
        return None
    return nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))


class ResNet(nn.Module):
    """float32 [N, 3, 224, 224], normalised as ImageNet's → logits, float32 [N, classes]."""

    def __init__(
        self,
        classes: int,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        head: str,
        frozen: bool,
    ) -> None:
        super().__init__()
        if head not in ("one", "two"):
            raise ValueError(f"head should be 'one' or 'two', not {head!r}")
        self.sigmoid, self.frozen = head == "one", frozen
        self.conv1 = nn.Conv2d(CHANNELS, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, depth in enumerate(depths):
            width, blocks = 64 * 2**number, []
            for position in range(depth):
                blocks.append(block(channels, width, 2 if number and not position else 1))
                channels = width * block.expansion
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))
        self._start()
        self.fc = make_head(channels, classes, head)
        if frozen:
            for name, parameter in self.named_parameters():
                parameter.requires_grad = name.startswith("fc.")

    def _start(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def train(self, mode: bool = True) -> "ResNet":
        """As in torch; but where the body is frozen it stays as it was trained, statistics included."""
        super().train(mode and not self.frozen)
        self.fc.train(mode)
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        logits: torch.Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def make_head(channels: int, classes: int, head: str) -> nn.Module:
    """The layers after the mean."""
    if head == "one":
        return nn.Linear(channels, classes)
    slope = 0.01
    hidden = [nn.Linear(channels, 64), nn.LeakyReLU(slope), nn.Linear(64, 64), nn.LeakyReLU(slope)]
    return nn.Sequential(*hidden, nn.Linear(64, classes))


def resnet18(classes: int, head: str = "two", frozen: bool = False) -> ResNet:
    """ResNet-18: two basic blocks a layer."""
    return ResNet(classes, BasicBlock, (2, 2, 2, 2), head, frozen)


def resnet50(classes: int, head: str = "two", frozen: bool = False) -> ResNet:
    """ResNet-50: 3, 4, 6 and 3 bottlenecks."""
    return ResNet(classes, Bottleneck, (3, 4, 6, 3), head, frozen)


def without_head(weights: dict[str, Any]) -> dict[str, Any]:
    """Published weights without the layer that tells ImageNet's classes apart."""
    return {name: value for name, value in weights.items() if not name.startswith("fc.")}
