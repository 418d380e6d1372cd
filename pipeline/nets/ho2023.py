"""Ho's network of 2023 for the emotions of cartoon faces: 48×48 px in gray, two convolutions.

As the project's issue gives it: 3×3 convolutions of 32 (with L2 0.001) and 64 filters, each with a 2×2 pool, a dense
layer of 256 and dropout 0.5; Adam at 0.001 for 58 epochs, stopped after 5 without a lower validation loss; turned by up
to 20°, shifted, sheared and zoomed by up to 0.2, flipped. About 50 % on 60 images reported. Not given and chosen here:
no padding (Keras's default), ReLU, batches of 32.

    input            1 × 48 × 48
    conv 3×3, ReLU  32 × 46 × 46        320 parameters
    pool 2×2        32 × 23 × 23
    conv 3×3, ReLU  64 × 21 × 21     18,496
    pool 2×2        64 × 10 × 10
    dense, ReLU     256           1,638,656
    dropout 0.5
    dense           classes             257 × classes
"""

from typing import Final

import torch
from torch import nn

from pipeline.nets.layers import keras_start, squares
from pipeline.nets.recipe import Recipe

SIZE: Final = 48
"""Side of the square input, px."""
CHANNELS: Final = 1
"""Gray."""
RECIPE: Final = Recipe(optimizer="adam", learning_rate=0.001, epochs=58, batch=32, augment="affine", patience=5)


class Ho2023(nn.Module):
    """float32 [N, 1, 48, 48], normalised → logits, float32 [N, classes]."""

    def __init__(self, classes: int, dropout: float = 0.5, l2: float = 0.001) -> None:
        super().__init__()
        self.l2 = l2
        self.features = nn.Sequential(
            nn.Conv2d(CHANNELS, 32, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(64 * 10 * 10, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, classes)
        )
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits

    def penalty(self) -> torch.Tensor:
        """What is added to the loss: L2 on the first convolution."""
        return self.l2 * squares(self.features[0])
