"""Li's network of 2022, made for FER2013 (photographs): 48×48 px in gray, convolutions with growing channels.

As the project's issue gives it: 3×3 convolutions with growing channels, 2×2 pools, dropout 0.5, seven emotions; batches
of 64 for 50 epochs; 86.8 % on FER2013 reported. Not given and chosen here: four blocks of 32 to 256 channels with
padding, a dense layer of 256, ReLU, Adam at 0.001.

    input             1 × 48 × 48
    conv 3×3, ReLU   32 × 48 × 48        320 parameters
    pool 2×2         32 × 24 × 24
    conv 3×3, ReLU   64 × 24 × 24     18,496
    pool 2×2         64 × 12 × 12
    conv 3×3, ReLU  128 × 12 × 12     73,856
    pool 2×2        128 × 6 × 6
    conv 3×3, ReLU  256 × 6 × 6      295,168
    pool 2×2        256 × 3 × 3
    dropout 0.5
    dense, ReLU     256              590,080
    dropout 0.5
    dense           classes              257 × classes
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn

from pipeline.nets.layers import keras_start
from pipeline.nets.recipe import Recipe

SIZE: Final = 48
"""Side of the square input, px."""
CHANNELS: Final = 1
"""Gray."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.001, epochs=50, batch=64)
WIDTHS: Final = (CHANNELS, 32, 64, 128, 256)


class Li2022(nn.Module):
    """float32 [N, 1, 48, 48], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        blocks = [[nn.Conv2d(a, b, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()] for a, b in pairwise(WIDTHS)]
        self.features = nn.Sequential(*(layer for block in blocks for layer in block))
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(WIDTHS[-1] * 3 * 3, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, classes),
        )
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
