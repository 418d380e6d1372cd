"""GoogLeNet (Inception v1) for emotions: 224×224 px in color, nine inception modules, two dense layers.

Source: Szegedy et al., "Going deeper with convolutions", CVPR 2015, table 1, without the auxiliary classifiers; the
second convolution of the stem is 3×3 (36,928 parameters), not 1×1, and a dense layer of 64 precedes the output, as in
the study the project follows: 6,072,375 parameters for seven emotions. `deeper` repeats the first inception of block 3
and of block 5 and adds a second dense layer of 64: 7,296,999. `batch_norm` and `l2` are the study's other variants.

    stem      conv 7×7/2, pool, conv 3×3, conv 3×3, pool     9,472 + 36,928 + 110,784    → 192 × 28 × 28
    block 3   2 inceptions, pool                             163,696; 388,736            → 480 × 14 × 14
    block 4   5 inceptions, pool                             376,176; 449,160; 510,104; 605,376; 868,352  → 832 × 7 × 7
    block 5   2 inceptions, mean                             1,043,456; 1,444,080        → 1024
    dense 64, ReLU                                           65,600
    dense     classes                                        65 × classes

Not given and chosen here: Adam at 0.001, batches of 32, 50 epochs, dropout 0.4 as in the source.
"""

from typing import Final

import torch
from torch import nn

from pipeline.nets.layers import keras_start, squares
from pipeline.nets.recipe import Recipe

SIZE: Final = 224
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.001, epochs=50, batch=32)

Widths = tuple[int, int, int, int, int, int]
BLOCKS: Final[tuple[tuple[Widths, ...], ...]] = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
"""Of each inception: 1×1; 3×3's reduction, 3×3; 5×5's reduction, 5×5; projection after the pool."""


def convolution(before: int, after: int, side: int, batch_norm: bool, stride: int = 1) -> nn.Sequential:
    """A padded convolution with ReLU, batch normalisation between them if wanted."""
    layer = nn.Conv2d(before, after, side, stride=stride, padding=side // 2)
    return nn.Sequential(layer, *([nn.BatchNorm2d(after)] if batch_norm else []), nn.ReLU())


class Inception(nn.Module):
    """Four branches side by side, their channels joined."""

    def __init__(self, before: int, widths: Widths, batch_norm: bool) -> None:
        super().__init__()
        one, three_reduced, three, five_reduced, five, pooled = widths
        self.channels = one + three + five + pooled
        self.branches = nn.ModuleList(
            [
                convolution(before, one, 1, batch_norm),
                nn.Sequential(
                    convolution(before, three_reduced, 1, batch_norm), convolution(three_reduced, three, 3, batch_norm)
                ),
                nn.Sequential(
                    convolution(before, five_reduced, 1, batch_norm), convolution(five_reduced, five, 5, batch_norm)
                ),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(before, pooled, 1, batch_norm)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, channels, H, W]."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class GoogLeNet(nn.Module):
    """float32 [N, 3, 224, 224], normalised → logits, float32 [N, classes]."""

    def __init__(
        self, classes: int, dropout: float = 0.4, deeper: bool = False, batch_norm: bool = False, l2: float = 0.0
    ) -> None:
        super().__init__()
        self.l2 = l2
        layers: list[nn.Module] = [
            convolution(CHANNELS, 64, 7, batch_norm, stride=2),
            nn.MaxPool2d(3, stride=2, padding=1),
            convolution(64, 64, 3, batch_norm),
            convolution(64, 192, 3, batch_norm),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        channels = 192
        for number, block in enumerate(BLOCKS):
            again = block[:1] if deeper and number in (0, 2) else ()
            for widths in (*again, *block):
                inception = Inception(channels, widths, batch_norm)
                layers.append(inception)
                channels = inception.channels
            if number < 2:
                layers.append(nn.MaxPool2d(3, stride=2, padding=1))
        self.features = nn.Sequential(*layers)
        second = [nn.Linear(64, 64), nn.ReLU()] if deeper else []
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(channels, 64), nn.ReLU(), *second, nn.Linear(64, classes)
        )
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x).mean(dim=(2, 3)))
        return logits

    def penalty(self) -> torch.Tensor:
        """What is added to the loss: L2 on every convolution; 0 by default."""
        return self.l2 * squares(self) if self.l2 else torch.zeros((), device=next(self.parameters()).device)
