"""The plain baseline: 48×48 px in color, three convolutions; with leaky ReLU or batch normalisation if wanted.

input            3 × 48 × 48
conv 3×3        32 × 48 × 48        896 parameters (and 64 of batch normalisation)
pool 2×2        32 × 24 × 24
conv 3×3        64 × 24 × 24     18,496 (and 128)
pool 2×2        64 × 12 × 12
conv 3×3       128 × 12 × 12     73,856 (and 256)
pool 2×2       128 × 6 × 6
dense          128              589,952
dense          classes              129 × classes
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn

from pipeline.nets.recipe import Recipe

SIZE: Final = 48
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.001, epochs=50, batch=32)
WIDTHS: Final = (CHANNELS, 32, 64, 128)
SLOPE: Final = 0.01
"""Of leaky ReLU below 0."""


class Vanilla(nn.Module):
    """float32 [N, 3, 48, 48], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int, dropout: float = 0.0, leaky: bool = False, batch_norm: bool = False) -> None:
        super().__init__()
        slope = SLOPE if leaky else 0.0
        layers: list[nn.Module] = []
        for a, b in pairwise(WIDTHS):
            layers += [nn.Conv2d(a, b, 3, padding=1), *([nn.BatchNorm2d(b)] if batch_norm else [])]
            layers += [nn.LeakyReLU(slope), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(WIDTHS[-1] * 6 * 6, 128),
            nn.LeakyReLU(slope),
            nn.Dropout(dropout),
            nn.Linear(128, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
