"""Hill's network of 2017 for the emotions of cartoon faces: 60×60 px in color, three convolutions.

Source: J. W. Hill, "Deep Learning for Emotion Recognition in Cartoons", final year project, University of Lincoln,
2017, github.com/hako/dissertation (`train.py`, Keras). Trained there for 50 epochs in batches of 32 with SGD, learning
rate 0.01 (its decay of 1e-6 a step is left out: 0.1 % in 1,000 steps), Nesterov momentum 0.9, categorical
cross-entropy, no augmentation; 80 % reported for three emotions. The study also tries Adam, Adadelta, Adagrad and
RMSprop (`train.optimizer`), dropout 0.2 (`train.dropout`), and one or two convolutions (`blocks`).

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
rows and columns 0 to 8 and what comes out depends on the top left 43×43 px of the picture alone. So only these are
computed: the same function and gradients, at less than half the work (what padding spoils at the new edge is what the
pools' rounding down leaves out). With fewer blocks the last one keeps the 9×9 pool, which leaves 32 × 3 × 3 and
32 × 6 × 6: our reading, the study does not say.
"""

from typing import Final

import torch
from torch import nn

from pipeline.nets.layers import keras_start, part_seen
from pipeline.nets.recipe import Recipe

SIZE: Final = 60
"""Side of the square input, px."""
CHANNELS: Final = 3
"""RGB."""
RECIPE: Final = Recipe(optimizer="sgd", learning_rate=0.01, momentum=0.9, epochs=50, batch=32)


class Hill2017(nn.Module):
    """float32 [N, 3, 60, 60], normalised → logits, float32 [N, classes]; softmax is left to the loss."""

    def __init__(self, classes: int, dropout: float = 0.5, blocks: int = 3) -> None:
        super().__init__()
        if not 1 <= blocks <= 3:
            raise ValueError(f"blocks should be 1, 2 or 3, not {blocks}")
        layers: list[nn.Module] = []
        side = SIZE
        for block in range(blocks):
            pool = 9 if block == blocks - 1 else 2
            side //= pool
            # ReLU after the pool, not before: the maximum is the same and there are fewer numbers to clip.
            layers += [nn.Conv2d(32 if block else CHANNELS, 32, 3, padding=1), nn.MaxPool2d(pool), nn.ReLU()]
        # px from the top left that reach the last pool: each convolution needs one more, each earlier pool doubles.
        reach = side * 9 + 1
        for _ in range(blocks - 1):
            reach = reach * 2 + 1
        self.seen = slice(0, reach)
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(32 * side * side, 512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )
        keras_start(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.head(self.features(part_seen(x, self.seen)))
        return logits
