"""Dikshit's network of 2022: 224×224 px in color, five convolutions and one linear layer.

As the project's issue gives it: five blocks of a 3×3 convolution, ReLU and a 2×2 pool, one linear layer, eight
emotions; batches of 64 for 50 epochs, weighted cross-entropy, split 80/10/10 by picture; 70 % reported, against 72 % of
a ResNet18. Not given and chosen here: 16 to 256 channels with padding, Adam at 0.001.

    input             3 × 224 × 224
    conv 3×3, ReLU   16 × 224 × 224        448 parameters
    pool 2×2         16 × 112 × 112
    conv 3×3, ReLU   32 × 112 × 112      4,640
    pool 2×2         32 × 56 × 56
    conv 3×3, ReLU   64 × 56 × 56       18,496
    pool 2×2         64 × 28 × 28
    conv 3×3, ReLU  128 × 28 × 28       73,856
    pool 2×2        128 × 14 × 14
    conv 3×3, ReLU  256 × 14 × 14      295,168
    pool 2×2        256 × 7 × 7
    linear          classes             12,545 × classes
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn

from pipeline.nets.recipe import Recipe

SIZE: Final = 224
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.001, epochs=50, batch=64, imbalance="weights")
WIDTHS: Final = (CHANNELS, 16, 32, 64, 128, 256)


class Dikshit2022(nn.Module):
    """float32 [N, 3, 224, 224], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        blocks = [[nn.Conv2d(a, b, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()] for a, b in pairwise(WIDTHS)]
        self.features = nn.Sequential(*(layer for block in blocks for layer in block))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(WIDTHS[-1] * 7 * 7, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
