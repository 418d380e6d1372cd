"""The face expression network of face-api.js, for photographs of human faces: 112×112 px in color.

Source: Mühler, face-api.js, 2018; today npm's `@vladmandic/face-api` (MIT), which holds the weights that
`toonset import-net` converts. Each block adds the outputs of its layers. How it was trained is not published in full;
the recipe is ours, for training on from those weights.

    input            3 × 112 × 112
    block/2         32 × 56 × 56        its first layer a 3×3 convolution of all channels, the others separable
    block/2         64 × 28 × 28
    block/2        128 × 14 × 14
    block/2        256 × 7 × 7
    mean           256
    dense      classes                  257 × classes
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.nets.layers import SameConv, Separable, keras_start
from pipeline.nets.recipe import Recipe

SIZE: Final = 112
"""Side of the square input, px."""
MARGIN: Final = 0.0
"""Context around the face's box in the input: its package gives the net the detected box as it is."""
CHANNELS: Final = 3
"""RGB."""
WIDTHS: Final = (CHANNELS, 32, 64, 128, 256)
RECIPE: Final = Recipe(
    optimizer="adamw",
    learning_rate=0.002,
    weight_decay=0.05,
    schedule="one-cycle",
    epochs=20,
    batch=32,
    augment="strong",
    mixup=0.2,
    smoothing=0.05,
)


class Block(nn.Module):
    """Four 3×3 convolutions, each of the sum of all before it; the first halves the sides."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        first = before == CHANNELS
        self.conv0 = SameConv(before, after, 3, stride=2) if first else Separable(before, after, 2)
        self.conv1, self.conv2, self.conv3 = (Separable(after, after) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, H/2, W/2]."""
        total = functional.relu(self.conv0(x))
        for conv in (self.conv1, self.conv2, self.conv3):
            total = total + conv(functional.relu(total))
        return functional.relu(total)


class FaceApi(nn.Module):
    """float32 [N, 3, 112, 112], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*(Block(before, after) for before, after in pairwise(WIDTHS)))
        self.head = nn.Linear(WIDTHS[-1], classes)
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x).mean(dim=(2, 3)))
        return logits
