"""Hill's network of 2017 for the emotions of cartoon faces: 60×60 px in colour, three convolutions.

Source: J. W. Hill, "Deep Learning for Emotion Recognition in Cartoons", final year project, University of Lincoln,
2017, github.com/hako/dissertation (`train.py`, Keras). Trained there for 50 epochs in batches of 32 with SGD, learning
rate 0.01, Nesterov momentum 0.9, categorical cross-entropy, no augmentation; 80 % reported for three emotions.

    input            3 × 60 × 60
    conv 3×3        32 × 60 × 60        896 parameters
    pool 2×2, ReLU  32 × 30 × 30
    conv 3×3        32 × 30 × 30      9,248
    pool 2×2, ReLU  32 × 15 × 15
    conv 3×3        32 × 15 × 15      9,248
    pool 9×9, ReLU  32 × 1 × 1
    dropout 0.5
    dense, ReLU     512              16,896
    dense           classes             513 × classes

The last pool is taken over as published, and it is a blind spot: 15 is not a multiple of 9, so its one window covers
rows and columns 0 to 8 and what comes out depends on the top left 43×43 px of the picture alone.
"""

from typing import Final

import torch
from torch import nn

SIZE: Final = 60
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""


class Hill2017(nn.Module):
    """float32 [N, 3, 60, 60], normalised → logits, float32 [N, classes]; softmax is left to the loss."""

    def __init__(self, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        # ReLU after the pool, not before: the maximum is the same and there are fewer numbers to clip.
        self.features = nn.Sequential(
            nn.Conv2d(CHANNELS, 32, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.MaxPool2d(9),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(32, 512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )
        # Keras's initial values (Glorot, uniform), not torch's: the published learning rate belongs to them.
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits
