"""Ours: the middle of a face, 48×48 px in color, a small residual network that a laptop trains in minutes.

    input            3 × 92 × 92
    middle           3 × 48 × 48       mean 0, deviation 1 in each channel of each picture
    conv 3×3/2      24 × 24 × 24       BN, ReLU
    residual        24 × 24 × 24       conv 3×3, BN, ReLU, conv 3×3, BN, + shortcut, ReLU
    residual/2      48 × 12 × 12
    residual/2      96 × 6 × 6
    mean            96
    dropout, dense  classes

The input is the face's box with a quarter of its side around it, so the middle is four fifths of the box: eyes, brows,
nose and mouth. A crop with another margin is first brought to this one (`pipeline.classifier.inputs`), so the network
sees the same part of a face however closely it was cut. It sees nothing outside the box (only where training turns and
shifts a picture farthest, a little in the corners), so a crop without any margin shows all it needs. What lies around a
face says in which scene it was found, not what it shows, and so does the light of a scene: hence the same mean and
spread for every picture. The size, the part that is seen and how far pictures are varied were chosen by folds over
scenes that are not held out and by styles that were left out (docs/benchmarks.md). With thousands of labels the whole
box tells more: option `seen`.

Drawn faces are flat colors and lines: the stem halves each side at once, before most of the work.
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.nets.layers import part_seen, standardised
from pipeline.nets.recipe import Recipe

SIZE: Final = 92
"""Side of the square input, px."""
MARGIN: Final = 0.25
"""Context around the face's box in the input, as a share of its longer side."""
SEEN: Final = 48
"""px, side of the middle that is looked at."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(
    optimizer="adamw",
    learning_rate=0.004,
    weight_decay=0.05,
    schedule="one-cycle",
    epochs=40,
    batch=32,
    augment="strong",
    mixup=0.2,
    smoothing=0.05,
    imbalance="none",
)


def middle(seen: int = SEEN) -> slice:
    """The rows, or the columns, of the input that are looked at. Raises ValueError for a side that does not fit."""
    if seen % 8 or not 8 <= seen <= SIZE:
        raise ValueError(f"seen is {seen}; expected a multiple of 8 from 8 to {SIZE // 8 * 8}")
    return slice((SIZE - seen) // 2, (SIZE + seen) // 2)


class Residual(nn.Module):
    """Two 3×3 convolutions with batch normalisation and a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut = (
            nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
            if stride > 1 or before != after
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, H/stride, W/stride]."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Toon(nn.Module):
    """float32 [N, 3, 92, 92], normalised, or the middle of it alone → logits, float32 [N, classes].

    seen: side of the middle that is looked at, px, a multiple of 8; 64 is the whole box.
    """

    def __init__(self, classes: int, dropout: float = 0.2, width: int = 24, seen: int = SEEN) -> None:
        super().__init__()
        self.seen = middle(seen)
        widths = (width, width, 2 * width, 4 * width)
        self.features = nn.Sequential(
            nn.Conv2d(CHANNELS, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *(Residual(a, b, 1 if a == b else 2) for a, b in pairwise(widths)),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x = standardised(part_seen(x, self.seen))
        logits: torch.Tensor = self.head(self.features(x).mean(dim=(2, 3)))
        return logits
